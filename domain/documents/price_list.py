"""What the paid services cost. Staff change it; orders keep what they were quoted."""

import re
from collections.abc import Sequence
from typing import ClassVar, Self, TypeVar
from uuid import UUID

from domain.documents.quote import PackageOffer, Quote, ShippingOffer, quote_fbi, quote_marriage
from domain.ledger import Aggregate, Event, Ledger, UnknownStream, repeatable
from domain.shared.errors import Invalid, Refused

Offer = TypeVar("Offer", PackageOffer, ShippingOffer)
PRICE_LIST_ID = UUID("0c5f7a52-9f0e-5d8a-8a5d-3a4f1c7e9b10")
NOT_OFFERED = "Not offered."
HIGHEST_CENTS, LONGEST_LABEL = 10_000_000, 80


class PriceList(Aggregate, name="documents.price_list"):
    """The one price list. Its version is the number of changes it has seen."""

    class Opened(Event, frozen=True):
        currency: str
        packages: tuple[PackageOffer, ...]
        shipping: tuple[ShippingOffer, ...]
        per_cert_cents: int
        marriage_base_cents: int

    class PackagePriced(Event, frozen=True):
        """`was_cents` is None for a new package."""

        offer: PackageOffer
        was_cents: int | None
        reason: str

    class PackageWithdrawn(Event, frozen=True):
        code: str
        reason: str

    class ShippingPriced(Event, frozen=True):
        offer: ShippingOffer
        was_cents: int | None
        reason: str

    class ShippingWithdrawn(Event, frozen=True):
        code: str
        reason: str

    class CertificatePriced(Event, frozen=True):
        cents: int
        was_cents: int
        reason: str

    class MarriagePriced(Event, frozen=True):
        cents: int
        was_cents: int
        reason: str

    currency = "usd"
    per_cert_cents = 0
    marriage_base_cents = 0

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.packages: dict[str, PackageOffer] = {}
        self.shipping: dict[str, ShippingOffer] = {}

    @classmethod
    def open(cls, opened: Opened) -> Self:
        """The list's first prices; raises `Invalid`."""
        _check_offers(opened.packages)
        _check_offers(opened.shipping)
        for cents in (opened.per_cert_cents, opened.marriage_base_cents):
            check_price(cents)
        prices = cls(PRICE_LIST_ID)
        prices.happened(opened)
        return prices

    def price_package(self, offer: PackageOffer, *, reason: str) -> None:
        """Offer a package at this price from now on; raises `Invalid`."""
        check_offer(offer)
        known = self.packages.get(offer.code)
        if known != offer:
            was = known.price_cents if known else None
            self.happened(self.PackagePriced(offer=offer, was_cents=was, reason=reason))

    def withdraw_package(self, code: str, *, reason: str) -> None:
        """Offer a package no longer; old orders still show it."""
        if code in self.packages:
            self.happened(self.PackageWithdrawn(code=code, reason=reason))

    def price_shipping(self, offer: ShippingOffer, *, reason: str) -> None:
        """Offer a way of shipping at this price from now on; raises `Invalid`."""
        check_offer(offer)
        known = self.shipping.get(offer.code)
        if known != offer:
            was = known.price_cents if known else None
            self.happened(self.ShippingPriced(offer=offer, was_cents=was, reason=reason))

    def withdraw_shipping(self, code: str, *, reason: str) -> None:
        """Offer a way of shipping no longer."""
        if code in self.shipping:
            self.happened(self.ShippingWithdrawn(code=code, reason=reason))

    def price_certificate(self, cents: int, *, reason: str) -> None:
        """Each certificate costs this from now on; raises `Invalid`."""
        check_price(cents)
        if cents != self.per_cert_cents:
            self.happened(self.CertificatePriced(cents=cents, was_cents=self.per_cert_cents, reason=reason))

    def price_marriage(self, cents: int, *, reason: str) -> None:
        """The marriage service costs this from now on, before shipping; raises `Invalid`."""
        check_price(cents)
        if cents != self.marriage_base_cents:
            self.happened(self.MarriagePriced(cents=cents, was_cents=self.marriage_base_cents, reason=reason))

    def quote(self, kind: str, *, package: str | None, count: int | None, shipping: str | None) -> Quote:
        """The price of an order of a paid kind; raises `Invalid` naming what is not offered."""
        missing = {
            field: [NOT_OFFERED]
            for field, code, offered in (
                ("package", package, self.packages if kind == "fbi" else {package: None}),
                ("shipping", shipping, self.shipping),
            )
            if code not in offered
        }
        if missing:
            raise Invalid(missing)
        way = self.shipping[shipping or ""]
        if kind == "marriage":
            return quote_marriage(
                base_cents=self.marriage_base_cents,
                shipping=way,
                currency=self.currency,
                price_list_version=self.version,
            )
        return quote_fbi(
            package=self.packages[package or ""],
            shipping=way,
            count=count or 1,
            per_cert_cents=self.per_cert_cents,
            currency=self.currency,
            price_list_version=self.version,
        )

    def apply(self, event: Event) -> None:
        match event:
            case PriceList.Opened(currency=currency):
                self.currency = currency
                self.packages = _by_code(event.packages)
                self.shipping = _by_code(event.shipping)
                self.per_cert_cents = event.per_cert_cents
                self.marriage_base_cents = event.marriage_base_cents
            case PriceList.PackagePriced(offer=package):
                self.packages[package.code] = package
            case PriceList.PackageWithdrawn(code=code):
                self.packages.pop(code)
            case PriceList.ShippingPriced(offer=way):
                self.shipping[way.code] = way
            case PriceList.ShippingWithdrawn(code=code):
                self.shipping.pop(code)
            case PriceList.CertificatePriced(cents=cents):
                self.per_cert_cents = cents
            case PriceList.MarriagePriced(cents=cents):
                self.marriage_base_cents = cents


