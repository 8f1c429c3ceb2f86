"""Finding what is one person's: others with the same number or address, and messages that speak of them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from adapters.forgetting import Found
from domain.documents.call_facts import CallPost
from domain.documents.call_post import identified, read_call
from domain.shared.contact import Contact
from domain.shared.receipt import Receipt, receive
from tests.domain.documents.calls import COMPLETED, lead_of, told
from tests.wishes import acts
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
