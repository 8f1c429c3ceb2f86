"""What the order forms have in common: the person, shipping, appointments, and how a body is judged."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

import msgspec
from marshmallow import RAISE, Schema, ValidationError, validates, validates_schema
from marshmallow.fields import Field, Raw

from domain.documents.catalogue import KINDS
from domain.shared.errors import Invalid
from web.documents.fields import (
    MESSAGES,
    Amount,
    ClockTime,
    Code,
    Day,
    Email,
    Name,
    Phone,
    Text,
    is_blank,
    refuse,
)

LATEST_APPOINTMENT = timedelta(days=365)
# A page asks first who, then what, and these at the end.
LAST_ON_PAGE = ("shipping", "shipping_address", "appointment_date", "appointment_time", "comments")


class Offer(msgspec.Struct, frozen=True):
    """The codes on the price list now; others are refused as not offered."""

    packages: frozenset[str]
    shipping: frozenset[str]


def shown(
    label: str,
    *,
    control: str = "text",
    help_text: str = "",
    options: Mapping[str, str] | None = None,
    offer: str = "",
) -> dict[str, Any]:
    """Return a field's metadata: what a page needs to show it.

    `input` is the type of its control, `options` are (value, label) pairs, and `offer` names the part of the
    price list, `packages` or `shipping`, that the options come from when the page is made.
    """
    page = {"label": label, "input": control, "help": help_text, "offer": offer}
    # The API document reads `title` and `description`, and nothing else of this.
    document = {"title": label} | ({"description": help_text} if help_text else {})
    return {**page, "options": tuple((options or {}).items()), **document}


class OrderForm(Schema):
    """What every form asks; `kind` names the catalogue entry that an order by it becomes."""

    kind: ClassVar[str]
    error_messages = {"unknown": MESSAGES["unknown"]}  # noqa: RUF012

    class Meta:
        unknown = RAISE

    name = Name(required=True, most=120, metadata=shown("Full name"))
    email = Email(required=True, most=254, metadata=shown("Email", control="email"))
    phone = Phone(required=True, most=40, metadata=shown("Phone", control="tel", help_text="7 to 15 digits."))
    company = Text(most=120, metadata=shown("Company"))
    # Taken out of the body before it gets here and never the cause of an error; named for the API document.
    attribution = Raw(metadata=shown("Attribution", control="hidden"))

    def __init__(self, *, offer: Offer, now: datetime, office: ZoneInfo, has_files: bool = False) -> None:
        """`now` is aware; what is past or future is judged by the office's calendar and clock."""
        super().__init__()
        self.offer = offer
        self.now = now.astimezone(office)
        self.has_files = has_files

    def at(self, now: datetime, *, offer: Offer, office: ZoneInfo, has_files: bool) -> Self:
        """The same form for another moment and offer; the fields, which know of neither, are not made again."""
        form = copy(self)
        form.offer, form.now, form.has_files = offer, now.astimezone(office), has_files
        return form

    def shown_fields(self) -> list[tuple[str, Field[Any]]]:
        """Return names and fields in the order a page asks for them, without the hidden ones."""
        visible = [(name, field) for name, field in self.fields.items() if field.metadata["input"] != "hidden"]
        return sorted(visible, key=lambda entry: entry[0] in LAST_ON_PAGE and 1 + LAST_ON_PAGE.index(entry[0]))

    def read(self, body: Mapping[str, Any], *, problems: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """Return the values of a body by field name; optional fields that were not sent are absent.

        Raises `Invalid` with everything that is wrong at once, including `problems` found in the files.
        """
        values: dict[str, Any] = {}
        found = self._problems_of_files("files" in body) or dict(problems or {})
        try:
            values = self.load({name: value for name, value in body.items() if name != "files"})
        except ValidationError as error:
            for name, messages in _flat(error.messages):
                found[name] = [*found.get(name, []), *messages]
        if found:
            raise Invalid(found)
        return values

    def _problems_of_files(self, sent_as_text: bool) -> dict[str, Sequence[str]]:
        if not KINDS[self.kind].takes_files and (self.has_files or sent_as_text):
            return {"files": [MESSAGES["no_files"]]}
        return {"files": [MESSAGES["multipart"]]} if sent_as_text else {}


class Shipped(Schema):
    """Paid orders are shipped, and may say which total their customer was shown."""

    offer: Offer

    shipping = Code(required=True, metadata=shown("Shipping", control="select", offer="shipping"))
    shipping_address = Text(
        most=500,
        lines=True,
        metadata=shown("Shipping address", control="textarea", help_text="Not needed for a pickup."),
    )
    quoted_total = Amount(attribute="quoted_total_cents", metadata=shown("Total shown", control="hidden"))

    @validates("shipping")
    def _check_shipping(self, value: str, data_key: str) -> None:
        if value not in self.offer.shipping:
            raise refuse("not_offered")


class Appointed(Schema):
    """An appointment at the office or online: a day and a time by the office's clock, both or neither."""

    now: datetime

    appointment_date = Day(metadata=shown("Appointment date", control="date"))
    appointment_time = ClockTime(metadata=shown("Appointment time", control="time", help_text="24 hours, office time."))

    @validates("appointment_date")
    def _check_appointment_date(self, value: date, data_key: str) -> None:
        if value < self.now.date():
            raise refuse("past")
        if value > self.now.date() + LATEST_APPOINTMENT:
            raise refuse("too_far")

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check_appointment(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        day: date | None = data.get("appointment_date")
        clock: time | None = data.get("appointment_time")
        if day and clock and day == self.now.date() and clock < self.now.time():
            raise ValidationError(MESSAGES["past"], "appointment_time")
        for missing, other in (("appointment_date", clock), ("appointment_time", day)):
            if other and is_blank(original.get(missing)) and not self.fields[missing].required:
                raise ValidationError(MESSAGES["required"], missing)


def _flat(messages: Any, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Write nested messages with dotted names: `{"services": {1: [...]}}` becomes `services.1`."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _flat(inner, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, [str(message) for message in messages]
