"""The list of open effects with channels held back, leases renewed and clocks set back, on both databases."""

from datetime import datetime, timedelta

from adapters.store.log import Hand, SqlLog
from domain.ledger import Ledger
from domain.shared.effect import Effect, effect_id
from tests.adapters.store.test_work import LEASE_SECONDS, request, take
from tests.sample_trees import NOW, at, gardening, tree_id


def given(log: SqlLog, *channels: str, rung: tuple[str, ...] = (), now: datetime = NOW) -> list[tuple[int, str]]:
    """What a worker gets who asks for these channels only: numbers of trees, and channels."""
    until = now + timedelta(seconds=LEASE_SECONDS)
    hand = Hand(worker="ann", now=now, until=until, limit=9, channels=channels, rung_channels=rung)
    return [(work.subject.int, work.channel) for work in log.take_work(hand)]


def ring_again(log: SqlLog, number: int, kind: str) -> None:
    ledger = Ledger(log, policies={})
    effect = ledger.load(Effect, effect_id(tree_id(number), kind=kind))
    with gardening():
        effect.give_up(reason="no")
    ledger.record(effect)
    with gardening():
        effect.ring_again()
    ledger.record(effect)


def fail(log: SqlLog, number: int, kind: str, *, after: float = 0) -> None:
    ledger = Ledger(log, policies={})
    effect = ledger.load(Effect, effect_id(tree_id(number), kind=kind))
    with gardening(after=after):
        effect.fail(reason="timeout", now=at(after))
    ledger.record(effect)


def test_only_work_of_the_channels_asked_for_is_given_in_its_order(log: SqlLog) -> None:
    for number, channel in enumerate(("crm", "mail", "post", "crm"), start=1):
        request(log, number, "sync", channel=channel)
    assert given(log) == []
    assert given(log, "post", "mail") == [(2, "mail"), (3, "post")]
    assert given(log, "crm") == [(1, "crm"), (4, "crm")]


def test_of_a_silent_channel_only_what_staff_rang_again_is_given(log: SqlLog) -> None:
    request(log, 1, "sync")
    request(log, 2, "sync")
    request(log, 3, "sync", channel="mail")
    ring_again(log, 2, "sync")
    assert given(log, "mail", rung=("crm",)) == [(3, "mail"), (2, "crm")]


def test_a_ring_counts_once_and_then_waits_like_the_others(log: SqlLog) -> None:
    request(log, 1, "sync")
    ring_again(log, 1, "sync")
    assert given(log, rung=("crm",)) == [(1, "crm")]
    fail(log, 1, "sync")
    assert given(log, rung=("crm",), now=at(9)) == []
    assert given(log, "crm", now=at(9)) == [(1, "crm")]


def test_the_next_due_time_can_be_asked_for_some_channels(log: SqlLog) -> None:
    request(log, 1, "sync", after=5)
    request(log, 2, "sync", channel="mail", after=9)
    assert [log.next_due(channels=names) for names in (("mail",), ("crm", "mail"), ())] == [at(9), at(5), None]


def test_open_work_is_told_by_channel(log: SqlLog) -> None:
    assert log.open_by_channel() == {}
    request(log, 1, "first", "second", after=5)
    request(log, 2, "sync", after=3)
    request(log, 3, "sync", channel="mail", after=9)
    assert log.open_by_channel() == {"crm": (3, at(3)), "mail": (1, at(9))}


def test_a_renewed_lease_keeps_others_away_for_longer(log: SqlLog) -> None:
    request(log, 1, "sync")
    works = take(log, worker="ann")
    log.renew_work(works, until=at(200))
    assert take(log, worker="bob", after=199) == []
    assert len(take(log, worker="bob", after=201)) == 1


def test_a_lease_that_somebody_else_has_by_now_is_not_renewed(log: SqlLog) -> None:
    request(log, 1, "sync")
    request(log, 2, "sync")
    anns = take(log, worker="ann")
    take(log, worker="bob", after=LEASE_SECONDS + 1)
    log.renew_work(anns, until=at(900))
    assert len(take(log, worker="cat", after=2 * LEASE_SECONDS + 2)) == 2


def test_what_a_clock_ahead_has_planned_is_due_after_it_was_set_back(log: SqlLog) -> None:
    request(log, 1, "sync", after=3600)
    request(log, 2, "sync", after=3600)
    fail(log, 2, "sync", after=3600)
    request(log, 3, "sync", after=30)
    assert log.bring_forward(now=NOW, behind=at(60)) == 2
    assert [work.subject.int for work in take(log)] == [1, 2]
    assert log.bring_forward(now=NOW, behind=at(60)) == 0


def test_what_was_planned_for_later_by_a_right_clock_is_not_brought_forward(log: SqlLog) -> None:
    request(log, 1, "sync")
    ledger = Ledger(log, policies={})
    effect = ledger.load(Effect, effect_id(tree_id(1), kind="sync"))
    with gardening():
        effect.put_off(reason="the vendor asked for an hour", until=at(3600))
    ledger.record(effect)
    assert log.bring_forward(now=at(1), behind=at(61)) == 0
    assert log.next_due() == at(3600)
