"""What the mail provider tells of a mail it had accepted, noted on the effect that sent it."""

from uuid import UUID

from adapters.resend_events import UnreadableEvent, read_resend_event
from domain.ledger import Ledger, UnknownStream
from domain.sealed import Erased
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt, Verdict


def mail_concern(ledger: Ledger, receipt: Receipt) -> UUID | None:
    """Whom the mail was about; raises `Erased`."""
    try:
        effect = ledger.load(Effect, UUID(read_resend_event(receipt.body.open()).key or ""))
    except (UnreadableEvent, ValueError, UnknownStream):
        return None
    if ledger.is_erased(effect.subject):
        raise Erased
    return effect.subject


def judge_mail_report(ledger: Ledger, receipt: Receipt) -> Verdict:
    """Find the effect by the key the mail was sent under; opens and clicks are noted too and drive nothing."""
    try:
        event = read_resend_event(receipt.body.open())
    except UnreadableEvent:
        return Verdict("refused", "unreadable")
    if event.outcome is None:
        return Verdict("ignored", "not_needed")
    try:
        effect = ledger.load(Effect, UUID(event.key or ""))
    except (ValueError, UnknownStream):
        return Verdict("ignored", "unknown_mail")
    news = effect.report(outcome=event.outcome, reason=event.reason, wire_id=event.message_id, happened_at=event.at)
    return Verdict("acted_on", changed=(effect,)) if news else Verdict("ignored", "already_known")
