"""`daybook forget` when something is in its way: no room for the receipt, an attempt cut short, rows left."""

from pathlib import Path

import msgspec
import pytest
from click import ClickException
from click.testing import CliRunner

from domain.documents.erasure import erase
from domain.documents.order import Order
from projections.documents.orders import ORDER_DESK
from projections.documents.tracking_page import TRACKING_PAGE
from projections.kept import Superseded
from projections.past import make_past
from scripts.console import sentences
from scripts.daybook import main
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


def erased(world: World, order: Order) -> bool:
    return world.ledger.is_erased(order.id)


def test_a_receipt_that_cannot_be_written_keeps_everybody(
    world: World, daybook: Command, order: Order, tmp_path: Path
) -> None:
    there = tmp_path / "there.json"
    there.write_text("another's")
    for file in (tmp_path / "nowhere" / "receipt.json", there):
        assert "cannot be used" in daybook.complains("forget", str(order.id), *REASON, "--yes", "--receipt", str(file))
    assert there.read_text() == "another's"
    assert not erased(world, order)


def test_without_agreement_no_receipt_is_left(world: World, daybook: Command, order: Order, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    arguments = ("forget", str(order.id), *REASON, "--receipt", str(file))
    CliRunner().invoke(main, arguments, env=daybook.environment, obj=daybook.now, input="n\n")
    assert not file.exists()
    assert not erased(world, order)


def test_a_receipt_is_written_also_for_somebody_who_was_forgotten_before(
    world: World, daybook: Command, order: Order, tmp_path: Path
) -> None:
    with acts():
        erase(world.ledger, subjects=[order.id], reason="left the country")  # and killed there
    file = tmp_path / "receipt.json"
    told = daybook.prints("forget", str(order.id), *REASON, "--receipt", str(file))
    assert "Nothing is left to forget." in told
    receipt = msgspec.json.decode(file.read_bytes())
    assert (receipt["orders"], receipt["files"], receipt["reason"]) == ([str(order.id)], 1, "left_the_country")
    assert {one["state"] for one in receipt["asked"]} == {"done"}
    daybook.prints("forget", "--check", str(file))


def test_a_contact_that_may_be_there_is_left_to_be_looked_for(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    receipt = daybook.json("forget", str(order.id), *REASON, "--yes")["receipt"]
    assert [(one["what"], one["subject"]) for one in receipt["by_hand"]] == [("contact, perhaps", str(order.id))]


def test_a_table_of_the_past_is_checked_and_one_of_an_older_fold_is_passed_over(
    world: World, daybook: Command, order: Order, tmp_path: Path
) -> None:
    services, file = world.services, tmp_path / "receipt.json"
    past = make_past(
        services.log, services.home, ORDER_DESK, as_of=world.clock.now(), name="then", now=world.clock.now()
    )
    rows = services.home.rows(ORDER_DESK.table("__past_then").select())
    daybook.prints("forget", str(order.id), *REASON, "--yes", "--receipt", str(file))
    with services.home.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {TRACKING_PAGE.name}__old (id TEXT)")
    daybook.prints("forget", "--check", str(file))
    with services.home.engine.begin() as connection:
        connection.execute(ORDER_DESK.table("__past_then").insert(), rows)
    assert f"The table {past.name} has a row of somebody forgotten." in daybook("forget", "--check", str(file)).output


def test_events_set_aside_are_told_of(world: World, daybook: Command, order: Order) -> None:
    with world.services.home.engine.begin() as connection:
        world.services.home.park(connection, ORDER_DESK, 2, str(order.id), "ValueError", world.clock.now())
    result = daybook("forget", "--email", CONTACT.email, *REASON, "--json")
    assert "Events are set aside in orders" in result.stderr


def test_a_rebuild_that_another_took_over_is_a_sentence() -> None:
    with pytest.raises(ClickException, match="Another rebuild of the view orders"), sentences():
        raise Superseded("orders")
