"""A plain HTTP server on loopback that answers what it is told to and can be made to fail on demand."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

DROPS = 150
HTML = b"<html><h1>Something in between</h1></html>"


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; `query` holds the last value of each name, `peer` the port it came from."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes
    peer: int


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What befalls one request of this method (blank: any) whose path contains `on`.

    With `accept` it is carried out all the same. Then `answer` goes back, or the connection breaks where there is
    none; `slow` holds the rest back until the server stops, `hang` until the client hangs up, `drip` lets it never end,
    drop by drop, for some seconds.
    """

    on: str = ""
    method: str = ""
    accept: bool = False
    answer: Answer | None = None
    slow: bool = False
    drip: bool = False
    hang: bool = False

    def befalls(self, asked: Asked) -> bool:
        """Whether it is meant for this request."""
        return self.on in asked.path and self.method in ("", asked.method)


class Loopback:
    """The server's memory: every request, and the faults still to come; `weather` draws those of the others."""

    def __init__(self, respond: Callable[[Asked], Answer]) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.ahead: deque[Fault] = deque()
        self.weather: Callable[[Asked], Fault | None] = lambda asked: None
        self.stopping = threading.Event()
        self._respond = respond
        self._lock = threading.Lock()

    def plan(self, *faults: Fault) -> None:
        """Faults of the next requests, one each."""
        self.ahead.extend(faults)

    def paths(self) -> list[str]:
        """Method and path of every request so far."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def handle(self, asked: Asked) -> tuple[Fault | None, Answer | None]:
        """The fault that befalls a request, and its answer unless the connection is to break."""
        with self._lock:
            self.asked.append(asked)
            fault = next((fault for fault in self.ahead if fault.befalls(asked)), None)
            if fault is not None:
                self.ahead.remove(fault)
        fault = fault or self.weather(asked)
        if fault is None or not fault.befalls(asked):
            return None, self._respond(asked)
        if fault.accept:
            self._respond(asked)
        return fault, fault.answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer on a kept connection waits for the client's acknowledgement
    loopback: Loopback

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # a client that gave up waiting
            self.close_connection = True

    def carry_out(self) -> None:
        """One request, whatever its method."""
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, url.path, dict(parse_qsl(url.query)), self.headers, body, self.client_address[1])
        fault, answer = self.loopback.handle(asked)
        if fault is not None and fault.slow:
            self.loopback.stopping.wait()
        if fault is not None and fault.hang:
            self.connection.recv(1)
        if answer is None:
            self.close_connection = True
        else:
            self._answer(answer, drip=fault is not None and fault.drip)

    def _answer(self, answer: Answer, *, drip: bool) -> None:
        self.send_response(answer.status)
        length = len(answer.body) + (2 * DROPS if drip else 0)
        headers = {"Content-Type": "application/json;charset=utf-8", "Content-Length": str(length), **answer.headers}
        for name, value in headers.items():
            if not (answer.status == 204 and name.startswith("Content-")):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        for _ in range(DROPS if drip else 0):
            self.loopback.stopping.wait(0.02)
            self.wfile.write(b" ")
        self.close_connection |= drip

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests speak."""


class Server(ThreadingHTTPServer):
    """Threads that nobody waits for, and room for many to call at once: the default keeps five waiting."""

    daemon_threads = True
    request_queue_size = 128


METHODS = {f"do_{method}": _Handler.carry_out for method in ("GET", "POST", "PUT", "DELETE")}


@contextmanager
def serving(loopback: Loopback) -> Iterator[None]:
    """Keep it up at `loopback.url` while the block lasts."""
    handler = type("Handler", (_Handler,), {"loopback": loopback} | METHODS)
    with Server(("127.0.0.1", 0), handler) as server:
        loopback.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            loopback.stopping.set()
            server.shutdown()
            thread.join()
