"""The kinds of value a form can hold: how each is read, and what is said when it is wrong."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from marshmallow import ValidationError, fields, missing, validate

from domain.shared.contact import normal_email
from domain.shared.money import parse_decimal
from domain.shared.phone import is_phone

MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "required": "This field is required.",
        "unknown": "Unknown field.",
        "email": "Not a valid email address.",
        "phone": "Enter a phone number with 7 to 15 digits.",
        "not_offered": "Not offered.",
        "range": "Must be between {min} and {max}.",
        "too_long": "Longer than {max} characters.",
        "date": "Not a valid date.",
        "past": "The date is in the past.",
        "future": "The date is in the future.",
        "languages": "The languages must differ.",
        "certificate": "Send the certificate number or a copy of it.",
        "no_files": "This form takes no files.",
        "text": "Not a valid text.",
        "too_short": "Shorter than {min} characters.",
        "no_letter": "Must contain a letter.",
        "control": "Must not contain control characters.",
        "boolean": "Must be true or false.",
        "time": "Not a valid time.",
        "too_far": "The date is more than 365 days ahead.",
        "amount": "Not a valid amount.",
        "list": "Not a valid list.",
        "repeated": "Named more than once.",
        "multipart": "Send files as multipart/form-data.",
        "key": "Must be 1 to 255 printable ASCII characters.",
    }
)
"""Every word said about a field: first those the specification fixes, then ours for what it leaves open."""

_T = TypeVar("_T")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")


def refuse(message: str) -> ValidationError:
    """Return the refusal that stands in the table under this name."""
    return ValidationError(MESSAGES[message])


def is_blank(value: Any) -> bool:
    """Tell whether this counts as not sent: null, text of blanks, or a list of nothing else."""
    if isinstance(value, list):
        return all(is_blank(item) for item in value)
    return value is None or (isinstance(value, str) and not value.strip())


class FormField(fields.Field[_T]):
    """A field for which null, blank text and an empty list mean that nothing was sent."""

    default_error_messages = {"required": MESSAGES["required"]}  # noqa: RUF012

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        return super().deserialize(missing if is_blank(value) else value, attr, data, **kwargs)


class Text(FormField[str], fields.String):
    """Text in NFC without blanks around it; one line of it unless `lines` is true."""

    def __init__(self, *, most: int, least: int = 1, lines: bool = False, **kwargs: Any) -> None:
        rules = [validate.Length(max=most, error=MESSAGES["too_long"])]
        if least > 1:
            rules.append(validate.Length(min=least, error=MESSAGES["too_short"]))
        super().__init__(validate=rules, **kwargs)
        self.lines = lines

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = _read_text(value)
        if self.lines:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not text.isprintable() and not all(_is_printable(char, lines=self.lines) for char in text):
            raise refuse("control")
        return text


class Name(Text):
    """The name of a person: text with one letter at least."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not any(char.isalpha() for char in text):
            raise refuse("no_letter")
        return text


class Email(Text):
    """An e-mail address, kept with its domain in lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # Length first: an address that is too long is also not valid, and one message is enough.
        self._validate(text)
        return _read_with(normal_email, text, "email")


class Phone(Text):
    """A telephone number as its owner writes it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        self._validate(text)
        if not is_phone(text):
            raise refuse("phone")
        return text


class Code(FormField[str], fields.String):
    """A code of the price list; whether it is offered now is for the form to say."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise refuse("not_offered")
        return value.strip()


class WholeNumber(FormField[int], fields.Integer):
    """A whole number in a range, as JSON number or as digits."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self.outside = MESSAGES["range"].format(min=least, max=most)
        super().__init__(validate=validate.Range(least, most, error=self.outside), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise ValidationError(self.outside)


class YesNo(FormField[bool], fields.Boolean):
    """True or false, also as 1 or 0, and in form text as yes or no, on or off."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            truthy={"true", "1", "yes", "on", 1},
            falsy={"false", "0", "no", "off", 0},
            load_default=False,
            error_messages={"invalid": MESSAGES["boolean"]},
            **kwargs,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        word = value.strip().lower() if isinstance(value, str) else value
        return super()._deserialize(word, attr, data, **kwargs)


class Day(FormField[date], fields.Date):
    """A calendar day, written `YYYY-MM-DD` and no other way."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        text = value.strip() if isinstance(value, str) else ""
        if not _DATE.fullmatch(text):
            raise refuse("date")
        return _read_with(date.fromisoformat, text, "date")


class ClockTime(FormField[time], fields.Time):
    """A time of day by the office's clock, `HH:MM` in 24 hours."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> time:
        text = value.strip() if isinstance(value, str) else ""
        if not _TIME.fullmatch(text):
            raise refuse("time")
        return time.fromisoformat(text)


class Amount(FormField[int], fields.String):
    """A sum of money as decimal text with two places at most, read as cents."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # type: ignore[override]
        text = value.strip() if isinstance(value, str) else ""
        return _read_with(parse_decimal, text, "amount")


class Choices(FormField[list[str | None]], fields.List[str]):
    """One or more codes out of a few, without repeats.

    Written as a JSON array, as one code, as codes between commas, or as text that holds a JSON array.
    """

    def __init__(self, codes: Iterable[str], **kwargs: Any) -> None:
        self.codes = tuple(codes)
        super().__init__(fields.String(validate=validate.OneOf(self.codes)), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str | None]:
        chosen: list[str | None] = []
        problems: dict[int, list[str]] = {}
        # One item more than there are codes is wrong for certain: a list of thousands needs no full answer.
        for number, item in enumerate(_read_list(value)[: len(self.codes) + 1]):
            code = re.sub(r"[\s-]", "_", item.strip().lower()) if isinstance(item, str) else None
            if code not in self.codes:
                problems[number] = [MESSAGES["not_offered"]]
            elif code in chosen:
                problems[number] = [MESSAGES["repeated"]]
            else:
                chosen.append(code)
        if problems:
            raise ValidationError(problems)
        return chosen


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse("text")
    return unicodedata.normalize("NFC", value).strip()


def _is_printable(char: str, *, lines: bool) -> bool:
    # Lone surrogates (Cs) cannot be stored; line separators (Zl, Zp) would break a mail's subject.
    return (lines and char in "\n\t") or unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}


def _read_with(read: Callable[[str], _T], text: str, message: str) -> _T:
    try:
        return read(text)
    except ValueError:
        raise refuse(message) from None


def _read_list(value: Any) -> list[Any]:
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            return msgspec.json.decode(value, type=list)
        except (msgspec.DecodeError, RecursionError):
            raise refuse("list") from None
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        raise refuse("list")
    return [item for item in value if not is_blank(item)]
