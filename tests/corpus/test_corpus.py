"""Old histories still mean what they meant: any result that is not as declared fails here, by name."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.store.mapper import stored_name
from adapters.wiring import AGGREGATES
from domain.ledger import Aggregate, Event
from tests.corpus.replaying import Results, replay
from tests.corpus.shelf import HERE, ForgottenVersion, Shelf, differences, unversioned
from tests.corpus.stories import STORIES
from tests.corpus.telling import History, StoredEvent, tell

SHELF = Shelf()
EVENTS = [event for aggregate in AGGREGATES for event in aggregate.events]
HOW_TO = "Declare it with `python -m tests.corpus --write`, or mend it:"


def stored() -> set[str]:
    """Every name that an event of the corpus is stored under: in a history, or on a line of its own."""
    lines = [line["name"] for path in HERE.glob("*.json") for line in json.loads(path.read_bytes())]
    return {*lines, *(stored for name in SHELF.names() for stored in SHELF.history(name).names)}


STORED = stored()


def unproven(event: type[Event], stored: set[str]) -> list[str]:
    """What is missing for a changed event: a way up from every older version, and an old line that has gone it."""
    names = (event.stored_name, *event.formerly)
    return [
        *(
            f"upcast_v{old}_v{old + 1}"
            for old in range(1, event.class_version)
            if not callable(getattr(event, f"upcast_v{old}_v{old + 1}", None))
        ),
        *(
            stored_name(event.stored_name, version)
            for version in range(1, event.class_version + 1)
            if not stored & {stored_name(name, version) for name in names}
        ),
    ]


@pytest.mark.parametrize("name", SHELF.names())
def test_an_old_history_comes_to_what_was_declared(name: str, tmp_path: Path) -> None:
    declared = SHELF.declared(name)
    assert declared is not None, HOW_TO
    found = replay(SHELF.history(name), tmp_path)
    changed = [*unversioned(declared, found), *differences(declared, {"history": SHELF.digest(name), **found})]
    assert not changed, "\n".join([HOW_TO, *(f"{name}: {line}" for line in changed)])


def test_every_story_has_been_told() -> None:
    assert {name.rpartition("-")[0] for name in SHELF.names()} == set(STORIES)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.stored_name))
def test_every_version_of_an_event_is_in_the_corpus_and_has_a_way_up(event: type[Event]) -> None:
    assert unproven(event, STORED) == [], HOW_TO


def test_every_line_of_the_corpus_is_of_an_event_that_can_be_read() -> None:
    known = {
        stored_name(name, version)
        for event in EVENTS
        for name in (event.stored_name, *event.formerly)
        for version in range(1, event.class_version + 1)
    }
    assert known >= STORED


class Bridge(Aggregate, name="sample.bridge"):
    """Its event is in its third version, and one way up is missing."""

    class Opened(Event, frozen=True):
        class_version: ClassVar[int] = 3
        formerly: ClassVar[tuple[str, ...]] = ("sample.ford.Opened",)

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> dict[str, Any]:
            return state


def test_a_missing_way_up_and_a_missing_old_line_are_named() -> None:
    stored = {"sample.ford.Opened", "sample.bridge.Opened@3"}
    assert unproven(Bridge.Opened, stored) == ["upcast_v2_v3", "sample.bridge.Opened@2"]


def results(version: int = 3, **row: object) -> Results:
    return {"views": {"orders": {"version": version, "rows": {"7": {"stage": "submitted", **row}}}}}


def test_a_changed_column_is_named_with_its_view_and_row() -> None:
    assert list(differences(results(), results(stage="delivered"))) == [
        'views / orders / rows / 7 / stage: "delivered", declared "submitted"'
    ]
    assert list(differences(results(), results(city="Austin"))) == ['views / orders / rows / 7 / city: new, "Austin"']
    assert list(differences(results(city="Austin"), results())) == [
        'views / orders / rows / 7 / city: gone, was "Austin"'
    ]


def test_changed_rows_under_the_same_version_are_not_declared(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add("ride-1", History(keys={}, events=()))
    shelf.declare("ride-1", results())
    with pytest.raises(ForgottenVersion, match="ride-1: the rows of the view orders changed"):
        shelf.declare("ride-1", results(stage="delivered"))
    shelf.declare("ride-1", results(version=4, stage="delivered"))
    assert shelf.declared("ride-1") == {"history": shelf.digest("ride-1"), **results(version=4, stage="delivered")}


def test_a_history_is_never_written_over_and_one_that_was_touched_is_told(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first = History(keys={"1": None}, events=(StoredEvent("sample.ford.Opened", {"stream": "1"}),))
    shelf.add("ride-1", first)
    shelf.add("ride-2", History(keys={}, events=()))
    with pytest.raises(FileExistsError):
        shelf.add("ride-1", first)
    assert (shelf.history("ride-1"), shelf.newest("ride")[0], shelf.newest("walk")) == (first, 2, (0, None))
    before, file = shelf.digest("ride-1"), tmp_path / "histories" / "ride-1.json"
    file.write_text(file.read_text().replace("ford", "bridge"))
    assert shelf.digest("ride-1") != before


@pytest.mark.parametrize("name", STORIES)
def test_a_story_leaves_no_event_that_its_newest_history_does_not_have(name: str, tmp_path: Path) -> None:
    _, newest = SHELF.newest(name)
    assert newest is not None
    assert not tell(STORIES[name], tmp_path).names - newest.names, HOW_TO
