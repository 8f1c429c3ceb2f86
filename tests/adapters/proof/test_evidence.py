"""Evidence on one subject: accepted as it was made, refused after any change, and checked without Daybook."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.proof.chain import Checkpoint, Seal
from adapters.proof.evidence import NothingHere, evidence_of
from adapters.proof.keeper import BrokenChain
from scripts.check_evidence import Refused, check, event_digest
from tests.chains import Chained
from tests.sample_trees import tree_id

SCRIPT = Path(__file__).parents[3] / "scripts" / "check_evidence.py"


def evidence(chain: Chained, *numbers: int) -> Any:
    """The file's content: of the second tree, where no number is given."""
    chain.keeper.extend(all=True)
    with chain.tables.snapshot() as snapshot:
        made = evidence_of(snapshot, chain.keeper.seal, [str(tree_id(number)) for number in numbers or (2,)])
    return json.loads(msgspec.json.encode(made))


def test_evidence_holds(chain: Chained) -> None:
    assert check(evidence(chain), chain.keeper.seal.public_key) == 5
    assert check(evidence(chain, 2, 5)) == 10


def test_evidence_tells_nothing_of_other_events_but_digests(chain: Chained) -> None:
    made = evidence(chain)
    assert {event["stream"] for event in made["events"]} == {str(tree_id(2))}
    assert str(tree_id(3)) not in json.dumps(made)
    assert [stretch["after"] for stretch in made["stretches"]] == [3, 16, 21, 31]
    assert [len(stretch["digests"]) for stretch in made["stretches"]] == [7, 4, 9, 4]


def test_evidence_still_holds_when_the_person_is_erased(chain: Chained) -> None:
    before = evidence(chain)
    chain.sql("UPDATE keys SET wrapped = NULL WHERE subject = ?", tree_id(2))
    assert evidence(chain) == before
    assert check(before) == 5


def test_there_is_no_evidence_on_what_is_not_there(chain: Chained) -> None:
    with pytest.raises(NothingHere):
        evidence(chain, 99)


def test_there_is_no_evidence_from_a_ledger_that_was_changed(chain: Chained) -> None:
    chain.sql("UPDATE events SET data = '{}' WHERE position = 18")
    with pytest.raises(BrokenChain, match="do not lead to the checkpoint"):
        evidence(chain)


def test_there_is_no_evidence_from_a_checkpoint_that_was_changed(chain: Chained) -> None:
    chain.sql("UPDATE chain SET at = '2026-03-02T09:00:01.000000Z' WHERE position = 20")
    with pytest.raises(BrokenChain, match="up to 20 do not lead"):
        evidence(chain)


def event(change: Callable[[dict[str, Any]], None], nth: int = 1) -> Callable[[Any], None]:
    return lambda made: change(made["events"][nth])


def stretch(change: Callable[[dict[str, Any]], None], nth: int = 1) -> Callable[[Any], None]:
    return lambda made: change(made["stretches"][nth])


def sealed(**changes: Any) -> Callable[[Any], None]:
    return stretch(lambda one: one["checkpoint"].update(changes))


def leave_out_an_event(made: Any) -> None:
    """The middle one, with its own digest in its place, as if it were another stream's."""
    gone = made["events"].pop(1)
    [at] = [one for one in made["stretches"] if one["after"] < gone["position"] <= one["checkpoint"]["position"]]
    at["digests"][gone["position"] - at["after"] - 1] = event_digest(gone).hex()


CHANGES: dict[str, Callable[[Any], None]] = {
    "data": event(lambda one: one.update(data=one["data"] + " ")),
    "name": event(lambda one: one.update(name="sample.tree.Felled")),
    "stream": event(lambda one: one.update(stream=str(tree_id(3)))),
    "version": event(lambda one: one.update(version=7)),
    "position": event(lambda one: one.update(position=18)),
    "an event left out": lambda made: made["events"].pop(1),
    "an event and its digest left out": leave_out_an_event,
    "an event twice": lambda made: made["events"].append(made["events"][1]),
    "an event put in": lambda made: made["events"].append({**made["events"][1], "position": 1_000}),
    "two events swapped": lambda made: made["events"][1].update(data=made["events"][2]["data"]),
    "a digest": stretch(lambda one: one["digests"].__setitem__(1, "ab" * 32)),
    "a digest left out": stretch(lambda one: one["digests"].pop()),
    "where a stretch begins": stretch(lambda one: one.update(after=one["after"] + 1)),
    "how a stretch begins": stretch(lambda one: one.update(hash="ab" * 32)),
    "a stretch left out": lambda made: made["stretches"].pop(1),
    "all stretches left out": lambda made: made["stretches"].clear(),
    "the checkpoint's hash": sealed(hash="ab" * 32),
    "the checkpoint's position": sealed(position=21),
    "what the checkpoint follows": sealed(previous=9),
    "the checkpoint's time": sealed(at="2026-03-02T09:00:01.000000Z"),
    "the checkpoint's marks": sealed(marks="ab" * 32),
    "the seal": sealed(seal="ab" * 64),
    "the subject": lambda made: made.update(subject=str(tree_id(3))),
    "the key": lambda made: made.update(public_key=Seal(b"another key of thirty-two bytes!").public_key),
    "the form": lambda made: made.update(form="daybook evidence 2"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_evidence_that_was_changed_is_refused(chain: Chained, what: str) -> None:
    made = evidence(chain)
    CHANGES[what](made)
    with pytest.raises(Refused):
        check(made)


def test_evidence_signed_by_somebody_else_is_refused_by_who_knows_our_key(chain: Chained) -> None:
    made, forger = evidence(chain), Seal(b"another key of thirty-two bytes!")
    made["public_key"] = forger.public_key
    for one in made["stretches"]:
        told = one["checkpoint"]
        marks = bytes.fromhex(told["marks"])
        statement = Checkpoint(
            position=told["position"],
            previous=told["previous"],
            hash=bytes.fromhex(told["hash"]),
            at=told["at"],
            marks=b"",
        ).statement
        statement = statement.rpartition(b" ")[0] + b" " + marks.hex().encode()
        told["seal"] = forger._private.sign(statement).hex()
    assert check(made) == 5
    with pytest.raises(Refused, match="another key"):
        check(made, chain.keeper.seal.public_key)


def test_the_script_needs_nothing_of_daybook(chain: Chained, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(evidence(chain)))

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-I", str(SCRIPT), str(file), *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert ran.stderr == ""
        return ran.returncode, ran.stdout

    key = chain.keeper.seal.public_key
    assert run("--public-key", key) == (0, f"It holds: 5 events of {tree_id(2)}, signed with {key}.\n")
    assert run("--public-key", "ab" * 32) == (1, "Refused: it is signed with another key.\n")
    file.write_text("{}")
    assert run() == (1, "Refused: it is no evidence (KeyError).\n")
