"""A server on loopback that answers as Zoho CRM does: tokens, modules, unique fields, attachments, faults on demand."""

import io
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from tests.vendors.loopback import HTML, Answer, Asked, Fault, Loopback, serving

FIRST_ID = 5725767000000000000
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "1000.CLIENT", "client-secret", "1000.refresh-secret"
QUERY = re.compile(r"select id from (\w+) where (\w+) = '((?:[^']|'')*)' limit (\d+)")
PAGE = 200

Record = dict[str, Any]
Body = Mapping[str, Any]


class Accepted(NamedTuple):
    """Something that was written: a record, or with `file` a file on one."""

    module: str
    record_id: str
    fields: Record
    file: str = ""


class Failed(Exception):
    """The request as a whole is refused."""

    def __init__(self, status: int, code: str, **details: Any) -> None:
        super().__init__(code)
        self.answer = answer(status, {"code": code, "details": details, "message": "about Ann Lee", "status": "error"})


class ZohoServer:
    """An organisation: its records by module and id, its files by record, the tokens that are good."""

    def __init__(self) -> None:
        self.web = Loopback(self._respond)
        self.modules: dict[str, dict[str, Record]] = {}
        self.unique = {"Ledger_Id"}
        self.mandatory: dict[str, set[str]] = {}
        self.files: dict[str, list[tuple[str, str, str, bytes]]] = {}
        self.tokens: list[str] = []
        self.given = 0
        self.triggers: list[Any] = []
        self.accepted: list[Accepted] = []
        self.failed_status = 400
        self._made = 0
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        """Where it listens: the accounts server and the API in one."""
        return self.web.url

    def next(
        self,
        *,
        status: int = 0,
        body: Body | None = None,
        on: str = "/crm/",
        method: str = "",
        accept: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """The next request whose path contains `on` gets this answer; without a status its connection breaks."""
        given = Answer(status, json.dumps(body or {}).encode(), headers or {}) if status else None
        self.web.plan(Fault(on, method, accept, given))

    def next_error(self, status: int, code: str, *, on: str = "/crm/", record: bool = False, **details: Any) -> None:
        """The next request gets an error, of the request or of its first record."""
        error = {"code": code, "details": details, "message": "about Ann Lee", "status": "error"}
        self.next(status=status, body={"data": [error]} if record else error, on=on)

    def next_html(self, status: int, *, on: str = "/crm/") -> None:
        """Something in between answers the next request."""
        self.web.plan(Fault(on, answer=Answer(status, HTML, {"Content-Type": "text/html"})))

    def next_slow(self, *, on: str = "/crm/", accept: bool = False) -> None:
        """The next request is not answered while anybody waits."""
        self.web.plan(Fault(on, accept=accept, slow=True))

    def expire_tokens(self) -> None:
        """Every token given so far is refused from now on."""
        self.tokens.clear()

    def put(self, module: str, **fields: Any) -> str:
        """Somebody makes a record in the CRM itself; returns its id."""
        with self._lock:
            self._made += 1
            record_id = str(FIRST_ID + self._made)
            self.modules.setdefault(module, {})[record_id] = {"id": record_id, **fields}
            return record_id

    def records(self, module: str) -> list[Record]:
        """The records of a module, oldest first."""
        return list(self.modules.get(module, {}).values())

    def _respond(self, asked: Asked) -> Answer:
        with self._lock:
            try:
                if asked.path == "/oauth/v2/token":
                    return self._token(asked)
                self._authorize(asked)
                return self._route(asked, [unquote(part) for part in asked.path.split("/")[3:]])
            except Failed as failed:
                return failed.answer

    def _token(self, asked: Asked) -> Answer:
        form = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return answer(200, {"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != REFRESH_TOKEN:
            return answer(200, {"error": "invalid_code"})
        self.given += 1
        self.tokens.append(f"1000.access-secret-{self.given}")
        token = {"access_token": self.tokens[-1], "api_domain": self.url, "token_type": "Bearer", "expires_in": 3600}
        return answer(200, token)

    def _authorize(self, asked: Asked) -> None:
        scheme, _, token = (asked.headers.get("Authorization") or "").partition(" ")
        if scheme != "Zoho-oauthtoken" or not token:
            raise Failed(401, "AUTHENTICATION_FAILURE")
        if token not in self.tokens:
            raise Failed(401, "INVALID_TOKEN")

    def _route(self, asked: Asked, parts: list[str]) -> Answer:
        match asked.method, parts:
            case "POST", ["coql"]:
                return self._query(json.loads(asked.body))
            case "GET", [module, record_id]:
                found = self.modules.get(module, {}).get(record_id)
                return answer(200, {"data": [found]}) if found else Answer(204)
            case "POST", [module] | [module, "upsert"]:
                return self._write(asked, module, None)
            case "PUT", [module, record_id]:
                return self._write(asked, module, record_id)
            case "DELETE", [module, record_id]:
                del self.modules[module][self._existing(module, record_id)]
                done = {"code": "SUCCESS", "details": {"id": record_id}, "message": "record deleted"}
                return answer(200, {"data": [{**done, "status": "success"}]})
            case "GET", [module, record_id, "Attachments"]:
                return self._list_files(asked, self._existing(module, record_id))
            case "POST", [module, record_id, "Attachments"]:
                return self._attach(asked, self._existing(module, record_id))
            case _:
                raise Failed(404, "INVALID_URL_PATTERN")

    def _existing(self, module: str, record_id: str) -> str:
        if record_id not in self.modules.get(module, {}):
            raise Failed(400, "INVALID_DATA", resource_path_index=1)
        return record_id

    def _query(self, body: Body) -> Answer:
        parsed = QUERY.fullmatch(body["select_query"])
        if parsed is None:
            raise Failed(400, "SYNTAX_ERROR", clause="where", near="Ann Lee")
        module, field, value = parsed[1], parsed[2], parsed[3].replace("''", "'").lower()
        found = [{"id": record["id"]} for record in self.records(module) if str(record.get(field)).lower() == value]
        rows = found[: int(parsed[4])]
        return answer(200, {"data": rows, "info": {"count": len(rows), "more_records": False}}) if rows else Answer(204)

    def _write(self, asked: Asked, module: str, record_id: str | None) -> Answer:
        body = json.loads(asked.body)
        self.triggers.append(body.get("trigger"))
        checks = body.get("duplicate_check_fields", [])
        results = [self._write_one(module, fields, record_id, checks) for fields in body["data"]]
        good = [result["status"] == "success" for result in results]
        status = (201 if asked.path.endswith(f"/{module}") else 200) if all(good) else 207 if any(good) else None
        return answer(status or self.failed_status, {"data": results})

    def _write_one(self, module: str, fields: Record, record_id: str | None, checks: list[str]) -> Body:
        records = self.modules.setdefault(module, {})
        if record_id is not None and record_id not in records:
            return refused("INVALID_DATA", api_name="id")
        if record_id is None:
            record_id = next((known for name in checks if (known := self._holder(module, name, fields))), None)
        for name in self.unique & fields.keys():
            holder = self._holder(module, name, fields)
            if holder not in (None, record_id):
                return refused("DUPLICATE_DATA", api_name=name, id=holder)
        action = "update" if record_id else "insert"
        missing = self.mandatory.get(module, set()) - (records.get(record_id or "", {}).keys() | fields.keys())
        if missing:
            return refused("MANDATORY_NOT_FOUND", api_name=min(missing))
        record_id = record_id or self.put(module)
        records[record_id] |= fields
        self.accepted.append(Accepted(module, record_id, fields))
        details = {"id": record_id, "Modified_Time": "2026-11-20T10:15:00+05:30"}
        more = {"action": action, "duplicate_field": None} if checks else {}
        return {"code": "SUCCESS", "status": "success", "message": "record added", "details": details, **more}

    def _holder(self, module: str, field: str, fields: Record) -> str | None:
        value = fields.get(field)
        return next((record["id"] for record in self.records(module) if value and record.get(field) == value), None)

    def _list_files(self, asked: Asked, record_id: str) -> Answer:
        if "fields" not in asked.query:
            raise Failed(400, "REQUIRED_PARAM_MISSING", param_name="fields")
        files, page = self.files.get(record_id, []), int(asked.query.get("page", "1"))
        shown = files[(page - 1) * PAGE : page * PAGE]
        data = [{"id": id, "File_Name": name, "Size": str(len(content))} for id, name, _, content in shown]
        info = {"per_page": PAGE, "count": len(data), "page": page, "more_records": len(files) > page * PAGE}
        return answer(200, {"data": data, "info": info}) if data else Answer(204)

    def _attach(self, asked: Asked, record_id: str) -> Answer:
        media_type, options = parse_options_header(asked.headers.get("Content-Type"))
        parsed = FormDataParser().parse(io.BytesIO(asked.body), media_type, len(asked.body), options)
        file = parsed[2]["file"]
        files = self.files.setdefault(record_id, [])
        file_id = str(int(record_id) * 1000 + len(files))
        files.append((file_id, file.filename or "", file.mimetype, file.read()))
        self.accepted.append(Accepted(asked.path.split("/")[3], record_id, {}, file.filename or ""))
        result = {"code": "SUCCESS", "status": "success", "message": "uploaded", "details": {"id": file_id}}
        return answer(200, {"data": [result]})


def answer(status: int, body: Body) -> Answer:
    """JSON."""
    return Answer(status, json.dumps(body).encode())


def refused(code: str, **details: Any) -> Body:
    """The result of one record that was not written; its message quotes what no log may show."""
    return {"code": code, "status": "error", "message": "not possible for Ann Lee", "details": details}


@contextmanager
def zoho_server() -> Iterator[ZohoServer]:
    """A running server of its own."""
    zoho = ZohoServer()
    with serving(zoho.web):
        yield zoho
