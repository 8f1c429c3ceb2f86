"""The rows that a benchmark yields, how they are judged and how they are shown."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from tests.servers import fresh_database


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Rates are compared as ours / peer, times as peer / ours: `ratio` over 1 always speaks for us.

    `target` and `ok` are None for a row that is only told, not judged. `note` says what the figures are of.
    """

    name: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    target: str | None = None
    ok: bool | None = None
    unit: str = "/s"
    note: str = ""


class Context(msgspec.Struct, frozen=True):
    """What every benchmark is given: a superuser's URL of PostgreSQL, how thorough to be, and where to tell."""

    postgres: str
    quick: bool
    say: Callable[[str], None]

    def size(self, full: int, quick: int) -> int:
        """How many of something: a quick run only proves that the benchmark runs."""
        return quick if self.quick else full

    def database(self) -> AbstractContextManager[str]:
        """The URL of an empty database, dropped afterwards."""
        return fresh_database(self.postgres)


Benchmark = Callable[[Context], Iterator[Result]]


def faster(name: str, *, ours: Sequence[float], peer: Sequence[float], times: float | None, note: str = "") -> Result:
    """Compare rates per second, one per round; the target is to be `times` the peer's, None only to tell it."""
    mine, other = median(ours), median(peer)
    told = Result(name=name, ours=mine, peer=other, ratio=mine / other, note=note)
    if times is None:
        return told
    return msgspec.structs.replace(told, target=f">= {times:g}", ok=mine / other >= times)


def within(name: str, *, ours: float, limit: float, unit: str = "ms", note: str = "") -> Result:
    """Judge a figure that must not pass a limit."""
    return Result(name=name, ours=ours, target=f"<= {limit:g} {unit}", ok=ours <= limit, unit=unit, note=note)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share (0 to 1) of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(results: Sequence[Result], console: Console) -> None:
    """Print the table, and below it what each row is of."""
    table = Table("name")
    for head in ("ours", "peer", "ratio", "target", "ok"):
        table.add_column(head, justify="right")
    for result in results:
        table.add_row(
            result.name,
            figure(result.ours, result.unit),
            "" if result.peer is None else figure(result.peer, result.unit),
            "" if result.ratio is None else f"{result.ratio:.2f}",
            result.target or "",
            {None: "", True: "yes", False: "NO"}[result.ok],
        )
    console.print(table)
    for result in results:
        if result.note:
            console.print(f"{result.name}: {result.note}", style="dim", highlight=False, soft_wrap=True)


def in_words(result: Result) -> str:
    """One row as a line."""
    peer = "" if result.peer is None else f", peer {figure(result.peer, result.unit)}"
    return f"{result.name}: {figure(result.ours, result.unit)}{peer}"


def figure(value: float, unit: str) -> str:
    """A number with its unit, as exact as it deserves."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{unit}" if unit == "/s" else f"{value:,.{digits}f} {unit}"
