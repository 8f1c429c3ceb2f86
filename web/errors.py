"""Every error to one answer: a JSON body, or a page with the same words."""

import errno
import logging
from typing import Any
from uuid import uuid4

from flask import Flask, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NotFound404

from domain.ledger import Conflict, Unavailable
from domain.sealed import Erased
from domain.shared.errors import Declined, Invalid, NotFound, Refused, Unreachable
from web.metrics import count_refusal
from web.services import prefers_html

RETRY_AFTER_SECONDS = "5"
RECORDING = "We cannot record this just now; please try again."
READING = "We cannot show this just now; please try again."
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
HTTP_CODES = {
    400: "unreadable_body",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}
HTTP_SENTENCES = {
    400: "The request cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body is too large.",
    415: "This address does not take that content type.",
    429: "Too many requests; please wait a little.",
}

log = logging.getLogger("daybook.web")


class ErrorBody(Schema):
    """What every error says, for the API document."""

    error = fields.String(required=True, metadata={"description": "A word for programs."})
    message = fields.String(required=True, metadata={"description": "One sentence for people."})
    fields = fields.Dict(  # type: ignore[assignment]
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "With `invalid`: what is wrong, by the field's dotted name."},
    )


def answer(status: int, code: str, message: str, **more: Any) -> ResponseReturnValue:
    """The error body of every endpoint, or its page for callers who prefer one."""
    error = {"error": code, "message": message, **more}
    if prefers_html():
        page = "not_found.html" if status == 404 else "error.html"
        return make_response(render_template(page, error={"code": code, **error}), status)
    return make_response(error, status)


def _other_methods() -> MethodNotAllowed | None:
    """An address without its last slash is the same address; routing tells 404 where it should tell 405."""
    if request.url_rule is not None or request.path.endswith("/"):
        return None
    routes = current_app.create_url_adapter(request)
    try:
        if routes is not None:
            routes.match(f"{request.path}/")
    except MethodNotAllowed as error:
        return error
    except HTTPException:
        return None
    return None


def install_errors(app: Flask) -> None:
    """Map the roots once, so that no blueprint needs a `try`."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        more: dict[str, Any] = getattr(error, "details", {})
        if isinstance(error, Invalid):
            more = {"fields": error.fields}
        elif request.url_rule is not None:
            count_refusal(request.url_rule.rule, "", error.code)
        response = make_response(answer(error.status, error.code, str(error), **more))
        if error.status == 503:
            response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response

    @app.errorhandler(Erased)
    def erased(_: Erased) -> ResponseReturnValue:
        return refused(NotFound())

    @app.errorhandler(Declined)
    def declined(_: Declined) -> ResponseReturnValue:
        return answer(502, "provider_refused", "A provider we depend on refused the request.")

    @app.errorhandler(Unreachable)
    @app.errorhandler(Unavailable)
    @app.errorhandler(Conflict)
    @app.errorhandler(DBAPIError)
    @app.errorhandler(PoolTimeout)
    def unavailable(error: Exception) -> ResponseReturnValue:
        log.warning("a request could not be served: %s", type(error).__name__)
        sentence = READING if request.method in ("GET", "HEAD") else RECORDING
        response = make_response(answer(503, "unavailable", sentence))
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response

    @app.errorhandler(OSError)
    def full(error: OSError) -> ResponseReturnValue:
        return unavailable(error) if error.errno in NO_SPACE else unexpected(error)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error, NotFound404) and (other := _other_methods()) is not None:
            error = other
        status = error.code or 500
        code = HTTP_CODES.get(status, "server_error" if status >= 500 else "bad_request")
        response = make_response(answer(status, code, HTTP_SENTENCES.get(status, "The request was refused.")))
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> ResponseReturnValue:
        reference = uuid4().hex[:12]
        where = {"reference": reference, "route": request.endpoint, "correlation": g.correlation}
        log.error("a request failed: %s", type(error).__name__, exc_info=error, extra=where)
        return answer(500, "server_error", "Something went wrong on our side.", reference=reference)
