"""The mails of an order: to whom, under which subject, in which thread, and what they say."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from domain.documents.call_lead import CallLead
from domain.documents.facts import labelled, price_lines
from domain.documents.files import file_key
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.stages import first_stage
from domain.shared.attribution import Attribution
from domain.shared.contact import redacted_name
from domain.shared.letter import Letter
from domain.shared.money import decimal_text

WELCOME = "Your Order Status - {}"
LONGEST_THREAD = 20  # ids in References: a header has its limits, and mail programs need the anchor and the newest


class Thread(msgspec.Struct, frozen=True):
    """The ids that an order's mails to the customer really went out under, oldest first, and the welcome's of them."""

    welcome: str | None = None
    all: tuple[str, ...] = ()


NO_THREAD = Thread()


def staff_notice(order: Order, office: Office, *, calls: Sequence[CallLead] = ()) -> Letter:
    """Tell the office of a new order and the calls matched with it; one thread per kind and office day."""
    kind, day = order.kind, office.day(order.paid.at if order.paid else order.placed_at)
    anchor = f"<{kind.code}-{day}@{office.mail_domain}>"
    what = "New Quote Request" if kind.code == "quote" else f"New {kind.short_label} Order"
    if kind.paid:
        what = f"New PAID {kind.short_label} Order"
    return Letter(
        template="staff_notice",
        to=office.mail_receiver,
        subject=f"{kind.emoji} {what} — {day}",
        values=_notice_values(order, office, calls),
        message_id=f"<{kind.code}-{day}.{order.id}@{office.mail_domain}>",
        in_reply_to=anchor,
        references=(anchor,),
    )


def _notice_values(order: Order, office: Office, calls: Sequence[CallLead]) -> dict[str, Any]:
    answers, contact = order.answers.open(), order.contact.open()
    return {
        "kind_label": order.kind.long_label,
        "order_id": str(order.id),
        "client": msgspec.structs.asdict(contact),
        "facts": list(labelled(order.choices, answers)),
        "comments": answers.comments,
        "files": file_links(order, office),
        "matched_call": matched_call(calls),
        "attribution_line": attribution_line(order.attribution),
        "price_lines": price_lines(order.quote) if order.quote else [],
        "total": decimal_text(order.quote.total_cents) if order.quote else None,
        "paid": order.kind.paid,
    }


def welcome(order: Order, office: Office) -> Letter:
    """Tell the customer where to look: the first mail of the order's thread, and its anchor."""
    stage = first_stage(order.kind.service)
    anchor = f"<tracking-{order.tracking_id}@{office.mail_domain}>"
    contact = order.contact.open()
    return Letter(
        template="welcome",
        to=contact.email,
        subject=WELCOME.format(order.kind.long_label),
        values={
            "kind_label": order.kind.long_label,
            "stage_label": stage.label,
            "emoji": stage.emoji,
            "message": stage.message,
            "name": redacted_name(contact.name),
            "tracking_url": office.url(f"/tracking?tid={order.tracking_id}"),
            "company": company(office),
        },
        message_id=anchor,
        references=(anchor,),
    )


def stage_update(
    order: Order, office: Office, *, stage: str, version: int, corrected: bool, known: Thread = NO_THREAD
) -> Letter:
    """Tell the customer of a stage, in the thread of the welcome."""
    reached = next(known for known in order.kind.stages if known.code == stage)
    return _in_thread(
        order,
        office,
        known=known,
        template="stage_update",
        subject=f"Re: {WELCOME.format(order.kind.long_label)}" if office.reply_subject else "Order Status Update",
        version=version,
        values={
            "emoji": reached.emoji,
            "label": reached.label,
            "message": reached.message,
            "corrected": corrected,
        },
    )


def payment_confirmation(order: Order, office: Office, *, known: Thread = NO_THREAD) -> Letter:
    """Tell the customer that the money has come, line by line."""
    if order.quote is None or order.paid is None:
        raise ValueError("Only a paid order has a payment to confirm.")
    return _in_thread(
        order,
        office,
        known=known,
        template="payment_confirmation",
        subject=f"Payment received - {order.kind.long_label}",
        version=order.paid.version,
        values={
            "kind_label": order.kind.long_label,
            "price_lines": price_lines(order.quote),
            "total": f"{decimal_text(order.paid.amount_cents)} {order.paid.currency.upper()}",
            "date": f"{office.day(order.paid.at):%B %-d, %Y}",
        },
    )


def _in_thread(
    order: Order,
    office: Office,
    *,
    template: str,
    subject: str,
    version: int,
    values: dict[str, Any],
    known: Thread,
) -> Letter:
    """A mail in the thread of the welcome. `known` are the ids that earlier mails really went out under: the provider
    gives them its own, and a customer's answer names those."""
    anchor = f"<tracking-{order.tracking_id}@{office.mail_domain}>"
    contact = order.contact.open()
    return Letter(
        template=template,
        to=contact.email,
        subject=subject,
        values={
            **values,
            "name": redacted_name(contact.name),
            "tracking_url": office.url(f"/tracking?tid={order.tracking_id}"),
        },
        message_id=f"<tracking-{order.tracking_id}.{version}@{office.mail_domain}>",
        in_reply_to=known.welcome or anchor,
        references=(anchor, *known.all[-(LONGEST_THREAD - 1) :]),
    )


def payment_alert(order: Order, office: Office, *, what: str, version: int) -> Letter:
    """Tell the office that somebody has to look at a payment."""
    day, kind = office.day(order.placed_at), order.kind
    anchor = f"<payments-{order.id}@{office.mail_domain}>"
    return Letter(
        template="payment_alert",
        to=office.mail_receiver,
        subject=f"⚠ Payment needs attention — {kind.short_label} — {day}",
        values={
            "kind_label": kind.long_label,
            "order_id": str(order.id),
            "what": what,
            "total": decimal_text(order.quote.total_cents) if order.quote else None,
        },
        message_id=f"<payments-{order.id}.{version}@{office.mail_domain}>",
        in_reply_to=anchor,
        references=(anchor,),
    )


def file_links(order: Order, office: Office) -> list[tuple[str, str]]:
    """(name, address) of each file; the address alone is the permission to read it."""
    names = order.file_names.open() if order.file_names else ()
    return [
        (name, office.url("/" + quote(file_key(file.key, name)))) for file, name in zip(order.files, names, strict=True)
    ]


def matched_call(calls: Sequence[CallLead]) -> str | None:
    """What the first of an order's calls was about, None where there was none."""
    if not calls:
        return None
    return calls[0].calls.shown().words.lead_summary or "without a summary"


def attribution_line(attribution: Attribution) -> str:
    """Where the order came from, in one line."""
    parts = (attribution.source, attribution.medium, attribution.campaign, attribution.keyword)
    return " / ".join(part for part in parts if part) or "unknown"


def company(office: Office) -> dict[str, str]:
    """What pages and mails say about the company."""
    email = office.mail_from.rpartition("<")[2].rstrip(">")
    return {"name": office.name, "address": office.address, "phone": office.phone, "email": email}
