"""`daybook views` and `daybook rebuild`: how far views are, and making them anew."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete

from projections.documents.orders import OrderDesk
from tests.scripts.conftest import Command
from tests.store_samples import sql
from tests.world import World


@contextmanager
def unreadable(world: World, position: int) -> Iterator[None]:
    """While the block lasts, the event at this position lacks its kind."""
    url = world.services.settings.database_url
    [[stored]] = sql(url, "SELECT data FROM events WHERE position = ?", position)
    broken = {name: value for name, value in json.loads(stored).items() if name != "kind"}
    sql(url, "UPDATE events SET data = ? WHERE position = ?", json.dumps(broken), position)
    yield
    sql(url, "UPDATE events SET data = ? WHERE position = ?", stored, position)


def test_each_view_shows_how_far_it_is_behind_the_log(world: World, daybook: Command) -> None:
    world.services.follower.catch_up()
    before = world.services.log.last_position()
    world.place("embassy")

    report = daybook.json("views")

    last = world.services.log.last_position()
    assert report["last_position"] == last
    assert {view["view"] for view in report["views"]} == {view.name for view in world.services.views}
    assert {(view["position"], view["lag"]) for view in report["views"]} == {(before, last - before)}
    assert not any(view["stale"] for view in report["views"])


def test_rows_are_counted(world: World, daybook: Command) -> None:
    world.place("embassy")
    world.services.follower.catch_up()

    assert {view["view"]: view["rows"] for view in daybook.json("views")["views"]}["orders"] == 1
    assert "orders" in daybook.prints("views")


def test_parked_events_are_listed_and_folded_again_on_request(world: World, daybook: Command) -> None:
    position = world.services.log.last_position() + 1
    order = world.place("embassy")
    with unreadable(world, position):
        world.services.follower.catch_up()

        [first, *_] = [event for event in daybook.json("views")["parked"] if event["view"] == "orders"]
        assert (first["position"], first["stream"]) == (position, str(order.id))
        assert "ValidationError" in first["reason"]
        assert "Parked events" in daybook.prints("views")
        failed = daybook("views", "--retry", "orders")
        assert failed.exit_code == 1
        assert "still do not fold" in failed.stderr

    daybook.prints("views", "--retry", "orders")
    report = daybook.json("views")
    assert not [event for event in report["parked"] if event["view"] == "orders"]
    assert {view["view"]: view["rows"] for view in report["views"]}["orders"] == 1


def test_a_rebuild_makes_the_rows_again_and_sends_nothing(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    world.run_effects()
    mails, rows = world.subjects(), world.services.home.rows(OrderDesk.live.select())
    with world.services.home.engine.begin() as connection:
        connection.execute(delete(OrderDesk.live))

    [rebuilt] = daybook.json("rebuild", "orders")["rebuilt"]

    assert (rebuilt["view"], rebuilt["rows"], rebuilt["parked"]) == ("orders", 1, 0)
    assert rebuilt["events"] == len(world.happened(order.id))
    assert world.services.home.rows(OrderDesk.live.select()) == rows
    assert world.subjects() == mails


def test_all_views_are_rebuilt_at_once(world: World, daybook: Command) -> None:
    names = [view.name for view in world.services.views]

    assert [rebuilt["view"] for rebuilt in daybook.json("rebuild", "--all")["rebuilt"]] == names
    printed = daybook.prints("rebuild", "--all")
    assert all(name in printed for name in names)


def test_an_unknown_view_is_answered_with_the_names_there_are(world: World, daybook: Command) -> None:
    names = f"The views are {', '.join(sorted(view.name for view in world.services.views))}."

    assert daybook.complains("rebuild", "order") == f"There is no view order. {names}"
    assert daybook.complains("views", "--retry", "order") == f"There is no view order. {names}"
    assert daybook.complains("rebuild").endswith(names)
