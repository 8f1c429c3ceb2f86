"""The signed events Resend posts about the mail it was given."""

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from adapters.resend import KEY_TAG, wire_id
from domain.shared.errors import BadSignature, Refused

TOLERANCE_SECONDS = 300
OUTCOMES = {
    "email.scheduled": "scheduled",
    "email.sent": "sent",
    "email.delivery_delayed": "delayed",
    "email.delivered": "delivered",
    "email.opened": "opened",
    "email.clicked": "clicked",
    "email.bounced": "bounced",
    "email.complained": "complained",
    "email.failed": "failed",
    "email.suppressed": "suppressed",
}
REASONS = {
    "Permanent": "permanent",
    "Transient": "temporary",
    "Undetermined": "undetermined",
    "previous_bounce": "bounced_before",
    "previous_complaint": "complained_before",
    "reached_daily_quota": "quota",
    "reached_monthly_quota": "quota",
}


def verify_resend(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Check a webhook's signature as Svix describes it; raises `BadSignature`.

    `secret` is `whsec_` and Base64, or several of them with blanks between while one replaces another; `body` is the
    raw body. A secret of another form is a ValueError.
    """
    given = {name.lower(): value for name, value in headers.items()}
    id, sent_at, signatures = (given.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature"))
    if not id or not re.fullmatch(r"[0-9]{1,12}", sent_at) or abs(now.timestamp() - int(sent_at)) > TOLERANCE_SECONDS:
        raise BadSignature
    signed = f"{id}.{sent_at}.".encode() + body
    wanted = [base64.b64encode(hmac.digest(key, signed, "sha256")) for key in _keys(secret)]
    versions = (signature.partition(",") for signature in signatures.split(" "))
    offered = [value.encode() for version, _, value in versions if version == "v1"]
    if not any(hmac.compare_digest(mine, theirs) for mine in wanted for theirs in offered):
        raise BadSignature


def _keys(secret: str) -> list[bytes]:
    """Blank keys are left out: anybody could sign with them."""
    keys = (base64.b64decode(one.removeprefix("whsec_"), validate=True) for one in secret.split())
    return [key for key in keys if key]


class UnreadableEvent(Refused):
    """A signed message that is not an event."""

    code = "unreadable_event"
    status = 400
    sentence = "The event cannot be read."


class ResendEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a mail.

    `type` is Resend's word and kept even when it is new; `outcome` and `reason` are ours, None where the event says
    nothing of the kind, `reason` "other" for words we do not know. `key` is what the mail was sent with. `to` and
    `detail` are personal data.
    """

    type: str
    outcome: str | None = None
    at: datetime | None = None
    email_id: str | None = None
    message_id: str | None = None
    key: str | None = None
    to: tuple[str, ...] = ()
    reason: str | None = None
    detail: str | None = None


def read_resend_event(body: bytes) -> ResendEvent:
    """Read an event; raises `UnreadableEvent`. Repeats are known by the `svix-id` header, not by anything in here."""
    try:
        event = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnreadableEvent from None
    type, data = _text(event.get("type")), _object(event.get("data"))
    if type is None:
        raise UnreadableEvent
    reason, detail = _reason(data)
    return ResendEvent(
        type=type,
        outcome=OUTCOMES.get(type),
        at=_time(event.get("created_at")),
        email_id=_text(data.get("email_id")),
        message_id=wire_id(data.get("message_id")),
        key=_text(_object(data.get("tags")).get(KEY_TAG)),
        to=tuple(_texts(data.get("to"))),
        reason=reason,
        detail=detail,
    )


def _reason(data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(our word, the vendor's own text) of a bounce, a failure or a suppression."""
    for part, key in (("bounce", "type"), ("failed", "reason"), ("suppressed", "reason")):
        if about := _object(data.get(part)):
            word = _text(about.get(key)) or ""
            texts = [*_texts(about.get("message")), *_texts(about.get("diagnosticCode"))]
            known = REASONS.get(word, "other")
            return known, "; ".join(texts) or (word if known == "other" else None) or None
    return None, None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one]


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(value))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
