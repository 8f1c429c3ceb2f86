"""Other sites that may post our forms: an allow-list, and never cookies."""

from collections.abc import Collection

from flask import Flask, Response, request

METHODS, HEADERS, SECONDS = "GET, POST, OPTIONS", "Content-Type, Idempotency-Key", "600"


def install_cors(app: Flask, *, origins: Collection[str], blueprint: str, closed: str, also: str) -> None:
    """Let pages of these origins call the blueprint's routes, save the `closed` endpoint and with one that is `also`
    open, and read the answers."""

    @app.after_request
    def allow(response: Response) -> Response:
        if request.endpoint != also and (request.blueprint != blueprint or request.endpoint == closed):
            return response
        response.headers.add("Vary", "Origin")
        if (origin := request.headers.get("Origin")) in origins and origin:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = HEADERS
            response.headers["Access-Control-Max-Age"] = SECONDS
            response.headers["Access-Control-Expose-Headers"] = "Idempotent-Replayed, Retry-After, X-Request-Id"
        return response
