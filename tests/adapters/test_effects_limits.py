"""A slow vendor leaves threads to the others and a silent one is left in peace, on both databases."""

import threading
from queue import Queue
from uuid import UUID

from adapters.breaker import VENDOR_CHANNELS, Limits
from adapters.effects import EffectRunner, Performer
from domain.shared.effect import Effect, Outcome
from domain.shared.errors import Unreachable
from tests.adapters.effect_samples import PATIENCE, SILENCE, Live, Ticking, ring_again
from tests.wishes import acts
from tests.world import World

WITHOUT_A_VENDOR = {"files", "inbox", "matching", "later"}


def limited(
    world: World,
    performers: dict[tuple[str, str], Performer] | None = None,
    *,
    workers: int | None = None,
    after: int = 5,
) -> EffectRunner:
    return EffectRunner(
        world.ledger,
        world.services.log,
        performers or world.performers(),
        now=world.clock.now,
        limits=Limits(channel_workers=workers, breaker_after=after),
    )


class SlowCrm:
    """Performers of a CRM that answers only when it is told to, and of mails that go out at once."""

    def __init__(self, world: World) -> None:
        self.answer = threading.Event()
        self.asked: Queue[Effect] = Queue()
        self.mailed: Queue[Effect] = Queue()
        performers = dict.fromkeys(world.performers(), self._mail)
        self.performers: dict[tuple[str, str], Performer] = {**performers, ("zoho", "enter_order"): self._wait}

    def _wait(self, effect: Effect) -> Outcome:
        self.asked.put(effect)
        assert self.answer.wait(PATIENCE)
        return Outcome("at last")

    def _mail(self, effect: Effect) -> Outcome:
        self.mailed.put(effect)
        return Outcome("mailed")


def entries(world: World, number: int) -> list[Effect]:
    """The entries in the CRM of so many new quotes, read again by `again`."""
    return [world.effects(world.place("quote").id)["enter_order"] for _ in range(number)]


def again(world: World, effects: list[Effect]) -> list[Effect]:
    return [world.ledger.load(Effect, effect.id) for effect in effects]


def attempts(world: World, effects: list[Effect]) -> list[int]:
    return [effect.attempts for effect in again(world, effects)]


def test_every_channel_either_calls_a_vendor_or_is_known_to_call_none(world: World) -> None:
    channels = {channel for channel, _ in world.services.runner.kinds}
    assert channels == VENDOR_CHANNELS | WITHOUT_A_VENDOR


def test_a_slow_vendor_holds_its_share_of_the_threads_and_the_others_go_on(world: World) -> None:
    slow = SlowCrm(world)
    entered = entries(world, 4)
    with Live(limited(world, slow.performers, workers=2), threads=3):
        assert len({slow.mailed.get(timeout=PATIENCE).subject for _ in range(4)}) == 4
        begun = [slow.asked.get(timeout=PATIENCE).id for _ in range(2)]
        assert slow.asked.empty()
        slow.answer.set()
        begun += [slow.asked.get(timeout=PATIENCE).id for _ in range(2)]
    assert set(begun) == {effect.id for effect in entered}
    assert all(effect.proof for effect in again(world, entered))


def test_what_is_rung_obeys_the_same_limit_and_is_done_when_there_is_room(world: World) -> None:
    slow = SlowCrm(world)
    first, second = entries(world, 2)
    runner = limited(world, slow.performers, workers=1)
    ringing = threading.Thread(target=runner.run_one, args=[first.id])
    ringing.start()
    assert slow.asked.get(timeout=PATIENCE).id == first.id
    runner.run_one(second.id)
    runner.run_due()
    assert again(world, [second])[0].proof is None
    slow.answer.set()
    ringing.join(PATIENCE)
    runner.run_one(second.id)
    assert again(world, [second])[0].proof == "at last"


