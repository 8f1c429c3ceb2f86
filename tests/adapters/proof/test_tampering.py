"""Whatever somebody does to the tables, verifying finds it and names the event: on both databases."""

from collections.abc import Callable

import pytest

from adapters.proof.chain import Checkpoint, Seal, Segment, marks_of
from tests.chains import Chained
from tests.sample_trees import tree_id

Found = list[tuple[str, int | None]]
MOVE_ASIDE = "UPDATE events SET position = -position WHERE position "
MOVE_BACK = "UPDATE events SET position = -position {} WHERE position < 0"
COPY = "INSERT INTO events SELECT ?, ?, version, name, data FROM events WHERE position = 1"


def swap(first: int, second: int) -> list[str]:
    """Let two events change places."""
    return [
        f"UPDATE events SET position = -1 WHERE position = {first}",
        f"UPDATE events SET position = {first} WHERE position = {second}",
        f"UPDATE events SET position = {second} WHERE position = -1",
    ]


def delete(positions: str) -> str:
    return f"DELETE FROM events WHERE position {positions}"


def checkpoint(change: str, position: int = 20) -> str:
    return f"UPDATE chain SET {change} WHERE position = {position}"


TAMPERING: dict[str, tuple[list[str], Found]] = {
    "data replaced by another event's": (
        ["UPDATE events SET data = (SELECT data FROM events AS other WHERE other.position = 18) WHERE position = 17"],
        [("altered", 17)],
    ),
    "data replaced in two stretches": (
        [
            "UPDATE events SET data = '{}' WHERE position = 18",
            "UPDATE events SET data = '{}' WHERE position = 23",
        ],
        [("altered", 18), ("altered", 23)],
    ),
    "the name changed": (["UPDATE events SET name = 'sample.tree.Felled' WHERE position = 17"], [("altered", 17)]),
    "the version changed": (
        ["UPDATE events SET version = 77 WHERE position = 17"],
        [("altered", 17), ("misnumbered", 17)],
    ),
    "one event deleted": ([delete("= 17")], [("missing", 17), ("misnumbered", 22)]),
    "one event deleted and the rest moved up": (
        [delete("= 17"), MOVE_ASIDE + "> 17", MOVE_BACK.format("- 1")],
        [("missing", 17), ("misnumbered", 21)],
    ),
    "the last event before a checkpoint deleted": ([delete("= 20")], [("missing", 20), ("misnumbered", 25)]),
    "all events from a checkpoint on deleted": (
        [delete("> 29")],
        [("missing", 30)],
    ),
    "a gap behind the last checkpoint": ([delete("= 33")], [("missing", 33)]),
    "an event put in at a position below the first": (
        ["UPDATE events SET position = 0 WHERE position = 35"],
        [("inserted", 0)],
    ),
    "two neighbours swapped": (swap(17, 18), [("reordered", 17), ("reordered", 18)]),
    "two events of one stretch swapped": (swap(16, 19), [("reordered", 16), ("reordered", 19)]),
    "two events of different stretches swapped": (swap(17, 22), [("altered", 17), ("altered", 22)]),
    "the hash of a checkpoint": ([checkpoint("hash = seal")], [("checkpoint altered", 20)]),
    "the time of a checkpoint": (
        [checkpoint("at = '2026-03-02T09:00:01.000000Z'")],
        [("checkpoint altered", 20)],
    ),
    "the marks of a checkpoint": ([checkpoint("marks = hash")], [("checkpoint altered", 20)]),
    "what a checkpoint follows": ([checkpoint("previous = 11")], [("checkpoint altered", 20)]),
    "a checkpoint moved": (
        [checkpoint("position = 19")],
        [("checkpoint altered", 19), ("checkpoint removed", 20)],
    ),
    "the seal of another checkpoint": (
        [checkpoint("seal = (SELECT seal FROM chain AS other WHERE other.position = 10)")],
        [("checkpoint altered", 20)],
    ),
    "a checkpoint dropped": (["DELETE FROM chain WHERE position = 20"], [("checkpoint removed", 20)]),
    "the first checkpoint dropped": (["DELETE FROM chain WHERE position = 10"], [("checkpoint removed", 10)]),
    "a checkpoint dropped and an event behind it changed": (
        ["DELETE FROM chain WHERE position = 20", "UPDATE events SET data = '{}' WHERE position = 25"],
        [("checkpoint removed", 20), ("altered", 25)],
    ),
    "a checkpoint dropped and an event before it changed": (
        ["DELETE FROM chain WHERE position = 20", "UPDATE events SET data = '{}' WHERE position = 18"],
        [("altered", 11), ("checkpoint removed", 20)],
    ),
    "a claim deleted": (["DELETE FROM claims WHERE key = 'label:oak 2'"], [("claim", 4)]),
    "a claim given to somebody else": (
        [f"UPDATE claims SET owner = '{tree_id(5)}' WHERE key = 'label:oak 2'"],
        [("claim", 4), ("claim", None)],
    ),
    "a claim that nobody took": ([f"INSERT INTO claims VALUES ('label:elm', '{tree_id(1)}')"], [("claim", None)]),
    "an open effect deleted": (["DELETE FROM open_effects WHERE position = 5"], [("open effect", 5)]),
    "an open effect for somebody else": (
        [f"UPDATE open_effects SET subject = '{tree_id(5)}' WHERE position = 5"],
        [("open effect", 5), ("open effect", 5)],
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found_and_the_event_is_named(chain: Chained, what: str) -> None:
    statements, found = TAMPERING[what]
    for statement in statements:
        chain.sql(statement)
    assert chain.found() == found


def test_what_nobody_has_tampered_with_holds(chain: Chained) -> None:
    report = chain.verify(given_out={30: chain.verify().head.hash}, read_upto=35)  # type: ignore[union-attr]
    assert report.holds
    assert (report.last_position, report.checked, report.checkpoints, report.uncovered) == (35, 35, 3, 5)


def test_a_blank_more_in_the_data_is_found(chain: Chained) -> None:
    [[data]] = chain.sql("SELECT CAST(data AS text) FROM events WHERE position = 17")
    chain.sql("UPDATE events SET data = ? WHERE position = 17", f"{data} ")
    assert chain.found() == [("altered", 17)]


def test_another_stream_is_found(chain: Chained) -> None:
    chain.sql("UPDATE events SET stream = ? WHERE position = 17", tree_id(77))
    assert chain.found() == [("altered", 17), ("misnumbered", 17), ("misnumbered", 22)]


def test_an_event_put_in_between_is_found(chain: Chained) -> None:
    chain.sql(MOVE_ASIDE + ">= 16")
    chain.sql(MOVE_BACK.format("+ 1"))
    chain.sql(COPY, 16, tree_id(77))
    assert chain.found() == [("inserted", 16), ("key", 16)]


def test_events_that_a_view_has_read_are_missed(chain: Chained) -> None:
    chain.sql(delete("> 33"))
    assert chain.verify().holds  # behind the last checkpoint nothing else tells of them
    assert [(one.kind, one.position) for one in chain.verify(read_upto=35).breaks] == [("missing", 34)]


def test_the_newest_checkpoint_taken_away_with_its_events_is_missed_by_who_has_kept_it(chain: Chained) -> None:
    head = chain.verify().head
    assert head
    chain.sql(delete("> 25"))
    chain.sql("DELETE FROM chain WHERE position = 30")
    report = chain.verify(given_out={head.position: head.hash})
    assert [(one.kind, one.position) for one in report.breaks] == [("not as given out", 30)]


def recomputed(chain: Chained, resign: Callable[[Checkpoint], Checkpoint]) -> None:
    """Change an event and make the whole chain anew over it."""
    chain.sql("UPDATE events SET data = '{}' WHERE position = 17")
    with chain.tables.snapshot() as snapshot:
        first, *old = [snapshot.checkpoint_upto(position) for position in (10, 20, 30)]
        assert first
        link = first.hash
        made = []
        for one in old:
            assert one
            segment = Segment.of(link, [row for page in snapshot.events(one.previous, one.position) for row in page])
            link = segment.end
            made.append(
                resign(
                    Checkpoint(
                        position=one.position,
                        previous=one.previous,
                        hash=link,
                        at=one.at,
                        marks=marks_of(segment.digests),
                        seal=one.seal,
                    )
                )
            )
    chain.sql("DELETE FROM chain WHERE position > 10")
    for checkpoint in made:
        assert chain.tables.add(checkpoint)


def test_a_chain_made_anew_without_the_key_is_found(chain: Chained) -> None:
    recomputed(chain, lambda checkpoint: checkpoint)
    assert chain.found() == [("checkpoint altered", 20), ("checkpoint altered", 30)]


def test_a_chain_made_anew_with_another_key_is_found(chain: Chained) -> None:
    recomputed(chain, Seal(b"another key of thirty-two bytes!").sealed)
    assert chain.found() == [("checkpoint altered", 20), ("checkpoint altered", 30)]
    assert chain.verify().uncovered == 25


def test_an_event_is_found_missing_though_its_whole_stream_is_gone(chain: Chained) -> None:
    chain.sql("DELETE FROM events WHERE stream = ?", tree_id(2))
    assert chain.verify().breaks[0].kind == "missing"
    assert chain.verify().breaks[0].position == 4
