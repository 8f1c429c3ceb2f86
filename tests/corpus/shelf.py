"""Where histories and the results declared of them are kept, how they are written, and how they are compared."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tests.corpus.replaying import Results
from tests.corpus.telling import History

HERE = Path(__file__).parent
WIDTH = 118
BROKEN_DEPTH = 4  # what lies deeper stands on one line: a row, a field of a state


class ForgottenVersion(Exception):
    """A view's rows changed and its version did not."""


class Shelf:
    """A folder with `histories/NAME-1.json`, `NAME-2.json` ... and beside each the results of the same name."""

    def __init__(self, folder: Path = HERE) -> None:
        self._histories, self._results = folder / "histories", folder / "results"

    def names(self) -> list[str]:
        """Every history."""
        return sorted((path.stem for path in self._histories.glob("*.json")), key=_natural)

    def newest(self, story: str) -> tuple[int, History | None]:
        """The number of a story's last history, and it; 0 and None when it has never been told."""
        numbers = [int(name.rpartition("-")[2]) for name in self.names() if name.rpartition("-")[0] == story]
        return (max(numbers), self.history(f"{story}-{max(numbers)}")) if numbers else (0, None)

    def history(self, name: str) -> History:
        """A history as it was written once."""
        return msgspec.json.decode((self._histories / f"{name}.json").read_bytes(), type=History)

    def digest(self, name: str) -> str:
        """What tells whether a history has been touched."""
        return sha256((self._histories / f"{name}.json").read_bytes()).hexdigest()

    def declared(self, name: str) -> Results | None:
        """The results declared of a history; None when there are none yet."""
        path = self._results / f"{name}.json"
        read: Results | None = json.loads(path.read_bytes()) if path.exists() else None
        return read

    def add(self, name: str, history: History) -> None:
        """Write a new history; one that is there is never written over."""
        self._histories.mkdir(parents=True, exist_ok=True)
        with (self._histories / f"{name}.json").open("x") as file:
            file.write(written(json.loads(msgspec.json.encode(history))) + "\n")

    def declare(self, name: str, results: Results) -> None:
        """Write what comes of a history today; raises `ForgottenVersion`."""
        if forgotten := list(unversioned(self.declared(name) or {}, results)):
            raise ForgottenVersion("\n".join(f"{name}: {line}" for line in forgotten))
        self._results.mkdir(parents=True, exist_ok=True)
        told = {"history": self.digest(name), **results}
        (self._results / f"{name}.json").write_text(written(told) + "\n")


def unversioned(declared: Results, found: Results) -> Iterator[str]:
    """The views whose rows are others than declared under the same version, each in a sentence."""
    for view, now in found["views"].items():
        was = declared.get("views", {}).get(view)
        if was and was["version"] == now["version"] and was["rows"] != now["rows"]:
            yield f"the rows of the view {view} changed and its version did not: raise `version` in its class"


def differences(declared: Any, found: Any, *path: str) -> Iterator[str]:
    """Every value that is not as declared, with the way to it."""
    if isinstance(declared, dict) and isinstance(found, dict):
        for name in [*declared, *(name for name in found if name not in declared)]:
            if name not in declared:
                yield f"{' / '.join([*path, name])}: new, {_short(found[name])}"
            elif name not in found:
                yield f"{' / '.join([*path, name])}: gone, was {_short(declared[name])}"
            else:
                yield from differences(declared[name], found[name], *path, name)
    elif declared != found:
        yield f"{' / '.join(path)}: {_short(found)}, declared {_short(declared)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"


def written(value: Any, depth: int = 0) -> str:
    """JSON whose diff can be read: a line for each row, each event and each field of a state."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (depth and (depth >= BROKEN_DEPTH or len(line) <= WIDTH)):
        return line
    inner, outer = " " * (depth + 1), " " * depth
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(name)}: {written(held, depth + 1)}" for name, held in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
    # The events of a history: a line for each.
    return "[\n" + ",\n".join(inner + json.dumps(held, ensure_ascii=False) for held in value) + f"\n{outer}]"


def _natural(name: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.+)-(\d+)", name)
    return (found[1], int(found[2])) if found else (name, 0)
