"""A dry run: it tells what today's policies would ask for otherwise, and can do nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from domain.ledger import Aggregate, Event, Ledger, Policy
from domain.sealed import Erased
from domain.shared.effect import Effect
from domain.shared.replaying import DryRun, batches, dry_run
from tests.memory_log import MemoryLog
from tests.sample_trees import NOW, Tree, at, gardening, inspections, new_tree, tree_id


class Readable(MemoryLog):
    """The log in memory, read as the real ones are."""

    def scan(self, *, upto: int, names: Sequence[str] | None = None) -> Iterator[tuple[int, str, Any]]:
        for position, event in enumerate(self.events[:upto], start=1):
            if names is None or event.stored_name in names:
                yield position, event.stored_name, event

    def decode(self, name: str, data: Any) -> Event:
        if data is None:
            raise ValueError(name)
        assert isinstance(data, Event)
        return data

    def readable_as(self, event_classes: Iterable[type[Event]]) -> list[str]:
        return [event.stored_name for event in event_classes]


@pytest.fixture
def log() -> Readable:
    return Readable()


def record(ledger: Ledger, *trees: Tree) -> None:
    with gardening():
        ledger.record(*trees)


def run(log: Readable, policy: Policy, since: datetime = NOW, until: datetime | None = None) -> DryRun:
    policies: Mapping[type[Aggregate], Policy] = {Tree: policy}
    return dry_run(log, policies, upto=len(log.events), since=since, until=until)


def found(done: DryRun) -> list[tuple[str, str, int]]:
    return [(one.verdict, one.kind, one.count) for one in done.differences]


def tall(event: Event, tree: Tree) -> Iterator[Effect]:
    """A policy that looks at the aggregate: a tree is reported as often as it is tall when it has grown."""
    if isinstance(event, Tree.Grew) and tree.height_cm >= 10:
        yield Effect.request(event, channel="mail", kind="tall", key=str(event.version))


def test_the_same_policy_would_ask_for_the_same(log: Readable) -> None:
    ledger = Ledger(log, policies={Tree: inspections})
    for number in (1, 2):
        record(ledger, new_tree(number, 5))
    done = run(log, inspections)
    assert (done.events, done.asked, found(done)) == (4, 4, [])


def test_what_is_no_longer_asked_for_is_extra_and_what_is_new_is_missing(log: Readable) -> None:
    ledger = Ledger(log, policies={Tree: inspections})
    for number in range(1, 9):
        record(ledger, new_tree(number))

    def changed(event: Event, tree: Tree) -> Iterator[Effect]:
        yield Effect.request(event, channel="crm", kind="sync_tree")
        yield Effect.request(event, channel="mail", kind="label")

    done = run(log, changed)

    assert found(done) == [("extra", "notice", 8), ("missing", "label", 8)]
    extra, missing = done.differences
    assert (extra.channel, extra.because, len(extra.examples)) == ("mail", "sample.tree.Planted", 5)
    assert extra.examples[0].event == f"sample.tree.Planted/{tree_id(1)}/1"
    assert missing.examples[0].at == NOW


def test_an_effect_about_something_else_is_changed(log: Readable) -> None:
    record(Ledger(log, policies={Tree: inspections}), new_tree(1))

    def changed(event: Event, tree: Tree) -> Iterator[Effect]:
        yield Effect.request(event, channel="crm", kind="sync_tree", about={"version": "1"})
        yield Effect.request(event, channel="mail", kind="notice", due_at=at(60))

    assert found(run(log, changed)) == [("changed", "sync_tree", 1), ("changed", "notice", 1)]


def test_a_policy_sees_the_aggregate_as_it_was_when_all_of_a_record_had_happened(log: Readable) -> None:
    ledger = Ledger(log, policies={Tree: tall})
    record(ledger, new_tree(1, 4, 6))  # both growths are reported: the tree was tall when it was recorded
    assert [event.cause for event in log.events if isinstance(event, Effect.Requested)] == [
        f"sample.tree.Grew/{tree_id(1)}/2",
        f"sample.tree.Grew/{tree_id(1)}/3",
    ]
    assert found(run(log, tall)) == []


def test_two_records_of_one_act_right_behind_each_other_are_told_apart_where_it_matters(log: Readable) -> None:
    ledger = Ledger(log, policies={Tree: tall})
    tree = new_tree(1, 4)
    record(ledger, tree)
    with gardening():
        tree.grow(6)
    record(ledger, tree)
    assert [len(batch) for batch in batches(enumerate(log.events, start=1))] == [3]
    assert found(run(log, tall)) == []


def test_later_events_of_a_stream_do_not_reach_back(log: Readable) -> None:
    ledger = Ledger(log, policies={Tree: tall})
    tree = new_tree(1, 4)
    record(ledger, tree)
    record(ledger, new_tree(2))
    with gardening(after=60):
        tree.grow(20)
    record(ledger, tree)
    assert found(run(log, tall)) == []
    assert found(run(log, inspections)) == [
        ("extra", "tall", 1),
        ("missing", "sync_tree", 2),
        ("missing", "notice", 2),
    ]


def test_only_the_events_of_the_time_asked_for_are_judged(log: Readable) -> None:
    ledger = Ledger(log, policies={Tree: inspections})
    tree = new_tree(1)
    record(ledger, tree)
    for second in (10, 20, 30):
        with gardening(after=second):
            tree.grow(10)
        record(ledger, tree)
    done = run(log, tall, since=at(20), until=at(30))
    assert (done.events, found(done)) == (1, [("missing", "tall", 1)])


def test_what_lies_outside_of_that_time_is_still_part_of_the_aggregate(log: Readable) -> None:
    ledger, tree = Ledger(log, policies={Tree: tall}), Tree(tree_id(1))
    for second, by_cm in ((20, 6), (5, 6), (30, 0)):  # the second clock was slow
        with gardening(after=second):
            if not tree.version:
                tree.plant(gardener="Ada")
            tree.grow(by_cm)
        record(ledger, tree)
    done = run(log, tall, since=at(20))
    assert (done.events, done.asked, found(done)) == (3, 1, [])


def test_what_cannot_be_judged_is_counted_and_the_rest_goes_on(log: Readable) -> None:
    record(Ledger(log, policies={Tree: inspections}), new_tree(1), new_tree(2))

    def erased(event: Event, tree: Tree) -> Iterator[Effect]:
        if tree.id == tree_id(1):
            raise Erased
        return inspections(event, tree)

    done = run(log, erased)
    assert (dict(done.unread), found(done)) == ({"erased": 1}, [])


def test_nothing_is_recorded(log: Readable) -> None:
    record(Ledger(log, policies={Tree: inspections}), new_tree(1))
    before = list(log.appends)
    assert found(run(log, tall))
    assert log.appends == before
