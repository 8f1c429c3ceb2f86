"""The steps an order goes through, by service, and how a step is recognised when the CRM names it."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Stage(msgspec.Struct, frozen=True):
    """One step as the customer reads it; the label is also the stage's name in the CRM."""

    code: str
    label: str
    emoji: str
    message: str


CALL_STAGE = "Phone Call Received"

_DELIVERED = Stage("delivered", "Out for Delivery", "🚚", "Your documents have left our office and are on their way.")
_COMPLETED = Stage("completed", "Completed", "✅", "Your order is finished. Thank you.")
TRANSLATED = "translated"


def _received(message: str) -> Stage:
    return Stage("document_received", "Order Received", "📋", message)


def _under_review(message: str) -> Stage:
    return Stage("quote_review", "Request Under Review", "🔎", message)


STAGES: Mapping[str, tuple[Stage, ...]] = MappingProxyType(
    {
        "fbi_apostille": (
            _received("We have your order and documents."),
            Stage(
                "submitted",
                "Submission in Progress",
                "📨",
                "Your FBI report is being submitted for its apostille.",
            ),
            Stage(
                "processed_dos",
                "Processing at U.S. DoS",
                "🏛️",
                "The U.S. Department of State has your documents.",
            ),
            Stage(TRANSLATED, "Translation Review", "🔤", "We are checking your translation."),
            _DELIVERED,
            _COMPLETED,
        ),
        "state_apostille": (
            _received("We have your order."),
            _under_review("We are reviewing your request and will confirm the price."),
            Stage("in_progress", "In Progress", "⚙️", "Your apostille is being prepared."),
            _DELIVERED,
            _COMPLETED,
        ),
        "embassy_legalization": (
            _received("We have your order."),
            _under_review("We are reviewing your request and will confirm the price."),
            Stage("notarized", "Notarization Complete", "🖋️", "Your document has been notarized."),
            Stage(
                "state_authenticated",
                "State Authentication Complete",
                "🏢",
                "The state has authenticated your document.",
            ),
            Stage(
                "federal_authenticated",
                "Federal Authentication Complete",
                "🏛️",
                "The federal authentication is done.",
            ),
            Stage(
                "embassy_legalized",
                "Embassy Legalization Complete",
                "🌐",
                "The embassy has legalized your document.",
            ),
            _DELIVERED,
            _COMPLETED,
        ),
        "translation": (
            _received("We have your order."),
            _under_review("We are reviewing your text and will confirm the price."),
            Stage("in_translation", "Translation in Progress", "✍️", "A translator is working on your document."),
            Stage(TRANSLATED, "Translation Review", "🔤", "A second person is checking the translation."),
            Stage("certified", "Certification Complete", "🏅", "Your translation has been certified."),
            _DELIVERED,
            _COMPLETED,
        ),
        "marriage": (
            _received("We have your order."),
            Stage("submitted", "Submission in Progress", "📨", "We are submitting your certificate."),
            Stage(
                "county_sealed",
                "County Seal Complete",
                "🥇",
                "The first of three seals is on your certificate.",
            ),
            Stage(
                "state_sealed",
                "State Seal Complete",
                "🥈",
                "The second of three seals is on your certificate.",
            ),
            Stage("federal_sealed", "Federal Seal Complete", "🏛️", "All three seals are on your certificate."),
            _DELIVERED,
            _COMPLETED,
        ),
        "i9": (
            _received("We have your request."),
            Stage("appointment_confirmed", "Appointment Confirmed", "📅", "Your appointment is confirmed."),
            Stage(
                "documents_reviewed",
                "Documents Reviewed",
                "🔎",
                "Your identity documents have been examined.",
            ),
            Stage("verified", "Verification Complete", "🪪", "Section 2 of your form has been signed."),
            Stage("completed", "Completed", "✅", "Your verification is finished. Thank you."),
        ),
        "quote": (
            Stage("request_received", "Request Received", "📋", "We have your request."),
            _under_review("We are working out your price."),
            Stage("quoted", "Quote Sent", "💬", "Your quote is in your mailbox."),
            Stage("completed", "Completed", "✅", "Your request is closed. Thank you."),
        ),
    }
)

_NO_ALIASES: Mapping[str, str] = MappingProxyType({})


def _folded(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _folded_names(names: Mapping[str, str]) -> dict[str, str]:
    return {_folded(name): code for name, code in names.items()}


_ALIASES = _folded_names(
    {
        "Order Received": "document_received",
        "Document Received": "document_received",
        "Documents Received": "document_received",
        "New": "request_received",
        "Shipped": "delivered",
        "Done": "completed",
        "Closed": "completed",
    }
)


def stages_of(service: str, *, translated: bool) -> tuple[Stage, ...]:
    """Return an order's steps in turn; an FBI order goes through translation only where it is wanted."""
    stages = STAGES[service]
    if service == "fbi_apostille" and not translated:
        return tuple(stage for stage in stages if stage.code != TRANSLATED)
    return stages


def first_stage(service: str) -> Stage:
    """Return the step an order starts with."""
    return STAGES[service][0]


def is_call_stage(text: str) -> bool:
    """Tell whether the CRM speaks of its own stage for calls, which is no step of an order."""
    return _folded(text) == _folded(CALL_STAGE)


def find_stage(service: str, text: str, aliases: Mapping[str, str] = _NO_ALIASES) -> Stage | None:
    """Find the step that a CRM name means: by label, then code, then the known aliases, then `aliases`.

    `aliases` are the operator's own for this service, from a name to a stage code. Case, spaces and
    punctuation make no difference anywhere.
    """
    by_code = {stage.code: stage for stage in STAGES[service]}
    labels = _folded_names({stage.label: code for code, stage in by_code.items()})
    codes = _folded_names({code: code for code in by_code})
    for names in (labels, codes, _ALIASES, _folded_names(aliases)):
        code = names.get(_folded(text))
        if code in by_code:
            return by_code[code]
    return None
