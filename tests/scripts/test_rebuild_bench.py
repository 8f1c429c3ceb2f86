"""A small run of the rebuild under traffic: no read fails, no form fails, and no row differs."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from scripts.benchmarks.__main__ import main
from scripts.benchmarks.table import Result


@pytest.mark.slow
@pytest.mark.postgres
def test_every_view_is_rebuilt_with_a_preview_while_forms_arrive(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    outcome = CliRunner().invoke(main, ["rebuild-live", "--quick", "--json", str(written)])
    assert outcome.exit_code == 0, outcome.output
    results = {result.name: result for result in msgspec.json.decode(written.read_bytes(), type=list[Result])}
    assert results["rebuild live: forms placed meanwhile"].ours > 0
    assert results["rebuild live: pages read"].ours > 0
    judged = [result for result in results.values() if result.ok is not None]
    assert len(judged) == 3
    assert all(result.ours == 0 for result in judged)
