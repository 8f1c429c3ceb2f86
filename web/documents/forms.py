"""The seven order forms: one schema each, from which bodies are read and pages and API document are made."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, validates, validates_schema

from web.documents.fields import (
    MESSAGES,
    Choices,
    ClockTime,
    Code,
    Day,
    Text,
    WholeNumber,
    YesNo,
    is_blank,
    refuse,
)
from web.documents.form_base import Appointed, Offer, OrderForm, Shipped, shown

__all__ = ["BLANK", "FORMS", "Offer", "OrderForm"]

EARLIEST_MARRIAGE = date(1900, 1, 1)

I9_SERVICES = {"remote": "Remote", "in_person": "In person"}
QUOTE_SERVICES = {
    "fbi": "FBI apostille",
    "marriage": "Marriage certificate, triple seal",
    "embassy": "Embassy legalization",
    "apostille": "State apostille",
    "translation": "Translation",
    "i9": "I-9 verification",
    "notary": "Online notary",
    "other": "Something else",
}


def _comments() -> Text:
    return Text(most=2000, lines=True, metadata=shown("Comments", control="textarea"))


def _country() -> Text:
    return Text(
        required=True,
        least=2,
        most=80,
        metadata=shown("Country", help_text="Where the document will be used."),
    )


def _document_type() -> Text:
    return Text(required=True, most=120, metadata=shown("Document type", help_text="For example: power of attorney."))


class FbiForm(Shipped, OrderForm):
    """An apostille on FBI background checks, paid."""

    kind = "fbi"

    package = Code(required=True, metadata=shown("Package", control="select", offer="packages"))
    count = WholeNumber(required=True, least=1, most=100, metadata=shown("Number of certificates", control="number"))
    translation_r = YesNo(metadata=shown("I also need a translation", control="checkbox"))
    comments = _comments()

    @validates("package")
    def _check_package(self, value: str, data_key: str) -> None:
        if value not in self.offer.packages:
            raise refuse("not_offered")


class MarriageForm(Shipped, OrderForm):
    """A marriage certificate with three seals, paid."""

    kind = "marriage"

    husband_name = Text(required=True, most=120, metadata=shown("Husband's full name"))
    wife_name = Text(required=True, most=120, metadata=shown("Wife's full name"))
    marriage_date = Day(required=True, metadata=shown("Date of marriage", control="date"))
    country = _country()
    certificate_number = Text(
        most=60, metadata=shown("Certificate number", help_text="Or attach a copy of the certificate.")
    )
    comments = _comments()

    @validates("marriage_date")
    def _check_marriage_date(self, value: date, data_key: str) -> None:
        if value > self.now.date():
            raise refuse("future")
        if value < EARLIEST_MARRIAGE:
            raise refuse("date")

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check_certificate(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if is_blank(original.get("certificate_number")) and not self.has_files:
            words = [MESSAGES["certificate"]]
            raise ValidationError({"certificate_number": words, "files": words})


class EmbassyForm(OrderForm):
    """Legalization by an embassy, free to order."""

    kind = "embassy"

    document_type = _document_type()
    country = _country()
    notarization = YesNo(metadata=shown("It must be notarized first", control="checkbox"))
    comments = _comments()


class ApostilleForm(OrderForm):
    """An apostille by a state, free to order."""

    kind = "apostille"

    document_type = _document_type()
    country = _country()
    state = Text(most=80, metadata=shown("Issuing state"))
    notarization = YesNo(metadata=shown("It must be notarized first", control="checkbox"))
    comments = _comments()


class TranslationForm(OrderForm):
    """A certified translation, free to order."""

    kind = "translation"

    document_type = _document_type()
    original_language = Text(required=True, least=2, most=60, metadata=shown("Translate from"))
    target_language = Text(required=True, least=2, most=60, metadata=shown("Translate into"))
    special_instructions = Text(most=2000, lines=True, metadata=shown("Special instructions", control="textarea"))

    @validates_schema(skip_on_field_errors=False)
    def _check_languages(self, data: dict[str, Any], **_: Any) -> None:
        languages = [data.get("original_language"), data.get("target_language")]
        if all(languages) and len({str(language).casefold() for language in languages}) == 1:
            raise ValidationError(MESSAGES["languages"], "target_language")


class I9Form(Appointed, OrderForm):
    """An appointment for an I-9 employment check, free to order."""

    kind = "i9"

    services = Choices(I9_SERVICES, required=True, metadata=shown("Service", control="checkboxes", options=I9_SERVICES))
    appointment_date = Day(required=True, metadata=shown("Appointment date", control="date"))
    appointment_time = ClockTime(
        required=True, metadata=shown("Appointment time", control="time", help_text="24 hours, office time.")
    )
    notarization_required = YesNo(metadata=shown("A notary is needed", control="checkbox"))
    comments = _comments()


class QuoteForm(Appointed, OrderForm):
    """A request for a price; nothing is ordered yet."""

    kind = "quote"

    services = Choices(
        QUOTE_SERVICES,
        required=True,
        metadata=shown("Services", control="checkboxes", options=QUOTE_SERVICES),
    )
    comments = _comments()


FORMS: Mapping[str, type[OrderForm]] = MappingProxyType(
    {
        form.kind: form
        for form in (FbiForm, MarriageForm, EmbassyForm, ApostilleForm, TranslationForm, I9Form, QuoteForm)
    }
)
"""The form of each kind, in the catalogue's order."""

BLANK: Mapping[str, OrderForm] = MappingProxyType(
    {
        code: form(offer=Offer(frozenset(), frozenset()), now=datetime(2000, 1, 1, tzinfo=UTC), office=ZoneInfo("UTC"))
        for code, form in FORMS.items()
    }
)
"""One form of each kind, for no moment and no offer in particular: `at` makes of it the one to judge a body by."""
