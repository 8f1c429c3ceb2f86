"""Zoho CRM as the port `Crm` wants it: one record at a time, looked up before it could be doubled."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec
from requests import Response

from adapters.http import Session
from adapters.zoho.answers import Duplicate, Modified, plain, rows, written_id
from adapters.zoho.tokens import Token, Tokens, TokenStore
from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import CrmAttachment, CrmRecord, Field

VERSION = "crm/v8"
UPLOAD_PATIENCE = 3  # times as long as for other calls
ATTACHMENT_PAGES = 10  # of 200, more than one record may have

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class ZohoCrm:
    """Answers the `Crm` port.

    `api_base` is None where the CRM itself says, with each token, at which address it is to be reached. `trigger`
    names the automations (`workflow`, `blueprint`, ...) that our writes may start: None all of them, empty none.
    """

    def __init__(
        self,
        session: Session,
        *,
        accounts_base: str,
        api_base: str | None,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        token_store: TokenStore,
        now: Callable[[], datetime],
        trigger: Sequence[str] | None = None,
    ) -> None:
        self._session, self._api_base = session, api_base
        self._options = {} if trigger is None else {"trigger": list(trigger)}
        self._tokens = Tokens(
            session,
            accounts_base=accounts_base,
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            store=token_store,
            now=now,
        )

    def find(self, module: str, field: str, value: str) -> CrmRecord | None:
        if field == "id":
            return self._record(module, value)
        query = f"select id from {_name(module)} where {_name(field)} = {_literal(value)} limit 1"
        found = rows(self._call("POST", "coql", json={"select_query": query})).data
        return self._record(module, str(found[0].get("id"))) if found else None

    def create(self, module: str, fields: Mapping[str, Field]) -> str:
        try:
            return self._write("POST", _path(module), fields)
        except Duplicate as twin:
            # Made since the caller looked; the caller's next attempt finds it and fills it up.
            raise Unreachable(f"{twin.reason}, to be looked up again") from None

    def update(self, module: str, record_id: str, fields: Mapping[str, Field]) -> str:
        return self._write("PUT", _path(module, record_id), fields)

    def upsert(self, module: str, fields: Mapping[str, Field], *, unique: str) -> str:
        try:
            return self._write("POST", _path(module, "upsert"), fields, duplicate_check_fields=[unique])
        except Duplicate as twin:
            # Two writers at once: the slower one is told of the record that the faster one has just made.
            known = self._record(module, twin.record_id)
            if known is None or known.fields.get(unique) != fields[unique]:
                raise
            return self.update(module, twin.record_id, fields)

    def attachments(self, module: str, record_id: str) -> Sequence[CrmAttachment]:
        found: list[dict[str, Any]] = []
        for page in range(1, ATTACHMENT_PAGES + 1):
            wanted = {"fields": "File_Name,Size"} | ({"page": str(page)} if page > 1 else {})
            part = rows(self._call("GET", _path(module, record_id, "Attachments"), params=wanted))
            found += part.data
            if not part.info.more_records:
                break
        return [CrmAttachment(str(row["id"]), str(row.get("File_Name")), int(row.get("Size") or 0)) for row in found]

    def attach(self, module: str, record_id: str, *, name: str, media_type: str, content: BinaryIO) -> str:
        file = {"file": (name, content.read(), media_type)}  # read once, since it may have to be sent twice
        patience = UPLOAD_PATIENCE * self._session.timeout
        return written_id(self._call("POST", _path(module, record_id, "Attachments"), files=file, timeout=patience))

    def delete(self, module: str, record_id: str) -> str:
        try:
            return written_id(self._call("DELETE", _path(module, record_id)))
        except Declined:
            # Zoho's word for a record that is gone is its word for any wrong value.
            if self._record(module, record_id) is None:
                return record_id
            raise

    def _record(self, module: str, record_id: str) -> CrmRecord | None:
        found = rows(self._call("GET", _path(module, record_id))).data
        return CrmRecord(record_id, plain(found[0])) if found else None

    def _write(self, method: str, path: str, fields: Mapping[str, Field], **options: object) -> str:
        body = {"data": [fields], **options, **self._options}
        try:
            return written_id(self._call(method, path, json=body))
        except Modified:
            return written_id(self._call(method, path, json=body))

    def _call(self, method: str, path: str, *, json: object = None, **request: Any) -> Response:
        """One request, and one repetition with a new token where the old one is refused."""
        if json is not None:
            request |= {"data": msgspec.json.encode(json), "headers": {"Content-Type": "application/json"}}
        token = self._tokens.current()
        answer = self._send(token, method, path, request)
        if answer.status_code == 401:
            answer = self._send(self._tokens.current(refused=token), method, path, request)
        return answer

    def _send(self, token: Token, method: str, path: str, request: Mapping[str, Any]) -> Response:
        base = (self._api_base or token.api_domain).rstrip("/")
        headers = {**request.get("headers", {}), "Authorization": f"Zoho-oauthtoken {token.access}"}
        return self._session.request(method, f"{base}/{VERSION}/{path}", **{**request, "headers": headers})


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("The CRM's names of modules and fields are made of letters, digits and _.")
    return name


def _literal(value: str) -> str:
    """A value inside a query: a quote is written twice; what could mean anything else is not asked for."""
    if "\\" in value or not value.isprintable():
        raise Declined("a value with control characters or backslashes cannot be looked up")
    return "'" + value.replace("'", "''") + "'"
