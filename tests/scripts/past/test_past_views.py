"""`daybook views --as-of`: a whole view as it was, in a table that can be looked at and dropped."""

from sqlalchemy import MetaData, Table, select

from projections.documents.orders import OrderDesk
from tests.scripts.conftest import Command
from tests.scripts.past.conftest import Story

THEN = "2026-02-09T15:34:30"


def test_a_view_as_of_a_moment_has_a_table_of_its_own(story: Story, daybook: Command) -> None:
    home = story.services.home
    before = daybook.json("views")

    report = daybook.json("views", "--as-of", THEN, "orders")

    [past] = report["pasts"]
    assert (past["name"], past["view"], past["rows"]) == ("orders__past_20260209_153430", "orders", 1)
    assert past["as_of"] == "2026-02-09T20:34:30.999999Z"  # what was recorded in that second counts
    table = Table(past["name"], MetaData(), *OrderDesk.columns())
    [row] = home.rows(select(table))
    [live] = home.rows(OrderDesk.live.select())
    assert (row["payment"], live["payment"]) == ("requested", "part_refunded")
    assert report["views"] == before["views"]


def test_it_is_listed_and_dropped_by_name(story: Story, daybook: Command) -> None:
    assert "orders__past_monday" in daybook.prints("views", "--as-of", THEN, "orders", "--into", "monday")
    assert "orders__past_monday" in daybook.prints("views")
    assert daybook.complains("views", "--as-of", THEN, "orders", "--into", "monday").startswith(
        "There is a table orders__past_monday already"
    )
    assert daybook.json("views", "--drop", "orders__past_monday")["pasts"] == []
    assert daybook.complains("views", "--drop", "orders") == "There is no table of the past named orders."
    assert daybook.complains("views", "--as-of", THEN, "nothing").startswith("There is no view nothing.")


def test_the_other_clock_gives_other_rows(story: Story, daybook: Command) -> None:
    at = "2026-02-09T16:00"
    daybook.prints("views", "--as-of", at, "orders", "--into", "recorded")
    daybook.prints("views", "--as-of", at, "orders", "--into", "happened", "--happened")
    tables = [Table(f"orders__past_{name}", MetaData(), *OrderDesk.columns()) for name in ("recorded", "happened")]
    rows = [story.services.home.rows(select(table))[0]["stage"] for table in tables]
    assert rows == ["delivered", "document_received"]


def test_options_that_do_not_go_together_are_refused(story: Story, daybook: Command) -> None:
    for arguments in (["orders"], ["--as-of", THEN], ["--into", "x"], ["--happened"]):
        assert daybook("views", *arguments).exit_code == 2
