"""The past of an aggregate: every state is the fold of a prefix, and every change has an event."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents.call_lead import CallLead
from domain.documents.order import Order
from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.causes import tree, why, with_causes
from domain.shared.effect import Effect
from domain.shared.travel import Change, Hidden, changes, fields_of, life, setter, state_of, until, value_at
from tests.domain.documents.placed import placed
from tests.sample_trees import NOW, Tree, at, gardening, inspections, new_tree, tree_id

SECONDS = st.lists(st.integers(0, 9), min_size=1, max_size=8)


def grown(*growths: int) -> Sequence[Event]:
    """A tree that grew by these, a second apart."""
    tree = new_tree(1)
    for second, by_cm in enumerate(growths, start=1):
        with gardening(after=second):
            tree.grow(by_cm)
    return tree.pending


def stamped(*seconds: int) -> list[Event]:
    """Growths by 1, 2, 4 … that say they were recorded so many seconds in."""
    growths = [2**number for number in range(len(seconds))]
    pending = new_tree(1, *growths).pending[1:]
    return [
        msgspec.structs.replace(event, version=number, at=at(second))
        for number, (event, second) in enumerate(zip(pending, seconds, strict=True), start=1)
    ]


@given(st.lists(st.integers(0, 50), max_size=8))
def test_the_state_at_every_version_is_the_fold_of_the_events_up_to_it(growths: list[int]) -> None:
    events = grown(*growths)
    steps = list(life(Tree, events))
    for version in range(1, len(events) + 1):
        assert steps[version - 1].state == state_of(Tree.of(tree_id(1), events[:version]))
        assert [step.event for step in life(Tree, until(events, version))] == events[:version]


@given(SECONDS, st.integers(-1, 10))
def test_what_was_recorded_by_a_moment_is_a_prefix_and_as_long_as_can_be(seconds: list[int], moment: int) -> None:
    events = stamped(*seconds)
    then = until(events, at(moment))
    assert then == events[: len(then)]
    assert all(event.at <= at(moment) for event in then)
    assert len(then) == len(events) or events[len(then)].at > at(moment)


def test_an_event_recorded_at_the_very_moment_counts() -> None:
    assert len(until(grown(1, 2, 3), at(2))) == 3
    assert until(grown(1), NOW - timedelta(seconds=1)) == []


def test_the_other_clock_goes_by_when_a_vendor_says_it_happened() -> None:
    told_late, others = grown(5, 7)[1], grown(5, 7)
    late = [others[0], msgspec.structs.replace(told_late, at=at(60), happened_at=at(0)), others[2]]
    assert [event.version for event in until(late, at(2), clock="happened")] == [1, 2, 3]
    assert [event.version for event in until(late, at(0), clock="happened")] == [1, 2]
    assert [event.version for event in until(late, at(2))] == [1]
    assert until(late, NOW - timedelta(seconds=1), clock="happened") == []


def test_each_event_tells_what_it_changed() -> None:
    first, second, third = life(Tree, grown(5, 0))
    assert {change.field for change in first.changes} == {"height_cm", "gardener", "erased"}
    assert second.changes == (Change("height_cm", 0, 5),)
    assert third.changes == ()


def test_records_are_compared_field_by_field() -> None:
    was = {"calls": {"1": {"spam": False, "for": "fbi"}}, "stage": None}
    now = {"calls": {"1": {"spam": True, "for": "fbi"}}, "stage": "done"}
    assert list(changes(was, now)) == [Change("calls.1.spam", False, True), Change("stage", None, "done")]


def test_a_state_is_a_copy_that_later_events_leave_alone() -> None:
    tree = new_tree(1, 3)
    before = state_of(tree)
    with gardening():
        tree.grow(4)
    assert (before["height_cm"], state_of(tree)["height_cm"]) == (3, 7)


def test_what_is_sealed_stays_sealed_and_is_compared_without_opening_it() -> None:
    def never() -> str:
        raise AssertionError("it was opened")

    one, same, other = (Hidden(Sealed.closed(token, never)) for token in ("a", "a", "b"))
    assert one == same
    assert one != other
    assert isinstance(state_of(new_tree(1))["gardener"], Hidden)
    assert "Ada" not in repr(state_of(new_tree(1)))


def test_every_attribute_that_an_order_declares_is_in_its_state_and_its_methods_are_not() -> None:
    assert {"stage", "paid", "contact", "tracking_id", "matched_call"} <= set(fields_of(Order))
    assert not {"id", "version", "pending", "Placed", "worked_on", "apply", "events"} & set(fields_of(Order))
    assert {"calls", "held", "suggested"} <= set(state_of(CallLead(tree_id(1))))


def test_a_kind_from_the_catalogue_is_named_by_its_code() -> None:
    assert state_of(placed(kind="fbi"))["kind"] == "fbi"


def test_the_event_that_set_a_value_is_the_last_one_that_touched_it() -> None:
    steps = list(life(Tree, grown(5, 7)))
    found = setter(steps[:2], "height_cm")
    assert found is not None
    assert found.event.version == 2
    assert setter(steps, "label") is None


def test_a_value_is_found_by_its_path() -> None:
    state = {"calls": {"a.b": {"spam": True}}, "stage": None}
    assert value_at(state, "calls.a.b.spam") is True
    assert value_at(state, "stage") is None
    for wrong in ("stages", "calls.c", "stage.x"):
        with pytest.raises(KeyError):
            value_at(state, wrong)


def asked() -> tuple[Event, Event, Event]:
    """A planted tree, the effect it asked for, and its end."""
    tree = new_tree(1)
    with gardening():
        effect: Effect = next(inspections(tree.pending[0], tree))
        reference = effect.pending[0].reference
        done = msgspec.structs.replace(Effect.Done(effect=effect.id, proof="7"), stream=effect.id, version=2)
    return tree.pending[0], effect.pending[0], msgspec.structs.replace(done, cause=reference)


def test_causes_are_followed_to_the_beginning() -> None:
    planted, requested, done = asked()
    known = {event.reference: event for event in (planted, requested, done)}
    assert why(done, known.get) == [requested, planted]
    assert why(planted, known.get) == []


def test_causes_that_go_in_circles_come_to_an_end() -> None:
    planted, requested, _ = asked()
    circle = msgspec.structs.replace(planted, cause=requested.reference)
    known = {event.reference: event for event in (circle, requested)}
    assert len(why(requested, known.get)) == 100


def test_a_tree_hangs_each_event_under_its_cause_and_knows_causes_outside() -> None:
    planted, requested, done = asked()
    [root] = tree(with_causes([done], {event.reference: event for event in (planted, requested)}.get))
    assert (root.event, root.led_to[0].event, root.led_to[0].led_to[0].event) == (planted, requested, done)
    assert [node.event for node in tree([done, planted])] == [done, planted]
