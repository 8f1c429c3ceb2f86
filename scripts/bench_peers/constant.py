"""The least that a WSGI server can do: the same few bytes for every request."""

from collections.abc import Iterable
from typing import Any

ANSWER = b'{"ready": true}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))]


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Read the body, as any form must, and answer."""
    environ["wsgi.input"].read()
    start_response("200 OK", HEADERS)
    return [ANSWER]
