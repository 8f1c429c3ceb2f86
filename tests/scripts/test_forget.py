"""`daybook forget`: it shows what would go, asks, and says what was done; nothing that it prints names anybody."""

from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from domain.documents.order import Order
from scripts.daybook import main
from tests.scripts.conftest import Command
from tests.wishes import CONTACT
from tests.world import World

REASON = ("--reason", "asked by customer")


@pytest.fixture
def order(world: World) -> Order:
    """An order with a file, entered and mailed."""
    order = world.place("embassy", files={"scan.pdf": b"%PDF-1.7"})
    world.run_effects()
    return order


def asked(daybook: Command, *arguments: str, answer: str) -> Result:
    """Run it for somebody who answers the question."""
    return CliRunner().invoke(main, ("forget", *arguments), env=daybook.environment, obj=daybook.now, input=answer)


def erased(world: World, id: UUID) -> bool:
    return world.ledger.is_erased(id)


def test_nothing_happens_until_it_is_agreed_to(world: World, daybook: Command, order: Order) -> None:
    for answer in ("n\n", ""):
        result = asked(daybook, str(order.id), *REASON, answer=answer)
        assert not erased(world, order.id)
        assert f"order     {order.id}" in result.output
        assert "1 files, 0 messages, 0 open effects" in result.output
    done = asked(daybook, str(order.id), *REASON, answer="y\n")
    assert done.exit_code == 0
    assert "Forgotten: 1 orders, 0 calls, 0 messages, 1 files; 0 effects were given up." in done.output
    assert erased(world, order.id)
    with pytest.raises(FileNotFoundError):
        world.services.files.open(f"{order.files[0].key}/scan.pdf")


def test_a_tracking_id_will_do_and_the_person_who_did_it_stands_in_the_history(
    world: World, daybook: Command, order: Order
) -> None:
    daybook.prints("forget", order.tracking_id or "", *REASON, "--yes", "--by", "ada")
    event = next(event for event in world.ledger.events(order.id) if isinstance(event, Order.Erased))
    assert (event.by, event.via, event.reason) == ("operator:ada", "console", "asked_by_customer")


def test_json_without_yes_only_shows(world: World, daybook: Command, order: Order) -> None:
    told = daybook.json("forget", str(order.id), *REASON)
    assert told["erased"] is None
    assert (told["found"]["orders"], told["found"]["files"]) == ([str(order.id)], 1)
    assert {copy["vendor"] for copy in told["found"]["copies"]} == {"crm", "mail"}
    assert not erased(world, order.id)
    told = daybook.json("forget", str(order.id), *REASON, "--yes")
    assert told["erased"]["orders"] == [str(order.id)]


def test_another_order_of_the_same_person_is_offered_and_goes_only_when_it_is_named(
    world: World, daybook: Command, order: Order
) -> None:
    other = world.place("apostille")
    told = daybook.json("forget", str(order.id), *REASON, "--yes")
    assert told["found"]["others"] == [str(other.id)]
    assert not erased(world, other.id)
    daybook.prints("forget", str(order.id), "--also", str(other.id), *REASON, "--yes")
    assert erased(world, other.id)


def test_forgotten_ones_still_tell_what_vendors_keep(world: World, daybook: Command, order: Order) -> None:
    before = daybook.json("forget", str(order.id), *REASON, "--yes")["found"]["copies"]
    again = daybook.prints("forget", str(order.id), *REASON, "--yes")
    assert f"forgotten {order.id}" in again
    assert "Nothing is left to forget." in again
    assert before
    assert all(copy["id"] in again for copy in before)


def test_nothing_that_is_printed_names_anybody(world: World, daybook: Command, order: Order) -> None:
    printed = asked(daybook, str(order.id), *REASON, answer="y\n").output
    for secret in (CONTACT.name, CONTACT.email, CONTACT.phone, "scan.pdf", "Power of attorney"):
        assert secret not in printed


@pytest.mark.parametrize("reason", ["ann@example.com asked", "5551234567"])
def test_a_reason_that_may_name_somebody_is_a_sentence(
    world: World, daybook: Command, order: Order, reason: str
) -> None:
    assert daybook.complains("forget", str(order.id), "--reason", reason, "--yes").startswith("reason: A few words")
    assert not erased(world, order.id)


def test_an_id_of_nobody_is_a_sentence(world: World, daybook: Command) -> None:
    assert daybook.complains("forget", str(UUID(int=9)), *REASON, "--yes") == "Nothing in the ledger has this id."


def test_a_forgotten_order_reads_as_erased_in_other_commands(world: World, daybook: Command, order: Order) -> None:
    daybook.prints("forget", str(order.id), *REASON, "--yes")
    assert "erased" in daybook.prints("history", str(order.id), "--reveal", "--json")
    assert daybook.json("effects", "--state", "dead")["effects"] == []
