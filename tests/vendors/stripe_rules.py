"""What Stripe's documentation asks of a checkout session's form."""

import re
from collections.abc import Mapping
from datetime import datetime

ITEM = "line_items[0]"
REQUIRED = (
    "mode",
    "success_url",
    "cancel_url",
    f"{ITEM}[quantity]",
    f"{ITEM}[price_data][currency]",
    f"{ITEM}[price_data][unit_amount]",
    f"{ITEM}[price_data][product_data][name]",
)
OPTIONAL = ("client_reference_id", "customer_email", "expires_at")
METADATA = re.compile(r"(?:metadata|payment_intent_data\[metadata\])\[([^\[\]]+)\]")
LEAST_CENTS = 50
MOST_METADATA, LONGEST_NAME, LONGEST_VALUE = 50, 40, 500


class Problem(Exception):
    """Why a form is refused. Like Stripe's, the sentence may repeat what was sent."""

    def __init__(self, sentence: str, *, param: str, code: str) -> None:
        super().__init__(sentence)
        self.param, self.code = param, code


def check_checkout(headers: Mapping[str, str], form: Mapping[str, str], *, now: datetime) -> None:
    """Raise `Problem` unless this opens a payment."""
    if headers.get("content-type") != "application/x-www-form-urlencoded":
        raise Problem("The body must be a form.", param="", code="")
    for name in REQUIRED:
        if not form.get(name):
            raise Problem(f"Missing required param: {name}.", param=name, code="parameter_missing")
    for name in form:
        if name not in REQUIRED and name not in OPTIONAL and not METADATA.fullmatch(name):
            raise Problem(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    _check_values(form, now)
    _check_metadata({name: value for name, value in form.items() if METADATA.fullmatch(name)})


def _check_values(form: Mapping[str, str], now: datetime) -> None:
    ahead = int(form.get("expires_at", now.timestamp() + 86_400)) - now.timestamp()
    rules = {
        "mode": form["mode"] == "payment",
        "success_url": len(form["success_url"]) <= 5000,
        "cancel_url": len(form["cancel_url"]) <= 5000,
        "client_reference_id": len(form.get("client_reference_id", "")) <= 200,
        "customer_email": "@" in form.get("customer_email", "@"),
        "expires_at": 1800 <= ahead <= 86_400,
        f"{ITEM}[price_data][currency]": re.fullmatch(r"[a-z]{3}", form[f"{ITEM}[price_data][currency]"]),
        f"{ITEM}[price_data][unit_amount]": form[f"{ITEM}[price_data][unit_amount]"].isdecimal(),
    }
    for name, holds in rules.items():
        if not holds:
            raise Problem(f"Invalid {name}: {form[name]}", param=name, code="parameter_invalid")
    if int(form[f"{ITEM}[price_data][unit_amount]"]) < LEAST_CENTS:
        raise Problem("The amount is too small.", param=f"{ITEM}[price_data][unit_amount]", code="amount_too_small")


def _check_metadata(metadata: Mapping[str, str]) -> None:
    names = [found[1] for name in metadata if (found := METADATA.fullmatch(name))]
    fits = all(len(name) <= LONGEST_NAME for name in names) and len(set(names)) <= MOST_METADATA
    if not fits or any(len(value) > LONGEST_VALUE for value in metadata.values()):
        raise Problem("Metadata is too long.", param="metadata", code="parameter_invalid")
