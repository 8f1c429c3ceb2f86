"""The benchmarks' table, and a tiny run of the whole harness."""

import importlib.util
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from scripts.benchmarks.__main__ import BENCHMARKS, main
from scripts.benchmarks.load import WrongAnswer, put, request
from scripts.benchmarks.table import Result, faster, percentile, show, within
from tests.vendors.loopback import Answer, Loopback, serving


def test_a_rate_is_judged_by_the_middle_of_its_rounds() -> None:
    result = faster("form", ours=[100, 900, 300], peer=[100, 90, 5000], times=3)
    assert (result.ours, result.peer, result.ratio, result.ok) == (300, 100, 3, True)


def test_a_rate_below_its_target_is_not_ok() -> None:
    assert faster("form", ours=[299], peer=[100], times=3).ok is False


def test_a_figure_may_reach_its_limit_and_not_pass_it() -> None:
    assert [within("call", ours=ours, limit=50).ok for ours in (50, 50.1)] == [True, False]


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile(range(100), share) for share in (0, 0.5, 0.95, 1)] == [0, 50, 95, 99]


def test_the_table_says_what_was_missed() -> None:
    console = Console(record=True, width=100)
    show([Result(name="form", ours=12.5, target=">= 4", ok=False, note="eight connections")], console)
    text = console.export_text()
    assert "NO" in text
    assert "form: eight connections" in text


def test_every_answer_is_counted() -> None:
    with serving(vendor := Loopback(lambda asked: Answer(200, b"{}"))):
        load = put(port_of(vendor), [request("GET", "/")] * 10, connections=3, expect=200)
    assert len(load.took) == len(vendor.asked) == 10


def test_another_answer_than_expected_ends_the_run() -> None:
    with serving(vendor := Loopback(lambda asked: Answer(500))), pytest.raises(WrongAnswer, match="500"):
        put(port_of(vendor), [request("GET", "/")], connections=1, expect=200)


def port_of(vendor: Loopback) -> int:
    return int(vendor.url.rpartition(":")[2])


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("name", ["events", "append", "form", "page", "latency", "verify", "sql"])
def test_a_quick_run_measures_everything(name: str, tmp_path: Path) -> None:
    pytest.importorskip("django")
    pytest.importorskip("eventsourcing")
    written = tmp_path / "figures.json"
    outcome = CliRunner().invoke(main, [name, "--quick", "--json", str(written)])
    assert outcome.exit_code in (0, 1), outcome.output  # 1: measured, and short of a target
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit)
    results = msgspec.json.decode(written.read_bytes(), type=list[Result])
    assert results
    assert all(result.ours > 0 for result in results)


def test_every_group_can_be_named() -> None:
    assert all(importlib.util.find_spec(module) for module in BENCHMARKS.values())
