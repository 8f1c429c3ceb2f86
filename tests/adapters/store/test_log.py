"""The log on both databases: what an append records, what it refuses, and how it is read."""

from collections.abc import Callable

import pytest

from adapters.store.log import SqlLog
from domain.ledger import Conflict, Event, Ledger, Taken
from tests.sample_trees import Tree, gardening, grow, inspections, new_tree, plant, tree_id
from tests.store_samples import open_log, sql

TABLES = ("events", "keys", "claims", "open_effects")


def contents(url: str) -> dict[str, int]:
    return {table: sql(url, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def events(log: SqlLog) -> list[Event]:
    return [log.decode(name, data) for _, name, data in log.read(0, 1_000)]


def lose_a_claim() -> Tree:
    return new_tree(3, label="oak")


def lose_a_race() -> Tree:
    return new_tree(1)


def test_an_append_records_events_keys_claims_and_effects(log: SqlLog, database_url: str) -> None:
    before = contents(database_url)
    with gardening():
        position = Ledger(log, policies={Tree: inspections}).record(new_tree(1, 5, label="oak"))
    assert position == log.last_position() == 4
    added = {table: count - before[table] for table, count in contents(database_url).items()}
    assert added == {"events": 4, "keys": 1, "claims": 1, "open_effects": 2}


@pytest.mark.parametrize(("refused", "error"), [(lose_a_claim, Taken), (lose_a_race, Conflict)])
def test_a_refused_append_leaves_nothing(
    log: SqlLog, database_url: str, refused: Callable[[], Tree], error: type[Exception]
) -> None:
    plant(log, 1, label="oak")
    before = contents(database_url)
    with gardening(), pytest.raises(error):
        Ledger(log, policies={Tree: inspections}).record(new_tree(2, 7, label="elm"), refused())
    assert contents(database_url) == before
    assert log.owner("label:elm") is None
    assert log.events_of(tree_id(2)) == []


def test_a_lost_claim_names_its_owner(log: SqlLog) -> None:
    plant(log, 1, label="red oak: old")
    with pytest.raises(Taken) as lost:
        plant(log, 2, label="red oak: old")
    assert (lost.value.key, lost.value.owner) == ("label:red oak: old", tree_id(1))


def test_two_claims_of_one_append_exclude_each_other(log: SqlLog) -> None:
    with pytest.raises(Taken) as lost:
        Ledger(log, policies={}).record(new_tree(1, label="oak"), new_tree(2, label="oak"))
    assert lost.value.owner == tree_id(1)


def test_an_owner_may_take_again_what_it_has(log: SqlLog) -> None:
    tree = new_tree(1, label="oak")
    with gardening():
        tree.relabel("oak")
        tree.happened(Tree.Planted(gardener=tree.gardener, label="oak"))
    Ledger(log, policies={}).record(tree)
    assert log.owner("label:oak") == tree_id(1)


def test_what_one_frees_another_may_take_in_the_same_append(log: SqlLog) -> None:
    plant(log, 1, label="oak")
    ledger = Ledger(log, policies={})
    old = ledger.load(Tree, tree_id(1))
    with gardening():
        old.fell()
    ledger.record(old, new_tree(2, label="oak"))
    assert log.owner("label:oak") == tree_id(2)


def test_what_is_taken_and_freed_in_one_append_is_free_afterwards(log: SqlLog) -> None:
    tree = new_tree(1, label="oak")
    with gardening():
        tree.fell()
    Ledger(log, policies={}).record(tree)
    assert log.owner("label:oak") is None


def test_nobody_can_free_what_another_owns(log: SqlLog) -> None:
    plant(log, 1, label="oak")
    plant(log, 2)
    ledger = Ledger(log, policies={})
    other = ledger.load(Tree, tree_id(2))
    with gardening():
        other.happened(Tree.Felled(label="oak"))
    ledger.record(other)
    assert log.owner("label:oak") == tree_id(1)


def test_an_unclaimed_key_has_no_owner(log: SqlLog) -> None:
    assert log.owner("label:oak") is None


def test_several_claims_are_looked_up_at_once(log: SqlLog) -> None:
    plant(log, 1, label="oak")
    assert log.owners(["label:oak", "label:elm"]) == {"label:oak": tree_id(1)}
    assert log.owners([]) == {}


def test_positions_are_consecutive_and_a_refused_append_leaves_no_gap(log: SqlLog) -> None:
    assert log.last_position() == 0
    assert [plant(log, 1), plant(log, 2, 5, 6)] == [1, 4]
    with pytest.raises(Conflict):
        plant(log, 1)
    assert grow(log, 1, 8, 9) == 6
    assert [position for position, _, _ in log.read(0, 100)] == [1, 2, 3, 4, 5, 6]


def test_an_append_of_nothing_is_the_last_position(log: SqlLog) -> None:
    plant(log, 1, 5)
    assert log.append([]) == 2


def test_a_stream_is_read_oldest_first_and_up_to_a_version(log: SqlLog) -> None:
    plant(log, 1, 5)
    plant(log, 2, 70)
    grow(log, 1, 6)
    [planted, first, second] = log.events_of(tree_id(1))
    assert isinstance(planted, Tree.Planted)
    assert [first, second] == [
        Tree.Grew(stream=tree_id(1), version=version, at=planted.at, by="gardener", via="test", by_cm=by_cm)
        for version, by_cm in [(2, 5), (3, 6)]
    ]
    assert log.events_of(tree_id(1), upto=2) == [planted, first]
    assert log.events_of(tree_id(9)) == []


def test_a_reader_gets_the_next_rows_behind_a_position(log: SqlLog) -> None:
    plant(log, 1, 5, 6, 7)
    assert [row[0] for row in log.read(1, 2)] == [2, 3]
    assert [row[0] for row in log.read(3, 2)] == [4]
    assert log.read(4, 2) == []


def test_a_scan_goes_from_a_position_to_a_position(log: SqlLog) -> None:
    plant(log, 1, 5, 6, 7)
    assert [row[0] for row in log.scan(after=1, upto=3)] == [2, 3]
    assert list(log.scan(upto=0)) == []


def test_a_scan_by_stream_keeps_each_streams_events_together_and_in_order(log: SqlLog) -> None:
    for number in (2, 1, 3):
        plant(log, number, 5)
    for number in (3, 2, 1, 3):
        grow(log, number, 6)
    scanned = [log.decode(name, data) for _, name, data in log.scan(upto=10, by_stream=True)]
    expected = [
        (tree_id(number), version) for number, last in ((1, 3), (2, 3), (3, 4)) for version in range(1, last + 1)
    ]
    assert [(event.stream, event.version) for event in scanned] == expected


def test_a_scan_can_ask_for_some_names_only(log: SqlLog) -> None:
    plant(log, 1, 5)
    grow(log, 1, 6)
    names = log.readable_as([Tree.Grew])
    assert names == ["sample.tree.Grew"]
    assert [row[0] for row in log.scan(upto=3, names=names)] == [2, 3]
    assert list(log.scan(upto=3, names=[])) == []


def test_a_scan_may_be_left_half_read(log: SqlLog) -> None:
    plant(log, 1, 5, 6)
    scan = log.scan(upto=3)
    assert next(scan)[0] == 1
    del scan
    assert grow(log, 1, 7) == 4


def test_installing_twice_keeps_everything(log: SqlLog, database_url: str) -> None:
    plant(log, 1, label="oak")
    before = contents(database_url), log.blind("ada@example.org")
    log.install()
    with open_log(database_url) as another:
        assert (contents(database_url), another.blind("ada@example.org")) == before
        assert another.events_of(tree_id(1)) == log.events_of(tree_id(1))


def test_any_text_comes_back_as_it_went_in(log: SqlLog) -> None:
    label = 'Zoë’s "oak" \\ 橡树 \U0001f333 \x7f \t\n\'); DROP TABLE events; --'
    plant(log, 1, label=label)
    [planted] = log.events_of(tree_id(1))
    assert isinstance(planted, Tree.Planted)
    assert planted.label == label
    assert log.owner(f"label:{label}") == tree_id(1)
