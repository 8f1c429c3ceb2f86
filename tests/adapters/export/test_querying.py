"""Asking: one question at a time, within limits, and no way out."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from adapters.export.events import Span
from adapters.export.manifest import NotAnExport
from adapters.export.querying import Desk, Limits, Live, NotAllowed, TookTooLong, WrongQuery, open_export, open_live
from adapters.export.sources import exported_events
from tests.adapters.export.exports import export, files, three_months
from tests.world import World, open_world

TABLE = pa.table({"n": pa.array(range(5), pa.int64())})
ENDLESS = "SELECT count(*) FROM range(100000000000) a, range(1000) b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of three months with its views."""
    home = tmp_path_factory.mktemp("ledger")
    with open_world(f"sqlite:///{home}/daybook.sqlite", home) as world:
        three_months(world)
        export(world, home / "it's an export", views=True)
    return home / "it's an export"


@pytest.fixture
def desk(folder: Path) -> Iterator[Desk]:
    with open_export(folder, Limits(rows=3)) as desk:
        yield desk


def test_events_and_views_can_be_asked_about_together(desk: Desk) -> None:
    answer = desk.ask(
        "SELECT month, kind, recorded_at = placed_at AS same, data->>'kind' AS told FROM events JOIN orders "
        "USING (kind) WHERE event = 'documents.order.Placed' AND order_id = stream ORDER BY position"
    )
    assert answer.columns == ("month", "kind", "same", "told")
    assert [row[:3] for row in answer.rows] == [
        ("2026-02", "embassy", True), ("2026-03", "fbi", True), ("2026-04", "apostille", True),
    ]  # fmt: skip
    assert [row[3] for row in answer.rows] == ["embassy", "fbi", "apostille"]


def test_what_there_is_can_be_listed_and_described(desk: Desk) -> None:
    assert {"events", "orders", "audit_trail"} <= set(desk.tables)
    assert desk.ask("DESCRIBE events").rows[0][:2] == ("position", "BIGINT")
    assert desk.ask("SHOW TABLES").more


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{folder}/written.csv'",
        "COPY (SELECT 1) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPORT DATABASE '{folder}/all'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('{folder}/manifest.json')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SELECT * FROM query('COPY (SELECT 1) TO ''{folder}/x''')",
        "ATTACH '{folder}/new.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_size",
        "CALL pragma_version()",
        "SET threads = 9",
        "SET enable_external_access = true",
        "RESET memory_limit",
        "SET VARIABLE x = 1",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE OR REPLACE VIEW events AS SELECT 1",
        "DROP VIEW events",
        "DELETE FROM events",
        "PREPARE asked AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM TABLE",
        "SELECT * FROM desk",
        "",
    ],
)
def test_whatever_is_not_a_question_about_the_tables_is_refused(folder: Path, desk: Desk, sql: str) -> None:
    before = files(folder)
    part = next(folder.glob("events/*/*.parquet"))
    with pytest.raises((NotAllowed, WrongQuery)):
        desk.ask(sql.format(folder=str(folder).replace("'", "''"), part=str(part).replace("'", "''")))
    assert files(folder) == before
    assert desk.ask("SELECT 1").rows == [(1,)]


def test_the_doors_are_closed_and_stay_so(desk: Desk) -> None:
    closed = ("enable_external_access", "python_enable_replacements", "autoload_known_extensions",
              "autoinstall_known_extensions")  # fmt: skip
    for setting in closed:
        assert desk.ask(f"SELECT current_setting('{setting}')").rows == [(False,)]
    assert desk.ask("SELECT current_setting('lock_configuration'), current_setting('temp_directory')").rows == [
        (True, "")
    ]


def test_no_more_rows_are_handed_out_than_are_wanted(desk: Desk) -> None:
    some, all = desk.ask("SELECT * FROM range(10000000)"), desk.ask("SELECT * FROM orders")
    assert (len(some.rows), some.more) == (3, True)
    assert (len(all.rows), all.more) == (3, False)


def test_a_question_that_takes_too_long_is_broken_off_and_the_next_one_answered(folder: Path) -> None:
    with open_export(folder, Limits(seconds=0.1)) as desk:
        with pytest.raises(TookTooLong):
            desk.ask(ENDLESS)
        assert desk.ask("SELECT 1").rows == [(1,)]


def test_a_question_that_needs_too_much_memory_is_given_up(folder: Path) -> None:
    with open_export(folder, Limits(memory_mb=64)) as desk, pytest.raises(WrongQuery, match="64 MB"):
        desk.ask("SELECT list(range) FROM range(100000000)")


def test_a_folder_without_an_export_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotAnExport, match="no export"), open_export(tmp_path):
        pass


def test_a_file_that_the_manifest_does_not_name_is_not_read(folder: Path) -> None:
    part = next(folder.glob("events/*/*.parquet"))
    stray = part.with_name("part-000000900-000000999.parquet")
    with open_export(folder) as desk:
        [[events]] = desk.ask("SELECT count(*) FROM events").rows
    stray.write_bytes(part.read_bytes())
    try:
        with open_export(folder) as desk:
            assert desk.ask("SELECT count(*) FROM events").rows == [(events,)]
    finally:
        stray.unlink()


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_files_that_cannot_be_read_are_told_of(world: World, tmp_path: Path, damage: str) -> None:
    manifest = export(world, tmp_path / "export")
    part = tmp_path / "export" / manifest.parts[0].file
    part.unlink() if damage == "gone" else part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(NotAnExport, match="--anew"), open_export(tmp_path / "export"):
        pass
    with pytest.raises(NotAnExport, match="--anew"):
        list(exported_events(tmp_path / "export", []))


def test_an_export_of_nothing_answers_with_nothing(world: World, tmp_path: Path) -> None:
    export(world, tmp_path / "none", span=Span(until=world.clock.now()))
    with open_export(tmp_path / "none") as desk:
        assert desk.ask("SELECT count(*), min(month) FROM events").rows == [(0, None)]


def test_live_tables_are_loaded_batch_by_batch_and_closed_as_well() -> None:
    batches = TABLE.to_batches(max_chunksize=2)
    with open_live({"numbers": Live(TABLE.schema, batches)}, Limits()) as desk:
        assert desk.ask("SELECT sum(n) FROM numbers").rows == [(10,)]
        with pytest.raises(NotAllowed):
            desk.ask("SELECT * FROM read_csv('/etc/passwd')")
        with pytest.raises(NotAllowed):
            desk.ask("DELETE FROM numbers")


def test_live_tables_that_do_not_fit_are_told_so() -> None:
    wide = pa.table({"text": pa.array([f"{n:0100000}" for n in range(100)])})
    with (
        pytest.raises(WrongQuery, match="64 MB"),
        open_live({"wide": Live(wide.schema, wide.to_batches() * 100)}, Limits(memory_mb=64)),
    ):
        pass
