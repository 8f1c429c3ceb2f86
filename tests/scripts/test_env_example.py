"""`.env.example` is complete, and every line of it is the default."""

import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from adapters.settings import read_settings

LINES = (Path(__file__).parents[2] / ".env.example").read_text().splitlines()
EXAMPLE = dict(shlex.split(line)[0].split("=", 1) for line in LINES if line.startswith("DAYBOOK_"))


class Watched(Mapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def test_it_names_every_setting_and_no_other() -> None:
    environment = Watched({})
    read_settings(environment)

    assert {name for name in environment.asked if name.startswith("DAYBOOK_")} == set(EXAMPLE)


def test_every_setting_has_its_default_there() -> None:
    assert read_settings(EXAMPLE) == read_settings({})


def test_every_setting_is_explained_by_a_sentence_above_it() -> None:
    for above, line in pairwise(LINES):
        if line.startswith("DAYBOOK_"):
            assert above.startswith("# "), line
            assert above.endswith("."), line
