"""Whoever asks about the past for what is not there, or of a ledger that was changed, gets a sentence."""

from base64 import b64encode
from pathlib import Path
from types import NoneType

import pytest

from tests.scripts.conftest import Command
from tests.scripts.past.conftest import Story
from tests.store_samples import sql

NOBODY = "00000000-0000-4000-8000-000000000000"
OTHER_KEY = b64encode(b"another key of thirty-two bytes!").decode()


@pytest.fixture
def asking(tmp_path: Path) -> dict[str, list[str]]:
    """The commands that look back at one subject, and what else each has to be told."""
    return {
        "history": [],
        "show": [],
        "diff": ["--from", "1"],
        "explain": ["stage"],
        "evidence": ["--out", str(tmp_path / "evidence.json")],
    }


def test_a_subject_that_is_not_there_is_a_sentence(
    story: Story, daybook: Command, asking: dict[str, list[str]]
) -> None:
    for command, more in asking.items():
        for name, sentence in {
            NOBODY: "Nothing in the ledger has this id.",
            "somebody": "This is neither an id nor a tracking id.",
            "ZZZZ ZZZZ ZZZZ ZZZZ ZZZZ": "No order has this tracking id.",
            "stripe:evt_none": "No such message of this vendor has arrived.",
        }.items():
            assert daybook.complains(command, name, *more) == sentence, command


def test_a_view_that_is_not_there_or_has_no_row_of_it_is_a_sentence(story: Story, daybook: Command) -> None:
    for command in (["show", story.id], ["diff", story.id, "--from", "1"], ["explain", story.id, "stage"]):
        assert daybook.complains(*command, "--view", "nothing").startswith("There is no view nothing.")
        assert daybook.complains(*command, "--view", "audit_trail").startswith("The view audit_trail is a journal")
        assert daybook.complains(*command, "--view", "call_leads") == "The view call_leads had no row of it then."


def test_a_time_before_it_existed_and_a_version_it_has_not_come_to_are_sentences(
    story: Story, daybook: Command
) -> None:
    before, version = "It did not exist then: it begins at 2026-02-09 20:33:03Z.", "It has only come to version 11."
    assert daybook.complains("show", story.id, "--at", "2026-02-09T12:00") == before
    assert daybook.complains("explain", story.id, "stage", "--at", "2026-02-09T12:00") == before
    assert daybook.complains("explain", story.id, "stage", "--at", "0") == before
    assert daybook.complains("diff", story.id, "--from", "2026-01-01", "--to", "2026-02-01") == before
    assert daybook.complains("explain", story.id, "stage", "--at", "12") == version
    assert daybook.complains("diff", story.id, "--from", "12") == version
    assert daybook.complains("diff", story.id, "--from", "1", "--to", "12") == version
    assert daybook.complains("verify", "--from", "1000000").startswith("The log ends at ")


def test_what_is_no_time_is_a_sentence(story: Story, daybook: Command) -> None:
    for command in (
        ["show", story.id, "--at"],
        ["diff", story.id, "--from"],
        ["explain", story.id, "stage", "--at"],
        ["replay", "--dry-run", "--since"],
        ["views", "orders", "--as-of"],
    ):
        assert daybook.complains(*command, "2026-13-01").startswith("2026-13-01 is not a time.")
        for edge in ("0001-01-01", "9999-12-31T23:59:59"):
            assert daybook.complains(*command, edge).startswith(f"{edge} is not a time that anybody keeps")
    backwards = ["--dry-run", "--since", "2026-02-09", "--until", "2026-01-01"]
    assert daybook.complains("replay", *backwards) == "The time in --since is later than the one in --until."


def test_a_time_that_has_not_come_is_a_sentence(story: Story, daybook: Command) -> None:
    for command in (
        ["diff", story.id, "--from", "1", "--to"],
        ["diff", story.id, "--from"],
        ["replay", "--dry-run", "--since"],
        ["views", "orders", "--as-of"],
    ):
        assert daybook.complains(*command, "2999-01-01T12:00Z") == "2999-01-01 12:00:00Z is later than now."
    assert daybook.json("views")["pasts"] == []


def test_a_wrong_master_key_is_a_sentence(story: Story, daybook: Command, asking: dict[str, list[str]]) -> None:
    commands = [[command, story.id, *more] for command, more in asking.items()]
    other = Command({**daybook.environment, "DAYBOOK_MASTER_KEY": OTHER_KEY})
    for command in (
        *commands,
        ["verify"],
        ["verify", "--chain-only"],
        ["replay", "--since", "2026-01-01", "--dry-run"],
    ):
        assert other.complains(*command) == "The master key does not fit this ledger."


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("data = '{}'", "An event is not as it was stored; `daybook verify` says which."),
        ("name = 'documents.order.Sung'", "No event class is stored as documents.order.Sung."),
    ],
)
def test_an_event_that_was_changed_is_a_sentence_and_verifying_names_it(
    story: Story, daybook: Command, asking: dict[str, list[str]], change: str, sentence: str
) -> None:
    story.services.keeper.extend(all=True)
    url = story.services.settings.database_url
    sql(url, f"UPDATE events SET {change} WHERE stream = ? AND version = 3", story.id)
    [[position]] = sql(url, "SELECT position FROM events WHERE stream = ? AND version = 3", story.id)
    for command in ("history", "show", "diff", "explain"):
        assert daybook.complains(command, story.id, *asking[command]) == sentence
    assert "do not lead to the checkpoint" in daybook.complains("evidence", story.id, *asking["evidence"])
    assert daybook.json("replay", "--since", "2026-01-01", "--dry-run")["unread"]
    told = daybook("verify")
    assert told.exit_code == 1
    assert ("altered", str(position)) in [tuple(reversed(line.split()[:2])) for line in told.stdout.splitlines()]


def test_an_event_that_is_gone_does_not_break_looking_and_verifying_names_it(
    story: Story, daybook: Command, asking: dict[str, list[str]]
) -> None:
    story.services.keeper.extend(all=True)
    sql(story.services.settings.database_url, "DELETE FROM events WHERE stream = ? AND version = 1", story.id)
    for command in ("history", "show", "diff", "explain"):
        assert isinstance(daybook(command, story.id, *asking[command]).exception, SystemExit | NoneType), command
    assert daybook("evidence", story.id, *asking["evidence"]).exit_code == 1
    told = daybook("verify", "--json")
    assert (told.exit_code, '"kind": "missing"' in told.stdout) == (1, True)


def test_evidence_names_subjects_as_history_does(story: Story, daybook: Command, tmp_path: Path) -> None:
    def events(subject: str) -> int:
        file = tmp_path / f"{subject.replace(':', '_')}.json"
        return int(daybook.json("evidence", subject, "--out", str(file))["events"])

    assert events("stripe:evt_paid_7") == 2
    assert events("700007") > 3
    assert events("prices") == 1
