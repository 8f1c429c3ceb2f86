"""`/metrics` for processes that serve no web: a small HTTP server in a thread of its own."""

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, Protocol

from adapters.figures import CONTENT_TYPE, Figures
from adapters.settings import Settings

SILENCE_SECONDS = 5.0  # a caller who says nothing is left


class Observed(Protocol):
    """What is needed of the services."""

    figures: Figures
    settings: Settings


class MetricsServer:
    """Answers until stopped; `port` is the one it listens on."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port: int = server.server_address[1]
        self._thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(host: str, port: int, services: Observed) -> MetricsServer:
    """Serve the figures of this process; 0 takes any free port. Raises `OSError` when the port is taken.

    With a metrics token only its bearers are answered, without one only callers on this machine.
    """
    return MetricsServer(_Server((host, port), _handler(services)))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up is not worth a line."""


def _handler(services: Observed) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SILENCE_SECONDS

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics" or not self._allowed():
                self.send_error(404)
                return
            body = services.figures.text()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _allowed(self) -> bool:
            token = services.settings.metrics_token
            if token:
                given = self.headers.get("Authorization", "").removeprefix("Bearer ")
                return hmac.compare_digest(given.encode(), token.encode())
            return ip_address(self.client_address[0]).is_loopback

        def log_message(self, format: str, *args: Any) -> None:
            """A scrape leaves no line."""

    return Handler
