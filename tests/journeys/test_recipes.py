"""Every line of the README that can be pasted does what is written beside it, and every option it names is there."""

import base64
import gc
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from adapters.settings import DEMO_MASTER_KEY
from adapters.wiring import Services
from domain.shared.contact import Contact
from scripts.daybook import main
from tests.adapters.store.test_roles import role
from tests.scripts.conftest import Command, daybook
from tests.scripts.test_calls import call
from tests.web.documents.test_scenarios_matching import pay
from tests.world import Clock, World, settings_for

__all__ = ["daybook", "role"]

ROOT = Path(__file__).parents[2]
TEACH = "teach tests/journeys/test_recipes.py this line"
A_MONTH = 30 * 24 * 3600
TRACKING_ID = "4XW0123456789ABCDEFG"
NEW_KEY = base64.b64encode(b"another key of thirty-two bytes!").decode()
CLIENT = Contact("Jane Roe", "jane@example.com", "+1-555-987-6543")
LEAVER = Contact("Abe Loe", "abe@example.com", "+1-555-222-3333")
PICTURES = ("domain/ ", "form -> ")
NOT_RUN = {
    "bash": "serves, or is what runs this test",
    "curl": "asks a process that serves; tests/scripts/test_serve.py does",
    "tid=$(python3": "reads what curl was answered",
    "printf": "feeds curl",
    "pg_dump": "a program of PostgreSQL's; tests/journeys/test_restore.py copies and restores a ledger",
    "createdb": "the same",
    "pg_restore": "the same",
    "cp": "wants every process stopped; the same",
}
PLAIN = """\
daybook rebuild orders --preview
daybook rebuild orders --approve
daybook rebuild orders --back
daybook rebuild orders --only 4XW0…
daybook forget --check forgotten.json
daybook history 4XW0…
daybook show 4XW0… --at 2026-02-09T15:30
daybook diff 4XW0… --from 3 --to 2026-03-01
daybook explain 4XW0… attribution.source
daybook views --as-of 2026-01-01 orders
daybook replay --since 2026-01-01 --dry-run
daybook verify
daybook verify --json > kept.json
daybook verify --against kept.json
daybook evidence 4XW0… --out evidence.json
python scripts/check_evidence.py evidence.json --public-key HEX
daybook export --to var/export --views
daybook sql --export var/export "SELECT month, source, count(*) FROM events \
WHERE event = 'documents.order.Placed' GROUP BY ALL"
daybook sql --live "SELECT stage, count(*) FROM orders GROUP BY ALL" --csv
python -m analysis.funnel var/export
daybook project analysis/longest_wait.py --export var/export --out waits.csv
daybook rebuild --all
""".splitlines()
PRICES = (
    'daybook prices open --certificate 25.00 --marriage 295.00 --package standard 175.00 Standard "10–12 business days"'
    ' --package rush 250.00 Rush "5–7 business days" --shipping pickup 0.00 "Office pickup" --shipping ups 30.00 UPS'
)


class Reader:
    """Somebody with a new ledger who types the README's lines, one after the other, in a folder of their own."""

    def __init__(self, world: World, daybook: Command, request: pytest.FixtureRequest, postgres: bool) -> None:
        self.world, self.daybook = world, daybook
        self._request, self._postgres = request, postgres
        self.words = {"4XW0…": TRACKING_ID}
        self.known: Mapping[str, Callable[[str], str]] = {
            **dict.fromkeys(PLAIN, self.types),
            PRICES: self.opens_the_shop,
            'daybook forget --email - --reason "asked by customer" --receipt forgotten.json': self.forgets,
            'daybook export-person --email - --reason "asked by customer" --out person.zip': self.hands_over,
            "daybook rotate-key --new-key-file new.key": self.changes_the_key,
            "daybook verify --public-key": self.asks_for_the_public_key,
            "mkdir -p copies": self.makes_a_folder,
            "daybook backup copies/daybook.sqlite": self.copies,
            "daybook init --app-role daybook_app": self.makes_the_ledger,
        }

    def types(self, line: str, typed: str = "") -> str:
        """Run the line with the words filled in; what it printed. It must end with 0."""
        words = [self.words.get(word, word) for word in shlex.split(line)]
        into = words.pop() if words[-2] == ">" else None
        words = words[:-1] if into else words
        if words[0] == "python":
            printed = run_python(words[1:])
        else:
            result = self.daybook(*words[1:], typed=typed)
            assert result.exit_code == 0, f"{line}\n{result.output}"
            printed = result.output if into is None else result.stdout
        if into:
            Path(into).write_text(printed)
        return printed

    def set(self, **settings: str) -> None:
        """Settings of all lines to come."""
        self.daybook.environment = {**self.daybook.environment, **settings}

    def opens_the_shop(self, line: str) -> str:
        """Prices first, then some business: calls, orders, a payment, mails and records."""
        printed = self.types(line)
        call(self.world, "embassy")
        self.world.place("embassy")
        order = self.world.place("fbi", contact=CLIENT)
        pay(self.world.services, str(order.id), self.world.clock, tracking_id=TRACKING_ID)
        self.world.place("apostille", contact=LEAVER)
        self.world.run_effects()
        self.world.clock.move(A_MONTH)
        return printed

    def forgets(self, line: str) -> str:
        printed = self.types(line, typed=f"{LEAVER.email}\ny\n")
        self.world.run_effects()
        return printed

    def hands_over(self, line: str) -> str:
        return self.types(line, typed=f"{CLIENT.email}\n")

    def changes_the_key(self, line: str) -> str:
        """With both keys set, then once more with the new one alone, as steps 3 to 5 say."""
        Path("new.key").write_text(NEW_KEY)
        self.set(DAYBOOK_MASTER_KEY=NEW_KEY, DAYBOOK_MASTER_KEY_SECOND=DEMO_MASTER_KEY)
        assert "0 were wrapped anew" not in self.types(line)
        self.set(DAYBOOK_MASTER_KEY_SECOND="")
        printed = self.types(line)
        assert "0 were wrapped anew" in printed
        return printed

    def asks_for_the_public_key(self, line: str) -> str:
        self.words["HEX"] = self.types(line).split()[-1]
        return self.words["HEX"]

    def makes_a_folder(self, line: str) -> str:
        Path(line.split(" ")[-1]).mkdir()
        return "made"

    def copies(self, line: str) -> str:
        return "on PostgreSQL it is pg_dump that copies" if self._postgres else self.types(line)

    def makes_the_ledger(self, line: str) -> str:
        """On SQLite without the role, as the README says beside it."""
        if not self._postgres:
            return self.types("daybook init")
        self.words["daybook_app"] = self._request.getfixturevalue("role")
        return self.types(line)


