"""The examples in deploy/ start commands that exist, with options they have, and set what can be set."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from scripts.daybook import main

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
SETTINGS = set(re.findall(r"^(DAYBOOK_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
SECRETS = {"DAYBOOK_APP_PASSWORD", "DAYBOOK_OWNER_PASSWORD"}  # of the compose file itself
STOPPED_AFTER = 10  # seconds after DAYBOOK_STOP_SECONDS in which web ends its children


def composed() -> list[Sequence[str]]:
    """The command of every container that runs the product; the file keeps to one line for each."""
    commands = [json.loads(line) for line in re.findall(r"^    command: (\[.*?\])", COMPOSE, re.MULTILINE)]
    return [command[1:] for command in commands if command[0] == "daybook"]


def started(unit: Path) -> Sequence[str]:
    """What a unit runs, without the program itself."""
    [line] = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    program, *arguments = shlex.split(line)
    assert Path(program).name == "daybook"
    return arguments


COMMANDS = [*composed(), *map(started, UNITS)]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_line_is_a_real_one(arguments: Sequence[str]) -> None:
    command = main.commands[arguments[0]]
    assert command.make_context(arguments[0], list(arguments[1:]))
    with pytest.raises(click.NoSuchOption):
        command.make_context(arguments[0], [*arguments[1:], "--no-such-thing"])


def test_every_kind_of_process_is_there() -> None:
    assert {command[0] for command in composed()} == {"init", "web", "work", "follow"}
    assert {started(unit)[0] for unit in UNITS} == {"web", "work", "follow"}


def test_everything_that_is_set_can_be_set() -> None:
    texts = [COMPOSE, *(unit.read_text() for unit in UNITS)]
    assert set(re.findall(r"\bDAYBOOK_[A-Z_]+", "".join(texts))) <= SETTINGS | SECRETS


def test_nobody_is_killed_before_it_could_end_by_itself() -> None:
    [limit] = map(int, re.findall(r'DAYBOOK_STOP_SECONDS: "(\d+)"', COMPOSE))
    [grace] = map(int, re.findall(r"stop_grace_period: (\d+)s", COMPOSE))
    patience = [
        int(seconds) for unit in UNITS for seconds in re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.M)
    ]
    assert len(patience) == len(UNITS)
    assert min(grace, *patience) > limit + STOPPED_AFTER
