"""`daybook export`, `sql` and `project`, and the notebook: what analysts type and what they get."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import update

from adapters.export.querying import Answer, WrongQuery
from domain.ledger import Event
from domain.shared.export import Export
from projections.home import POSITIONS
from scripts.daybook import main
from scripts.sql import converse
from scripts.tabular import write_csv
from tests.scripts.conftest import Command
from tests.wishes import NOW
from tests.world import World

ROOT = Path(__file__).parents[2]
KINDS = ("embassy", "fbi", "apostille")
PLACED = "SELECT kind FROM events WHERE event = 'documents.order.Placed' ORDER BY position"


@pytest.fixture
def folder(world: World, daybook: Command, tmp_path: Path) -> Path:
    """An export of three orders, with its views."""
    for kind in KINDS:
        world.place(kind)
        world.clock.move(31 * 24 * 3600)
        world.run_effects()
    daybook.prints("export", "--to", str(tmp_path / "export"), "--views")
    return tmp_path / "export"


def taken(world: World) -> list[Event]:
    """What stands on the ledger of exports with personal data."""
    log = world.services.log
    rows = log.scan(upto=log.last_position(), names=log.readable_as(Export.events))
    return [log.decode(name, data) for _, name, data in rows]


def test_the_second_export_adds_what_is_new(world: World, daybook: Command, folder: Path) -> None:
    before = world.services.log.last_position()
    world.place("i9")
    told = daybook.json("export", "--to", str(folder))
    assert (told["position"], told["personal_data"]) == (world.services.log.last_position(), False)
    assert told["events"] == told["position"] > before
    assert not taken(world)


def test_an_export_tells_where_it_is_and_what_is_in_it(daybook: Command, tmp_path: Path, world: World) -> None:
    world.place("embassy")
    printed = daybook.prints("export", "--to", str(tmp_path / "new"), "--views", "--since", "2026-01-01")
    assert "orders (1)" in printed
    assert str(tmp_path / "new") in printed


def test_personal_data_is_taken_out_for_a_reason_that_stays_on_record(
    world: World, daybook: Command, folder: Path, tmp_path: Path
) -> None:
    upto = world.services.log.last_position()
    to = tmp_path / "audit"
    daybook.prints("export", "--to", str(to), "--with-personal-data", "--reason", "tax audit", "--by", "ada", "--views")
    [event] = taken(world)
    assert isinstance(event, Export.PersonalDataTaken)
    assert (event.by, event.via, event.at, event.reason, event.upto) == (
        "operator:ada", "console", world.clock.now(), "tax audit", upto,
    )  # fmt: skip
    assert event.views == tuple(view.name for view in world.services.views)
    assert "john@example.com" in str(pq.read_table(to / "views/orders.parquet").to_pylist())
    assert "new folder" in daybook.complains("export", "--to", str(to), "--with-personal-data", "--reason", "again")
    assert len(taken(world)) == 1


def test_personal_data_is_not_opened_before_all_views_are_current(
    world: World, daybook: Command, folder: Path, tmp_path: Path
) -> None:
    world.services.follower.catch_up()
    with world.services.home.engine.begin() as connection:
        connection.execute(update(POSITIONS).where(POSITIONS.c.view == "receipts").values(version=0))
    to = ("--to", str(tmp_path / "audit"), "--with-personal-data", "--reason", "tax audit")
    assert "daybook rebuild receipts" in daybook.complains("export", *to, "--views")
    assert not list(tmp_path.glob("audit*"))
    assert not taken(world)


@pytest.mark.parametrize("options", [("--with-personal-data",), ("--reason", "none")])
def test_personal_data_and_its_reason_go_together(daybook: Command, folder: Path, options: tuple[str, ...]) -> None:
    assert daybook("export", "--to", str(folder), *options).exit_code == 2


def test_a_reason_without_words_writes_nothing(world: World, daybook: Command, folder: Path, tmp_path: Path) -> None:
    said = daybook.complains("export", "--to", str(tmp_path / "audit"), "--with-personal-data", "--reason", " ")
    assert "say why" in said
    assert not (tmp_path / "audit").exists()
    assert not taken(world)


def test_an_export_and_the_live_ledger_give_the_same_answer(daybook: Command, folder: Path) -> None:
    expected = {"rows": [{"kind": kind} for kind in KINDS], "more": False}
    assert daybook.json("sql", PLACED, "--export", str(folder)) == expected
    assert daybook.json("sql", PLACED, "--live") == expected
    for sql in ("SHOW TABLES", "SELECT * FROM orders ORDER BY order_id", "DESCRIBE call_leads"):
        assert daybook.json("sql", sql, "--live") == daybook.json("sql", sql, "--export", str(folder))


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT o.kind FROM orders o JOIN tracking_page USING (order_id) ORDER BY ALL", 3),
        ("SELECT kind FROM orders NATURAL JOIN (SELECT order_id FROM orders)", 3),
        ("SELECT o.kind FROM orders o ASOF JOIN events e ON o.order_id = e.stream AND o.placed_at >= e.recorded_at", 3),
        ("SELECT COLUMNS('order_id|stage') FROM orders", 3),
        ("SELECT told FROM orders UNPIVOT (told FOR name IN (kind, stage))", 5),
        ("SELECT kind FROM Orders", 3),
        ('SELECT kind FROM main."orders"', 3),
        ("WITH events AS (SELECT * FROM orders) SELECT kind FROM events", 3),
    ],
)
def test_whatever_the_grammar_the_live_tables_that_are_named_have_their_rows(
    daybook: Command, folder: Path, sql: str, rows: int
) -> None:
    told = daybook.json("sql", sql, "--live")
    assert len(told["rows"]) == rows
    assert len(daybook.json("sql", sql, "--export", str(folder))["rows"]) == rows


def test_a_live_question_is_not_looked_into_before_the_ways_out_are_closed(
    world: World, daybook: Command, tmp_path: Path
) -> None:
    os.mkfifo(pipe := tmp_path / "pipe.csv")  # whoever opens it waits for a writer that never comes
    ran = python("-m", "scripts.daybook", "sql", f"SELECT * FROM read_csv('{pipe}')", "--live", env=daybook.environment)
    assert (ran.returncode, ran.stderr) == (1, "Error: A question reads the tables that are here, and no file.\n")


def test_the_live_views_show_no_personal_data(daybook: Command, folder: Path) -> None:
    assert "john" not in daybook.prints("sql", "SELECT * FROM orders", "--live", "--csv").casefold()


def test_a_question_may_come_from_a_file_or_standard_input(daybook: Command, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "question.sql").write_text(PLACED)
    asked = ("sql", "--export", str(folder), "--csv")
    assert daybook.prints(*asked, "-f", str(tmp_path / "question.sql")) == "kind\nembassy\nfbi\napostille\n"
    piped = CliRunner().invoke(main, asked, env=daybook.environment, input=PLACED)
    assert piped.stdout == "kind\nembassy\nfbi\napostille\n"


def test_rows_beyond_the_limit_are_told_of(daybook: Command, folder: Path) -> None:
    result = daybook("sql", PLACED, "--export", str(folder), "--max-rows", "2")
    assert "apostille" not in result.stdout
    assert "Only the first 2 rows" in result.stderr


def test_names_that_come_twice_are_numbered(daybook: Command, folder: Path) -> None:
    told = daybook.json("sql", "SELECT 1 AS a, 2 AS a, NULL AS b", "--export", str(folder))
    assert told["rows"] == [{"a": 1, "a_2": 2, "b": None}]


@pytest.mark.parametrize("source", ["export", "live"])
@pytest.mark.parametrize(
    "sql", ["COPY (SELECT 1) TO 'x.csv'", "SELECT * FROM read_csv('/etc/passwd')", "ATTACH 'x.db'", "INSTALL httpfs"]
)
def test_there_is_no_way_out(daybook: Command, folder: Path, source: str, sql: str) -> None:
    where = ("--live",) if source == "live" else ("--export", str(folder))
    assert daybook.complains("sql", sql, *where) in (
        "One SELECT at a time: nothing can be written, loaded or set here.",
        "A question reads the tables that are here, and no file.",
    )


def test_what_to_ask_must_be_said(daybook: Command, folder: Path) -> None:
    assert daybook("sql", PLACED).exit_code == 2
    assert daybook("sql", PLACED, "--live", "--export", str(folder)).exit_code == 2
    assert "no export" in daybook.complains("sql", PLACED, "--export", str(folder / "events"))


def test_text_that_a_spreadsheet_would_run_is_defused() -> None:
    written = io.StringIO()
    write_csv(written, ["=a", "b"], [("=1+1", -5), ("+1", None), ("-x", "plain"), ("@x", "\tx"), ("'", "a=b")])
    assert list(csv.reader(io.StringIO(written.getvalue()))) == [
        ["'=a", "b"], ["'=1+1", "-5"], ["'+1", ""], ["'-x", "plain"], ["'@x", "'\tx"], ["'", "a=b"],
    ]  # fmt: skip


def test_the_example_projection_folds_ledger_and_export_alike(daybook: Command, folder: Path, tmp_path: Path) -> None:
    file = str(ROOT / "analysis/longest_wait.py")
    rows = daybook.json("project", file)
    assert {row["kind"] for row in rows} == set(KINDS)
    assert daybook.json("project", file, "--export", str(folder)) == rows
    out = tmp_path / "waits.parquet"
    assert "3 rows" in daybook.prints("project", file, "--export", str(folder), "--out", str(out))
    assert [row["order_id"] for row in pq.read_table(out).to_pylist()] == [row["order_id"] for row in rows]
    assert daybook.json("project", file, "--out", str(tmp_path / "waits.csv"))["rows"] == 3
    assert len((tmp_path / "waits.csv").read_text().splitlines()) == 4


def test_a_fold_may_name_its_columns_as_it_likes(daybook: Command, folder: Path, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.py", tmp_path / "mine.csv"
    text = (ROOT / "analysis/longest_wait.py").read_text()
    mine.write_text(text.replace('"kind"', '"key"').replace('"stage"', '"zip"'))
    rows = daybook.json("project", str(mine))
    assert ({row["key"] for row in rows}, len({row["zip"] for row in rows})) == (set(KINDS), 2)
    assert daybook.json("project", str(mine), "--export", str(folder)) == rows
    daybook.prints("project", str(mine), "--out", str(out))
    assert {"key", "zip"} <= set(out.read_text().splitlines()[0].split(","))


def test_a_fold_that_fails_leaves_no_file(daybook: Command, folder: Path, tmp_path: Path) -> None:
    mine, out = tmp_path / "mine.py", tmp_path / "mine.csv"
    text = (ROOT / "analysis/longest_wait.py").read_text()
    mine.write_text(text.replace('"kind": kind', '"kind": kind.nothing'))
    said = daybook.complains("project", str(mine), "--export", str(folder), "--out", str(out))
    assert "fails on the event at position 2, documents.order.Placed: AttributeError" in said
    nowhere = tmp_path / "nowhere/mine.csv"
    said = daybook.complains("project", str(ROOT / "analysis/longest_wait.py"), "--out", str(nowhere))
    assert said.endswith("cannot be used: No such file or directory.")
    assert not list(tmp_path.glob("mine.csv*"))


def test_the_example_finds_the_longest_wait(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    world.run_effects()
    [row] = daybook.json("project", str(ROOT / "analysis/longest_wait.py"))
    assert (row["order_id"], row["stage"], row["since"]) == (
        str(order.id),
        "document_received",
        f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
    )


def test_the_notebook_runs_from_the_first_cell_to_the_last(folder: Path) -> None:
    ran = python("-m", "analysis.funnel", str(folder))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "2026-02  (none)  1" in ran.stdout
    assert "Attribution" in ran.stdout
    assert "Hours in each stage" in ran.stdout


def test_without_its_libraries_a_command_says_how_to_get_them(folder: Path) -> None:
    without = "import sys; sys.modules |= dict.fromkeys(('duckdb', 'pyarrow', 'pytz')); "
    for command in (f"['sql', 'SELECT 1', '--export', '{folder}']", f"['export', '--to', '{folder}']"):
        ran = python("-c", f"{without}from scripts.daybook import main; main({command})")
        assert (ran.returncode, ran.stderr) == (
            1, "Error: This needs duckdb: .venv/bin/pip install -r requirements-analysis.txt\n"
        )  # fmt: skip


def python(*arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_at_a_terminal_one_question_follows_another_until_the_end_of_input() -> None:
    asked: list[str] = []

    def ask(sql: str) -> Answer:
        asked.append(sql)
        if "wrong" in sql:
            raise WrongQuery("No such column.")
        return Answer(columns=("n",), rows=[(len(asked),)], more=False)

    with CliRunner().isolation(input="SELECT wrong;\nSELECT n\nFROM numbers;\n") as (out, err, _):
        converse(ask)
        said, complained = out.getvalue().decode(), err.getvalue().decode()
    assert asked == ["SELECT wrong;\n", "SELECT n\nFROM numbers;\n"]
    assert "No such column." in complained
    assert "\n2" in said
