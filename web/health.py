"""Whether the process lives, whether it is fit for work, and its figures."""

import hmac
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from domain.ledger import Unavailable
from domain.shared.errors import NotFound
from web.services import services

bp = Blueprint("health", __name__)
PROXIED = ("Forwarded", "X-Forwarded-For")


@bp.get("/health/live")
def live() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "live"}


@bp.get("/health/ready")
def ready() -> ResponseReturnValue:
    """200 when the databases answer and the follower and the runner are alive; otherwise 503. Lag in events."""
    try:
        report = _report()
    except (Unavailable, SQLAlchemyError):
        return {"status": "unavailable", "database": "does not answer"}, 503
    return report, 200 if report["status"] == "ready" else 503


def _report() -> dict[str, Any]:
    ours = services()
    last = ours.log.last_position()
    states = ours.home.states()
    lag = max((last - states[view.name]["position"] for view in ours.views if view.name in states), default=0)
    count, oldest = ours.log.open_work()
    running = ours.running
    return {
        "status": "ready" if running.get("follower", True) and running.get("runner", True) else "unavailable",
        "database": "answers",
        "last_position": last,
        "follower": {"alive": running.get("follower"), "lag_events": lag, "parked": len(ours.home.parked())},
        "effects": {
            "alive": running.get("runner"),
            "open": count,
            "oldest_seconds": max(0.0, (ours.now() - oldest).total_seconds()) if oldest else 0.0,
        },
    }


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Prometheus figures, for this machine or for whoever has the token; to others the page does not exist."""
    token = services().settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    allowed = hmac.compare_digest(given.encode(), token.encode()) if token else _is_local()
    if not allowed:
        raise NotFound
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    # A proxy on this machine calls from here too, on behalf of anybody.
    if request.remote_addr is None or any(name in request.headers for name in PROXIED):
        return False
    return ip_address(request.remote_addr).is_loopback
