"""A server on loopback that answers as Resend does: real HTTP, its errors, its memory of keys, and faults on demand."""

import base64
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.vendors.loopback import Server

API_KEY = "re_full_access"
SEND_ONLY_KEY = "re_send_only"
REGION = "us-east-2.amazonses.com"
HEADERS_IN = ("authorization", "content-type", "idempotency-key", "user-agent", "x-request-id")
ERRORS = {
    400: "validation_error",
    403: "invalid_api_key",
    404: "not_found",
    405: "method_not_allowed",
    409: "invalid_idempotent_request",
    422: "missing_required_field",
    429: "rate_limit_exceeded",
    500: "application_error",
}


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of, or after (`accept`), what it asks for.

    Status 0 breaks the connection without an answer; `slow` holds the answer back until the server stops, `hang` until
    the client hangs up; `html` answers as a proxy in between would.
    """

    status: int = 0
    name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    slow: bool = False
    accept: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Sent:
    """A mail that was accepted."""

    id: str
    key: str
    mail: dict[str, Any]

    @property
    def message_id(self) -> str:
        """What it travels under: Amazon SES replaces every sender's own."""
        return f"<{self.id.replace('-', '')}-000000@{REGION}>"


class Answer(Exception):  # an answer may come from any depth
    """What goes back to the client."""

    def __init__(self, status: int, body: Mapping[str, Any] | None = None, *, name: str = "") -> None:
        super().__init__(status)
        error = {
            "statusCode": status,
            "name": name or ERRORS.get(status, ""),
            "message": "Refused for ann@example.com.",
        }
        self.status, self.body = status, error if body is None else body


class ResendServer:
    """The account: what was sent, the keys it remembers, and the faults still to come."""

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[Sent] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.stopping = threading.Event()
        self._keys: dict[str, tuple[str, Sent]] = {}
        self.weather: Callable[[], Fault | None] = lambda: None
        self._faults: deque[Fault | None] = deque()
        self._lock = threading.Lock()

    def plan(self, *faults: Fault | None) -> None:
        """Faults of the next requests, one each; None is an ordinary answer."""
        self._faults.extend(faults)

    def next_fault(self) -> Fault | None:
        """Take the next planned fault; the weather's where none is planned."""
        with self._lock:
            return self._faults.popleft() if self._faults else self.weather()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Carry out one request."""
        with self._lock:
            self.requests.append((method, path, headers, body))
            try:
                self._authorize(headers, path)
                if path == "/emails":
                    return self._send(method, headers, body)
                if path.startswith("/emails/"):
                    return self._read(method, path.removeprefix("/emails/"))
                return Answer(404)
            except Answer as answer:
                return answer

    def _authorize(self, headers: Mapping[str, str], path: str) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise Answer(401, name="missing_api_key")
        if key not in (API_KEY, SEND_ONLY_KEY):
            raise Answer(403, name="invalid_api_key")
        if key == SEND_ONLY_KEY and path != "/emails":
            raise Answer(401, name="restricted_api_key")

    def _send(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method != "POST":
            return Answer(405)
        key, digest = headers.get("idempotency-key", ""), sha256(body).hexdigest()
        if len(key) > 256:
            return Answer(400, name="invalid_idempotency_key")
        if key in self._keys and self._keys[key][0] != digest:
            return Answer(409, name="invalid_idempotent_request")
        if key not in self._keys:
            sent = Sent(str(uuid5(NAMESPACE_URL, f"{len(self.sent)}")), key, _checked_mail(headers, body))
            self.sent.append(sent)
            self._keys[key or sent.id] = (digest, sent)
            return Answer(200, {"id": sent.id})
        return Answer(200, {"id": self._keys[key][1].id})

    def _read(self, method: str, id: str) -> Answer:
        if method != "GET":
            return Answer(405)
        for sent in self.sent:
            if sent.id == id:
                more = {"object": "email", "id": id, "message_id": sent.message_id, "last_event": "sent"}
                return Answer(200, {**sent.mail, **more})
        return Answer(404)


def _checked_mail(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Answer(400)
    mail: dict[str, Any] = json.loads(body)
    if not all(mail.get(name) for name in ("from", "to", "subject")) or not (mail.get("html") or mail.get("text")):
        raise Answer(422)
    to = mail["to"] if isinstance(mail["to"], list) else [mail["to"]]
    if not 1 <= len(to) <= 50 or any("@" not in one for one in to):
        raise Answer(422, name="validation_error")
    return mail


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer on a kept connection waits for the client's acknowledgement
    resend: ResendServer

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # a client that gave up waiting
            self.close_connection = True

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: self.headers[name] for name in HEADERS_IN if name in self.headers}
        fault = self.resend.next_fault()
        if "user-agent" not in headers:
            fault = Fault(403, html=True)
        if fault is None or fault.accept:
            answer = self.resend.answer(self.command, self.path, headers, body)
        if fault is not None and fault.slow:
            self.resend.stopping.wait()
        if fault is not None and fault.hang:
            self.connection.recv(1)
        if fault is None:
            self._answer(answer.status, json.dumps(answer.body), "application/json; charset=utf-8", {})
        elif fault.status == 0:
            self.close_connection = True
        elif fault.html:
            self._answer(fault.status, "<html><h1>Something in between</h1></html>", "text/html", fault.headers)
        else:
            error = Answer(fault.status, name=fault.name)
            self._answer(error.status, json.dumps(error.body), "application/json", fault.headers)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815  the base class looks for these names

    def _answer(self, status: int, text: str, media_type: str, headers: Mapping[str, str]) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": media_type, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests speak."""


@contextmanager
def resend_server() -> Iterator[ResendServer]:
    """A running server of its own."""
    resend = ResendServer()
    with serving_resend(resend):
        yield resend


@contextmanager
def serving_resend(resend: ResendServer) -> Iterator[None]:
    """Keep it up at `resend.url` while the block lasts."""
    handler = type("Handler", (_Handler,), {"resend": resend})
    with Server(("127.0.0.1", 0), handler) as server:
        resend.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            resend.stopping.set()
            server.shutdown()
            thread.join()


def signed_headers(body: bytes, *, secret: str, id: str, at: int) -> dict[str, str]:
    """The headers Resend posts an event with; `at` in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{id}.{at}.".encode() + body, "sha256")).decode()
    return {"svix-id": id, "svix-timestamp": str(at), "svix-signature": f"v1,{signature}"}
