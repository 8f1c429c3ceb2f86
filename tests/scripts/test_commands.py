"""What all commands have in common: help, `--json`, `--database`, and sentences instead of tracebacks."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scripts.daybook import main
from tests.scripts.conftest import Command
from tests.world import World


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by how it is called."""
    for name, command in main.commands.items():
        group = command if isinstance(command, click.Group) else None
        if group is None or group.invoke_without_command:
            yield name, command
        for part, inner in group.commands.items() if group else ():
            yield f"{name} {part}", inner


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(daybook: Command, name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}

    assert (COMMANDS[name].help or "").partition("\n")[0].endswith(".")
    assert "--json" in options
    assert ("--database" in options) == (name != "events")
    assert all(parameter.help for parameter in COMMANDS[name].params if isinstance(parameter, click.Option))
    assert "Usage:" in daybook.prints(*name.split(), "--help")


def test_a_database_named_on_the_command_line_wins(world: World, daybook: Command, tmp_path: Path) -> None:
    elsewhere = Command({**daybook.environment, "DAYBOOK_DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite"})

    url = daybook.environment["DAYBOOK_DATABASE_URL"]
    assert elsewhere.json("views", "--database", url)["last_position"] == 1


def test_looking_never_makes_a_ledger(daybook: Command, tmp_path: Path) -> None:
    sentence = daybook.complains("views")

    assert sentence == f"There is no ledger at {tmp_path}/daybook.sqlite; `daybook serve` makes one."
    assert not list(tmp_path.iterdir())


def test_wrong_settings_are_sentences(daybook: Command) -> None:
    assert "DAYBOOK_DATABASE_URL must be" in daybook.complains("effects", "--database", "mysql://somewhere")


def test_a_file_that_is_no_database_is_a_sentence(daybook: Command, tmp_path: Path) -> None:
    (tmp_path / "daybook.sqlite").write_text("not a database, and longer than the header of one " * 20)

    assert daybook.complains("views").startswith("The ledger does not answer.")


def test_a_master_key_of_another_ledger_is_a_sentence(world: World, daybook: Command) -> None:
    result = daybook("views", DAYBOOK_MASTER_KEY="A" * 43 + "=")

    assert result.exit_code == 1
    assert result.stderr == "Error: The master key does not fit this ledger.\n"
