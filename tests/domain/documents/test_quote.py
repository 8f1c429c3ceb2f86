"""Prices of orders, from what is on offer."""

import msgspec
import pytest

from domain.documents.quote import (
    PackageOffer,
    Quote,
    ShippingOffer,
    TotalTooSmall,
    quote_fbi,
    quote_marriage,
)

STANDARD = PackageOffer(code="standard", label="Standard", price_cents=17500, note="10-12 business days")
UPS = ShippingOffer(code="ups", label="UPS", price_cents=3000)
PICKUP = ShippingOffer(code="pickup", label="Office pickup", price_cents=0)


def fbi(*, package: PackageOffer, shipping: ShippingOffer, count: int, per_cert_cents: int) -> Quote:
    return quote_fbi(
        package=package,
        shipping=shipping,
        count=count,
        per_cert_cents=per_cert_cents,
        currency="usd",
        price_list_version=7,
    )


def marriage(*, base_cents: int, shipping: ShippingOffer) -> Quote:
    return quote_marriage(base_cents=base_cents, shipping=shipping, currency="usd", price_list_version=7)


def test_scenario_13_two_certificates_standard_by_ups_cost_255() -> None:
    quote = fbi(package=STANDARD, shipping=UPS, count=2, per_cert_cents=2500)
    assert msgspec.to_builtins(quote) == {
        "package_code": "standard",
        "package_label": "Standard",
        "package_cents": 17500,
        "count": 2,
        "per_cert_cents": 2500,
        "shipping_code": "ups",
        "shipping_label": "UPS",
        "shipping_cents": 3000,
        "total_cents": 25500,
        "currency": "usd",
        "price_list_version": 7,
    }


def test_a_marriage_costs_the_base_price_and_shipping_and_names_no_package() -> None:
    quote = marriage(base_cents=29500, shipping=UPS)
    assert msgspec.to_builtins(quote) == {
        "shipping_code": "ups",
        "shipping_label": "UPS",
        "shipping_cents": 3000,
        "base_cents": 29500,
        "total_cents": 32500,
        "currency": "usd",
        "price_list_version": 7,
    }


def test_a_total_below_half_a_dollar_is_not_offered() -> None:
    assert marriage(base_cents=50, shipping=PICKUP).total_cents == 50
    with pytest.raises(TotalTooSmall) as refusal:
        marriage(base_cents=49, shipping=PICKUP)
    assert refusal.value.fields == {"shipping": ["Not offered."]}
    free = PackageOffer(code="free", label="Free", price_cents=0)
    with pytest.raises(TotalTooSmall):
        fbi(package=free, shipping=PICKUP, count=1, per_cert_cents=49)
