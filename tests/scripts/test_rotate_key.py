"""`daybook rotate-key`, and what every command says to a master key that does not fit."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import click
import psycopg
import pytest

from adapters.heartbeats import Heart
from adapters.settings import DEMO_MASTER_KEY
from domain.documents.order import Order
from tests.adapters.store.test_roles import role, url_as
from tests.scripts.conftest import Command
from tests.scripts.test_commands import COMMANDS
from tests.wishes import CONTACT
from tests.world import World

__all__ = ["role"]

NEW_KEY = base64.b64encode(b"another key of thirty-two bytes!").decode()
THIRD_KEY = base64.b64encode(b"and a third one, 32 bytes long..").decode()
DOES_NOT_FIT = "The master key does not fit this ledger."
WITHOUT_LEDGER = {"events", "project"}  # the latter reads the program that it is given first
ON_POSTGRES = {"web", "work", "follow"}
GIVEN = {"--new-key-file": "key", "--reason": "asked", "--out": "out", "--dir": "out"}
BEYOND_THE_DECLARED = {
    "history": ["4XW0"],
    "replay": ["--since", "2026-01-01", "--dry-run"],
    "diff": ["--from", "1", "--to", "2"],
    "prices open": ["--certificate", "1", "--marriage", "1"],
    "export-person": ["--subject", "4XW0"],
    "forget": ["4XW0", "--reason", "asked"],
    "effects retry": ["00000000-0000-0000-0000-000000000009"],
    "sql": ["--live", "SELECT 1"],
}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "new.key"
    file.write_text(f"{NEW_KEY}\n")
    return file


@pytest.fixture
def order(world: World) -> Order:
    return world.place("embassy")


def rotate(daybook: Command, key_file: Path, *more: str) -> list[str]:
    return daybook.prints("rotate-key", "--new-key-file", str(key_file), *more).splitlines()


def with_keys(daybook: Command, first: str, second: str = "") -> Command:
    keys = {"DAYBOOK_MASTER_KEY": first, "DAYBOOK_MASTER_KEY_SECOND": second}
    command = Command({**daybook.environment, **keys})
    command.now = daybook.now
    return command


def test_the_new_key_alone_opens_the_ledger_and_the_old_one_is_refused(
    world: World, daybook: Command, order: Order, key_file: Path
) -> None:
    assert rotate(daybook, key_file) == [
        "1 keys, of which 1 were wrapped anew.",
        "The new master key alone opens the ledger.",
    ]
    assert daybook.complains("status") == DOES_NOT_FIT
    new = with_keys(daybook, NEW_KEY)
    assert CONTACT.email in new.prints("orders", "show", str(order.id), "--reveal")
    assert new.json("verify")["holds"]


def test_the_keys_may_be_given_either_way_round(world: World, daybook: Command, order: Order, key_file: Path) -> None:
    assert rotate(with_keys(daybook, NEW_KEY, DEMO_MASTER_KEY), key_file)[0].endswith("1 were wrapped anew.")
    assert rotate(with_keys(daybook, DEMO_MASTER_KEY, NEW_KEY), key_file)[0].endswith("0 were wrapped anew.")
    assert rotate(with_keys(daybook, NEW_KEY), key_file)[0].endswith("0 were wrapped anew.")


def test_the_same_seal_signs_before_and_after(world: World, daybook: Command, key_file: Path) -> None:
    before = daybook.json("verify", "--public-key")
    rotate(daybook, key_file)
    assert with_keys(daybook, NEW_KEY).json("verify", "--public-key") == before


def test_a_process_that_kept_the_old_key_is_counted(
    world: World, daybook: Command, order: Order, key_file: Path
) -> None:
    rotate(daybook, key_file)
    world.place("apostille")
    new = with_keys(daybook, NEW_KEY)
    result = new("rotate-key", "--new-key-file", str(key_file))
    assert result.exit_code == 1
    assert "1 open with none of the keys given; they were left as they are." in result.stdout
    both = with_keys(daybook, NEW_KEY, DEMO_MASTER_KEY)
    assert both.json("rotate-key", "--new-key-file", str(key_file)) == {
        "ended": True,
        "keys": 2,
        "rewrapped": 1,
        "late": 0,
        "foreign": 0,
    }


def test_processes_that_live_are_named_first(world: World, daybook: Command, order: Order, key_file: Path) -> None:
    services = world.services
    Heart(
        "serve", services.home, source=services.log, views=services.views, now=services.now, leading=lambda: True
    ).beat()
    arguments = ("rotate-key", "--new-key-file", str(key_file))
    asked = daybook(*arguments)  # nobody answers
    assert (asked.exit_code, asked.stdout) == (1, "")
    assert f"serve on {os.uname().nodename}, pid {os.getpid()}, since 20" in asked.stderr
    assert daybook.complains(*arguments, "--json").startswith("1 processes live;")
    assert daybook.prints("status")
    assert daybook.json(*arguments, "--yes")["ended"]


@pytest.mark.parametrize("text", ["", "short", "A" * 44, "\N{SNOWMAN}"])
def test_a_file_without_a_key_is_a_sentence_that_does_not_show_it(
    world: World, daybook: Command, key_file: Path, text: str
) -> None:
    key_file.write_text(text)
    sentence = daybook.complains("rotate-key", "--new-key-file", str(key_file))
    assert sentence == f"{key_file} must hold 32 random bytes in Base64."


def test_three_keys_are_too_many(world: World, daybook: Command, key_file: Path) -> None:
    three = with_keys(daybook, DEMO_MASTER_KEY, THIRD_KEY)
    assert three.complains("rotate-key", "--new-key-file", str(key_file)).startswith("Two master keys are set")


def test_keys_of_another_ledger_change_nothing(world: World, daybook: Command, order: Order, key_file: Path) -> None:
    assert with_keys(daybook, THIRD_KEY).complains("rotate-key", "--new-key-file", str(key_file)) == DOES_NOT_FIT
    assert daybook.prints("status")


def test_there_must_be_a_ledger(daybook: Command, key_file: Path, tmp_path: Path) -> None:
    sentence = daybook.complains("rotate-key", "--new-key-file", str(key_file))
    assert sentence == f"There is no ledger at {tmp_path}/daybook.sqlite."
    assert list(tmp_path.iterdir()) == [key_file]


def test_no_key_is_ever_printed(world: World, daybook: Command, order: Order, key_file: Path) -> None:
    wrong, right = with_keys(daybook, THIRD_KEY), daybook
    for command in (wrong, right):
        said = command("rotate-key", "--new-key-file", str(key_file)).output
        assert not any(key in said for key in (NEW_KEY, THIRD_KEY, DEMO_MASTER_KEY))


def test_the_role_of_the_processes_may_not_rotate(
    daybook: Command, postgres_database: str, role: str, key_file: Path
) -> None:
    owner = Command({**daybook.environment, "DAYBOOK_DATABASE_URL": postgres_database})
    owner.prints("init", "--app-role", role)
    app = Command({**daybook.environment, "DAYBOOK_DATABASE_URL": url_as(postgres_database, role)})
    sentence = app.complains("rotate-key", "--new-key-file", str(key_file))
    assert sentence.startswith("Keys are changed by the owner of the ledger only")
    rotate(owner, key_file)
    assert app.complains("status") == DOES_NOT_FIT
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute("SELECT count(*) FROM daybook_log.keys").fetchone() == (1,)


def least(name: str) -> list[str]:
    """What must be given to a command for it to look at the ledger."""
    given: list[str] = []
    for parameter in COMMANDS[name].params:
        if parameter.required:
            value = GIVEN.get(parameter.opts[-1]) or _value(parameter)
            given += [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]
    return given + BEYOND_THE_DECLARED.get(name, [])


def _value(parameter: click.Parameter) -> str:
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    if parameter.human_readable_name == "PRICE":
        return "1.00"
    return {"float": "1", "integer": "1", "decimal": "1.00"}.get(
        parameter.type.name, "00000000-0000-0000-0000-000000000009"
    )


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - WITHOUT_LEDGER - ON_POSTGRES - {"serve"}))
def test_every_command_says_that_a_master_key_does_not_fit(
    world: World, daybook: Command, name: str, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(key_file.parent)
    (key_file.parent / "key").write_text(NEW_KEY)
    result = with_keys(daybook, THIRD_KEY)(*name.split(), *least(name))
    assert (result.exit_code, result.stderr) == (1, f"Error: {DOES_NOT_FIT}\n"), result.output


@pytest.mark.parametrize("name", ["serve", *sorted(ON_POSTGRES)])
def test_no_process_starts_with_a_master_key_that_does_not_fit(
    daybook: Command, postgres_database: str, name: str
) -> None:
    environment = {**daybook.environment, "DAYBOOK_DATABASE_URL": postgres_database}
    Command(environment).prints("init")
    ports = ["--port", "0"] if name in ("serve", "web") else []
    ended = subprocess.run(
        [sys.executable, "-m", "scripts.daybook", name, *ports],
        env={**os.environ, **environment, "DAYBOOK_MASTER_KEY": THIRD_KEY},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"Error: {DOES_NOT_FIT}\n")
