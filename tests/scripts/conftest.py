"""The `daybook` command beside a whole small Daybook on SQLite."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from scripts.daybook import main
from tests.world import World, open_world


class Command:
    """Runs `daybook` in this process; the ledger is the one of the fixture `world`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.now: Callable[[], datetime] | None = None

    def __call__(self, *arguments: str, typed: str = "", **environment: str) -> Result:
        """Run it and return what it printed and its exit code; `typed` is what it reads."""
        settings = {**self.environment, **environment}
        return CliRunner().invoke(main, arguments, env=settings, input=typed, obj=self.now)

    def prints(self, *arguments: str) -> str:
        """What it printed; it must end well."""
        result = self(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """What it printed with `--json`."""
        return msgspec.json.decode(self.prints(*arguments, "--json"))

    def complains(self, *arguments: str) -> str:
        """The sentence on standard error; it must end badly and print nothing else."""
        result = self(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "Traceback" not in result.stderr
        return result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def daybook(tmp_path: Path) -> Command:
    """The command, at the database of this test."""
    return Command(
        {
            "DAYBOOK_ENV": "test",
            "DAYBOOK_DATABASE_URL": f"sqlite:///{tmp_path}/daybook.sqlite",
            "DAYBOOK_FILE_STORE_URL": str(tmp_path / "media"),
            "DAYBOOK_SANDBOX_PATH": str(tmp_path / "sandbox.sqlite"),
        }
    )


@pytest.fixture
def world(daybook: Command, tmp_path: Path) -> Iterator[World]:
    """A ledger with the demo prices; the command reads its clock."""
    with open_world(daybook.environment["DAYBOOK_DATABASE_URL"], tmp_path) as world:
        daybook.now = world.clock.now
        yield world
