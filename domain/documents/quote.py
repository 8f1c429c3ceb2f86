"""What an order costs: computed once from what was on offer, and kept with the order for good."""

import msgspec

from domain.shared.errors import Invalid

SMALLEST_TOTAL_CENTS = 50


class TotalTooSmall(Invalid):
    """The payment provider charges nothing below half a dollar, so such a total is not offered."""

    def __init__(self) -> None:
        super().__init__({"shipping": ["Not offered."]})


class PackageOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A speed of service at its price; the note says how long it takes."""

    code: str
    label: str
    price_cents: int
    note: str = ""


class ShippingOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A way back to the customer at its price."""

    code: str
    label: str
    price_cents: int


class Quote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The price of one order, part by part; parts its kind does not have are None and are not stored.

    Labels and prices are copies: a later change of the price list never touches an order.
    """

    package_code: str | None = None
    package_label: str | None = None
    package_cents: int | None = None
    count: int | None = None
    per_cert_cents: int | None = None
    shipping_code: str
    shipping_label: str
    shipping_cents: int
    base_cents: int | None = None
    total_cents: int
    currency: str
    price_list_version: int


def quote_fbi(
    *,
    package: PackageOffer,
    shipping: ShippingOffer,
    count: int,
    per_cert_cents: int,
    currency: str,
    price_list_version: int,
) -> Quote:
    """Package, shipping and each certificate; raises TotalTooSmall."""
    return Quote(
        package_code=package.code,
        package_label=package.label,
        package_cents=package.price_cents,
        count=count,
        per_cert_cents=per_cert_cents,
        shipping_code=shipping.code,
        shipping_label=shipping.label,
        shipping_cents=shipping.price_cents,
        total_cents=_chargeable(package.price_cents + shipping.price_cents + count * per_cert_cents),
        currency=currency,
        price_list_version=price_list_version,
    )


def quote_marriage(*, base_cents: int, shipping: ShippingOffer, currency: str, price_list_version: int) -> Quote:
    """The base price and shipping; raises TotalTooSmall."""
    return Quote(
        base_cents=base_cents,
        shipping_code=shipping.code,
        shipping_label=shipping.label,
        shipping_cents=shipping.price_cents,
        total_cents=_chargeable(base_cents + shipping.price_cents),
        currency=currency,
        price_list_version=price_list_version,
    )


def _chargeable(total_cents: int) -> int:
    if total_cents < SMALLEST_TOTAL_CENTS:
        raise TotalTooSmall
    return total_cents
