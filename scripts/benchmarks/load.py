"""A small HTTP client in a process of its own: connections that stay open, each asking as soon as it is answered."""

import multiprocessing
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import msgspec

READ_BYTES = 65_536
PATIENCE = 30.0  # seconds for one answer


class WrongAnswer(Exception):
    """The server did not answer as expected; the message is its status line."""


class Load(msgspec.Struct, frozen=True):
    """Answers per second over all connections, and the seconds that each took."""

    rate: float
    took: list[float]


def put(port: int, requests: Sequence[bytes], *, connections: int, expect: int) -> Load:
    """Send these requests over so many connections; every answer must have the status `expect`."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_put, port, requests, connections, expect).result()


def request(method: str, path: str, *, headers: Sequence[str] = (), body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _put(port: int, requests: Sequence[bytes], connections: int, expect: int) -> Load:
    shares = [requests[nth::connections] for nth in range(connections)]
    with ThreadPoolExecutor(connections) as threads:
        began = time.perf_counter()
        took = list(threads.map(lambda share: _ask(port, share, expect), shares))
        seconds = time.perf_counter() - began
    return Load(len(requests) / seconds, [one for all_of_one in took for one in all_of_one])


def _ask(port: int, requests: Sequence[bytes], expect: int) -> list[float]:
    took = []
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for sent in requests:
            began = time.perf_counter()
            connection.sendall(sent)
            _read(connection, f"HTTP/1.1 {expect} ".encode())
            took.append(time.perf_counter() - began)
    return took


def _read(connection: socket.socket, status: bytes) -> None:
    """Read one answer to its end."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    if not got.startswith(status):
        raise WrongAnswer(got.partition(b"\r\n")[0].decode())
    [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(length.partition(b":")[2]) - len(body)
    while missing > 0:
        missing -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    if not (got := connection.recv(READ_BYTES)):
        raise WrongAnswer("The server closed the connection.")
    return got
