"""`daybook project`: a projection of one's own, from one file, deployed nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.wiring import AGGREGATES
from projections.view import View
from scripts.console import database_option, json_option, opened, print_json, sentences
from scripts.tabular import as_objects, need_analysis_libraries, show_rows, write_csv

if TYPE_CHECKING:  # an extra that need not be installed
    import pyarrow as pa

SHOWN_ROWS = 1000


@click.command()
@click.argument("file", metavar="FILE.py", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--export", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Fold an export instead of the ledger."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to a .parquet or .csv file."
)
@database_option
@json_option
def project(file: Path, folder: Path | None, out: Path | None, database: str | None, as_json: bool) -> None:
    """Run the fold in FILE.py over all events and show its rows; nothing of it stays behind.

    The file defines one view, just as those in `projections/` do. It gets no personal data: sealed fields refuse to be
    opened, and what leads to a person is blank. `analysis/longest_wait.py` is an example. FILE.py is run as it is.
    """
    need_analysis_libraries()
    if out is not None and out.suffix not in (".parquet", ".csv"):
        raise click.UsageError("--out takes a name that ends in .parquet or .csv.")
    with sentences(), _sentences():
        from adapters.export.folding import load_projection

        view = load_projection(file)
        with _batches(view, folder, database) as batches:
            _hand_out(view, batches, out, as_json=as_json)


@contextmanager
def _batches(view: View, folder: Path | None, database: str | None) -> Iterator["Iterator[pa.RecordBatch]"]:
    """The rows of the view, folded from an export or from the ledger."""
    from adapters.export.folding import AS_FOLDED, fold_all
    from adapters.export.restoring import classes_of, events_from
    from adapters.export.rows import row_batches
    from adapters.export.sources import exported_events, live_events

    classes = classes_of(AGGREGATES)
    if folder is not None:
        events = exported_events(folder, view.folds)
        yield row_batches(type(view), fold_all(view, events_from(events, classes)), AS_FOLDED)
    else:
        with opened(database, views=False) as services:
            events = live_events(services.log, view.folds)
            yield row_batches(type(view), fold_all(view, events_from(events, classes)), AS_FOLDED)


def _hand_out(view: View, batches: "Iterator[pa.RecordBatch]", out: Path | None, *, as_json: bool) -> None:
    from adapters.export.folding import AS_FOLDED
    from adapters.export.rows import view_schema

    schema = view_schema(type(view), AS_FOLDED)
    if out is None:
        _show(schema, batches, as_json=as_json)
        return
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        write = _write_csv if out.suffix == ".csv" else _write_parquet
        written = write(unfinished, schema, batches)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(out), "rows": written})
    else:
        click.echo(f"{out}: {written:,} rows of {view.name}.")


def _show(schema: "pa.Schema", batches: "Iterator[pa.RecordBatch]", *, as_json: bool) -> None:
    if as_json:
        print_json(as_objects(schema.names, _rows(batches)))
        return
    shown = list(islice(_rows(batches), SHOWN_ROWS + 1))
    show_rows(schema.names, shown[:SHOWN_ROWS])
    if len(shown) > SHOWN_ROWS:
        click.echo(f"Only the first {SHOWN_ROWS:,} rows; --out FILE has them all.", err=True)


def _rows(batches: "Iterator[pa.RecordBatch]") -> Iterator[tuple[Any, ...]]:
    return (tuple(row.values()) for batch in batches for row in batch.to_pylist())


def _write_csv(out: Path, schema: "pa.Schema", batches: "Iterator[pa.RecordBatch]") -> int:
    with out.open("w", encoding="utf-8", newline="") as file:
        return write_csv(file, schema.names, _rows(batches))


def _write_parquet(out: Path, schema: "pa.Schema", batches: "Iterator[pa.RecordBatch]") -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]))
            written += batch.num_rows
    return written


@contextmanager
def _sentences() -> Iterator[None]:
    from adapters.export.events import Unreadable
    from adapters.export.folding import NotAProjection, WouldNotFold
    from adapters.export.manifest import NotAnExport

    try:
        yield
    except (NotAnExport, NotAProjection, WouldNotFold, Unreadable) as error:
        raise click.ClickException(str(error)) from None
