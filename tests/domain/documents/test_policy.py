"""Events in, effects out: what each kind of order asks of the outside, and when."""

from collections.abc import Sequence

import msgspec
import pytest

from domain.documents import policy
from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.effect import Effect
from tests.domain.documents.placed import begun
from tests.wishes import FREE, PAID, STORED_FILE, acts

CONTACT, ENTRY = ("zoho", "enter_contact"), ("zoho", "enter_order")
ATTRIBUTION, FILE = ("zoho", "enter_attribution"), ("zoho", "attach_file")
NOTICE, WELCOME = ("mail", "staff_notice"), ("mail", "welcome")


def asked(order: Order) -> list[Effect]:
    return effects_of(order, *Order.events)


def effects_of(order: Order, *event_classes: type[Event]) -> list[Effect]:
    with acts():
        return [
            effect
            for event in order.pending
            if isinstance(event, event_classes)
            for effect in policy.effects(event, order)
        ]


def kinds(effects: Sequence[Effect]) -> list[tuple[str, str]]:
    return [(effect.channel, effect.kind) for effect in effects]


@pytest.mark.parametrize("kind", FREE)
def test_a_free_order_goes_to_the_crm_the_office_and_the_customer(kind: str) -> None:
    assert kinds(asked(begun(kind))) == [CONTACT, ENTRY, NOTICE, WELCOME]


@pytest.mark.parametrize("kind", PAID)
def test_16_a_paid_order_asks_for_nothing_before_payment_even_with_a_tracking_id(kind: str) -> None:
    order = begun(kind, files=(STORED_FILE,), attribution=Attribution(source="google"))
    assert asked(order) == []


def test_a_quote_is_a_lead_it_gets_a_record_and_a_notice_but_no_contact() -> None:
    assert kinds(effects_of(begun("quote"), Order.Placed)) == [ENTRY, NOTICE]


@pytest.mark.parametrize(
    ("attribution", "links"),
    [
        (Attribution(source="google", lead_type="form"), None),
        (Attribution(lead_type="form"), AttributionLinks(landing_page="https://documents.example/apostille")),
    ],
)
def test_a_known_origin_is_entered_behind_the_order(attribution: Attribution, links: AttributionLinks | None) -> None:
    order = begun("embassy", attribution=attribution, links=links)
    assert kinds(asked(order)) == [CONTACT, ENTRY, ATTRIBUTION, NOTICE, WELCOME]


def test_an_origin_of_which_only_the_lead_type_is_known_is_not_entered() -> None:
    assert ATTRIBUTION not in kinds(asked(begun("embassy", attribution=Attribution(lead_type="form"))))


def test_2_each_file_is_attached_on_its_own_behind_the_record() -> None:
    second = msgspec.structs.replace(STORED_FILE, file_id="f2")
    effects = asked(begun("embassy", files=(STORED_FILE, second)))
    assert kinds(effects) == [CONTACT, ENTRY, FILE, FILE, NOTICE, WELCOME]
    assert [effect.about for effect in effects[2:4]] == [{"file_id": "f1"}, {"file_id": "f2"}]
    assert len({effect.id for effect in effects}) == 6


def test_reaching_a_stage_and_news_from_the_crm_ask_for_nothing() -> None:
    order = begun("embassy")
    with acts():
        order.entered_in_crm(module="Embassy_Legalization", record_id="7")
        order.attribution_entered_in_crm(record_id="8")
    assert effects_of(order, Order.StageReached, Order.EnteredInCrm, Order.AttributionEnteredInCrm) == []
