"""What was asked of the outside, how often it was tried, and what became of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.ledger import Event
from domain.shared.effect import Effect
from domain.shared.errors import Declined, Unreachable
from projections.across.effects import EFFECTS, count_by_state, list_effects
from projections.view import Row, fold
from tests.wishes import NOW
from tests.world import World

ID, SUBJECT = UUID(int=1), UUID(int=2)
ASKED = Effect.Requested(
    stream=ID, version=1, at=NOW, cause="because", correlation="request-1",
    effect=ID, subject=SUBJECT, channel="mail", kind="welcome",
)  # fmt: skip
IN_3, IN_9 = NOW + timedelta(seconds=3), NOW + timedelta(seconds=9)
FAILED = Effect.AttemptFailed(at=NOW, effect=ID, attempt=1, reason="timeout", retry_at=IN_3)
PUT_OFF = Effect.PutOff(at=NOW, effect=ID, reason="slow down", until=IN_9)
DONE = Effect.Done(at=IN_3, effect=ID, proof="mail-7")
GIVEN_UP = Effect.GivenUp(at=IN_3, effect=ID, reason="blocked")
RUNG_AGAIN = Effect.RungAgain(at=IN_9, effect=ID, subject=SUBJECT, channel="mail", kind="welcome")


def row(*events: Event) -> Row:
    found = fold(EFFECTS, events)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ((), {"state": "pending", "attempts": 0, "due_at": NOW, "reason": None, "proof": None, "settled_at": None}),
        ((FAILED,), {"state": "waiting", "attempts": 1, "due_at": IN_3, "reason": "timeout"}),
        ((PUT_OFF,), {"state": "waiting", "attempts": 0, "due_at": IN_9, "reason": "slow down"}),
        ((FAILED, DONE), {"state": "done", "attempts": 1, "due_at": None, "proof": "mail-7", "settled_at": IN_3}),
        ((GIVEN_UP,), {"state": "dead", "due_at": None, "reason": "blocked", "settled_at": IN_3}),
        ((FAILED, GIVEN_UP, RUNG_AGAIN), {"state": "pending", "attempts": 0, "due_at": IN_9, "settled_at": None}),
    ],
    ids=["asked for", "failed once", "put off", "done", "given up", "rung again"],
)
def test_an_effect_shows_where_it_stands(events: tuple[Event, ...], shown: dict[str, Any]) -> None:
    assert row(ASKED, *events).items() >= shown.items()


def test_an_effect_names_its_subject_and_why_it_was_asked_for() -> None:
    expected = {"effect_id": str(ID), "subject": str(SUBJECT), "channel": "mail", "kind": "welcome"}
    assert row(ASKED).items() >= (expected | {"cause": "because", "correlation": "request-1"}).items()


def test_effects_are_listed_by_state_and_by_subject_and_counted(world: World) -> None:
    world.crm.fail(Declined("no"))
    world.mailer.fail(Unreachable("no answer"))
    first = world.place("embassy")
    world.run_effects()
    world.clock.move(1)
    second = world.place("quote")
    world.services.follower.catch_up()
    home = world.services.home
    assert count_by_state(home) == {"dead": 1, "waiting": 1, "done": 1, "pending": 3}
    assert [found["kind"] for found in list_effects(home, state="dead")] == ["enter_contact"]
    assert {found["kind"] for found in list_effects(home, subject=str(second.id))} == {"enter_order", "staff_notice"}
    assert [found["subject"] for found in list_effects(home)] == [str(second.id)] * 2 + [str(first.id)] * 4
    assert len(list_effects(home, limit=1)) == 1


def test_the_view_agrees_with_the_list_of_open_work(world: World) -> None:
    world.mailer.fail(Unreachable("no answer"))
    world.place("embassy")
    world.place("quote")
    world.run_effects()
    counts = count_by_state(world.services.home)
    open_effects, _ = world.services.log.open_work()
    assert counts.get("pending", 0) + counts.get("waiting", 0) == open_effects == 2
