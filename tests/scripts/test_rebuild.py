"""`daybook rebuild`: looked at before it is swapped, taken back, for one order only, and by several processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from projections.documents.orders import OrderDesk
from projections.view import Row
from scripts.rebuild import BROKEN_OFF, BrokenOff, in_words
from tests.scripts.conftest import Command
from tests.world import World, open_world

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A ledger with the demo prices and three orders that the views have folded."""
    with open_world(database_url, tmp_path) as world:
        for _ in range(3):
            world.place("embassy")
        world.services.follower.catch_up()
        yield world


@pytest.fixture
def daybook(daybook: Command, database_url: str) -> Command:
    """The command, at either database."""
    return Command({**daybook.environment, "DAYBOOK_DATABASE_URL": database_url})


def rows(world: World) -> list[Row]:
    return world.services.home.rows(OrderDesk.live.select().order_by(OrderDesk.live.c.order_id))


def spoil(world: World) -> str:
    """Put a wrong stage into one row and take another away; returns the order whose row is wrong."""
    live, [first, second, _] = OrderDesk.live, rows(world)
    with world.services.home.engine.begin() as connection:
        connection.execute(update(live).where(live.c.order_id == first["order_id"]).values(kind="odd"))
        connection.execute(delete(live).where(live.c.order_id == second["order_id"]))
    wrong: str = first["order_id"]
    return wrong


def test_a_preview_tells_what_would_change_and_leaves_it_for_approval(world: World, daybook: Command) -> None:
    right, wrong = rows(world), spoil(world)
    [found] = daybook.json("rebuild", "orders", "--preview")["previews"]
    assert (found["added"], found["removed"], found["changed"]) == (1, 0, 1)
    [kind] = found["columns"]
    [example] = kind["examples"]
    assert (kind["column"], example["key"], example["before"], example["after"]) == ("kind", [wrong], "odd", "embassy")
    assert "documents.order.Placed" in [event["name"] for event in example["events"]]
    assert rows(world) != right
    [approved] = daybook.json("rebuild", "orders", "--approve")["approved"]
    assert (approved["events_since"], approved["unexplained"], approved["rebuilt"]["rows"]) == (0, 0, 3)
    assert rows(world) == right


def test_a_preview_in_words_says_how_to_go_on(world: World, daybook: Command) -> None:
    wrong = spoil(world)
    told = daybook.prints("rebuild", "orders", "audit_trail", "--preview")
    assert all(word in told for word in (wrong, "odd", "embassy", "documents.order.Placed"))
    assert "daybook rebuild orders audit_trail --approve" in told
    standing = {view["view"]: view for view in daybook.json("views")["views"]}
    assert (standing["orders"]["rebuild"], standing["orders"]["differing"]) == ("waiting", 2)
    assert (standing["audit_trail"]["rebuild"], standing["audit_trail"]["differing"]) == ("waiting", 0)
    assert "waits for approval (2 rows differ)" in daybook.prints("views")
    assert "orders" in daybook.prints("rebuild", "orders", "--approve")
    assert daybook.prints("rebuild", "audit_trail", "--discard") == "Dropped for audit_trail.\n"
    assert not any(view["rebuild"] for view in daybook.json("views")["views"])
    assert daybook.complains("rebuild", "orders", "--approve") == "No rebuild of the view orders waits for approval."


def test_more_than_the_preview_had_shown_is_told_at_the_swap(world: World, daybook: Command) -> None:
    daybook.prints("rebuild", "orders", "--preview")
    spoil(world)
    assert "orders: 2 more rows differ than the preview had shown" in daybook.prints("rebuild", "orders", "--approve")


def test_a_person_at_a_terminal_is_asked(world: World, daybook: Command) -> None:
    right = rows(world)
    spoil(world)
    assert "Nothing was swapped." in at_a_terminal(daybook, "n", "rebuild", "orders", "--preview")
    assert rows(world) != right
    at_a_terminal(daybook, "y", "rebuild", "orders", "--preview")
    assert rows(world) == right


