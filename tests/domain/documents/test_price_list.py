"""What the paid services cost, and what a change of price leaves alone."""

import pytest

from domain.documents.price_list import PriceList, current_prices
from domain.documents.quote import PackageOffer, Quote, ShippingOffer
from domain.ledger import Ledger
from domain.shared.errors import Invalid
from tests.memory_log import MemoryLog
from tests.wishes import DEMO_PRICES, acts, demo_prices
from tests.world import told

STANDARD_199 = PackageOffer(code="standard", label="Standard", price_cents=19900)


def prices() -> PriceList:
    with acts():
        return PriceList.open(DEMO_PRICES)


def not_offered(prices: PriceList, kind: str, **choices: object) -> dict[str, list[str]]:
    wanted = {"package": "standard", "count": 1, "shipping": "ups"} | choices
    with pytest.raises(Invalid) as refused:
        prices.quote(kind, **wanted)  # type: ignore[arg-type]
    return refused.value.fields


def test_13_fbi_standard_two_certificates_ups_costs_255_and_lists_each_part() -> None:
    assert prices().quote("fbi", package="standard", count=2, shipping="ups") == Quote(
        package_code="standard",
        package_label="Standard",
        package_cents=17500,
        count=2,
        per_cert_cents=2500,
        shipping_code="ups",
        shipping_label="UPS",
        shipping_cents=3000,
        total_cents=25500,
        currency="usd",
        price_list_version=1,
    )


def test_a_marriage_costs_its_base_price_and_shipping() -> None:
    quote = prices().quote("marriage", package=None, count=None, shipping="mail")
    assert (quote.base_cents, quote.shipping_cents, quote.total_cents) == (29500, 1000, 30500)
    assert (quote.package_code, quote.count, quote.per_cert_cents) == (None, None, None)


def test_a_change_names_the_old_and_the_new_price_and_why() -> None:
    price_list = prices()
    with acts(by="manager"):
        price_list.price_package(STANDARD_199, reason="costs")
        price_list.price_shipping(ShippingOffer(code="dhl", label="DHL", price_cents=4000), reason="wished for")
        price_list.price_certificate(2600, reason="costs")
        price_list.price_marriage(30000, reason="costs")
    assert [told(event)[1] for event in price_list.pending[1:]] == [
        {"offer": STANDARD_199, "was_cents": 17500, "reason": "costs"},
        {"offer": price_list.shipping["dhl"], "was_cents": None, "reason": "wished for"},
        {"cents": 2600, "was_cents": 2500, "reason": "costs"},
        {"cents": 30000, "was_cents": 29500, "reason": "costs"},
    ]
    assert {event.by for event in price_list.pending[1:]} == {"manager"}


def test_each_change_raises_the_version_that_quotes_name() -> None:
    price_list = prices()
    with acts():
        price_list.price_package(STANDARD_199, reason="costs")
    quote = price_list.quote("fbi", package="standard", count=2, shipping="ups")
    assert (quote.price_list_version, quote.total_cents) == (2, 27900)


def test_setting_what_is_already_so_records_nothing() -> None:
    price_list = prices()
    with acts():
        price_list.price_package(price_list.packages["rush"], reason="again")
        price_list.price_shipping(price_list.shipping["ups"], reason="again")
        price_list.price_certificate(2500, reason="again")
        price_list.price_marriage(29500, reason="again")
        price_list.withdraw_package("gold", reason="never there")
        price_list.withdraw_shipping("dhl", reason="never there")
    assert len(price_list.pending) == 1


def test_15_what_was_withdrawn_or_never_was_is_not_offered() -> None:
    price_list = prices()
    with acts():
        price_list.withdraw_shipping("fedex", reason="strike")
        price_list.withdraw_package("rush", reason="staff on holiday")
    assert not_offered(price_list, "fbi", shipping="fedex") == {"shipping": ["Not offered."]}
    assert not_offered(price_list, "marriage", shipping="fedex") == {"shipping": ["Not offered."]}
    both = {"package": ["Not offered."], "shipping": ["Not offered."]}
    assert not_offered(price_list, "fbi", package="rush", shipping=None) == both


def test_what_was_withdrawn_can_be_offered_again_at_a_new_price() -> None:
    price_list = prices()
    with acts():
        price_list.withdraw_package("standard", reason="sold out")
        price_list.price_package(STANDARD_199, reason="back")
    assert told(price_list.pending[-1])[1]["was_cents"] is None
    assert price_list.quote("fbi", package="standard", count=1, shipping="pickup").total_cents == 22400


def test_a_list_that_was_never_opened_offers_nothing() -> None:
    unopened = current_prices(Ledger(MemoryLog(), policies={}))
    assert not_offered(unopened, "fbi") == {"package": ["Not offered."], "shipping": ["Not offered."]}


def test_the_list_in_force_is_the_recorded_one() -> None:
    ledger = Ledger(MemoryLog(), policies={})
    opened = demo_prices(ledger)
    with acts():
        opened.price_certificate(3000, reason="costs")
    ledger.record(opened)
    assert (current_prices(ledger).per_cert_cents, current_prices(ledger).version) == (3000, 2)
