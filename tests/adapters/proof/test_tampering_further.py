"""More that somebody may do to the tables: to keys, to the beginning and the end, and with an older copy of it all."""

import pytest

from domain.shared.receipt import Receipt
from tests.chains import Chained
from tests.sample_trees import tree_id

Found = list[tuple[str, int | None]]
LATER_POSITIONS = "UPDATE events SET position = position + 100 WHERE position "

TAMPERING: dict[str, tuple[list[str], Found]] = {
    "the first event deleted": (
        ["DELETE FROM events WHERE position = 1"],
        [("missing", 1), ("misnumbered", 16), ("claim", None)],
    ),
    "the name changed to another of its aggregate": (
        ["UPDATE events SET name = 'sample.tree.Noted' WHERE position = 21"],
        [("altered", 21)],
    ),
    "two versions of a stream swapped": (
        [
            "UPDATE events SET version = 99 WHERE position = 17",
            "UPDATE events SET version = 2 WHERE position = 22",
            "UPDATE events SET version = 3 WHERE position = 17",
        ],
        [("altered", 17), ("altered", 22)],
    ),
    "an event moved behind the next two": (
        [
            "UPDATE events SET position = -1 WHERE position = 16",
            "UPDATE events SET position = 16 WHERE position = 17",
            "UPDATE events SET position = 17 WHERE position = 18",
            "UPDATE events SET position = 18 WHERE position = -1",
        ],
        [("missing", 16), ("inserted", 18)],
    ),
    "the newest events renumbered": ([LATER_POSITIONS + "> 33"], [("missing", 34)]),
    "a signature made up": (["UPDATE chain SET seal = hash WHERE position = 20"], [("checkpoint altered", 20)]),
    "a key destroyed unsaid": (
        [f"UPDATE keys SET wrapped = NULL WHERE subject = '{tree_id(2)}'"],
        [("key", None)],
    ),
    "a key deleted": ([f"DELETE FROM keys WHERE subject = '{tree_id(2)}'"], [("key", 4)]),
    "a key put in the place of another": (
        [
            f"""UPDATE keys SET wrapped = (SELECT wrapped FROM keys AS other WHERE other.subject = '{tree_id(3)}')
            WHERE subject = '{tree_id(2)}'"""
        ],
        [("key", None)],
    ),
    "all claims deleted": (["DELETE FROM claims"], [("claim", position) for position in (1, 4, 7, 10, 13)]),
    "an open effect moved behind another": (
        ["UPDATE open_effects SET position = 99 WHERE position = 5"],
        [("open effect", 5), ("open effect", 99)],
    ),
    "an open effect of another kind": (
        ["UPDATE open_effects SET kind = 'mail_everybody' WHERE position = 5"],
        [("open effect", 5), ("open effect", 5)],
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found_and_the_event_is_named(chain: Chained, what: str) -> None:
    statements, found = TAMPERING[what]
    for statement in statements:
        chain.sql(statement)
    assert chain.found() == found


@pytest.mark.parametrize(("was", "becomes"), [("2026-03-02", "2026-03-03"), ('"by":"', '"by":"not '), ("}", ',"x":1}')])
def test_a_time_an_actor_and_a_field_more_are_found(chain: Chained, was: str, becomes: str) -> None:
    [[data]] = chain.sql("SELECT CAST(data AS text) FROM events WHERE position = 17")
    assert was in str(data)
    chain.sql("UPDATE events SET data = ? WHERE position = 17", str(data).replace(was, becomes))
    assert chain.found() == [("altered", 17)]


def test_a_key_that_was_destroyed_and_put_back_is_found(chain: Chained) -> None:
    receipt: Receipt = chain.receive()
    [[kept]] = chain.sql("SELECT wrapped FROM keys WHERE subject = ?", receipt.id)
    chain.erase(receipt)
    assert chain.verify().holds
    assert isinstance(kept, bytes)
    literal = f"X'{kept.hex()}'" if chain.url.startswith("sqlite") else f"'\\x{kept.hex()}'"
    chain.sql(f"UPDATE keys SET wrapped = {literal} WHERE subject = '{receipt.id}'")
    assert chain.found() == [("key", 37)]


def test_an_older_copy_of_the_log_and_its_chain_is_known_by_what_was_read_and_kept_since(chain: Chained) -> None:
    head = chain.verify().head
    assert head
    for statement in ("DELETE FROM events WHERE position > 20", "DELETE FROM chain WHERE position > 20"):
        chain.sql(statement)
    report = chain.verify(given_out={head.position: head.hash}, read_upto=35)
    assert [(one.kind, one.position) for one in report.breaks if one.kind in ("missing", "not as given out")] == [
        ("missing", 21),
        ("not as given out", 30),
    ]


def test_checkpoints_without_their_events_are_missed(chain: Chained) -> None:
    chain.sql("DELETE FROM events")
    found = chain.verify()
    assert found.breaks[0].position == 1
    assert {one.kind for one in found.breaks} >= {"missing"}
    assert not found.holds
