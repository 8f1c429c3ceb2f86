"""`daybook events`: the catalogue, and the README's table."""

from pathlib import Path

import pytest

from adapters.wiring import AGGREGATES
from scripts.events import BEGIN, END, catalogue, markdown_table
from tests.scripts.conftest import Command


def test_every_type_of_event_is_listed(daybook: Command) -> None:
    names = [event["name"] for event in daybook.json("events")["events"]]

    assert names == [event.stored_name for aggregate in AGGREGATES for event in aggregate.events]
    assert all(name in daybook.prints("events") for name in names)


def test_sealed_fields_are_marked_and_types_are_words() -> None:
    [placed] = [event for event in catalogue() if event.name == "documents.order.Placed"]
    fields = {field.name: (field.type, field.sealed) for field in placed.fields}

    assert fields["contact"] == ("Contact", True)
    assert fields["file_names"] == ("list of str or nothing", True)
    assert fields["files"] == ("list of StoredFile", False)
    assert fields["quote"] == ("Quote or nothing", False)
    assert "at" not in fields


def test_the_first_paragraph_of_an_event_is_what_it_says() -> None:
    says = {event.name: event.says for event in catalogue()}

    assert says["documents.order.StageReached"] == "`skipped` are the stages passed without a word."
    assert says["effect.GivenUp"] == ""


def test_the_markdown_is_one_table_between_its_markers(daybook: Command) -> None:
    begin, *rows, end = daybook.prints("events", "--markdown").splitlines()

    assert (begin, end) == (BEGIN, END)
    assert len(rows) == 2 + len(catalogue())
    assert {row.count(" | ") for row in rows} == {2}


def test_the_readme_gets_the_table_and_keeps_the_rest(
    daybook: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\n\nAfter\n")

    daybook.prints("events", "--write")

    assert readme.read_text() == f"# Before\n\n{markdown_table()}\n\nAfter\n"


def test_a_readme_without_markers_is_left_alone(
    daybook: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert daybook.complains("events", "--write").startswith("There is no README.md with the markers")
    (tmp_path / "README.md").write_text(f"{BEGIN} and no end")

    assert daybook.complains("events", "--write").startswith("There is no README.md with the markers")
    assert (tmp_path / "README.md").read_text() == f"{BEGIN} and no end"
