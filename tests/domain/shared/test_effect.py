"""Work asked of the outside: asked for once, tried on schedule, done once."""

from datetime import timedelta
from uuid import uuid5

import pytest

from domain.consequences import Close, Open, Postpone
from domain.shared.effect import NAMESPACE, Effect, NotGivenUp, effect_id
from tests.sample_trees import NOW, at, gardening, new_tree, tree_id


def asked(*, key: str = "") -> Effect:
    with gardening():
        return Effect.request(new_tree(1).pending[0], channel="crm", kind="sync_tree", key=key)


def failed(effect: Effect, *, times: int, retry_after: float = 0) -> Effect:
    for _ in range(times):
        with gardening():
            effect.fail(reason="timeout", now=NOW, retry_after=retry_after)
    return effect


def waits(effect: Effect) -> list[float]:
    """After how many seconds each failed attempt is tried again."""
    tries = [event for event in effect.pending if isinstance(event, Effect.AttemptFailed)]
    return [(event.retry_at - NOW).total_seconds() for event in tries if event.retry_at]


def names(effect: Effect) -> list[str]:
    return [type(event).__name__ for event in effect.pending]


def test_an_effect_knows_its_subject_and_what_led_to_it() -> None:
    effect = asked()
    assert (effect.subject, effect.channel, effect.kind, effect.about) == (tree_id(1), "crm", "sync_tree", {})
    assert effect.pending[0].cause == f"sample.tree.Planted/{tree_id(1)}/1"
    assert not effect.settled


def test_asking_twice_for_the_same_is_asking_once() -> None:
    assert asked().id == asked().id == effect_id(tree_id(1), kind="sync_tree")
    assert asked().id == uuid5(NAMESPACE, f"{tree_id(1)}/sync_tree/")


def test_what_may_recur_is_told_apart_by_its_key() -> None:
    assert len({asked().id, asked(key="1").id, asked(key="2").id}) == 3


def test_an_effect_is_tried_again_after_3_6_12_24_and_48_seconds() -> None:
    effect = failed(asked(), times=5)
    assert waits(effect) == [3, 6, 12, 24, 48]
    assert not effect.settled


def test_the_sixth_failure_gives_it_up() -> None:
    effect = failed(asked(), times=6)
    assert names(effect) == ["Requested", *["AttemptFailed"] * 6, "GivenUp"]
    assert effect.given_up == "no answer after 6 attempts: timeout"
    assert effect.settled


def test_a_vendors_longer_pause_is_respected() -> None:
    assert waits(failed(asked(), times=3, retry_after=20)) == [20, 20, 20]
    assert waits(failed(asked(), times=1, retry_after=60)) == [60]


def test_a_vendors_shorter_pause_does_not_hurry_us() -> None:
    assert waits(failed(asked(), times=2, retry_after=4)) == [4, 6]


def test_a_pause_of_more_than_a_minute_puts_it_off_without_using_an_attempt() -> None:
    effect = failed(asked(), times=10, retry_after=61)
    assert names(effect) == ["Requested", *["PutOff"] * 10]
    assert (effect.attempts, effect.settled) == (0, False)
    assert effect.pending[-1].work() == Postpone(effect.id, at(61))


def test_what_was_sent_is_rendered_once() -> None:
    effect = asked()
    with gardening():
        effect.prepare("first")
        effect.prepare("second")
    assert names(effect) == ["Requested", "Prepared"]
    assert effect.content is not None
    assert effect.content.open() == "first"


def test_a_done_effect_stays_done() -> None:
    effect = asked()
    with gardening():
        effect.finish(proof="crm-7")
        effect.finish(proof="crm-8")
        effect.give_up(reason="late")
        effect.put_off(reason="late", until=at(5))
        effect.fail(reason="late", now=NOW)
    assert names(effect) == ["Requested", "Done"]
    assert effect.proof == "crm-7"


def test_a_declined_effect_is_given_up_once() -> None:
    effect = asked()
    with gardening():
        effect.give_up(reason="no such module")
        effect.give_up(reason="again")
    assert (names(effect), effect.given_up) == (["Requested", "GivenUp"], "no such module")


def test_a_given_up_effect_can_be_rung_again_and_starts_from_the_first_attempt() -> None:
    effect = failed(asked(), times=6)
    with gardening():
        effect.ring_again()
    assert (effect.settled, effect.attempts) == (False, 0)
    assert waits(failed(effect, times=5))[5:] == [3, 6, 12, 24, 48]


def test_ringing_again_keeps_what_was_rendered() -> None:
    effect = asked()
    with gardening():
        effect.prepare("first")
        effect.give_up(reason="no")
        effect.ring_again()
        effect.prepare("second")
    assert effect.content is not None
    assert effect.content.open() == "first"


def test_only_what_was_given_up_can_be_rung_again() -> None:
    effect = asked()
    with gardening(), pytest.raises(NotGivenUp):
        effect.ring_again()
    with gardening():
        effect.finish(proof="crm-7")
    with gardening(), pytest.raises(NotGivenUp):
        effect.ring_again()


def test_each_event_says_what_it_does_to_the_list_of_open_work() -> None:
    effect = failed(asked(), times=1)
    with gardening(after=1):
        effect.put_off(reason="waits for payment", until=at(9))
        effect.give_up(reason="no")
        effect.ring_again()
        effect.finish(proof="crm-7")
    opened = Open(effect.id, tree_id(1), "crm", "sync_tree", NOW)
    assert [event.work() for event in effect.pending] == [
        opened,
        Postpone(effect.id, NOW + timedelta(seconds=3)),
        Postpone(effect.id, at(9)),
        Close(effect.id),
        Open(effect.id, tree_id(1), "crm", "sync_tree", at(1), urgent=True),
        Close(effect.id),
    ]


def test_the_last_failure_does_not_postpone_what_is_given_up() -> None:
    effect = failed(asked(), times=6)
    assert [event.work() for event in effect.pending[-2:]] == [None, Close(effect.id)]
