"""Checkout pages at Stripe, and the signatures of what Stripe tells us."""

import hmac
import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from requests import Response

from adapters.http import Session, pause_asked
from domain.shared.errors import BadSignature, Declined, Unreachable
from domain.shared.payments import STRIPE_VERSION, Broken, Checkout, EpochSeconds, OpenedCheckout, stripe_signature
from domain.shared.ports import CannotDelete

TOLERANCE_SECONDS = 300
LATER = frozenset({409, 429})  # the key is still in use, or too many calls: nothing was stored under the key
FAILED_DEPENDENCY = 424
WORD = re.compile(r"[A-Za-z0-9_\[\].-]{1,80}")

log = logging.getLogger("daybook.stripe")


class _Session(msgspec.Struct):
    id: str
    url: str
    expires_at: EpochSeconds


class StripePayments:
    """Answers the `Payments` port. `secret_key` is `sk_...` or `rk_...`."""

    def __init__(self, session: Session, *, api_base: str, secret_key: str) -> None:
        self._session, self._address = session, f"{api_base.rstrip('/')}/v1/checkout/sessions"
        self._authorization = f"Bearer {secret_key}"

    def open_checkout(self, wanted: Checkout, *, key: str) -> OpenedCheckout:
        try:
            response = self._post(wanted, key)
        except Unreachable:
            # It may have been opened all the same; the key brings that one back instead of a second.
            response = self._post(wanted, key)
        return _opened(response)

    def redact(self, reference: str) -> str:
        raise CannotDelete("redaction jobs are a preview of Stripe's: they are begun in its dashboard")

    def _post(self, wanted: Checkout, key: str) -> Response:
        headers = {
            "Authorization": self._authorization,
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": key,
            "Stripe-Version": STRIPE_VERSION,
        }
        body = urlencode(list(checkout_form(wanted))).encode()
        return self._session.request("POST", self._address, headers=headers, data=body)


def checkout_form(wanted: Checkout) -> Iterator[tuple[str, str]]:
    """The pairs of Stripe's form; the payment gets the metadata too, because the session's is not copied to it."""
    yield "mode", "payment"
    yield "success_url", wanted.success_url
    yield "cancel_url", wanted.cancel_url
    yield "client_reference_id", wanted.reference
    yield "customer_email", wanted.customer_email
    yield "line_items[0][quantity]", "1"
    yield "line_items[0][price_data][currency]", wanted.currency
    yield "line_items[0][price_data][unit_amount]", str(wanted.amount_cents)
    yield "line_items[0][price_data][product_data][name]", wanted.label
    yield "expires_at", str(int(wanted.expires_at.timestamp()))
    for prefix in ("metadata", "payment_intent_data[metadata]"):
        for name, value in wanted.metadata.items():
            yield f"{prefix}[{name}]", value


def _opened(response: Response) -> OpenedCheckout:
    status = response.status_code
    log.info("Stripe answered %d to request %s", status, _word(response.headers.get("Request-Id")))
    if status != 200:
        raise _problem(response)
    try:
        session = msgspec.json.decode(response.content, type=_Session)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Unreachable("the answer cannot be read") from None
    return OpenedCheckout(session.id, session.url, datetime.fromtimestamp(session.expires_at, UTC))


def _problem(response: Response) -> Declined | Unreachable:
    status, reason = response.status_code, _reason(response)
    should_retry = response.headers.get("Stripe-Should-Retry")
    if should_retry == "true" or (status in LATER and should_retry != "false"):
        return Unreachable(reason, retry_after=pause_asked(response))
    if status >= 500 or status == FAILED_DEPENDENCY:
        return Broken(reason)
    if 400 <= status < 500:
        return Declined(reason)
    return Unreachable(reason)


def _reason(response: Response) -> str:
    """Status, type, code and parameter; never Stripe's sentence, which may repeat what the customer wrote."""
    try:
        error = msgspec.json.decode(response.content, type=dict[str, dict[str, Any]])["error"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        error = {}
    words = [_word(error[name]) for name in ("type", "code", "param") if error.get(name)]
    return " ".join([str(response.status_code), *words])


def _word(text: object) -> str:
    return text if isinstance(text, str) and WORD.fullmatch(text) else "-"


def verify_stripe(secrets: Sequence[str], header: str | None, body: bytes, *, now: datetime) -> None:
    """Check `Stripe-Signature` over the raw body; raises `BadSignature`.

    `secrets` are the endpoint's `whsec_...` as they are, more than one while one replaces another. A signature more
    than 300 s old or ahead does not hold.
    """
    items = [item.partition("=") for item in (header or "").split(",")]
    signed_at = next((value for name, _, value in items if name == "t"), "")
    offered = [value.encode() for name, _, value in items if name == "v1"]
    if not re.fullmatch(r"[0-9]{1,12}", signed_at) or abs(now.timestamp() - int(signed_at)) > TOLERANCE_SECONDS:
        raise BadSignature
    expected = [stripe_signature(secret, signed_at, body).encode() for secret in secrets if secret.strip()]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in offered):
        raise BadSignature
