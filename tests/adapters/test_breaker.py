"""The breaker of a vendor's channel: when it opens, for how long, and what closes it."""

from uuid import UUID

import pytest

from adapters.breaker import Breaker, Channels, Limits, Room
from adapters.store.log import Work
from tests.world import Clock

FIRST, SECOND = UUID(int=1), UUID(int=2)


class Vendor:
    """A breaker that opens after three silences, and a clock to try it with."""

    def __init__(self) -> None:
        self.clock, self.breaker, self._effects = Clock(), Breaker(after=3), 100

    def silent(self, times: int = 1, *, retry_after: float | None = None, same: UUID | None = None) -> None:
        for _ in range(times):
            self._effects += 1
            effect = same or UUID(int=self._effects)
            self.breaker.begin(effect, now=self.clock.now())
            self.breaker.silent(effect, now=self.clock.now(), retry_after=retry_after)
            self.breaker.end(effect)

    def lets_through(self) -> bool:
        return self.breaker.lets_through(now=self.clock.now())

    def pause(self) -> int:
        """The seconds until something is let through; the clock stands there then."""
        seconds = 0
        while not self.lets_through():
            self.clock.move(1)
            seconds += 1
        return seconds


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def test_it_opens_after_so_many_silences_in_a_row(vendor: Vendor) -> None:
    vendor.silent(2)
    vendor.breaker.answered()
    vendor.silent(2)
    assert vendor.lets_through()
    vendor.silent()
    assert not vendor.lets_through()


def test_one_effect_tried_again_and_again_keeps_its_own_schedule(vendor: Vendor) -> None:
    vendor.silent(6, same=FIRST)
    assert vendor.lets_through()
    vendor.silent(2)
    assert not vendor.lets_through()


def test_each_pause_is_twice_the_one_before_up_to_a_minute(vendor: Vendor) -> None:
    pauses = []
    vendor.silent(2)
    for _ in range(6):
        vendor.silent()
        pauses.append(vendor.pause())
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_a_pause_that_the_vendor_asks_for_wins_over_ours(vendor: Vendor) -> None:
    pauses = []
    vendor.silent(2)
    for asked in (300, 1, None):
        vendor.silent(retry_after=asked)
        pauses.append(vendor.pause())
    assert pauses == [300, 1, 20]


def test_after_a_pause_one_attempt_is_let_through_at_a_time(vendor: Vendor) -> None:
    vendor.silent(3)
    vendor.pause()
    vendor.breaker.begin(FIRST, now=vendor.clock.now())
    assert (vendor.lets_through(), vendor.breaker.state.state) == (False, "probing")
    vendor.breaker.end(FIRST)
    assert vendor.lets_through()


def test_a_success_closes_it_and_forgets_the_silences(vendor: Vendor) -> None:
    vendor.silent(4)
    vendor.pause()
    assert vendor.breaker.answered()
    assert vendor.lets_through()
    vendor.silent(2)
    assert vendor.lets_through()
    vendor.silent()
    assert vendor.pause() == 5


def test_attempts_begun_before_it_opened_make_no_pause_longer(vendor: Vendor) -> None:
    vendor.silent(3)
    for _ in range(3):
        vendor.breaker.silent(SECOND, now=vendor.clock.now(), retry_after=None)
    assert vendor.pause() == 5


def test_but_they_may_bring_the_vendors_own_wish(vendor: Vendor) -> None:
    vendor.silent(3)
    vendor.breaker.silent(SECOND, now=vendor.clock.now(), retry_after=90)
    assert vendor.pause() == 90


def test_a_clock_that_is_set_back_makes_no_pause_longer(vendor: Vendor) -> None:
    vendor.silent(3)
    vendor.clock.move(-3600)
    assert vendor.pause() == 5


def work(channel: str, effect: UUID = FIRST) -> Work:
    return Work(effect, UUID(int=9), channel, "some", "ann")


def test_a_channel_has_so_many_places_and_the_others_keep_theirs() -> None:
    channels = Channels(("zoho", "mail"), Limits(channel_workers=2), now=Clock().now)
    for _ in range(2):
        channels.enter(work("zoho"))
    assert channels.room() == Room(channels=("mail",))
    channels.leave(work("zoho"))
    assert channels.room() == Room()


def test_a_silent_channel_is_open_to_what_staff_ring_again_as_far_as_it_has_places() -> None:
    clock = Clock()
    channels = Channels(("zoho", "mail"), Limits(channel_workers=1, breaker_after=1), now=clock.now)
    channels.silent("zoho", FIRST, retry_after=7)
    room = channels.room()
    assert (room.channels, room.rung_channels) == (("mail",), ("zoho",))
    channels.enter(work("zoho"))
    assert channels.room().rung_channels == ()


def test_how_each_breaker_stands_can_be_seen() -> None:
    clock = Clock()
    channels = Channels(("zoho", "mail", "inbox"), Limits(breaker_after=1), now=clock.now)
    channels.silent("zoho", FIRST, retry_after=None)
    channels.silent("inbox", FIRST, retry_after=None)
    told = {name: (one.state, one.silences) for name, one in channels.breakers.items()}
    assert told == {"mail": ("closed", 0), "zoho": ("open", 1)}
    clock.move(5)
    assert channels.breakers["zoho"].asks_again_at == clock.now()
    assert channels.room() == Room()
