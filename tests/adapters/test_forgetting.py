"""Finding what is one person's: others with the same number or address, and messages that speak of them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from adapters.forgetting import Found, People
from domain.documents.call_facts import CallPost
from domain.documents.call_lead import CallLead
from domain.documents.call_post import identified, read_call
from domain.documents.erasure import Erasure, erase
from domain.shared.contact import Contact
from domain.shared.errors import Invalid, Unreachable
from domain.shared.receipt import Receipt, receive
from projections.across.receipts import RECEIPTS
from projections.documents.orders import ORDER_DESK
from tests.domain.documents.calls import COMPLETED, lead_of, told
from tests.wishes import NOW, acts
from tests.world import World, open_world

ANN = Contact("Ann Lee", "ann@planted.example", "+1 555 817 2601")
BEN = Contact("Ben Lee", "ben@planted.example", "+1 555 817 2601")
CARL = Contact("Carl Roe", "carl@planted.example", "+1 555 817 2703")


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with open_world(database_url, tmp_path) as world:
        yield world


def arrive(world: World, body: str, *, source: str = "zoho_create", vendor_id: str | None = None) -> UUID:
    """A message that leads to nothing and is about nobody, as far as the ledger knows."""
    with acts():
        receipt, _ = receive(world.ledger, source=source, vendor_id=vendor_id or body, body=body.encode(), headers={})
        receipt.ignore("call_stage")
        world.ledger.record(receipt)
    return receipt.id


def look(world: World, *subjects: UUID) -> Found:
    return world.services.forgetting.look(subjects)


def forget(world: World, *subjects: UUID) -> None:
    with acts():
        world.services.forgetting.forget(subjects, reason="asked by customer")


def readable(world: World, id: UUID) -> bool:
    return not world.ledger.load(Receipt, id, even_erased=True).erased


def test_others_with_the_same_number_or_address_are_offered_and_strangers_are_not(world: World) -> None:
    ann, ben = world.place("embassy", contact=ANN), world.place("apostille", contact=BEN)
    again = world.place("translation", contact=Contact("A. Lee", ANN.email.upper(), "+1 555 000 1111"))
    world.place("embassy", contact=CARL)
    assert set(look(world, ann.id).others) == {ben.id, again.id}
    assert look(world, ann.id, ben.id).others == (again.id,)


def test_a_lead_is_offered_for_any_of_its_calls(world: World) -> None:
    def heard(lead_id: int, number: str, at: str) -> CallPost:
        body = {**COMPLETED, "lead_id": lead_id, "caller_number": number, "last_updated": at}
        read = read_call(body)
        assert read is not None
        return identified(read, blind=world.ledger.blind)

    first, second = heard(1, "+15550001111", "2026-02-09T15:00:00Z"), heard(2, ANN.phone, "2026-02-09T16:00:00Z")
    lead = lead_of(first)
    with acts():
        lead.call_again(second, told(second))
        world.ledger.record(lead)
    ann = world.place("embassy", contact=ANN)
    assert look(world, ann.id).others == (lead.id,)
    assert look(world, lead.id).others == (ann.id,)


@pytest.mark.parametrize(
    "body",
    [
        '{"Email": "Ann@Planted.example"}',
        "email=ann%40planted.example&stage=Phone+Call+Received",
        '{"Phone": "(555) 817-2601"}',
        '{"phone":"15558172601"}',
        '{"Note": "Call me at 555-817-2601. 2 certificates"}',
        '{"Note": "5558172601 2026-11-20"}',
        '{"Note": "Write to ann@planted.example."}',
        "https://documents.example/tracking/{tid}/",
        '{{"order": "{id}"}}',
    ],
)
def test_a_message_that_speaks_of_them_goes_too(world: World, body: str) -> None:
    ann = world.place("embassy", contact=ANN)
    message = arrive(world, body.replace("{tid}", ann.tracking_id or "").replace("{id}", str(ann.id)))
    stranger = arrive(world, '{"Email": "joann@planted.example", "Phone": "5558172602", "id": "12"}')
    assert look(world, ann.id).receipts == (message,)
    forget(world, ann.id)
    assert (readable(world, message), readable(world, stranger)) == (False, True)


def test_a_number_that_others_share_gives_nobody_away_until_all_of_them_are_named(world: World) -> None:
    ann, ben = world.place("embassy", contact=ANN), world.place("apostille", contact=BEN)
    shared, hers = arrive(world, '{"Phone": "5558172601"}'), arrive(world, '{"Email": "ann@planted.example"}')
    assert look(world, ann.id).receipts == (hers,)
    assert set(look(world, ann.id, ben.id).receipts) == {shared, hers}
    forget(world, ann.id)
    assert (readable(world, shared), readable(world, hers)) == (True, False)
    assert look(world, ben.id).receipts == (shared,)


def test_what_was_left_at_vendors_is_told_once_each(world: World) -> None:
    ann = world.place("embassy", contact=ANN, files={"scan.pdf": b"%PDF-1.7"})
    world.run_effects()
    copies = look(world, ann.id).copies
    order = world.effects(ann.id)
    assert {copy.id for copy in copies} == {
        order[kind].proof for kind in ("enter_contact", "enter_order", "attach_file", "staff_notice", "welcome")
    }
    assert len({(copy.vendor, copy.id) for copy in copies}) == len(copies)


def test_looking_changes_nothing(world: World) -> None:
    ann = world.place("embassy", contact=ANN)
    arrive(world, '{"Email": "ann@planted.example"}')
    position = world.services.log.last_position()
    look(world, ann.id)
    assert world.services.log.last_position() == position


def find(world: World, **typed: object) -> People:
    return world.services.forgetting.find(**typed)  # type: ignore[arg-type]


def heard(world: World, lead_id: int, number: str) -> CallLead:
    """A call without an address, which nothing has been matched with."""
    read = read_call({**COMPLETED, "contact_email_address": "", "lead_id": lead_id, "caller_number": number})
    assert read is not None
    lead = lead_of(identified(read, blind=world.ledger.blind), id=UUID(int=lead_id))
    with acts():
        world.ledger.record(lead)
    return lead


def test_an_address_in_any_spelling_finds_all_its_orders_and_what_has_only_their_number(world: World) -> None:
    carl, again = world.place("embassy", contact=CARL), world.place("apostille", contact=CARL)
    call, strange = heard(world, 1, "(555) 817-2703"), heard(world, 2, "(555) 817-9999")
    found = find(world, emails=[" CARL@Planted.Example "])
    assert set(found.subjects) == {carl.id, again.id, call.id}
    assert strange.id not in (*found.subjects, *found.others)


def test_a_number_that_one_address_goes_with_finds_all_that_has_it(world: World) -> None:
    carl, call = world.place("embassy", contact=CARL), heard(world, 1, CARL.phone)
    assert find(world, phones=["555.817.2703"]) == People(subjects=(carl.id, call.id))


def test_a_number_that_several_addresses_go_with_takes_nobody_by_itself(world: World) -> None:
    ann, ben, call = world.place("embassy", contact=ANN), world.place("fbi", contact=BEN), heard(world, 1, ANN.phone)
    found = find(world, phones=[ANN.phone])
    assert (found.subjects, set(found.others)) == ((), {ann.id, ben.id, call.id})
    both = find(world, phones=[ANN.phone], emails=[ANN.email])
    assert (both.subjects, set(both.others)) == ((ann.id,), {ben.id, call.id})
    assert set(find(world, phones=[ANN.phone], everyone=True).subjects) == {ann.id, ben.id, call.id}


def test_an_address_does_not_take_the_calls_from_a_number_it_shares(world: World) -> None:
    ann, _, call = world.place("embassy", contact=ANN), world.place("fbi", contact=BEN), heard(world, 1, ANN.phone)
    assert find(world, emails=[ANN.email]).subjects == (ann.id,)
    assert call.id in look(world, ann.id).others


def test_somebody_whom_only_a_message_names_is_found_in_it(world: World) -> None:
    message, other = arrive(world, '{"Email": "dora@planted.example"}'), arrive(world, '{"Email": "x@planted.example"}')
    found = find(world, emails=["Dora@planted.example"])
    assert (found.subjects, found.receipts) == ((), (message,))
    with acts():
        world.services.forgetting.forget((), receipts=found.receipts, reason="asked by customer")
    assert (readable(world, message), readable(world, other)) == (False, True)


@pytest.mark.parametrize(("typed", "field"), [({"emails": ["no address"]}, "email"), ({"phones": ["12345"]}, "phone")])
def test_what_cannot_be_looked_up_is_refused_and_not_repeated(
    world: World, typed: dict[str, list[str]], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        find(world, **typed)
    assert list(refused.value.fields) == [field]
    [[text]] = typed.values()
    assert text not in str(refused.value.fields)


def test_a_contact_whose_answer_was_lost_is_told_of(world: World) -> None:
    ann, other = world.place("embassy", contact=ANN), world.place("embassy", contact=CARL)
    world.crm.break_after(Unreachable("the connection failed"))
    world.run_effects()
    copies = look(world, ann.id, other.id).copies
    assert [copy.subject for copy in copies if copy.what == "contact, perhaps"] == [ann.id]


def test_what_was_left_undone_after_the_keys_went_is_done_when_it_is_repeated(world: World) -> None:
    ann = world.place("embassy", contact=ANN)
    message = arrive(world, '{"Email": "ann@planted.example"}')
    world.services.follower.catch_up()
    for view in (ORDER_DESK, RECEIPTS):
        world.services.rebuild(view)
    with acts():
        erase(world.ledger, subjects=[ann.id], receipts=[message], reason="asked by customer")
    assert len(world.services.home.rows(RECEIPTS.table("__old").select())) == 1
    forget(world, ann.id)
    for view in (ORDER_DESK, RECEIPTS):
        assert world.services.home.rows(view.table("__old").select()) == []


def test_what_went_before_is_told_by_the_events(world: World) -> None:
    ann = world.place("embassy", contact=ANN, files={"scan.pdf": b"%PDF-1.7"})
    carl, message = world.place("embassy", contact=CARL), arrive(world, '{"Email": "ann@planted.example"}')
    with acts():
        done = world.services.forgetting.forget([ann.id], reason="asked by customer")
    gone = world.services.forgetting.gone([ann.id, carl.id])
    assert (gone.orders, gone.receipts, gone.files) == ((ann.id,), (message,), 1)
    assert set(gone.effects) == set(done.effects) != set()
    assert world.services.forgetting.gone([carl.id]) == Erasure()


def test_a_search_says_where_events_are_set_aside(world: World) -> None:
    ann = world.place("embassy", contact=ANN)
    assert find(world, emails=[ANN.email]).unseen == ()
    with world.services.home.engine.begin() as connection:
        connection.execute(ORDER_DESK.live.delete())
        world.services.home.park(connection, ORDER_DESK, 2, str(ann.id), "ValueError", NOW)
    assert find(world, emails=[ANN.email]) == People(subjects=(), unseen=("orders",))