def test_a_person_at_a_terminal_sees_that_it_goes_on(world: World, daybook: Command) -> None:
    daybook.prints("rebuild", "orders", "--preview")
    for command in (["rebuild", "orders", "--approve"], ["rebuild", "orders", "--back"]):
        assert "━" in at_a_terminal(daybook, "", *command)
    assert "events/s" in at_a_terminal(daybook, "", "replay", "--since", "2026-01-01", "--dry-run")


def at_a_terminal(daybook: Command, answer: str, *arguments: str) -> str:
    """What the command shows somebody who types this answer."""
    keyboard, screen = os.openpty()
    environment = {**os.environ, **daybook.environment, "COLUMNS": "200"}
    program = [sys.executable, "-c", "from scripts.daybook import main; main()", *arguments]
    process = subprocess.Popen(program, stdin=screen, stdout=screen, stderr=screen, env=environment)
    os.close(screen)
    os.write(keyboard, f"{answer}\n".encode())
    shown = b""
    try:
        while more := os.read(keyboard, 4096):
            shown += more
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(keyboard)
    assert process.wait() == 0, shown
    return shown.decode()


def test_the_rows_of_before_come_back(world: World, daybook: Command) -> None:
    spoil(world)
    spoiled = rows(world)
    assert daybook.complains("rebuild", "orders", "--back").startswith("There is no way back for the view orders")
    daybook.prints("rebuild", "orders")
    assert {view["view"] for view in daybook.json("views")["views"] if view["back"]} == {"orders"}
    assert "can go back" in daybook.prints("views")
    [went] = daybook.json("rebuild", "orders", "--back")["back"]
    assert (went["rows"], went["position"]) == (2, world.services.log.last_position())
    assert rows(world) == spoiled
    assert "orders" in daybook.prints("rebuild", "orders", "--back")
    assert len(rows(world)) == 3


def test_one_order_is_folded_anew(world: World, daybook: Command) -> None:
    right, wrong = rows(world), spoil(world)
    told = daybook.prints("rebuild", "orders", "--only", wrong)
    assert "Rows added: 0, removed: 0; values changed: 1." in told
    assert all(word in told for word in ("kind", "odd", "embassy"))
    assert rows(world)[0] == right[0]
    assert "nothing was changed" in daybook.prints("rebuild", "orders", "--only", right[0]["tracking_id"])
    done = daybook.json("rebuild", "audit_trail", "--only", wrong)["refolded"]
    assert (done["id"], done["added"], done["removed"], done["changes"]) == (wrong, 0, 0, [])
    assert daybook.complains("rebuild", "orders", "--only", "nobody") == "This is neither an id nor a tracking id."
    for view in ("orders", "audit_trail"):
        sentence = f"The view {view} has no row of {NOBODY}."
        assert daybook.complains("rebuild", view, "--only", NOBODY) == sentence


@pytest.mark.parametrize(
    "options",
    [
        ("--only", "x", "--back"),
        ("--only", "x", "--all"),
        ("--fresh", "--back"),
        ("--fresh", "--approve"),
        ("--preview", "--approve"),
        ("--back", "--discard"),
    ],
)
def test_options_that_do_not_go_together_are_refused(daybook: Command, options: tuple[str, ...]) -> None:
    assert daybook("rebuild", "orders", *options).exit_code == 2


def waiting(daybook: Command) -> set[str]:
    return {view["view"] for view in daybook.json("views")["views"] if view["rebuild"] == "waiting"}


def test_of_several_views_none_is_touched_when_one_cannot_be(world: World, daybook: Command) -> None:
    daybook.prints("rebuild", "orders", "--preview")
    for what in ("--approve", "--discard"):
        said = daybook.complains("rebuild", "orders", "effects", what)
        assert said == "No rebuild of the view effects waits for approval."
        assert waiting(daybook) == {"orders"}
    daybook.prints("rebuild", "effects")
    assert daybook.complains("rebuild", "effects", "orders", "--back").startswith("There is no way back for the view")
    assert [view["view"] for view in daybook.json("views")["views"] if view["back"]] == ["effects"]


