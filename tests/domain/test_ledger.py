"""What the ledger promises whoever decides and records."""

from datetime import timedelta, timezone
from uuid import UUID

import pytest

from domain.consequences import Free, Open, Take
from domain.ledger import Aggregate, Conflict, Event, Ledger, Taken, UnknownStream, acting, repeatable
from domain.sealed import Sealed
from domain.shared.effect import Effect, effect_id
from tests.memory_log import MemoryLog
from tests.sample_trees import NOW, Tree, gardening, grow, inspections, new_tree, plant, tree_id


def test_an_event_carries_who_where_when_and_why() -> None:
    tree = Tree(tree_id(1))
    with acting(by="ada", via="console", at=NOW, cause="receipt/7", correlation="request-9"):
        tree.grow(3)
    [event] = tree.pending
    assert (event.stream, event.version, event.at) == (tree.id, 1, NOW)
    assert (event.by, event.via, event.cause, event.correlation) == ("ada", "console", "receipt/7", "request-9")


def test_the_time_of_an_act_is_kept_in_utc() -> None:
    nepal = timezone(timedelta(hours=5, minutes=45))
    with acting(by="ada", via="console", at=NOW.astimezone(nepal)) as act:
        assert act.at == NOW
        assert act.at.utcoffset() == timedelta(0)


def test_an_event_that_names_its_own_cause_keeps_it() -> None:
    tree = Tree(tree_id(1))
    with acting(by="ada", via="console", at=NOW, cause="the act's", correlation="the act's"):
        tree.happened(Tree.Grew(by_cm=1, cause="its own", correlation="its own"))
    assert (tree.pending[0].cause, tree.pending[0].correlation) == ("its own", "its own")


def test_when_a_thing_happened_elsewhere_is_not_overwritten() -> None:
    tree, then = Tree(tree_id(1)), NOW - timedelta(days=2)
    with gardening():
        tree.happened(Tree.Grew(by_cm=1, happened_at=then))
    assert (tree.pending[0].happened_at, tree.pending[0].at) == (then, NOW)


def test_an_inner_act_ends_and_the_outer_one_goes_on() -> None:
    tree = Tree(tree_id(1))
    with acting(by="outer", via="web", at=NOW):
        with acting(by="inner", via="stripe", at=NOW):
            tree.grow(1)
        tree.grow(2)
    assert [event.by for event in tree.pending] == ["inner", "outer"]


def test_nothing_can_happen_outside_an_act() -> None:
    tree = Tree(tree_id(1))
    with pytest.raises(RuntimeError, match="acting"):
        tree.grow(1)
    assert (tree.version, tree.height_cm, tree.pending) == (0, 0, [])


def test_versions_count_the_events_of_a_stream() -> None:
    tree = new_tree(1, 5, 6)
    assert [event.version for event in tree.pending] == [1, 2, 3]
    assert (tree.version, tree.height_cm) == (3, 11)


def test_an_event_is_stored_under_a_word_that_is_not_a_code_path() -> None:
    assert Tree.Planted.stored_name == "sample.tree.Planted"
    assert new_tree(1).pending[0].reference == f"sample.tree.Planted/{tree_id(1)}/1"


def test_an_aggregate_that_does_not_say_what_its_events_mean_is_refused() -> None:
    class Silent(Aggregate, name="sample.silent"):
        class Spoke(Event, frozen=True):
            pass

    with gardening(), pytest.raises(NotImplementedError, match="Silent"):
        Silent(tree_id(1)).happened(Silent.Spoke())


def test_what_was_recorded_is_loaded_again() -> None:
    log = MemoryLog()
    plant(log, 1, 5, 6)
    tree = Ledger(log, policies={}).load(Tree, tree_id(1))
    assert (tree.version, tree.height_cm, tree.pending) == (3, 11, [])


def test_an_aggregate_can_be_seen_as_it_was_at_a_version() -> None:
    log = MemoryLog()
    plant(log, 1, 5, 6)
    tree = Ledger(log, policies={}).load(Tree, tree_id(1), version=2)
    assert (tree.version, tree.height_cm) == (2, 5)


def test_a_stream_that_is_not_there_is_unknown() -> None:
    with pytest.raises(UnknownStream, match=r"sample\.tree"):
        Ledger(MemoryLog(), policies={}).load(Tree, tree_id(1))


def test_a_stream_of_another_kind_is_unknown() -> None:
    log = MemoryLog()
    plant(log, 1)
    with pytest.raises(UnknownStream, match="effect"):
        Ledger(log, policies={}).load(Effect, tree_id(1))


