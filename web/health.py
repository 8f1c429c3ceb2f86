"""Whether the process lives, whether it is fit for work, and its figures."""

import hmac
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from domain.ledger import Unavailable
from domain.shared.errors import NotFound
from web.services import services

bp = Blueprint("health", __name__)
PERFORMING = ("work", "serve")
PROXIED = ("Forwarded", "X-Forwarded-For")


@bp.get("/health/live")
def live() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "live"}


@bp.get("/health/ready")
def ready() -> ResponseReturnValue:
    """Tells whether requests can be answered: 503 when the databases do not, or a thread of this process has died."""
    try:
        report = _report()
    except (Unavailable, SQLAlchemyError):
        return {"status": "unavailable", "database": "does not answer"}, 503
    return report, 503 if report["status"] == "unavailable" else 200


def _report() -> dict[str, Any]:
    """`degraded` while views or effects stand still elsewhere: orders are taken all the same, and nothing is lost.

    Lag is in events; an effect's age counts from when it was due.
    """
    ours = services()
    last = ours.log.last_position()
    states = ours.home.states()
    lag = max((last - states[view.name]["position"] for view in ours.views if view.name in states), default=0)
    count, oldest = ours.log.open_work()
    alive = [process for process in ours.processes() if process.alive(ours.now())]
    follower, working = _follower(alive, lag), any(process.role in PERFORMING for process in alive)
    status = "ready" if follower in ("quiet", "working") and working else "degraded"
    return {
        "status": status if all(ours.running.values()) else "unavailable",
        "database": "answers",
        "last_position": last,
        "follower": {"state": follower, "lag_events": lag, "parked": len(ours.home.parked())},
        "effects": {
            "alive": working,
            "open": count,
            "oldest_seconds": max(0.0, (ours.now() - oldest).total_seconds()) if oldest else 0.0,
        },
    }


def _follower(alive: Sequence[Any], lag: int) -> str:
    """`quiet` has nothing to fold; `stuck` lives, but its slowest view has not moved; `dead` was not heard of."""
    leaders = [process for process in alive if process.leading]
    if not leaders:
        return "dead"
    if not lag:
        return "quiet"
    return "stuck" if all(leader.stuck(services().now()) for leader in leaders) else "working"


@bp.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Prometheus figures, for this machine or for whoever has the token; to others the page does not exist."""
    token = services().settings.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    allowed = hmac.compare_digest(given.encode(), token.encode()) if token else _is_local()
    if not allowed:
        raise NotFound
    return Response(services().figures.text(), content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    # A proxy on this machine calls from here too, on behalf of anybody.
    if request.remote_addr is None or any(name in request.headers for name in PROXIED):
        return False
    return ip_address(request.remote_addr).is_loopback
