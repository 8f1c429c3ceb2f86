"""Personal data in the log, on both databases: what is stored of it, who can open it, and how it is erased."""

import json

import pytest

from adapters.store.keys import NotOurs
from adapters.store.log import SqlLog
from domain.ledger import Ledger, Taken
from domain.sealed import Erased
from tests.sample_trees import Tree, gardening, new_tree, plant, tree_id
from tests.store_samples import make_log, open_log, sql


def gardener_of(log: SqlLog, number: int) -> str:
    planted = log.events_of(tree_id(number))[0]
    assert isinstance(planted, Tree.Planted)
    return planted.gardener.open()


def destroy_key(url: str, number: int) -> None:
    sql(url, "UPDATE keys SET wrapped = NULL WHERE subject = ?", tree_id(number))


def stored(url: str) -> dict[int, dict[str, str]]:
    return {row[0]: json.loads(str(row[1])) for row in sql(url, "SELECT position, CAST(data AS text) FROM events")}


def overwrite(url: str, position: int, data: dict[str, str]) -> None:
    sql(url, "UPDATE events SET data = ? WHERE position = ?", json.dumps(data), position)


def test_nothing_personal_is_stored_in_clear_text(log: SqlLog, database_url: str) -> None:
    Ledger(log, policies={}).record(new_tree(1, gardener="Ada Gardener"))
    assert "Ada" not in json.dumps(stored(database_url))
    assert gardener_of(log, 1) == "Ada Gardener"


def test_another_process_can_open_what_was_sealed(log: SqlLog, database_url: str) -> None:
    plant(log, 1)
    with open_log(database_url) as another:
        assert gardener_of(another, 1) == "Ada Gardener"


def test_the_token_a_view_carries_can_be_opened_without_the_event(log: SqlLog) -> None:
    plant(log, 1)
    planted = log.events_of(tree_id(1))[0]
    assert isinstance(planted, Tree.Planted)
    assert log.mapper.opened(planted.gardener.token or "", str) == "Ada Gardener"


def test_what_failed_to_be_recorded_is_sealed_anew_when_it_is_repeated(log: SqlLog, database_url: str) -> None:
    plant(log, 1, label="oak")
    ledger, tree = Ledger(log, policies={}), new_tree(2, label="oak", gardener="Bob")
    with pytest.raises(Taken):
        ledger.record(tree)
    assert tree.gardener.token is None
    sql(database_url, "DELETE FROM claims")
    ledger.record(tree)
    with open_log(database_url) as another:
        assert gardener_of(another, 2) == gardener_of(log, 2) == "Bob"


def test_an_optional_sealed_field_may_be_empty(log: SqlLog) -> None:
    tree = new_tree(1)
    with gardening():
        tree.happened(Tree.Noted(note=None))
    Ledger(log, policies={}).record(tree)
    noted = log.events_of(tree_id(1))[-1]
    assert isinstance(noted, Tree.Noted)
    assert noted.note is None


def test_one_value_can_be_sealed_in_several_events(log: SqlLog) -> None:
    ledger = Ledger(log, policies={})
    tree = new_tree(1, gardener="Ada")
    with gardening():
        tree.happened(Tree.Noted(note=tree.gardener))
    ledger.record(tree)
    loaded = ledger.load(Tree, tree_id(1))
    with gardening():
        loaded.happened(Tree.Noted(note=loaded.gardener))
    ledger.record(loaded)
    planted, *noted = log.events_of(tree_id(1))
    assert isinstance(planted, Tree.Planted)
    notes = [event.note.open() for event in noted if isinstance(event, Tree.Noted) and event.note]
    assert [planted.gardener.open(), *notes] == ["Ada", "Ada", "Ada"]


def test_a_wrong_master_key_is_refused_at_the_start(log: SqlLog, database_url: str) -> None:
    other = make_log(database_url, master_key=b"f" * 32)
    with pytest.raises(NotOurs, match="master key"):
        other.install()
    other.close()


def test_an_erased_person_cannot_be_read(log: SqlLog, database_url: str) -> None:
    plant(log, 1)
    plant(log, 2)
    destroy_key(database_url, 1)
    with open_log(database_url) as another:
        with pytest.raises(Erased):
            gardener_of(another, 1)
        assert gardener_of(another, 2) == "Ada Gardener"


def test_a_key_held_in_memory_can_be_forgotten(log: SqlLog, database_url: str) -> None:
    plant(log, 1)
    destroy_key(database_url, 1)
    log.keyring.forget(tree_id(1))
    with pytest.raises(Erased):
        gardener_of(log, 1)


def test_nothing_personal_can_be_added_to_an_erased_person(log: SqlLog, database_url: str) -> None:
    plant(log, 1)
    destroy_key(database_url, 1)
    with open_log(database_url) as another:
        ledger = Ledger(another, policies={})
        tree = ledger.load(Tree, tree_id(1))
        with gardening():
            tree.note("likes shade")
        with pytest.raises(Erased):
            ledger.record(tree)
        assert another.last_position() == 1


def test_a_sealed_value_cannot_be_moved_to_another_stream_or_event(log: SqlLog, database_url: str) -> None:
    plant(log, 1)
    plant(log, 2)
    first, second = stored(database_url)[1], stored(database_url)[2]
    first["gardener"], second["gardener"] = second["gardener"], first["gardener"]
    overwrite(database_url, 1, first)
    overwrite(database_url, 2, second)
    for number in (1, 2):
        with pytest.raises(NotOurs, match="not where it was written"):
            gardener_of(log, number)


def test_a_sealed_value_cannot_be_moved_under_anothers_head(log: SqlLog, database_url: str) -> None:
    tree = new_tree(1)
    with gardening():
        tree.note("likes shade")
    Ledger(log, policies={}).record(tree)
    planted, noted = stored(database_url)[1], stored(database_url)[2]
    planted["gardener"] = f"{planted['gardener'].rpartition('.')[0]}.{noted['note'].rpartition('.')[2]}"
    overwrite(database_url, 1, planted)
    with pytest.raises(NotOurs, match="altered or moved"):
        gardener_of(log, 1)


def test_a_blind_digest_is_the_same_for_the_same_value_and_tells_nothing(log: SqlLog) -> None:
    digest = log.blind("ada@example.org")
    assert digest == log.blind("ada@example.org")
    assert digest != log.blind("bob@example.org")
    assert len(digest) == 32
    assert set(digest) <= set("0123456789abcdef")


def test_two_ledgers_with_one_master_key_digest_differently(log: SqlLog, database_url: str) -> None:
    before = log.blind("ada@example.org")
    sql(database_url, "DELETE FROM keys")
    with open_log(database_url) as another:
        assert another.blind("ada@example.org") != before