def test_of_all_views_those_are_taken_that_it_can_be_done_with(world: World, daybook: Command) -> None:
    nothing = "There is no view to do this with."
    assert all(daybook.complains("rebuild", "--all", what).startswith(nothing) for what in ("--approve", "--back"))
    daybook.prints("rebuild", "orders", "effects", "--preview")
    assert {one["view"] for one in daybook.json("rebuild", "--all", "--approve")["approved"]} == {"orders", "effects"}
    assert waiting(daybook) == set()
    assert {one["view"] for one in daybook.json("rebuild", "--all", "--back")["back"]} == {"orders", "effects"}
    daybook.prints("rebuild", "orders", "--preview")
    assert daybook.json("rebuild", "--all", "--discard") == {"discarded": ["orders"]}


def test_what_was_done_before_an_error_is_told(world: World, daybook: Command) -> None:
    daybook.prints("rebuild", "orders", "effects", "--preview")
    effects = next(view for view in world.services.views if view.name == "effects")
    with world.services.home.rebuilding(effects, wait=False):
        said = daybook.complains("rebuild", "orders", "effects", "--approve")
    assert said.startswith("Done before that: orders.\nError: ")
    assert waiting(daybook) == {"effects"}


def test_a_view_named_twice_is_rebuilt_once(world: World, daybook: Command) -> None:
    assert [one["view"] for one in daybook.json("rebuild", "orders", "orders")["rebuilt"]] == ["orders"]
    daybook.prints("rebuild", "orders", "--preview")
    assert daybook.prints("rebuild", "orders", "orders", "--discard") == "Dropped for orders.\n"


def test_what_waits_for_approval_is_not_swapped_by_a_rebuild(world: World, daybook: Command) -> None:
    daybook.prints("rebuild", "orders", "--preview")
    sentence = "The view orders waits for approval: say --approve, --discard or --fresh."
    assert daybook.complains("rebuild", "effects", "orders") == sentence
    done = daybook("rebuild", "--all", "--json")
    assert done.stderr == "Left out: orders, which waits for approval: say --approve, --discard or --fresh.\n"
    assert (done.exit_code, '"orders"' in done.stdout, '"effects"' in done.stdout) == (0, False, True)
    assert waiting(daybook) == {"orders"}
    daybook.prints("rebuild", "orders", "--fresh")
    assert waiting(daybook) == set()


def test_an_estimate_is_told_before_it_begins(world: World, daybook: Command) -> None:
    told = daybook("rebuild", "orders").stderr
    assert told.startswith("orders: about ")
    assert "by a probe" in told
    assert daybook("rebuild", "orders", "--json").stderr == ""


def test_who_breaks_off_is_told_how_to_go_on() -> None:
    with pytest.raises(BrokenOff, match=r"What was not swapped is untouched.*--fresh.*--discard") as told, in_words():
        raise KeyboardInterrupt
    assert told.value.exit_code == BROKEN_OFF


def test_a_sqlite_ledger_is_rebuilt_by_one_process(tmp_path: Path, daybook: Command) -> None:
    url = f"sqlite:///{tmp_path}/one.sqlite"
    with open_world(url, tmp_path):
        assert daybook.complains("rebuild", "orders", "--workers", "2", "--database", url) == (
            "A ledger in a SQLite file is rebuilt by one process."
        )


@pytest.mark.postgres
def test_several_processes_rebuild_on_postgresql(postgres_database: str, daybook: Command, tmp_path: Path) -> None:
    daybook = Command({**daybook.environment, "DAYBOOK_DATABASE_URL": postgres_database})
    with open_world(postgres_database, tmp_path) as world:
        for _ in range(4):
            world.place("embassy")
        world.services.follower.catch_up()
        before = rows(world)
        [rebuilt] = daybook.json("rebuild", "orders", "--workers", "2")["rebuilt"]
        assert (rebuilt["rows"], rebuilt["parked"]) == (4, 0)
        [found] = daybook.json("rebuild", "orders", "--workers", "2", "--preview")["previews"]
        assert (found["added"], found["removed"], found["changed"]) == (0, 0, 0)
        assert rows(world) == before
