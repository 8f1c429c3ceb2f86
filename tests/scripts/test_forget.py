"""`daybook forget`: it shows what would go, asks, and says what was done; nothing that it prints names anybody."""

import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner, Result

from domain.documents.order import Order
from domain.shared.contact import Contact
from scripts.daybook import main
from tests.domain.documents.calls import COMPLETED, lead_of, post
from tests.scripts.conftest import Command
from tests.wishes import CONTACT, acts
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


NEIGHBOUR = Contact("Ben Roe", "ben@planted.example", CONTACT.phone)


def test_an_address_that_is_typed_when_asked_finds_its_orders_and_is_not_printed(
    world: World, daybook: Command, order: Order
) -> None:
    other = world.place("apostille")
    done = asked(daybook, "--email", "-", *REASON, answer=f"{CONTACT.email}\ny\n")
    assert done.exit_code == 0, done.output
    assert erased(world, order.id)
    assert erased(world, other.id)
    assert CONTACT.email not in done.stdout


def test_a_number_of_several_people_forgets_nobody_until_somebody_is_named(
    world: World, daybook: Command, order: Order
) -> None:
    other = world.place("apostille", contact=NEIGHBOUR)
    told = daybook.prints("forget", "--phone", CONTACT.phone, *REASON, "--yes")
    assert "Several e-mail addresses go with the number" in told
    assert "Nothing is left to forget." in told
    told = daybook.prints("forget", "--phone", CONTACT.phone, "--email", NEIGHBOUR.email, *REASON, "--yes")
    assert "Forgotten: 1 orders" in told
    assert (erased(world, order.id), erased(world, other.id)) == (False, True)


def test_everyone_with_a_number_goes_when_that_is_said(world: World, daybook: Command, order: Order) -> None:
    other = world.place("apostille", contact=NEIGHBOUR)
    daybook.prints("forget", "--phone", CONTACT.phone, "--everyone", *REASON, "--yes")
    assert erased(world, order.id)
    assert erased(world, other.id)


def test_names_are_shown_only_when_they_are_asked_for(world: World, daybook: Command, order: Order) -> None:
    world.place("apostille", contact=NEIGHBOUR)
    hidden = asked(daybook, str(order.id), *REASON, answer="n\n").output
    assert (CONTACT.name in hidden, "B*** R***" in hidden) == (False, True)
    shown = asked(daybook, str(order.id), *REASON, "--reveal", answer="n\n").output
    assert all(word in shown for word in (CONTACT.name, CONTACT.email, NEIGHBOUR.name))
    assert CONTACT.name not in str(daybook.json("forget", str(order.id), *REASON))
    assert CONTACT.name in str(daybook.json("forget", str(order.id), *REASON, "--reveal"))


def test_the_receipt_says_what_was_done_and_what_vendors_answered_and_names_nobody(
    world: World, daybook: Command, order: Order, tmp_path: Path
) -> None:
    file = tmp_path / "receipt.json"
    daybook.prints("forget", str(order.id), *REASON, "--yes", "--by", "ada", "--receipt", str(file))
    receipt = msgspec.json.decode(file.read_bytes())
    assert (receipt["by"], receipt["reason"], receipt["orders"]) == (
        "operator:ada",
        "asked_by_customer",
        [str(order.id)],
    )
    answers = {one["vendor"]: (one["state"], one["answer"]) for one in receipt["asked"]}
    assert answers == {
        "files": ("done", "1 removed"),
        "crm": ("done", "2 deleted"),
        "mail": ("done", "2 deleted"),
    }
    assert receipt["by_hand"] == []
    assert receipt["checkpoint"]["position"] == receipt["position"] == world.services.log.last_position()
    assert all(secret not in file.read_text() for secret in (CONTACT.name, CONTACT.email, CONTACT.phone, "scan.pdf"))


def test_a_call_and_a_payment_are_left_to_be_deleted_by_hand_where_no_program_can(
    world: World, daybook: Command, order: Order
) -> None:
    call = lead_of(post(COMPLETED))
    with acts():
        world.ledger.record(call)
    receipt = daybook.json("forget", str(call.id), *REASON, "--yes")["receipt"]
    assert [(one["vendor"], one["id"]) for one in receipt["by_hand"]] == [("whatconverts", call.calls.first_id)]


def test_a_receipt_is_checked_and_a_changed_one_is_found_out(
    world: World, daybook: Command, order: Order, tmp_path: Path
) -> None:
    file = tmp_path / "receipt.json"
    daybook.prints("forget", str(order.id), *REASON, "--yes", "--receipt", str(file))
    assert "1 subjects are forgotten still." in daybook.prints("forget", "--check", str(file))
    told = daybook.json("forget", "--check", str(file))
    assert (told["holds"], {one["state"] for one in told["asked"]}) == (True, {"done"})
    file.write_text(file.read_text().replace("asked_by_customer", "asked_by_nobody"))
    result = daybook("forget", "--check", str(file))
    assert (result.exit_code, "not as this ledger signed it" in result.output) == (1, True)


def test_somebody_who_came_back_with_an_old_copy_is_found_out(
    world: World, daybook: Command, order: Order, tmp_path: Path
) -> None:
    file, copy = tmp_path / "receipt.json", tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(tmp_path / "daybook.sqlite")) as ledger, closing(sqlite3.connect(copy)) as kept:
        ledger.backup(kept)
    daybook.prints("forget", str(order.id), *REASON, "--yes", "--receipt", str(file))
    result = daybook("forget", "--check", str(file), "--database", f"sqlite:///{copy}")
    assert result.exit_code == 1
    assert f"There is a key for {order.id} again." in result.output
    assert f"{order.id} is not forgotten in this ledger." in result.output
    assert "The table orders has a row of somebody forgotten." in result.output


def test_files_that_came_back_are_found_out(world: World, daybook: Command, order: Order, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    daybook.prints("forget", str(order.id), *REASON, "--yes", "--receipt", str(file))
    world.services.files.save(order.files[0].key.rpartition("/")[2], "scan.pdf", BytesIO(b"%PDF-1.7"))
    result = daybook("forget", "--check", str(file))
    assert (result.exit_code, f"The store still has files of {order.id}." in result.output) == (1, True)


def test_what_is_no_receipt_is_a_sentence(world: World, daybook: Command, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_text("{}")
    assert daybook.complains("forget", "--check", str(file)) == f"{file} is no receipt of a forgetting."


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--email", "ann at example", "email: Not a valid email address."),
        ("--phone", "55512", "phone: A number is found by its last ten digits."),
    ],
)
def test_what_cannot_be_looked_up_is_a_sentence_that_does_not_repeat_it(
    world: World, daybook: Command, option: str, text: str, sentence: str
) -> None:
    assert daybook.complains("forget", option, text, *REASON) == sentence


def test_nobody_is_forgotten_without_a_name_or_a_reason(world: World, daybook: Command, order: Order) -> None:
    for arguments in ((), REASON, (str(order.id), "--yes")):
        assert daybook("forget", *arguments).exit_code == 2
    assert not erased(world, order.id)