def test_effects_are_recorded_in_the_same_append_behind_the_event_that_calls_for_them() -> None:
    log = MemoryLog()
    with gardening():
        Ledger(log, policies={Tree: inspections}).record(new_tree(1, 5))
    [entries] = log.appends
    assert [entry.event.stored_name for entry in entries] == [
        "sample.tree.Planted", "effect.Requested", "effect.Requested", "sample.tree.Grew",
    ]  # fmt: skip
    asked = entries[1].event
    assert asked.stream == effect_id(tree_id(1), kind="sync_tree")
    assert asked.cause == entries[0].event.reference


def test_an_effects_data_is_sealed_with_its_subjects_key() -> None:
    log = MemoryLog()
    with gardening():
        Ledger(log, policies={Tree: inspections}).record(new_tree(1))
    assert {entry.subject for entry in log.appends[0]} == {tree_id(1)}


def test_the_policy_is_asked_once_for_each_event() -> None:
    asked: list[tuple[int, int]] = []

    def policy(event: Event, tree: Tree) -> list[Effect]:
        asked.append((event.version, tree.version))
        return []

    ledger, tree = Ledger(MemoryLog(), policies={Tree: policy}), new_tree(1, 5)
    ledger.record(tree)
    ledger.record(tree)
    assert asked == [(1, 2), (2, 2)]


def test_what_was_refused_can_be_recorded_later() -> None:
    log = MemoryLog()
    plant(log, 1, label="oak")
    ledger, tree = Ledger(log, policies={}), new_tree(2, label="oak")
    with pytest.raises(Taken):
        ledger.record(tree)
    assert len(tree.pending) == 1
    log.claims.clear()
    ledger.record(tree)
    assert tree.pending == []


def test_several_aggregates_are_recorded_together_or_not_at_all() -> None:
    log = MemoryLog()
    plant(log, 1)
    with pytest.raises(Conflict):
        Ledger(log, policies={}).record(new_tree(2), new_tree(1))
    assert [event.stream for event in log.events] == [tree_id(1)]


def test_who_listens_is_told_the_position_and_the_effects_that_were_opened() -> None:
    told: list[tuple[int, list[UUID]]] = []
    ledger = Ledger(
        MemoryLog(),
        policies={Tree: inspections},
        on_recorded=lambda position, opened: told.append((position, [work.effect for work in opened])),
    )
    with gardening():
        assert ledger.record(new_tree(1)) == 3
    assert told == [(3, [effect_id(tree_id(1), kind=kind) for kind in ("sync_tree", "notice")])]


def test_nobody_is_told_of_what_was_not_recorded() -> None:
    log = MemoryLog()
    plant(log, 1)
    told: list[int] = []
    ledger = Ledger(log, policies={}, on_recorded=lambda position, opened: told.append(position))
    with pytest.raises(Conflict):
        ledger.record(new_tree(1))
    assert told == []


def test_an_event_says_what_it_claims_and_what_work_it_opens() -> None:
    [planted] = new_tree(1, label="oak").pending
    assert list(planted.claims()) == [Take("label:oak", tree_id(1))]
    assert planted.work() is None
    with gardening():
        [asked] = Effect.request(planted, channel="crm", kind="sync_tree").pending
    assert list(asked.claims()) == []
    assert asked.work() == Open(asked.stream, tree_id(1), "crm", "sync_tree", NOW)


def test_claims_come_from_the_event_alone() -> None:
    relabelled = Tree.Relabelled(stream=tree_id(4), old="oak", new="elm")
    assert list(relabelled.claims()) == [Free("label:oak", tree_id(4)), Take("label:elm", tree_id(4))]


def test_a_lost_claim_is_told_without_its_value() -> None:
    assert str(Taken("email:ada@example.org", tree_id(1))) == "email is already taken"


def test_a_repeatable_command_runs_again_after_a_conflict() -> None:
    log = MemoryLog()
    plant(log, 1)
    rivals = iter([7])

    @repeatable
    def grow_by(by_cm: int) -> int:
        ledger = Ledger(log, policies={})
        tree = ledger.load(Tree, tree_id(1))
        for rival in rivals:
            grow(log, 1, rival)
        with gardening():
            tree.grow(by_cm)
        return ledger.record(tree)

    assert grow_by(5) == 3
    assert Ledger(log, policies={}).load(Tree, tree_id(1)).height_cm == 12


def test_a_repeatable_command_gives_up_after_the_second_conflict() -> None:
    runs: list[int] = []

    @repeatable
    def lose() -> None:
        runs.append(1)
        raise Conflict

    with pytest.raises(Conflict):
        lose()
    assert len(runs) == 2


def test_events_that_say_the_same_are_equal() -> None:
    assert Tree.Planted(gardener=Sealed("Ada")) == Tree.Planted(gardener=Sealed("Ada"))
    assert Tree.Planted(gardener=Sealed("Ada")) != Tree.Planted(gardener=Sealed("Bob"))