def test_who_waits_for_the_outcome_is_served_though_the_channel_is_full(world: World) -> None:
    slow = SlowCrm(world)
    first, second = entries(world, 2)
    runner = limited(world, slow.performers, workers=1)
    ringing = threading.Thread(target=runner.run_one, args=[first.id])
    waiting = threading.Thread(target=runner.run_at_once, args=[second.id])
    for thread, effect in ((ringing, first), (waiting, second)):
        thread.start()
        assert slow.asked.get(timeout=PATIENCE).id == effect.id
    slow.answer.set()
    for thread in (ringing, waiting):
        thread.join(PATIENCE)
    assert [effect.proof for effect in again(world, [first, second])] == ["at last"] * 2


def test_after_some_silences_the_rest_wait_without_using_up_attempts_and_keep_their_order(world: World) -> None:
    entered = entries(world, 8)
    world.crm.fail(*[SILENCE] * 6)
    runner = limited(world, after=5)
    runner.run_due()
    assert attempts(world, entered) == [1, 1, 1, 1, 1, 0, 0, 0]
    assert len(world.subjects()) == 8
    world.clock.move(4)
    assert runner.run_due() == 0
    world.clock.move(1)
    assert runner.run_due() == 1
    world.clock.move(9)
    assert runner.run_due() == 0
    world.clock.move(1)
    assert runner.run_due() == 8
    assert all(effect.proof for effect in again(world, entered))
    assert attempts(world, entered) == [2, 1, 1, 1, 1, 0, 0, 0]
    assert [str(record.fields["Ledger_Id"]) for record in world.sandbox.crm.records()] == [
        str(effect.subject) for effect in entered
    ]


def test_the_vendors_own_pause_is_waited_for_by_all_of_its_effects(world: World) -> None:
    entered = entries(world, 2)
    world.crm.fail(Unreachable("slow down", retry_after=40))
    runner = limited(world, after=1)
    runner.run_due()
    world.clock.move(39)
    assert (runner.run_due(), runner.breakers["zoho"].state) == (0, "open")
    world.clock.move(1)
    assert (runner.run_due(), runner.breakers["zoho"].state) == (2, "closed")
    assert all(effect.proof for effect in again(world, entered))


def test_what_staff_ring_again_is_tried_though_its_vendor_is_silent(world: World) -> None:
    given_up, other = entries(world, 2)
    runner = limited(world, after=1)
    with acts(world.clock.now()):
        given_up.give_up(reason="no answer")
    world.ledger.record(given_up)
    ring_again(world, given_up)
    world.crm.fail(SILENCE)
    runner.run_one(other.id)
    assert runner.run_due() == 3
    assert (again(world, [given_up])[0].proof is not None, attempts(world, [other])) == (True, [1])
    world.clock.move(3)
    assert runner.run_due() == 1


def test_who_waits_for_the_outcome_is_not_kept_waiting_by_a_breaker(world: World) -> None:
    first, second = entries(world, 2)
    runner = limited(world, after=1)
    world.crm.fail(SILENCE, SILENCE)
    runner.run_one(first.id)
    runner.run_at_once(second.id)
    assert attempts(world, [first, second]) == [1, 1]
    runner.run_at_once(second.id)
    assert again(world, [second])[0].proof is not None
    assert runner.breakers["zoho"].state == "closed"


def test_a_live_runner_asks_again_by_itself_after_the_pause(world: World) -> None:
    done: Queue[UUID] = Queue()
    silent = iter([True, True])

    def answer(effect: Effect) -> Outcome:
        if next(silent, False):
            raise SILENCE
        done.put(effect.id)
        return Outcome("done")

    [entry] = entries(world, 1)
    performers: dict[tuple[str, str], Performer] = {("zoho", "enter_order"): answer}
    clock = Ticking(world.clock.now())
    limits = Limits(breaker_after=1)
    runner = EffectRunner(world.ledger, world.services.log, performers, now=clock.now, limits=limits)
    with Live(runner, threads=2):
        assert done.get(timeout=PATIENCE) == entry.id
