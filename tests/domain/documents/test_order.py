"""What an order decides, and what it claims."""

from uuid import UUID

from domain.consequences import Take
from domain.documents.commands import Wish
from domain.documents.order import Order
from domain.documents.order_facts import Answers, Choices
from domain.ledger import Event
from domain.sealed import Sealed
from tests.wishes import NOW, STORED_FILE, acts, wish
from tests.world import told

ORDER_ID = UUID("6d7e1f7c-2a55-4a51-9d1e-0c7f6f1f8a10")
TID = "7K3M0000000000000000"


def placed(kind: str = "embassy", *, request: str | None = None, **changes: object) -> Order:
    wanted: Wish = wish(kind, **changes)
    with acts():
        return Order.place(
            ORDER_ID,
            Order.Placed(
                kind=kind,
                contact=Sealed(wanted.contact),
                choices=wanted.choices,
                answers=Sealed(wanted.answers),
                files=wanted.files,
                attribution=wanted.attribution,
                request=request,
            ),
        )


def happened(order: Order) -> list[str]:
    return [type(event).__name__ for event in order.pending]


def test_a_new_order_knows_its_kind_and_its_customer() -> None:
    order = placed("fbi")
    assert (order.kind.code, order.contact.open().name, order.placed_at) == ("fbi", "John Doe", NOW)
    assert (order.tracking_id, order.stage, order.crm_record) == (None, None, None)


def test_only_the_paid_kinds_wait_for_a_payment() -> None:
    kinds = ("fbi", "marriage", "embassy", "apostille", "translation", "i9", "quote")
    assert [kind for kind in kinds if not placed(kind).worked_on] == ["fbi", "marriage"]


def test_an_order_has_one_tracking_id_for_life() -> None:
    order = placed()
    with acts():
        order.give_tracking_id(TID, reason="form")
        order.give_tracking_id("0" * 20, reason="staff")
    assert told(order.pending[-1]) == ("TrackingIdGiven", {"tracking_id": TID, "reason": "form", "notify": True})
    assert order.tracking_id == TID


def test_work_begins_once_with_the_first_stage_of_the_service() -> None:
    order = placed()
    with acts():
        order.begin()
        order.begin()
    assert told(order.pending[-1]) == ("StageReached", {"stage": "document_received", "skipped": ()})
    assert happened(order) == ["Placed", "StageReached"]


def test_a_record_in_the_crm_is_noted_once() -> None:
    order = placed()
    with acts():
        order.entered_in_crm(module="Embassy_Legalization", record_id="7")
        order.entered_in_crm(module="Embassy_Legalization", record_id="7")
        order.attribution_entered_in_crm(record_id="8")
        order.attribution_entered_in_crm(record_id="8")
    assert happened(order) == ["Placed", "EnteredInCrm", "AttributionEnteredInCrm"]
    assert (order.crm_record, order.crm_attribution) == ("7", "8")


def test_the_same_events_lead_to_the_same_order() -> None:
    order = placed()
    with acts():
        order.give_tracking_id(TID, reason="form")
        order.begin()
        order.entered_in_crm(module="Embassy_Legalization", record_id="7")
    again = Order.of(order.id, order.pending)
    assert {name: value for name, value in vars(again).items() if name != "pending"} == {
        name: value for name, value in vars(order).items() if name != "pending"
    }


def test_an_order_claims_its_request_its_files_and_its_tracking_id() -> None:
    order = placed(request="d1", files=(STORED_FILE,))
    with acts():
        order.give_tracking_id(TID, reason="form")
    assert [list(event.claims()) for event in order.pending] == [
        [Take("request:d1", order.id), Take(f"file:{STORED_FILE.key}", order.id)],
        [Take(f"tracking_id:{TID}", order.id)],
    ]


def test_without_a_key_and_without_files_nothing_is_claimed() -> None:
    assert list(placed().pending[0].claims()) == []


def test_answers_and_choices_share_no_field_with_each_other_or_with_the_envelope() -> None:
    fields = [*Choices.__struct_fields__, *Answers.__struct_fields__, *Event.__struct_fields__]
    assert len(fields) == len(set(fields))
