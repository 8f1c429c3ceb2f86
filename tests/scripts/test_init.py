"""`daybook init` and `daybook status`: a ledger is made once, and what goes on around it is told."""

from pathlib import Path

from adapters.heartbeats import Heart
from adapters.store.schema import VERSION
from tests.scripts.conftest import Command
from tests.store_samples import set_version
from tests.world import World


def test_a_ledger_is_made_once_and_kept(daybook: Command, database_url: str) -> None:
    made = {"version": VERSION, "last_position": 0, "app_role": None}
    assert daybook.json("init", "--database", database_url) == made
    assert daybook.json("init", "--database", database_url) == made
    assert daybook.json("status", "--database", database_url)["last_position"] == 0


def test_it_says_what_it_made(daybook: Command) -> None:
    assert daybook.prints("init") == f"The ledger is of version {VERSION} and ends at 0.\n"


def test_a_role_needs_postgres(daybook: Command, tmp_path: Path) -> None:
    assert "need PostgreSQL" in daybook.complains("init", "--app-role", "app")
    assert not list(tmp_path.iterdir())


def test_a_role_that_is_not_there_is_a_sentence(daybook: Command, postgres_database: str) -> None:
    sentence = daybook.complains("init", "--database", postgres_database, "--app-role", "nobody_here")
    assert sentence.startswith("There is no role nobody_here")


def test_a_newer_ledger_is_a_sentence(daybook: Command, database_url: str) -> None:
    daybook.json("init", "--database", database_url)
    set_version(database_url, VERSION + 1)
    for command in ("init", "status", "views"):
        sentence = daybook.complains(command, "--database", database_url)
        assert sentence == (f"The ledger is of version {VERSION + 1}, newer than this product, which is of {VERSION}.")


def test_status_tells_processes_lag_and_open_effects(world: World, daybook: Command) -> None:
    services = world.services
    Heart(
        "work", services.home, source=services.log, views=services.views, now=services.now, leading=lambda: False
    ).beat()
    services.follower.catch_up()
    before = services.log.last_position()
    world.place("embassy")
    last = services.log.last_position()

    report = daybook.json("status")

    assert report["last_position"] == last
    assert [process["role"] for process in report["processes"]] == ["work"]
    assert set(report["lag"].values()) == {last - before}
    assert {channel["channel"]: channel["open"] for channel in report["effects"]} == {"mail": 2, "zoho": 2}
    assert all(channel["oldest_seconds"] >= 0 for channel in report["effects"])


def test_status_is_a_table_for_people(world: World, daybook: Command) -> None:
    world.place("embassy")
    printed = daybook.prints("status")
    assert printed.startswith("The log ends at ")
    for word in ("tracking_page", "lag", "mail", "open effects"):
        assert word in printed


def test_status_makes_no_views(daybook: Command, world: World) -> None:
    home = world.services.home
    with home.engine.begin() as connection:
        for name in ("positions", "orders"):
            home.drop(connection, name)
    assert set(daybook.json("status")["lag"].values()) == {None}
    assert not home.complete(world.services.views)
