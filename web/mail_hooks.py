"""The mail provider calling us: delivered, bounced, complained."""

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from domain.shared.errors import BadSignature
from web.inbox import answer, raw_body, take_in
from web.metrics import count_refusal
from web.services import now, services

bp = Blueprint("mail-hooks", __name__, description="For the mail provider.")
WEBHOOK = "/webhook/resend/"


@bp.post(WEBHOOK)
@bp.doc(summary="For Resend.", responses={"200": {"description": "Stored; the verdict on it."}})
def resend() -> ResponseReturnValue:
    """Signature first; the provider's message id tells a repeat."""
    body = raw_body()
    try:
        services().verify_resend(dict(request.headers), body, now=now())
    except BadSignature:
        count_refusal(WEBHOOK, "signature", BadSignature.code)
        raise
    receipt, repeat = take_in("resend", request.headers.get("Svix-Id", ""), body)
    return jsonify(answer(receipt, repeat=repeat))
