"""What vendors are asked when somebody is forgotten, and whose records stay."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest

from domain.documents.order import Order
from domain.shared.contact import Contact
from domain.shared.effect import Effect, effect_id
from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import CannotDelete, Field
from tests.wishes import acts
from tests.world import World, open_world

ANN = Contact("Ann Lee", "ann@planted.example", "+1 555 817 2601")
BEN = Contact("Ben Lee", "ben@planted.example", "+1 555 817 2601")


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with open_world(database_url, tmp_path) as world:
        world.services.vendors.crm = world.crm
        world.services.vendors.mailer = world.mailer
        world.runner = world.new_runner()
        yield world


def entered(world: World, contact: Contact, kind: str = "embassy") -> Order:
    """An order with a file that has been entered and mailed."""
    order = world.place(kind, contact=contact, files={"scan.pdf": b"%PDF-1.7"})
    world.run_effects()
    return order


def forget(world: World, *subjects: UUID) -> None:
    with acts(world.clock.now()):
        world.services.forgetting.forget(subjects, reason="asked by customer")
    world.run_effects()


def asked(world: World, order: Order, kind: str) -> Effect:
    return world.ledger.load(Effect, effect_id(order.id, kind=kind))


def test_the_crm_forgets_the_order_its_origin_its_files_and_the_contact(world: World) -> None:
    ann, ben = entered(world, ANN), entered(world, BEN)
    kept = {
        record.id
        for record in world.sandbox.crm.records()
        if "Lee" not in str(record.fields) or "Ben" in str(record.fields)
    }
    forget(world, ann.id)
    assert {record.id for record in world.sandbox.crm.records()} == kept
    assert asked(world, ann, "delete_records").proof == "2 deleted"
    assert world.sandbox.crm.attachments("", world.ledger.load(Order, ben.id).crm_record or "")


def test_a_contact_stays_while_another_order_goes_by_it(world: World) -> None:
    first, second = entered(world, ANN), entered(world, ANN, "apostille")
    forget(world, first.id)
    assert asked(world, first, "delete_records").proof == "1 deleted, 1 kept for others"
    assert world.modules().count("Contacts") == 1
    forget(world, second.id)
    assert world.modules() == []


def test_the_mails_of_an_order_are_deleted_and_no_others(world: World) -> None:
    ann, ben = entered(world, ANN), entered(world, BEN)
    forget(world, ann.id)
    assert asked(world, ann, "delete_mails").proof == "2 deleted"
    keys = {mail.key for mail in world.mailbox.mails()}
    assert keys == {str(effect_id(ben.id, kind=kind)) for kind in ("staff_notice", "welcome")}


def test_a_record_made_while_the_person_was_forgotten_is_found_and_deleted(world: World) -> None:
    ann = world.place("embassy", contact=ANN)
    forget(world, ann.id)
    office = world.services.office
    world.clock.move(60)
    world.sandbox.crm.create(ann.kind.module, {office.ledger_field: str(ann.id), "Name": ANN.name})
    with acts(world.clock.now()):
        again = asked(world, ann, "delete_records")
        assert world.services._deletions().delete_records(again).proof == "1 deleted"
    assert world.modules() == []


def test_a_crm_that_does_not_answer_is_asked_again(world: World) -> None:
    ann = entered(world, ANN)
    world.crm.fail(Unreachable("no answer"))
    forget(world, ann.id)
    assert not asked(world, ann, "delete_records").settled
    world.clock.move(60)
    world.run_effects()
    assert world.modules() == []


def test_a_crm_that_says_no_is_shown_to_staff(world: World) -> None:
    ann = entered(world, ANN)
    world.crm.fail(Declined("NO_PERMISSION"))
    forget(world, ann.id)
    assert asked(world, ann, "delete_records").given_up == "NO_PERMISSION"


def test_a_provider_that_cannot_delete_is_asked_once_and_says_so(world: World) -> None:
    ann = entered(world, ANN)
    world.mailer.fail(CannotDelete("mails are kept for as long as the plan says"))
    forget(world, ann.id)
    proof = asked(world, ann, "delete_mails").proof
    assert proof == "not possible: mails are kept for as long as the plan says"


def test_what_is_asked_names_nobody(world: World) -> None:
    ann = entered(world, ANN)
    forget(world, ann.id)
    for kind in ("delete_records", "delete_mails", "remove_files"):
        effect = asked(world, ann, kind)
        assert (effect.about, effect.content) == ({}, None)


def test_a_record_that_another_runner_is_making_at_that_moment_is_waited_for_and_deleted(world: World) -> None:
    ann, upsert, other = world.place("embassy", contact=ANN), world.crm.upsert, world.new_runner()

    def forgotten_meanwhile(module: str, fields: Mapping[str, Field], *, unique: str) -> str:
        if module != "Contacts":
            world.crm.upsert = upsert  # type: ignore[method-assign]
            with acts(world.clock.now()):
                world.services.forgetting.forget([ann.id], reason="asked by customer")
            other.run_at_once(effect_id(ann.id, kind="delete_records"))
        return upsert(module, fields, unique=unique)

    world.crm.upsert = forgotten_meanwhile  # type: ignore[method-assign]
    world.run_effects()
    assert not asked(world, ann, "delete_records").settled
    world.clock.move(60)
    world.run_effects()
    assert world.modules() == []
