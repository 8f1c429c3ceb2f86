"""The tracking page, as HTML and as JSON."""

from flask import jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from domain.documents.order_facts import tracking_id_claim
from domain.documents.order_refusals import OrderNotFound
from domain.documents.tracking_id import read
from domain.ledger import Unavailable
from domain.shared.contact import Contact, redacted_name
from projections.documents.tracking_page import TRACKING_PAGE, find_page
from projections.view import Row
from web.answers import HTML, JSON, preferred
from web.documents.tracking_facts import page_facts
from web.services import caught_up, services

bp = Blueprint("tracking", __name__, url_prefix="/tracking", description="Where an order stands.")


@bp.get("")
@bp.doc(summary="Find an order by its tracking id.", responses={"200": {"description": "A page with one input."}})
def find() -> ResponseReturnValue:
    """The address used in mails, and a page to type an id into."""
    tid = request.args.get("tid", "").strip()
    if tid:
        return redirect(url_for("tracking.show", tid=tid), 302)
    return render_template("tracking_find.html")


@bp.get("/<tid>/")
@bp.doc(
    summary="Where an order stands: HTML, or JSON with `Accept: application/json` or `?format=json`.",
    responses={"200": {"description": "The page."}, "404": {"description": "Unknown, malformed or erased."}},
)
def show(tid: str) -> ResponseReturnValue:
    """An unknown id and a malformed one get the same answer."""
    row = _row(read(tid))
    if row is None:
        raise OrderNotFound
    name = redacted_name(services().reveal(row["contact"], Contact).name)
    facts = page_facts(row, name=name)
    wants_json = preferred(HTML, JSON) == JSON or request.args.get("format") == "json"
    answer = jsonify(facts) if wants_json else make_response(render_template("tracking.html", page=facts))
    answer.headers["Vary"] = "Accept"
    return answer


def _row(tid: str | None) -> Row | None:
    if tid is None:
        return None
    row = find_page(services().home, tid)
    if row is not None or services().ledger.owner(tracking_id_claim(tid)) is None:
        return row
    if not caught_up(TRACKING_PAGE):  # just placed: the view is a moment behind, or longer
        raise Unavailable("The tracking page is behind the log.")
    return find_page(services().home, tid)
