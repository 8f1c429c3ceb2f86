"""The short fault run; `bash scripts/test faults` is the long one."""

from pathlib import Path

import pytest

from tests.faults.chaos import PACK
from tests.faults.run import Plan, run


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
def test_whatever_is_killed_no_answered_fact_is_lost_or_doubled_and_no_effect_is_done_twice(tmp_path: Path) -> None:
    done = run(Plan(seed=20261121, requests=600, kills=10), tmp_path)
    assert done.findings == [], done.text()
    assert done.answered >= 600
    assert done.kills >= 10
    assert done.happened.keys() <= PACK.keys()  # and no long pause
