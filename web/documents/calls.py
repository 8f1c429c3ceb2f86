"""The call-tracking service calling us: one message about one phone call."""

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from werkzeug.exceptions import UnsupportedMediaType

from domain.documents.call_lead import CallLead
from domain.documents.calls import SOURCE, find_told_call, message_id
from domain.shared.effect import effect_id
from domain.shared.receipt import Receipt
from web.inbox import answer, check_secret, raw_body, sent_secret, take_in
from web.services import services

bp = Blueprint("calls", __name__, description="For the call-tracking service.")
PATH = "/webhook/whatconverts/"


@bp.post(PATH)
@bp.doc(
    summary="A message about a phone call.",
    responses={
        "200": {"description": "Stored; the verdict on it, and the lead."},
        "401": {"description": "No secret."},
    },
)
def whatconverts() -> ResponseReturnValue:
    """Secret first; then the message is stored, judged, and its lead matched before the answer."""
    check_secret(sent_secret(), services().settings.whatconverts_webhook_keys)
    if request.mimetype not in ("application/json", ""):
        raise UnsupportedMediaType
    body = raw_body()
    receipt, repeat = take_in(SOURCE, message_id(body), body, named_by_content=True)
    return jsonify(answer(receipt, repeat=repeat, **_lead(receipt)))


def _lead(receipt: Receipt) -> dict[str, Any]:
    """The lead as it is now; everything is null for a message that leads to none."""
    lead = find_told_call(services().ledger, receipt)
    if lead is None or (receipt.verdict in ("ignored", "refused") and receipt.reason != "no_change"):
        lead = None
    elif receipt.judged:
        lead = _matched(lead, receipt)
    return {
        "phone_lead_id": str(lead.id) if lead else None,
        "zoho_lead_id": lead.crm_record if lead else None,
        "zoho_attribution_id": lead.crm_attribution if lead else None,
        "detected_service": lead.service if lead else None,
        "matched_with_form": bool(lead and lead.match),
    }


def _matched(lead: CallLead, receipt: Receipt) -> CallLead:
    """The lead after the look for its order that its newest message asked for."""
    ours = services()
    for event in ours.ledger.events(lead.id):
        if str(receipt.id) in (event.cause or ""):
            ours.runner.run_at_once(effect_id(lead.id, kind="match_call", key=str(event.version)))
    return ours.ledger.load(CallLead, lead.id)
