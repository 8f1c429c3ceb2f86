"""The doorbell with a real Redis: a ring is quick, and losing every message loses nothing."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from uuid import UUID

import pytest
import redis

from adapters.effects import EffectRunner
from adapters.queue import ANSWER_SECONDS, RedisDoorbell
from domain.shared.effect import Effect, Outcome, effect_id
from tests import servers
from tests.world import World, open_world

PATIENCE = 10
pytestmark = pytest.mark.xdist_group("redis")  # doorbells at one server would answer each other's rings


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path) as world:
        yield world


@pytest.fixture
def empty_redis(redis_url: str) -> str:
    flush(redis_url)
    return redis_url


def flush(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("daybook:*"):
            client.delete(key)


class Noting:
    """A runner that notes what it carried out, and waits for it."""

    def __init__(self, world: World) -> None:
        self._done: Queue[UUID] = Queue()
        self.runner: EffectRunner = world.new_runner(dict.fromkeys(world.performers(), self._note))

    def _note(self, effect: Effect) -> Outcome:
        self._done.put(effect.id)
        return Outcome("noted")

    def done(self, number: int) -> set[UUID]:
        return {self._done.get(timeout=PATIENCE) for _ in range(number)}

    def sweep(self, number: int) -> set[UUID]:
        """What the runner finds without any ring."""
        stopping = threading.Event()
        thread = threading.Thread(target=lambda: self.runner.run(stopping.is_set, threads=2))
        thread.start()
        try:
            return self.done(number)
        finally:
            stopping.set()
            self.runner.wake()
            thread.join(PATIENCE)


def effects_of_a_quote(world: World) -> set[UUID]:
    order = world.place("quote")
    return {effect_id(order.id, kind=kind) for kind in ("enter_order", "staff_notice")}


def test_a_ring_makes_a_worker_carry_out_the_effect(world: World, empty_redis: str) -> None:
    noting = Noting(world)
    doorbell = RedisDoorbell(empty_redis, noting.runner)
    doorbell.start(threads=2)
    try:
        effects = effects_of_a_quote(world)
        doorbell.ring(list(effects))
        assert noting.done(2) == effects
    finally:
        doorbell.stop()
    assert all(world.ledger.load(Effect, effect).proof == "noted" for effect in effects)


def test_a_ring_for_what_is_done_or_unknown_does_nothing(world: World, empty_redis: str) -> None:
    noting = Noting(world)
    effects = effects_of_a_quote(world)
    noting.runner.run_due()
    noting.done(2)
    doorbell = RedisDoorbell(empty_redis, noting.runner)
    doorbell.start(threads=1)
    try:
        doorbell.ring([*effects, UUID(int=7)])
        later = effects_of_a_quote(world)
        doorbell.ring(list(later))
        assert noting.done(2) == later
    finally:
        doorbell.stop()


def test_rings_that_were_flushed_away_lose_nothing(world: World, empty_redis: str) -> None:
    noting = Noting(world)
    effects = effects_of_a_quote(world)
    doorbell = RedisDoorbell(empty_redis, noting.runner)
    doorbell.ring(list(effects))
    flush(empty_redis)
    doorbell.start(threads=1)
    try:
        assert noting.sweep(2) == effects
    finally:
        doorbell.stop()


def test_a_ring_holds_no_personal_data(world: World, empty_redis: str) -> None:
    doorbell = RedisDoorbell(empty_redis, world.runner)
    doorbell.ring(list(effects_of_a_quote(world)))
    doorbell.stop()
    with redis.Redis.from_url(empty_redis) as client:
        kept = b"".join(value for key in client.keys("daybook:*.msgs") for value in client.hvals(key))
    assert kept
    assert not any(secret in kept for secret in (b"John", b"Doe", b"example.com", b"555-123"))


def test_61_a_stopped_redis_neither_fails_nor_delays_the_caller_and_loses_nothing(world: World) -> None:
    noting = Noting(world)
    with servers.redis() as url:
        doorbell = RedisDoorbell(url, noting.runner)
        doorbell.ring([UUID(int=7)])
    effects = effects_of_a_quote(world)
    started = time.monotonic()
    doorbell.ring(list(effects))
    assert time.monotonic() - started < ANSWER_SECONDS
    assert noting.sweep(2) == effects


def test_a_doorbell_stops_cleanly_when_redis_has_gone(world: World) -> None:
    with servers.redis() as url:
        doorbell = RedisDoorbell(url, world.runner)
        doorbell.start(threads=1)
        doorbell.ring([UUID(int=7)])
    started = time.monotonic()
    doorbell.stop()
    assert time.monotonic() - started < PATIENCE
