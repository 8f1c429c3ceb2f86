"""The first page: the addresses worth opening."""

from flask import Blueprint, render_template, url_for

from domain.documents.catalogue import KINDS
from web.services import services

bp = Blueprint("home", __name__)


@bp.get("/")
def show() -> str:
    """What there is to see on this machine."""
    links = [
        (kind.long_label, kind.path, "Paid online before work begins." if kind.paid else "Free to ask for.")
        for kind in KINDS.values()
    ]
    links.append(("Track an order", url_for("tracking.find"), "Where an order stands, by its tracking id."))
    if services().sandbox is not None:
        links.append(("Sandbox mailbox", url_for("sandbox.mailbox"), "Every mail as it was sent, in its thread."))
        links.append(("Sandbox payments", "/sandbox/checkout/", "Checkouts, with buttons for customer and bank."))
        links.append(("Sandbox CRM", url_for("sandbox.crm"), "Contacts, orders and where they came from."))
    links.append(("API", url_for("api-page.show"), "Every address a program can call."))
    return render_template("home.html", links=links)
