"""The mails of an order: to whom, under which subject, in which thread, and what they say."""

from typing import Any
from urllib.parse import quote

import msgspec

from domain.documents.facts import labelled, price_lines
from domain.documents.files import file_key
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.stages import first_stage
from domain.shared.attribution import Attribution
from domain.shared.contact import redacted_name
from domain.shared.letter import Letter
from domain.shared.money import decimal_text


def staff_notice(order: Order, office: Office) -> Letter:
    """Tell the office of a new order; one thread per kind and office day."""
    kind, day = order.kind, office.day(order.placed.at)
    anchor = f"<{kind.code}-{day}@{office.mail_domain}>"
    what = "New Quote Request" if kind.code == "quote" else f"New {kind.short_label} Order"
    if kind.paid:
        what = f"New PAID {kind.short_label} Order"
    return Letter(
        template="staff_notice",
        to=office.mail_receiver,
        subject=f"{kind.emoji} {what} — {day}",
        values=_notice_values(order, office),
        message_id=f"<{kind.code}-{day}.{order.id}@{office.mail_domain}>",
        in_reply_to=anchor,
        references=(anchor,),
    )


def _notice_values(order: Order, office: Office) -> dict[str, Any]:
    placed, answers, contact = order.placed, order.placed.answers.open(), order.contact.open()
    return {
        "kind_label": order.kind.long_label,
        "order_id": str(order.id),
        "client": msgspec.structs.asdict(contact),
        "facts": list(labelled(placed.choices, answers)),
        "comments": answers.comments,
        "files": file_links(order, office),
        "matched_call": None,
        "attribution_line": attribution_line(order.attribution),
        "price_lines": price_lines(placed.quote) if placed.quote else [],
        "total": decimal_text(placed.quote.total_cents) if placed.quote else None,
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
        subject=f"Your Order Status - {order.kind.long_label}",
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


def file_links(order: Order, office: Office) -> list[tuple[str, str]]:
    """(name, address) of each file; the address alone is the permission to read it."""
    names = order.placed.file_names.open() if order.placed.file_names else ()
    return [
        (name, office.url("/" + quote(file_key(file.key, name))))
        for file, name in zip(order.placed.files, names, strict=True)
    ]


def attribution_line(attribution: Attribution) -> str:
    """Where the order came from, in one line."""
    parts = (attribution.source, attribution.medium, attribution.campaign, attribution.keyword)
    return " / ".join(part for part in parts if part) or "unknown"


def company(office: Office) -> dict[str, str]:
    """What pages and mails say about the company."""
    email = office.mail_from.rpartition("<")[2].rstrip(">")
    return {"name": office.name, "address": office.address, "phone": office.phone, "email": email}
