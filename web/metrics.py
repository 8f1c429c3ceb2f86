"""What operators see of requests: counters and log lines; labels are words of ours, never a caller's."""

import logging
from time import perf_counter

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram
from structlog.contextvars import clear_contextvars

REFUSALS = Counter(
    "daybook_refusals_total", "Fields refused, by endpoint, field and reason.", ["endpoint", "field", "reason"]
)
REQUESTS = Counter("daybook_requests_total", "Requests answered.", ["endpoint", "method", "status"])
REQUEST_SECONDS = Histogram(
    "daybook_request_seconds",
    "From a request's arrival to its answer.",
    ["endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
UNKNOWN_FIELD = "(unknown)"
NO_ROUTE, OTHER_METHOD = "(none)", "(other)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
READS = {"GET", "HEAD"}

log = logging.getLogger("daybook.web")


def count_refusal(endpoint: str, field: str, reason: str) -> None:
    """Count one refused field; nothing else of the body is kept."""
    REFUSALS.labels(endpoint, field, reason).inc()


def install_observation(app: Flask) -> None:
    """Count, time and log every request; installed first, so that it begins first and ends last."""

    @app.before_request
    def begin() -> None:
        g.began = perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        _observe(response.status_code, seconds=perf_counter() - g.began)
        clear_contextvars()
        return response


def _observe(status: int, *, seconds: float) -> None:
    # The rule and not the path, which may hold an id; a method may be any word that a caller makes up.
    route = request.url_rule.rule if request.url_rule else NO_ROUTE
    method = request.method if request.method in METHODS else OTHER_METHOD
    REQUESTS.labels(route, method, f"{status // 100}xx").inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
    # What was only read, and well, changed nothing that a line would help to find.
    level = logging.DEBUG if method in READS and status < 400 else logging.INFO
    if log.isEnabledFor(level):
        told = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
        log.log(level, "answered", extra={**told, "correlation": g.correlation})
