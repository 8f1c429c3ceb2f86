"""The master key changes while three processes work: nobody who orders or looks notices."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.settings import DEMO_MASTER_KEY
from scripts.daybook import main
from tests.running import Company, company, settled, until

NEW_KEY = base64.b64encode(b"another key of thirty-two bytes!").decode()

pytestmark = pytest.mark.slow


@pytest.fixture
def firm(tmp_path: Path, postgres_database: str) -> Iterator[Company]:
    """A ledger that any number of processes may work on."""
    with company(tmp_path, postgres_database) as firm:
        yield firm


def with_keys(firm: Company, first: str, second: str = "") -> None:
    """From now on processes are started with these keys."""
    firm.environment |= {"DAYBOOK_MASTER_KEY": first, "DAYBOOK_MASTER_KEY_SECOND": second}


def rotate(firm: Company, key_file: Path) -> tuple[int, str]:
    arguments = ["rotate-key", "--new-key-file", str(key_file), "--yes", "--json"]
    result = CliRunner().invoke(main, arguments, env=firm.environment)
    return result.exit_code, result.output


def test_nobody_notices_a_rotation_by_the_recipe(firm: Company, tmp_path: Path) -> None:
    (key_file := tmp_path / "new.key").write_text(NEW_KEY)
    placed: list[Any] = []

    def works(started: tuple[Any, ...]) -> None:
        web = started[0]
        placed.append(web.post(email=f"ann{len(placed)}@example.com"))
        assert [web.page(one) for one in placed] == [200] * len(placed)
        with firm.services() as services:
            until(lambda: settled(services))

    def start() -> tuple[Any, ...]:
        return firm.web(), firm.start("work"), firm.start("follow")

    old = start()
    works(old)
    with_keys(firm, DEMO_MASTER_KEY, NEW_KEY)
    either = start()
    assert [process.end() for process in old] == [0, 0, 0]
    works(either)
    with_keys(firm, NEW_KEY, DEMO_MASTER_KEY)
    both = start()
    works(both)
    works(either)  # each opens what the other has sealed
    assert [process.end() for process in either] == [0, 0, 0]
    code, said = rotate(firm, key_file)
    assert (code, '"ended": true' in said) == (0, True), said
    works(both)
    with_keys(firm, NEW_KEY)
    alone = start()
    assert [process.end() for process in both] == [0, 0, 0]
    works(alone)
    code, said = rotate(firm, key_file)
    assert (code, '"rewrapped": 0' in said) == (0, True), said
    for process in (*old, *either, *both, *alone):
        assert process.log.read_text() == ""