def run_python(words: Sequence[str]) -> str:
    """What `python WORDS` prints; it must end with 0."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{words}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def pasted(text: str) -> Iterator[str]:
    """The commands of all fenced blocks, each in one line, without the remark behind it."""
    for block in re.findall(r"^ *```\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        if block.startswith(PICTURES):
            continue
        for line in re.sub(r" *\\\n *", " ", block).splitlines():
            for command in re.sub(r"\s+# .*", "", line.strip()).split(" && "):
                if command:
                    yield command


def options_of(command: click.Command) -> set[str]:
    """All options of a command, and of those below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*map(options_of, below))


def named_by(words: str) -> tuple[click.Command, str]:
    """The command that a text like `orders show ID` begins with, and the rest of the text."""
    command: click.Command = main
    while isinstance(command, click.Group) and (first := words.split(" ")[0]) in command.commands:
        command, words = command.commands[first], words.removeprefix(first).lstrip()
    return command, words


@pytest.fixture
def readme() -> str:
    return (ROOT / "README.md").read_text()


@pytest.fixture
def reader(
    database_url: str, daybook: Command, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: Any
) -> Iterator[Reader]:
    """In a folder with the repository's programs, at a ledger that has no prices yet."""
    monkeypatch.chdir(tmp_path)
    for folder in ("analysis", "scripts"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    command = Command({**daybook.environment, "DAYBOOK_DATABASE_URL": database_url})
    clock = Clock()
    command.now = clock.now
    services = Services(settings_for(database_url, tmp_path), now=clock.now)
    try:
        yield Reader(World(services, clock), command, request, postgres=database_url.startswith("postgresql"))
    finally:
        services.stop()
        gc.unfreeze()  # `rebuild` freezes what its own process is made of


def test_every_line_that_can_be_pasted_does_something(reader: Reader, readme: str) -> None:
    unread = set(reader.known)
    for line in pasted(readme):
        if line.split(" ")[0] in NOT_RUN:
            continue
        if line not in reader.known:
            pytest.fail(f"{TEACH}: {line}")
        assert reader.known[line](line).strip(), f"{line} says nothing"
        unread.discard(line)
    assert not unread, "no longer in the README"


def test_every_command_has_a_row_of_the_table_whose_options_are_there(readme: str) -> None:
    section = readme.split("## The `daybook` command\n")[1].split("\n## ")[0]
    rows = [re.findall(r"`([^`]+)`", row) for row in re.findall(r"^\| `.*", section, re.MULTILINE)]
    commands = [named_by(spans[0])[0] for spans in rows]
    assert {command.name for command in commands} == set(main.commands)
    for command, spans in zip(commands, rows, strict=True):
        for span in spans:
            below = named_by(f"{command.name} {span}")[0]
            missing = set(re.findall(r"--[a-z-]+", span)) - options_of(below)
            assert not missing, f"{command.name}: {sorted(missing)}"


def test_every_command_in_the_text_is_there_with_its_options(readme: str) -> None:
    spans = re.findall(r"`daybook ([^`]+)`", readme)
    assert len(spans) > 20
    for span in spans:
        command, _ = named_by(span)
        assert command is not main or span == "COMMAND --help", span
        missing = set(re.findall(r"--[a-z-]+", span)) - options_of(command) - {"--help"}
        assert not missing, f"daybook {span}: {sorted(missing)}"
