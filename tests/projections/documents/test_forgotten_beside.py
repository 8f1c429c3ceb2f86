"""What stands beside the live tables when somebody is forgotten: nothing of them, and every total."""

from uuid import UUID

import pytest
from sqlalchemy import update

from projections.back import NoWayBack, go_back
from projections.documents.attribution_report import ATTRIBUTION_REPORT
from projections.documents.orders import ORDER_DESK
from projections.documents.tracking_page import TRACKING_PAGE
from projections.home import POSITIONS
from projections.kept import REBUILDS
from projections.past import make_past
from projections.view import Row, View
from tests.view_samples import Meanwhile
from tests.wishes import NOW, acts
from tests.world import World


def placed(world: World) -> tuple[UUID, str]:
    """An order's id and tracking id; all views have it."""
    order = world.place("embassy")
    world.run_effects()
    world.services.follower.catch_up()
    [row] = [row for row in rows(world, ORDER_DESK) if row["order_id"] == str(order.id)]
    return order.id, row["tracking_id"]


def forget(world: World, order_id: UUID) -> None:
    with acts(world.clock.now()):
        world.services.forgetting.forget([order_id], reason="asked by customer")
    world.services.follower.catch_up()


def rows(world: World, view: View, suffix: str = "") -> list[Row]:
    return world.services.home.rows(view.table(suffix).select())


def test_totals_keep_a_forgotten_order_after_an_approval_and_a_way_back(world: World) -> None:
    services = world.services
    (first, _), (second, _) = placed(world), placed(world)
    report = ATTRIBUTION_REPORT
    services.rebuild_of(report, lambda events: None).preview()
    forget(world, first)
    live = rows(world, report)
    services.rebuild_of(report, lambda events: None).approve()
    assert sorted(rows(world, report), key=str) == sorted(live, key=str)
    forget(world, second)
    go_back(services.log, services.home, report, now=lambda: NOW)
    assert {row["subject"] for row in rows(world, report)} == {str(first), str(second)}


def stale(world: World) -> None:
    """The rows of a view are of an older fold, which nobody goes on with."""
    older = update(POSITIONS).where(POSITIONS.c.view == TRACKING_PAGE.name)
    with world.services.home.engine.begin() as connection:
        connection.execute(older.values(version=TRACKING_PAGE.version - 1))
    world.services.follower.refresh()


def test_a_forgotten_row_goes_from_a_live_table_of_an_older_fold_too(world: World) -> None:
    (forgotten, _), (other, _) = placed(world), placed(world)
    stale(world)
    forget(world, forgotten)
    assert [row["order_id"] for row in rows(world, TRACKING_PAGE)] == [str(other)]


def test_a_replaced_table_of_an_older_fold_is_not_kept(world: World) -> None:
    services = world.services
    placed(world)
    stale(world)
    services.rebuild(TRACKING_PAGE)
    with services.home.engine.connect() as connection:
        assert not services.home.engine.dialect.has_table(connection, "tracking_page__old")
    with pytest.raises(NoWayBack):
        go_back(services.log, services.home, TRACKING_PAGE, now=lambda: NOW)


def test_what_is_kept_of_a_preview_shows_nobody(world: World) -> None:
    services = world.services
    _, tracking_id = placed(world)
    with services.home.engine.begin() as connection:
        connection.execute(update(ORDER_DESK.live).values(tracking_id=None, phone_hash="x"))
    shown = services.rebuild_of(ORDER_DESK, lambda events: None).preview()
    assert tracking_id in [example.after for column in shown.columns for example in column.examples]
    [kept] = services.home.rows(REBUILDS.select())
    assert tracking_id not in kept["preview"]
    before, _, _ = services.rebuild_of(ORDER_DESK, lambda events: None).approve()
    assert before is not None
    assert (before.differing, [(one.column, one.rows) for one in before.columns]) == (
        shown.differing,
        [(one.column, one.rows) for one in shown.columns],
    )


def test_a_view_of_the_past_leaves_out_who_is_forgotten_today(world: World) -> None:
    services = world.services
    (forgotten, _), (other, _) = placed(world), placed(world)
    before = world.clock.now()
    world.clock.move(3600)
    forget(world, forgotten)
    for view in (ORDER_DESK, ATTRIBUTION_REPORT):
        make_past(services.log, services.home, view, as_of=before, name="then", now=NOW)
    assert {row["order_id"] for row in rows(world, ORDER_DESK, "__past_then")} == {str(other)}
    assert {row["subject"] for row in rows(world, ATTRIBUTION_REPORT, "__past_then")} == {str(forgotten), str(other)}


def test_a_view_of_the_past_leaves_out_who_is_forgotten_while_it_is_filled(world: World) -> None:
    services = world.services
    (forgotten, _), (other, _) = placed(world), placed(world)
    before = world.clock.now()
    world.clock.move(3600)
    log = Meanwhile(services.log, lambda: forget(world, forgotten))
    make_past(log, services.home, ORDER_DESK, as_of=before, name="then", now=NOW)
    assert {row["order_id"] for row in rows(world, ORDER_DESK, "__past_then")} == {str(other)}
