"""The list of open effects, on both databases: who may take what, when, and in which order."""

import threading
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.store.log import Hand, SqlLog, Work
from domain.ledger import Ledger
from domain.shared.effect import Effect, effect_id
from tests.sample_trees import NOW, at, gardening, new_tree, tree_id

LEASE_SECONDS = 60


def request(log: SqlLog, number: int, *kinds: str, channel: str = "crm", after: float = 0) -> None:
    """Ask for these effects of tree `number`, in one append."""
    cause = new_tree(number).pending[0]
    with gardening(after=after):
        Ledger(log, policies={}).record(*(Effect.request(cause, channel=channel, kind=kind) for kind in kinds))


def take(
    log: SqlLog, *, worker: str = "ann", after: float = 0, limit: int = 100, effect: UUID | None = None
) -> list[Work]:
    until = at(after + LEASE_SECONDS)
    return log.take_work(Hand(worker=worker, now=at(after), until=until, limit=limit, effect=effect))


def taken(log: SqlLog, *, worker: str = "ann", after: float = 0) -> list[tuple[int, str]]:
    """What this worker gets: numbers of trees, and kinds."""
    return [(work.subject.int, work.kind) for work in take(log, worker=worker, after=after)]


def close(log: SqlLog, number: int, kind: str) -> None:
    ledger = Ledger(log, policies={})
    effect = ledger.load(Effect, effect_id(tree_id(number), kind=kind))
    with gardening():
        effect.finish(proof="done")
    ledger.record(effect)


def test_work_names_the_effect_and_its_lane(log: SqlLog) -> None:
    request(log, 1, "sync")
    assert take(log) == [Work(effect_id(tree_id(1), kind="sync"), tree_id(1), "crm", "sync", "ann")]


def test_only_the_first_of_a_subject_and_channel_can_be_taken(log: SqlLog) -> None:
    request(log, 1, "first", "second", "third")
    assert taken(log) == [(1, "first")]
    close(log, 1, "first")
    assert taken(log) == [(1, "second")]
    close(log, 1, "second")
    assert taken(log) == [(1, "third")]


def test_subjects_and_channels_do_not_wait_for_each_other(log: SqlLog) -> None:
    request(log, 2, "first", "second")
    request(log, 1, "first", "second")
    request(log, 2, "notice", channel="mail")
    assert taken(log) == [(2, "first"), (1, "first"), (2, "notice")]


def test_a_later_append_stands_behind_an_earlier_one(log: SqlLog) -> None:
    request(log, 1, "zebra")
    request(log, 1, "ant")
    assert taken(log) == [(1, "zebra")]


def test_work_in_hand_is_not_taken_by_another(log: SqlLog) -> None:
    request(log, 1, "first", "second")
    assert taken(log, worker="ann") == [(1, "first")]
    assert taken(log, worker="bob", after=LEASE_SECONDS - 1) == []


def test_no_more_is_taken_than_was_asked_for_and_the_oldest_goes_first(log: SqlLog) -> None:
    for number in (3, 1, 2):
        request(log, number, "sync")
    assert [work.subject.int for work in take(log, limit=2)] == [3, 1]
    assert [work.subject.int for work in take(log, limit=2)] == [2]


def test_work_is_not_taken_before_it_is_due(log: SqlLog) -> None:
    request(log, 1, "sync", after=10)
    assert taken(log, after=9) == []
    assert taken(log, after=10) == [(1, "sync")]


def test_one_effect_can_be_asked_for_by_its_id_if_it_is_its_turn(log: SqlLog) -> None:
    request(log, 1, "first", "second")
    request(log, 2, "first")
    assert take(log, effect=effect_id(tree_id(1), kind="second")) == []
    [work] = take(log, effect=effect_id(tree_id(2), kind="first"))
    assert (work.subject, work.kind) == (tree_id(2), "first")


def test_work_whose_worker_fell_silent_is_taken_over(log: SqlLog) -> None:
    request(log, 1, "sync")
    [anns] = take(log, worker="ann")
    assert log.holds(anns)
    [bobs] = take(log, worker="bob", after=LEASE_SECONDS + 1)
    assert (log.holds(anns), log.holds(bobs)) == (False, True)


def test_leases_can_be_ended_when_their_workers_are_known_to_be_gone(log: SqlLog) -> None:
    request(log, 1, "sync")
    request(log, 2, "sync", after=5)
    assert taken(log) == [(1, "sync")]
    log.expire_leases()
    assert [(work.subject.int, work.worker) for work in take(log, worker="bob", after=5)] == [(1, "bob"), (2, "bob")]


def test_work_handed_back_unbegun_can_be_taken_at_once(log: SqlLog) -> None:
    request(log, 1, "sync")
    request(log, 2, "sync")
    take(log, worker="ann", limit=1)
    take(log, worker="bob", limit=1)
    log.release_work(worker="ann")
    assert [work.subject.int for work in take(log, worker="cat")] == [1]


def test_a_failed_attempt_is_taken_again_when_it_is_due(log: SqlLog) -> None:
    request(log, 1, "first", "second")
    [work] = take(log)
    ledger = Ledger(log, policies={})
    effect = ledger.load(Effect, work.effect)
    with gardening():
        effect.fail(reason="timeout", now=NOW)
    ledger.record(effect)
    assert taken(log, after=2) == []
    assert [work.kind for work in take(log, after=3)] == ["first"]


def test_done_and_given_up_work_is_off_the_list(log: SqlLog) -> None:
    request(log, 1, "sync")
    close(log, 1, "sync")
    assert (taken(log), log.open_work(), log.next_due()) == ([], (0, None), None)


def test_work_that_is_rung_again_stands_behind_the_others(log: SqlLog) -> None:
    request(log, 1, "first", "second")
    ledger = Ledger(log, policies={})
    effect = ledger.load(Effect, effect_id(tree_id(1), kind="first"))
    with gardening():
        effect.give_up(reason="no")
    ledger.record(effect)
    with gardening():
        effect.ring_again()
    ledger.record(effect)
    assert taken(log) == [(1, "second")]


def test_the_next_due_time_is_that_of_work_whose_turn_it_is(log: SqlLog) -> None:
    request(log, 1, "late", after=50)
    request(log, 1, "early but behind", after=1)
    request(log, 2, "middle", after=20)
    assert log.next_due() == at(20)
    assert log.open_work() == (3, at(1))


def test_work_in_hand_is_due_when_its_lease_ends(log: SqlLog) -> None:
    request(log, 1, "sync")
    take(log)
    assert log.next_due() == at(LEASE_SECONDS)
    log.expire_leases()
    assert log.next_due() == NOW


def test_times_come_back_in_utc(log: SqlLog) -> None:
    request(log, 1, "sync")
    moments = [log.next_due(), log.open_work()[1]]
    assert [moment and moment.utcoffset() for moment in moments] == [timedelta(0), timedelta(0)]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_two_workers_ever_get_the_same(log: SqlLog, limit: int) -> None:
    for number in range(1, 41):
        request(log, number, "sync")
    begin, got = threading.Barrier(6), Counter[UUID]()
    lock = threading.Lock()

    def work(name: str) -> None:
        begin.wait(10)
        while mine := take(log, worker=name, limit=limit):
            with lock:
                got.update(work.effect for work in mine)

    workers = [threading.Thread(target=work, args=(f"worker {nth}",)) for nth in range(6)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(20)
    # A worker that found everything locked by others may have left early: what is left must still be there.
    got.update(work.effect for work in take(log, worker="last"))
    assert (len(got), set(got.values())) == (40, {1})
