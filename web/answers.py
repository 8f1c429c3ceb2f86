"""How an answer is written, and in which of its two forms a caller wants it."""

from functools import lru_cache
from typing import Any

import msgspec
from flask import Response, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

JSON, HTML = "application/json", "text/html"


class Json(DefaultJSONProvider):
    """Answers in JSON; what is read is read as ever."""

    def response(self, *args: Any, **kwargs: Any) -> Response:
        body = msgspec.json.encode(self._prepare_response_obj(args, kwargs))
        return Response(body + b"\n", mimetype=JSON)


def preferred(*offers: str) -> str | None:
    """The one of these media types that the caller would rather have; None for who names none of them."""
    return _preferred(request.headers.get("Accept", ""), offers)


@lru_cache(maxsize=256)  # browsers and programs send the same few
def _preferred(accept: str, offers: tuple[str, ...]) -> str | None:
    return parse_accept_header(accept, MIMEAccept).best_match(offers)
