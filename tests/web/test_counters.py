"""Limits are counted in windows that end."""

from web import counters
from web.counters import Counters

MINUTE = 60.0
ENDED = -1.0  # seconds: a window that has ended as it begins


def test_a_key_is_counted_within_its_window() -> None:
    storage = Counters()
    assert [storage.incr("a", MINUTE), storage.incr("a", MINUTE), storage.incr("b", MINUTE)] == [1, 2, 1]
    assert (storage.get("a"), storage.get("unknown")) == (2, 0)


def test_a_new_window_begins_when_the_last_has_ended() -> None:
    storage = Counters()
    storage.incr("a", ENDED)
    assert storage.get("a") == 0
    assert storage.incr("a", MINUTE) == 1


def test_keys_whose_window_has_ended_do_not_pile_up() -> None:
    storage = Counters()
    storage.incr("lasting", MINUTE)
    for number in range(3 * counters.FEWEST_KEYS):
        storage.incr(f"ended {number}", ENDED)
    assert storage.get("lasting") == 1
    assert storage.reset() <= counters.FEWEST_KEYS


def test_a_key_can_be_forgotten() -> None:
    storage = Counters()
    storage.incr("a", MINUTE)
    storage.clear("a")
    assert storage.get("a") == 0
