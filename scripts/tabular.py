"""Rows of any kind on the terminal and in CSV, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

import click
import msgspec

from scripts.console import moment_text, table, terminal

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table."""
    drawn = table(*columns)
    for row in rows:
        drawn.add_row(*map(cell_text, row))
    terminal().print(drawn)


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows as CSV; returns how many there were. A spreadsheet takes no text in it for a formula."""
    writer, written = csv.writer(file, lineterminator="\n"), 0
    writer.writerow([_harmless(name) for name in columns])
    for row in rows:
        writer.writerow([_harmless(value) if isinstance(value, str) else cell_text(value) for value in row])
        written += 1
    return written


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def cell_text(value: Any) -> str:
    """A value as people read it; nothing for one that is not known."""
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime():
            return moment_text(value) if value.tzinfo else value.isoformat(" ")
        case bool() | dict() | list() | tuple():
            return _json(value)
    return str(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def as_objects(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows by the names of their columns; a name that comes twice is numbered."""
    names: list[str] = []
    for column in columns:
        names.append(column if column not in names else f"{column}_{len(names) + 1}")
    return [msgspec.to_builtins(dict(zip(names, row, strict=True)), enc_hook=str) for row in rows]


def need_analysis_libraries() -> None:
    """Complain in a sentence where DuckDB or PyArrow is not installed."""
    try:
        import duckdb  # noqa: F401
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"This needs {error.name}: .venv/bin/pip install -r requirements-analysis.txt"
        ) from None
