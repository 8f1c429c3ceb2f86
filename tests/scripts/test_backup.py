"""`daybook backup`: a sound copy of a ledger at work, or a sentence and no copy."""

import os
import sqlite3
import stat
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

from adapters.store.sqlite import SQLiteLog
from adapters.wiring import AGGREGATES
from tests.scripts.conftest import Command
from tests.world import World

OTHER_KEY = b64encode(b"another key: not that ledger's!!").decode()


def rows(path: Path, table: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def test_a_ledger_in_use_is_copied_with_all_that_was_recorded(world: World, daybook: Command, tmp_path: Path) -> None:
    world.place("embassy")
    world.run_effects()
    world.place("apostille")
    file = tmp_path / "kept" / "copy.sqlite"
    file.parent.mkdir()

    told = daybook.json("backup", str(file))

    assert told == {
        "position": world.services.log.last_position(),
        "log": str(file),
        "sandbox": str(file.parent / "copy.sandbox.sqlite"),
        "files": str(tmp_path / "media"),
    }
    for table in ("events", "claims", "keys", "open_effects"):
        assert rows(file, table) == rows(tmp_path / "daybook.sqlite", table)
        assert rows(file, table)
    assert len(rows(Path(told["sandbox"]), "mails")) == 2
    assert sorted(path.name for path in file.parent.iterdir()) == ["copy.sandbox.sqlite", "copy.sqlite"]


def test_what_is_recorded_later_is_not_in_the_copy(world: World, daybook: Command, tmp_path: Path) -> None:
    world.place("embassy")
    position = daybook.json("backup", str(tmp_path / "copy.sqlite"))["position"]
    world.place("embassy")
    assert world.services.log.last_position() > position
    with closing(SQLiteLog(tmp_path / "copy.sqlite", AGGREGATES, world.services.settings.master_key)) as copied:
        copied.check()
        assert copied.last_position() == position


def test_a_copy_needs_no_companion_files_to_be_read(world: World, daybook: Command, tmp_path: Path) -> None:
    file = tmp_path / "copy.sqlite"
    daybook.prints("backup", str(file))
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_it_says_what_else_has_to_be_kept(world: World, daybook: Command, tmp_path: Path) -> None:
    printed = daybook.prints("backup", str(tmp_path / "copy.sqlite"))
    assert f"{tmp_path}/media" in printed
    assert "DAYBOOK_MASTER_KEY" in printed


def test_the_password_of_a_file_store_is_not_shown(world: World, daybook: Command, tmp_path: Path) -> None:
    daybook = Command({**daybook.environment, "DAYBOOK_FILE_STORE_URL": "sftp://ann:hidden@files.example/orders"})
    assert daybook.json("backup", str(tmp_path / "a.sqlite"))["files"] == "sftp://files.example/orders"
    assert "hidden" not in daybook.prints("backup", str(tmp_path / "b.sqlite"))


def test_only_its_owner_can_read_a_copy(world: World, daybook: Command, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        told = daybook.json("backup", str(tmp_path / "copy.sqlite"))
    finally:
        os.umask(before)
    for name in ("log", "sandbox"):
        assert stat.S_IMODE(Path(told[name]).stat().st_mode) == 0o600


def test_a_copy_replaces_nothing(world: World, daybook: Command, tmp_path: Path) -> None:
    file, beside = tmp_path / "copy.sqlite", tmp_path / "copy.sandbox.sqlite"
    file.write_text("an earlier copy")
    assert daybook.complains("backup", str(file)) == f"{file} is there already; a backup replaces nothing."
    assert file.read_text() == "an earlier copy"

    file.rename(beside)
    assert daybook.complains("backup", str(file)) == f"{beside} is there already; a backup replaces nothing."
    assert beside.read_text() == "an earlier copy"
    assert not file.exists()


def test_without_a_sandbox_there_is_one_file(world: World, daybook: Command, tmp_path: Path) -> None:
    daybook = Command({**daybook.environment, "DAYBOOK_SANDBOX_PATH": str(tmp_path / "none.sqlite")})
    assert daybook.json("backup", str(tmp_path / "copy.sqlite"))["sandbox"] is None
    assert not (tmp_path / "copy.sandbox.sqlite").exists()


def test_no_ledger_no_copy(daybook: Command, tmp_path: Path) -> None:
    sentence = daybook.complains("backup", str(tmp_path / "copy.sqlite"))
    assert sentence == f"There is no ledger at {tmp_path}/daybook.sqlite."
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_a_sentence(world: World, daybook: Command, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "copy.sqlite"
    assert daybook.complains("backup", str(file)) == f"{file} cannot be used: No such file or directory."


def test_a_key_that_does_not_fit_is_found_before_the_copy_is_needed(
    world: World, daybook: Command, tmp_path: Path
) -> None:
    daybook = Command({**daybook.environment, "DAYBOOK_MASTER_KEY": OTHER_KEY})
    sentence = daybook.complains("backup", str(tmp_path / "copy.sqlite"))
    assert sentence == "The master key does not fit this ledger."
    assert not (tmp_path / "copy.sqlite").exists()


def test_of_a_damaged_ledger_no_copy_is_kept(world: World, daybook: Command, tmp_path: Path) -> None:
    for _ in range(30):
        world.place("embassy")
    world.services.stop()
    ledger = tmp_path / "daybook.sqlite"
    with closing(sqlite3.connect(ledger)) as connection:
        [page] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'open_effects_lane'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    with ledger.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    sentence = daybook.complains("backup", str(tmp_path / "copy.sqlite"))
    assert sentence == f"{ledger} is damaged: no copy of it was kept."
    assert not list(tmp_path.glob("copy*"))


def test_a_ledger_on_postgresql_has_tools_of_its_own(daybook: Command, tmp_path: Path) -> None:
    url = "postgresql://daybook@localhost/daybook"
    assert "pg_dump" in daybook.complains("backup", str(tmp_path / "copy.sqlite"), "--database", url)
    assert not list(tmp_path.iterdir())
