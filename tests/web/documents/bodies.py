"""Good bodies of the seven forms, and how they are read on one afternoon at the office."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.shared.errors import Invalid
from web.documents.forms import FORMS, Offer

# Half past three in the afternoon at the office; in Paris it is already evening.
NOW = datetime(2026, 2, 9, 20, 30, tzinfo=UTC)
OFFICE = ZoneInfo("America/New_York")
OFFER = Offer(frozenset({"standard", "rush"}), frozenset({"pickup", "ups"}))

REQUIRED = "This field is required."

PERSON = {"name": "John Doe", "email": "john@example.com", "phone": "+1-555-123-4567"}
APPOINTMENT = {"appointment_date": "2026-02-10", "appointment_time": "09:00"}
LEAST: Mapping[str, dict[str, Any]] = {
    "fbi": PERSON | {"package": "standard", "count": 2, "shipping": "ups"},
    "marriage": PERSON
    | {"shipping": "ups", "husband_name": "John Doe", "wife_name": "Mary Roe", "marriage_date": "2001-05-19"}
    | {"country": "Qatar", "certificate_number": "12345"},
    "embassy": PERSON | {"document_type": "Power of attorney", "country": "Qatar"},
    "apostille": PERSON | {"document_type": "Power of attorney", "country": "Italy"},
    "translation": PERSON | {"document_type": "Diploma", "original_language": "Spanish", "target_language": "English"},
    "i9": PERSON | APPOINTMENT | {"services": ["remote"]},
    "quote": PERSON | {"services": ["fbi", "other"]},
}
"""For each kind a body with exactly its required fields."""

MORE: Mapping[str, dict[str, Any]] = {
    "fbi": {"shipping_address": "1 Main St\r\nSpringfield", "translation_r": "yes", "quoted_total": "255.00"},
    "marriage": {"shipping_address": "1 Main St", "quoted_total": "305"},
    "embassy": {"notarization": True},
    "apostille": {"state": "Texas", "notarization": "on"},
    "translation": {"special_instructions": "Two copies"},
    "i9": {"notarization_required": 1},
    "quote": APPOINTMENT,
}
"""For each kind its other fields, beside company and comments."""


def read(kind: str, body: Mapping[str, Any], *, now: datetime = NOW, has_files: bool = False) -> dict[str, Any]:
    return FORMS[kind](offer=OFFER, now=now, office=OFFICE, has_files=has_files).read(body)


def errors(kind: str, **changes: Any) -> dict[str, list[str]]:
    return refusals(kind, LEAST[kind] | changes)


def refusals(
    kind: str, body: Mapping[str, Any], *, now: datetime = NOW, has_files: bool = False
) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as refused:
        read(kind, body, now=now, has_files=has_files)
    return refused.value.fields


def value(kind: str, field: str, sent: Any) -> Any:
    return read(kind, LEAST[kind] | {field: sent})[field]
