"""An order's answers as labelled lines, for staff mails, CRM descriptions and pages."""

from collections.abc import Iterator

from domain.documents.order_facts import Answers, Choices
from domain.documents.quote import Quote
from domain.shared.money import decimal_text

LABELS = {
    "shipping_address": "Shipping address",
    "husband_name": "Husband's name",
    "wife_name": "Wife's name",
    "marriage_date": "Date of marriage",
    "country": "Country",
    "certificate_number": "Certificate number",
    "document_type": "Document type",
    "state": "Issuing state",
    "original_language": "Original language",
    "target_language": "Target language",
    "special_instructions": "Special instructions",
    "translation_r": "Translation wanted",
    "notarization": "Notarization",
    "notarization_required": "Notarization required",
    "services": "Services",
    "appointment_date": "Appointment date",
    "appointment_time": "Appointment time",
}


def labelled(choices: Choices, answers: Answers) -> Iterator[tuple[str, str]]:
    """(label, value) of everything the form gave, in the order of `LABELS`; comments are shown apart."""
    for name, label in LABELS.items():
        value = getattr(answers, name, None) or getattr(choices, name, None)
        if value is True:
            yield label, "Yes"
        elif value and isinstance(value, tuple):
            yield label, ", ".join(service.replace("_", " ") for service in value)
        elif value:
            yield label, str(value)


def price_lines(quote: Quote) -> list[tuple[str, str]]:
    """(what, amount) of each part of a price; amounts as decimal text without a currency."""
    lines: list[tuple[str, str]] = []
    if quote.base_cents is not None:
        lines.append(("Triple Seal Marriage", decimal_text(quote.base_cents)))
    if quote.package_cents is not None:
        lines.append((f"Package: {quote.package_label}", decimal_text(quote.package_cents)))
    if quote.count is not None and quote.per_cert_cents is not None:
        each = decimal_text(quote.per_cert_cents)
        lines.append((f"Certificates: {quote.count} × {each}", decimal_text(quote.count * quote.per_cert_cents)))
    lines.append((f"Shipping: {quote.shipping_label}", decimal_text(quote.shipping_cents)))
    return lines
