"""Demo data for an empty ledger: a price list, and a handful of orders by people who do not exist."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from uuid import UUID

from domain.documents.commands import Wish, place_order
from domain.documents.order import Order
from domain.documents.order_facts import Answers, Choices
from domain.documents.price_list import PriceList
from domain.documents.quote import PackageOffer, ShippingOffer
from domain.ledger import Ledger
from domain.shared.attribution import Attribution, AttributionLinks, normal_attribution
from domain.shared.contact import Contact

PRICES = PriceList.Opened(
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


def open_demo_prices(ledger: Ledger) -> None:
    """Offer the demo price list; call inside `acting(...)`, on a ledger that has none."""
    ledger.record(PriceList.open(PRICES))


def place_demo_orders(
    ledger: Ledger, *, today: date, new_id: Callable[[], UUID], draw_tracking_id: Callable[[], str]
) -> list[Order]:
    """Place one order of every kind; call inside `acting(...)`, with prices on offer. `today` is the office's."""
    return [
        place_order(ledger, id=new_id(), wish=wish, draw_tracking_id=draw_tracking_id)[0]
        for wish in demo_wishes(today=today)
    ]


def demo_wishes(*, today: date) -> Iterator[Wish]:
    """One good form of every kind, as if it had come from the web."""
    yield from _free(today)
    yield from _paid(today)
    attribution, links = _came(source="yelp", medium="referral", device_type="Tablet", city="Baltimore")
    yield Wish(
        kind="quote",
        contact=Contact("Noor Haddad", "noor.haddad@example.com", "+1 202 555 0147"),
        choices=Choices(services=("translation", "notary")),
        answers=Answers(comments="Eleven pages, Arabic into English, needed within the month."),
        attribution=attribution,
        links=links,
    )


def _free(today: date) -> Iterator[Wish]:
    attribution, links = _came(
        source="google",
        medium="cpc",
        campaign="embassy-legalization",
        gclid="demo-click-1",
        device_type="Mobile",
        landing_page="https://documents.example/embassy?utm_source=google",
    )
    yield Wish(
        kind="embassy",
        contact=Contact("Amara Okafor", "amara.okafor@example.com", "+1 202 555 0121", "Okafor Trading LLC"),
        choices=Choices(notarization=True),
        answers=Answers(document_type="Power of attorney", country="Qatar"),
        attribution=attribution,
        links=links,
    )
    attribution, links = _came(source="bing", medium="organic", device_type="Desktop", visit_count=3)
    yield Wish(
        kind="apostille",
        contact=Contact("Lucía Fernández", "lucia.fernandez@example.com", "(202) 555-0133"),
        answers=Answers(document_type="Birth certificate", country="Spain", state="Maryland"),
        attribution=attribution,
        links=links,
    )
    yield Wish(
        kind="translation",
        contact=Contact("Pavel Novák", "pavel.novak@example.com", "202-555-0158"),
        answers=Answers(
            document_type="University diploma",
            original_language="Czech",
            target_language="English",
            special_instructions="Please keep the layout of the seal page.",
        ),
    )
    attribution, links = _came(source="linkedin", medium="social", campaign="hiring", device_type="Desktop")
    yield Wish(
        kind="i9",
        contact=Contact("Grace Lindqvist", "grace.lindqvist@example.com", "202.555.0164", "Northlight Studio"),
        choices=Choices(services=("remote",), appointment_date=today + timedelta(days=7), appointment_time="10:30"),
        attribution=attribution,
        links=links,
    )


def _paid(today: date) -> Iterator[Wish]:
    attribution, links = _came(source="google", medium="organic", device_type="Mobile", pages_viewed=5)
    yield Wish(
        kind="fbi",
        contact=Contact("Tomás Ibarra", "tomas.ibarra@example.com", "+1 (202) 555-0172"),
        answers=Answers(shipping_address="12 Example Avenue, Springfield"),
        attribution=attribution,
        links=links,
        package="standard",
        count=2,
        shipping="ups",
    )
    attribution, links = _came(source="facebook", medium="paid", campaign="newlyweds", fbclid="demo-click-2")
    yield Wish(
        kind="marriage",
        contact=Contact("Hana Sato", "hana.sato@example.com", "202 555 0189"),
        answers=Answers(
            husband_name="Daniel Sato",
            wife_name="Hana Sato",
            marriage_date=today - timedelta(days=400),
            country="Japan",
            certificate_number="DEMO-2024-0417",
        ),
        attribution=attribution,
        links=links,
        shipping="fedex_international",
    )


def _came(**raw: object) -> tuple[Attribution, AttributionLinks]:
    return normal_attribution(raw, lead_type="form")
