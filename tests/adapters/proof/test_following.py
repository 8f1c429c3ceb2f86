"""Claims and open effects folded out of the stored events are those in the tables, however many are kept at hand."""

from contextlib import closing

import pytest

from adapters.proof.following import Following
from adapters.proof.locating import Break
from domain.ledger import Ledger
from domain.shared.effect import Effect, effect_id
from tests.chains import Chained
from tests.sample_trees import Tree, at, gardening, new_tree, tree_id


@pytest.fixture
def lived(chain: Chained) -> Chained:
    """Labels are taken, given back and taken by others; an effect is done, one is given up and rung again."""
    ledger = Ledger(chain.log, policies={})
    with gardening():
        first, second = ledger.load(Tree, tree_id(1)), ledger.load(Tree, tree_id(2))
        first.relabel("elm")
        ledger.record(first)
        second.relabel("oak 1")
        ledger.record(second)
        first.fell()
        ledger.record(first, new_tree(9, label="elm"))
        done = ledger.load(Effect, effect_id(tree_id(1), kind="sync_tree"))
        done.finish(proof="1")
        ledger.record(done)
        again = ledger.load(Effect, effect_id(tree_id(2), kind="sync_tree"))
        again.fail(reason="no answer", now=at(5))
        again.give_up(reason="no")
        ledger.record(again)
        again.ring_again()
        ledger.record(again)
    return chain


def differences(chain: Chained, page: int) -> list[Break]:
    """What is found by who reads pages of this size and puts down what was told when so much is at hand."""
    with (
        closing(Following(chain.log.mapper, chain.log.keyring, at_hand=page)) as following,
        chain.tables.snapshot() as snapshot,
    ):
        rows = [row for rows in snapshot.events(0, snapshot.last_position()) for row in rows]
        for start in range(0, len(rows), page):
            following.feed(rows[start : start + page])
        return list(following.breaks(snapshot))


@pytest.mark.parametrize("page", [1, 3, 1_000])
def test_nothing_differs(lived: Chained, page: int) -> None:
    assert differences(lived, page) == []


@pytest.mark.parametrize("page", [1, 1_000])
def test_a_claim_that_was_given_back_does_not_belong_in_the_table(lived: Chained, page: int) -> None:
    lived.sql("INSERT INTO claims VALUES ('label:oak 2', ?)", tree_id(2))
    [found] = differences(lived, page)
    assert (found.kind, found.stream) == ("claim", str(tree_id(2)))
    assert "oak" not in found.detail


@pytest.mark.parametrize("name", ["sample.tree.Shouted", "sample.tree.Planted"])
def test_an_event_that_cannot_be_read_is_named(lived: Chained, name: str) -> None:
    lived.sql("UPDATE events SET name = ?, data = '{}' WHERE position = 20", name)
    assert ("unreadable", 20) in [(one.kind, one.position) for one in differences(lived, 1_000)]