class AlreadyOpen(Refused):
    """There is one price list, opened once."""

    code: ClassVar[str] = "already_open"
    sentence: ClassVar[str] = "There is a price list already; change its prices one by one."


@repeatable
def open_prices(ledger: Ledger, opened: PriceList.Opened) -> PriceList:
    """Open the price list of a ledger that has none; raises `AlreadyOpen`, `Invalid`."""
    if current_prices(ledger).version:
        raise AlreadyOpen
    prices = PriceList.open(opened)
    ledger.record(prices)
    return prices


def check_price(cents: int) -> None:
    """Raises `Invalid` for a price nobody can mean."""
    if not 0 <= cents <= HIGHEST_CENTS:
        raise Invalid({"price": ["Must be between 0.00 and 100000.00."]})


def check_offer(offer: PackageOffer | ShippingOffer) -> None:
    """Raises `Invalid` for a code or label that could not be shown, or a price nobody can mean."""
    if not re.fullmatch(r"[a-z0-9_]{1,32}", offer.code):
        raise Invalid({"code": ["Small letters, digits and underscores, at most 32."]})
    if not 1 <= len(offer.label.strip()) <= LONGEST_LABEL:
        raise Invalid({"label": ["1 to 80 characters."]})
    check_price(offer.price_cents)


def _check_offers(offers: Sequence[PackageOffer | ShippingOffer]) -> None:
    for offer in offers:
        check_offer(offer)
    if len({offer.code for offer in offers}) < len(offers):
        raise Invalid({"code": ["Given twice."]})


def _by_code(offers: tuple[Offer, ...]) -> dict[str, Offer]:
    return {offer.code: offer for offer in offers}


def current_prices(ledger: Ledger) -> PriceList:
    """The price list as it is; an unopened one offers nothing."""
    try:
        return ledger.load(PriceList, PRICE_LIST_ID)
    except UnknownStream:
        return PriceList(PRICE_LIST_ID)
