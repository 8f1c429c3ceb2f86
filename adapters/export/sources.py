"""Where tables come from: the files of an export, or the ledger and its views as they are."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters.export.events import SCHEMA, Source, event_batches
from adapters.export.hiding import Hiding
from adapters.export.manifest import ANEW, NotAnExport, Part
from adapters.export.querying import EVENTS_TABLE, Live, named_in, open_manifest
from adapters.export.restoring import NEEDED
from adapters.export.rows import view_batches, view_schema
from domain.ledger import Event
from projections.home import Home
from projections.view import View


def live_tables(log: Source, home: Home, views: Iterable[View], sql: str) -> dict[str, Live]:
    """The events and all views as tables without personal data; only those that a question names get rows."""
    hiding = Hiding()
    tables = {view.name: Live(view_schema(type(view), hiding), _rows(home, view, hiding)) for view in views}
    tables[EVENTS_TABLE] = Live(SCHEMA, live_events(log))
    wanted = named_in(sql, tables)
    return {name: table if name in wanted else Live(table.schema, ()) for name, table in tables.items()}


def _rows(home: Home, view: View, hiding: Hiding) -> Iterator[pa.RecordBatch]:
    with view_batches(home, view, hiding) as (_, batches):
        yield from batches


def live_events(log: Source, folds: Iterable[type[Event]] | None = None) -> Iterator[pa.RecordBatch]:
    """The events of the ledger without personal data, all or those of some classes."""
    names = None if folds is None else log.readable_as(folds)
    return (batch for _, batch in event_batches(log, Hiding(), upto=log.last_position(), names=names))


def exported_events(folder: Path, folds: Iterable[type[Event]]) -> Iterator[pa.RecordBatch]:
    """The events of these classes out of an export, in the order of the log; raises `NotAnExport`."""
    names = pa.array([event.stored_name for event in folds], pa.string())
    by_stretch = sorted(open_manifest(folder).parts, key=_stretch)
    for _, parts in groupby(by_stretch, key=_stretch):  # a stretch of the log lies in one file for each month
        table = pa.concat_tables([_read(folder / part.file) for part in parts])
        yield from table.filter(pc.is_in(table["event"], value_set=names)).sort_by("position").to_batches()


def _read(file: Path) -> pa.Table:
    try:
        return pq.read_table(file, columns=list(NEEDED), partitioning=None)
    except (OSError, pa.ArrowException):
        raise NotAnExport(f"{file} cannot be read; {ANEW}") from None


def _stretch(part: Part) -> str:
    return Path(part.file).name
