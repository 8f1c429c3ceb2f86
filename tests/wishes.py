"""Good wishes of every kind, the demo prices, and the act they are placed in."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from domain.documents import tracking_id
from domain.documents.commands import Wish
from domain.documents.files import StoredFile
from domain.documents.order_facts import Answers, Choices
from domain.documents.price_list import PriceList
from domain.documents.quote import PackageOffer, ShippingOffer
from domain.ledger import Act, Ledger, acting
from domain.shared.contact import Contact

# Half past three in the afternoon at the office.
NOW = datetime(2026, 2, 9, 20, 30, tzinfo=UTC)
PAID, FREE = ("fbi", "marriage"), ("embassy", "apostille", "translation", "i9")

DEMO_PRICES = PriceList.Opened(
    currency="usd",
    packages=(
        PackageOffer(code="standard", label="Standard", price_cents=17500, note="10–12 business days"),
        PackageOffer(code="rush", label="Rush", price_cents=25000, note="5–7 business days"),
        PackageOffer(code="super_rush", label="Super Rush", price_cents=37500, note="2–3 business days"),
    ),
    shipping=(
        ShippingOffer(code="pickup", label="Office pickup", price_cents=0),
        ShippingOffer(code="mail", label="USPS Mail", price_cents=1000),
        ShippingOffer(code="ups", label="UPS", price_cents=3000),
        ShippingOffer(code="fedex", label="FedEx", price_cents=3500),
        ShippingOffer(code="fedex_international", label="FedEx International", price_cents=8500),
    ),
    per_cert_cents=2500,
    marriage_base_cents=29500,
)

STORED_FILE = StoredFile(
    file_id="f1",
    media_type="application/pdf",
    size=9,
    sha256="0" * 64,
    key="media/orders/00000000000000000000000001",
)
CONTACT = Contact("John Doe", "john@example.com", "+1-555-123-4567")
_PAPER = Answers(document_type="Power of attorney", country="Qatar")
WISHES: Mapping[str, Wish] = {
    "fbi": Wish(kind="fbi", contact=CONTACT, package="standard", count=2, shipping="ups"),
    "marriage": Wish(
        kind="marriage",
        contact=CONTACT,
        shipping="mail",
        answers=Answers(
            husband_name="John Doe",
            wife_name="Mary Roe",
            marriage_date=date(2001, 5, 19),
            country="Qatar",
            certificate_number="12345",
        ),
    ),
    "embassy": Wish(kind="embassy", contact=CONTACT, answers=_PAPER, choices=Choices(notarization=True)),
    "apostille": Wish(kind="apostille", contact=CONTACT, answers=_PAPER),
    "translation": Wish(
        kind="translation",
        contact=CONTACT,
        answers=Answers(document_type="Diploma", original_language="Spanish", target_language="English"),
    ),
    "i9": Wish(
        kind="i9",
        contact=CONTACT,
        choices=Choices(services=("remote",), appointment_date=date(2026, 2, 10), appointment_time="09:00"),
    ),
    "quote": Wish(kind="quote", contact=CONTACT, choices=Choices(services=("fbi", "other"))),
}


def wish(kind: str, **changes: Any) -> Wish:
    """A good wish of this kind, with these changes."""
    return msgspec.structs.replace(WISHES[kind], **changes)


def acts(at: datetime = NOW, *, by: str = "customer", via: str = "form") -> AbstractContextManager[Act]:
    """Somebody does something at this time."""
    return acting(by=by, via=via, at=at, correlation="request-1")


def demo_prices(ledger: Ledger, at: datetime = NOW) -> PriceList:
    """Open the price list with the demo prices."""
    with acts(at):
        prices = PriceList.open(DEMO_PRICES)
    ledger.record(prices)
    return prices


def tracking_ids() -> Callable[[], str]:
    """Draws ids that differ, always the same ones in the same order."""
    numbers = iter(range(1, 1_000))
    return lambda: tracking_id.draw(lambda size: (next(numbers) << 4).to_bytes(size, "big"))
