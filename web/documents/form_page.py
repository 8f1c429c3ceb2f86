"""An order form as a page: the same schema that judges the body, with the prices in force."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from marshmallow.fields import Field
from marshmallow.validate import Length, Range

from domain.documents.catalogue import Kind
from domain.documents.files import EXTENSIONS
from domain.documents.price_list import PriceList
from domain.shared.money import decimal_text
from web.documents.forms import OrderForm

ACCEPTED = ",".join(f".{extension}" for extensions in EXTENSIONS.values() for extension in extensions)
FILES_HELP = "Up to 10 files of 20 MB: PDF, JPEG, PNG, WebP, HEIC, TIFF, DOC or DOCX."


def form_page(
    kind: Kind,
    form: OrderForm,
    prices: PriceList,
    *,
    sent: Mapping[str, Any] | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """What the page shows; `sent` and `errors` when a body was refused. Each page carries a key of its own, so that
    pressing the button twice places one order."""
    errors = errors or {}
    fields = [_control(name, field, prices, sent or {}, errors) for name, field in form.shown_fields()]
    if kind.takes_files:
        fields.append(_files(errors))
    named = {field["name"] for field in fields}
    return {
        "title": kind.long_label,
        "action": kind.path,
        "fields": fields,
        "idempotency_key": uuid4().hex,
        "errors_summary": [
            message for name, found in errors.items() if name.partition(".")[0] not in named for message in found
        ],
    }


def _control(
    name: str,
    field: Field[Any],
    prices: PriceList,
    sent: Mapping[str, Any],
    errors: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    about = field.metadata
    return {
        "name": name,
        "label": about["label"],
        "type": about["input"],
        "required": field.required,
        "help": about["help"],
        "options": _offered(about["offer"], prices) or about["options"],
        "value": sent.get(name),
        "errors": _errors_of(name, errors),
        "multiple": False,
        "accept": None,
        **_limits(field),
    }


def _offered(offer: str, prices: PriceList) -> list[tuple[str, str]]:
    match offer:
        case "packages":
            return [(o.code, f"{o.label}, {o.note}: ${decimal_text(o.price_cents)}") for o in prices.packages.values()]
        case "shipping":
            return [(o.code, f"{o.label}: ${decimal_text(o.price_cents)}") for o in prices.shipping.values()]
        case _:
            return []


def _limits(field: Field[Any]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for rule in field.validators:
        if isinstance(rule, Range):
            limits |= {"min": rule.min, "max": rule.max}
        elif isinstance(rule, Length) and rule.max is not None:
            limits["maxlength"] = rule.max
    return limits


def _files(errors: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "name": "files",
        "label": "Documents",
        "type": "file",
        "required": False,
        "help": FILES_HELP,
        "options": (),
        "value": None,
        "errors": _errors_of("files", errors),
        "multiple": True,
        "accept": ACCEPTED,
    }


def _errors_of(name: str, errors: Mapping[str, Sequence[str]]) -> list[str]:
    return [message for field, found in errors.items() if field.partition(".")[0] == name for message in found]
