"""A server on loopback that answers as Stripe does: real HTTP, its errors, its memory of keys, and faults on demand."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from tests.vendors.loopback import Server
from tests.vendors.stripe_rules import Problem, check_checkout

SECRET_KEY = "sk_test_sandbox"
PATH = "/v1/checkout/sessions"
LONGEST_KEY = 255
PATIENCE_SECONDS = 10
HEADERS_IN = ("authorization", "content-type", "idempotency-key", "stripe-version", "user-agent")


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of, or after (`accept`), what it asks for.

    Status 0 breaks the connection without an answer, with `hang` not before the client hangs up; `slow` holds the
    request, its key in use, until `release`; `html` answers as a proxy in between would: nothing of it is remembered.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    slow: bool = False
    accept: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Answer:
    """What goes back to the client; `remembered` answers are given again to the same key."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    remembered: bool = True


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers.get("idempotency-key", "")


class StripeServer:
    """The account: the checkouts it opened, the keys it remembers, and the faults still to come."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.url = ""
        self.sessions: dict[str, dict[str, Any]] = {}
        self.requests: list[Request] = []
        self._now = now
        self._keys: dict[str, tuple[Mapping[str, str], Answer]] = {}
        self._in_use: set[str] = set()
        self.weather: Callable[[], Fault | None] = lambda: None
        self._faults: deque[Fault | None] = deque()
        self._changed = threading.Condition()
        self._released = threading.Event()

    def plan(self, *faults: Fault | None) -> None:
        """Faults of the next requests, one each; None is an ordinary answer."""
        self._faults.extend(faults)

    def release(self) -> None:
        """Let slow requests go on, and wait until they are carried out."""
        self._released.set()
        with self._changed:
            assert self._changed.wait_for(lambda: not self._in_use, PATIENCE_SECONDS)

    def next_fault(self) -> Fault | None:
        """Take the next planned fault; the weather's where none is planned."""
        with self._changed:
            return self._faults.popleft() if self._faults else self.weather()

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Carry out one request, unless the fault comes first or its key has been answered or is in use."""
        with self._changed:
            self.requests.append(request)
            if (early := self._early(request)) is not None:
                return early
            self._in_use.add(request.key)
        if fault is not None and fault.slow:
            self._released.wait()
        with self._changed:
            answer = self._carry_out(request, fault)
            if answer.remembered and request.key:
                self._keys[request.key] = (request.form, answer)
            self._in_use.discard(request.key)
            self._changed.notify_all()
        return answer

    def _early(self, request: Request) -> Answer | None:
        if request.headers.get("authorization") != f"Bearer {SECRET_KEY}":
            return refusal(401, "invalid_request_error", "Invalid API Key provided: sk_test_*****box")
        if request.path != PATH:
            return refusal(404, "invalid_request_error", "Unrecognized request URL")
        if len(request.key) > LONGEST_KEY:
            return refusal(400, "invalid_request_error", "Idempotency keys have at most 255 characters.")
        if request.key in self._in_use:
            return refusal(409, "idempotency_error", "There is another request with this key in progress.")
        if request.key not in self._keys:
            return None
        form, answer = self._keys[request.key]
        if form != request.form:
            return refusal(400, "idempotency_error", "This key was first used with other parameters.")
        return Answer(answer.status, answer.body, {**answer.headers, "Idempotent-Replayed": "true"})

    def _carry_out(self, request: Request, fault: Fault | None) -> Answer:
        if fault is not None and fault.status:
            type = "api_error" if fault.status >= 500 else "invalid_request_error"
            answer = refusal(fault.status, type, "Planned.", headers=fault.headers)
            return Answer(answer.status, answer.body, answer.headers, remembered=fault.status not in (400, 409, 429))
        try:
            check_checkout(request.headers, request.form, now=self._now())
        except Problem as problem:
            return refusal(400, "invalid_request_error", str(problem), code=problem.code, param=problem.param)
        session = self._open(request.form)
        self.sessions[session["id"]] = session
        return Answer(200, session)

    def _open(self, form: Mapping[str, str]) -> dict[str, Any]:
        id, amount = f"cs_test_{len(self.sessions) + 1:04d}", int(form["line_items[0][price_data][unit_amount]"])
        return {
            "id": id,
            "object": "checkout.session",
            "mode": form["mode"],
            "status": "open",
            "payment_status": "unpaid",
            "amount_subtotal": amount,
            "amount_total": amount,
            "currency": form["line_items[0][price_data][currency]"],
            "client_reference_id": form.get("client_reference_id"),
            "customer": None,
            "customer_email": form.get("customer_email"),
            "payment_intent": None,
            "livemode": False,
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")},
            "created": int(self._now().timestamp()),
            "expires_at": int(form.get("expires_at", self._now().timestamp() + 86_400)),
            "url": f"https://checkout.stripe.com/c/pay/{id}",
        }


def refusal(status: int, type: str, message: str, *, headers: Mapping[str, str] | None = None, **more: str) -> Answer:
    """An error as Stripe words it; errors of this kind are not remembered."""
    return Answer(status, {"error": {"type": type, "message": message, **more}}, headers or {}, remembered=False)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer on a kept connection waits for the client's acknowledgement
    stripe: StripeServer

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # a client that gave up waiting
            self.close_connection = True

    def handle_any(self) -> None:
        """Answer, break the connection or wait, as planned."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name: self.headers[name] for name in HEADERS_IN if name in self.headers}
        request = Request(self.path, headers, dict(parse_qsl(content, keep_blank_values=True)))
        fault = self.stripe.next_fault()
        instead = fault is not None and not fault.slow and (fault.html or (not fault.status and not fault.accept))
        answer = None if instead else self.stripe.answer(request, fault)
        if fault is not None and fault.hang:
            self.connection.recv(1)
        if fault is not None and fault.html:
            self._send(fault.status, "<html><h1>Something in between</h1></html>", "text/html", fault.headers)
        elif answer is None or (fault is not None and not fault.status and not fault.slow):
            self.close_connection = True
        else:
            self._send(answer.status, json.dumps(answer.body), "application/json", answer.headers)

    def _send(self, status: int, text: str, media_type: str, headers: Mapping[str, str]) -> None:
        content = text.encode()
        about = {"Content-Type": media_type, "Content-Length": str(len(content)), "Request-Id": "req_1"}
        self.send_response(status)
        for name, value in {**about, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests speak."""


@contextmanager
def stripe_server(now: Callable[[], datetime]) -> Iterator[StripeServer]:
    """A running server of its own; `now` is its clock."""
    stripe = StripeServer(now)
    with serving_stripe(stripe):
        yield stripe


@contextmanager
def serving_stripe(stripe: StripeServer) -> Iterator[None]:
    """Keep it up at `stripe.url` while the block lasts."""
    methods = {f"do_{method}": _Handler.handle_any for method in ("GET", "POST", "DELETE")}
    handler = type("Handler", (_Handler,), {"stripe": stripe, **methods})
    with Server(("127.0.0.1", 0), handler) as server:
        stripe.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stripe.release()
            server.shutdown()
            thread.join()
