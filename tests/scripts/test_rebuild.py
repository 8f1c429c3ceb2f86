"""`daybook rebuild --workers`: several processes, where the database has room for them."""

from pathlib import Path

from projections.documents.orders import OrderDesk
from tests.scripts.conftest import Command
from tests.world import World, open_world


def test_a_sqlite_ledger_is_rebuilt_by_one_process(world: World, daybook: Command) -> None:
    assert daybook.complains("rebuild", "orders", "--workers", "2") == (
        "A ledger in a SQLite file is rebuilt by one process."
    )


def test_several_processes_rebuild_on_postgresql(postgres_database: str, daybook: Command, tmp_path: Path) -> None:
    daybook = Command({**daybook.environment, "DAYBOOK_DATABASE_URL": postgres_database})
    with open_world(postgres_database, tmp_path) as world:
        for _ in range(4):
            world.place("embassy")
        world.services.follower.catch_up()
        rows = world.services.home.rows(OrderDesk.live.select().order_by("order_id"))
        [rebuilt] = daybook.json("rebuild", "orders", "--workers", "2")["rebuilt"]
        assert (rebuilt["rows"], rebuilt["parked"]) == (4, 0)
        assert world.services.home.rows(OrderDesk.live.select().order_by("order_id")) == rows
