"""Exports for analysts: new events are added to what is there, views are written whole."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from adapters.export.events import SCHEMA, Source, Span, event_batches
from adapters.export.folder import EVENTS, UNFINISHED, VIEWS, Folder
from adapters.export.hiding import Hiding
from adapters.export.manifest import ANEW, Manifest, NotAnExport, Part, ViewFile
from adapters.export.rows import check_views, view_batches, view_schema
from domain.ledger import Aggregate
from projections.home import Home
from projections.view import View

PART_EVENTS = 100_000

Progress = Callable[[str, int, int | None], None]  # of what, how many are done, of how many


class Log(Source, Protocol):
    """A log that can be told from others."""

    def blind(self, value: str) -> str: ...

    def read(self, after: int, limit: int) -> Sequence[tuple[int, str, bytes | str]]: ...


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to export; `upto` is a position, `part_events` how many events a file holds at most."""

    upto: int
    span: Span = Span()
    views: tuple[View, ...] = ()
    part_events: int = PART_EVENTS


class Exporter:
    """Writes into a folder. `aggregates` are all there are; `now` is the time that the manifest tells."""

    def __init__(
        self,
        log: Log,
        home: Home,
        aggregates: Iterable[type[Aggregate]],
        *,
        now: datetime,
        progress: Progress = lambda what, done, total: None,
    ) -> None:
        self._log, self._home, self._now, self._progress = log, home, now, progress
        self._shapes = {event.stored_name: event.class_version for one in aggregates for event in one.events}
        self._ledger = log.blind("export")

    def add(self, folder: Folder, wanted: Wanted, *, anew: bool = False) -> Manifest:
        """Add what is new to a folder without personal data, or write all of it `anew`; raises `NotAnExport`."""
        folder.make()
        with folder.locked():
            if anew:
                folder.empty()
            manifest = folder.manifest()
            if manifest is not None:
                self._check(manifest, folder, wanted)
            folder.clean(manifest)
            return self._write(folder, wanted, Hiding(), manifest or self._begun(wanted, personal_data=False))

    def whole(self, path: Path, wanted: Wanted, hiding: Hiding, folder: Callable[[Path], Folder] = Folder) -> Manifest:
        """Write everything that `hiding` lets through into a new folder, which appears when it is complete.

        What fails leaves nothing; what is killed leaves DIR.unfinished, which the next run into DIR takes away.
        """
        self.check_whole(path, wanted)
        made = folder(path.with_name(path.name + UNFINISHED))
        made.make()
        with made.locked():
            made.empty()
            try:
                manifest = self._write(made, wanted, hiding, self._begun(wanted, personal_data=True))
                os.replace(made.path, path)
            except BaseException:
                made.remove()
                raise
        return manifest

    def check_whole(self, path: Path, wanted: Wanted) -> None:
        """Raises `NotAnExport` for a place that something stands at already, and `ViewBehind`."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise NotAnExport(f"{path} is there already; personal data goes into a new folder, and is never added to.")
        check_views(self._home, wanted.views)

    def _begun(self, wanted: Wanted, *, personal_data: bool) -> Manifest:
        return Manifest(
            ledger=self._ledger,
            personal_data=personal_data,
            since=wanted.span.since,
            until=wanted.span.until,
            taken_at=self._now,
            shapes=self._shapes,
        )

    def _check(self, manifest: Manifest, folder: Folder, wanted: Wanted) -> None:
        """Raises `NotAnExport` where adding would make a whole that never was."""
        changed = sorted(name for name, v in manifest.shapes.items() if self._shapes.get(name, v) != v)
        if manifest.personal_data:
            raise NotAnExport(f"{folder.path} holds personal data and is never added to; name a new folder.")
        if manifest.ledger != self._ledger:
            raise NotAnExport(f"{folder.path} holds the export of another ledger.")
        if (manifest.since, manifest.until) != (wanted.span.since, wanted.span.until):
            raise NotAnExport(f"{folder.path} was begun with another --since or --until; {ANEW}")
        if manifest.newest != self._newest(manifest.position):
            raise NotAnExport(f"{folder.path} holds events that this ledger has not, as after a restore; {ANEW}")
        if changed:
            raise NotAnExport(f"{changed[0]} has got another shape since {folder.path} was written; {ANEW}")

    def _newest(self, position: int) -> str | None:
        """What the event at a position is known by; None where there is none."""
        for at, name, data in self._log.read(position - 1, 1) if position else ():
            if at == position:
                return sha256(name.encode() + b" " + (data if isinstance(data, bytes) else data.encode())).hexdigest()
        return None

    def _write(self, folder: Folder, wanted: Wanted, hiding: Hiding, manifest: Manifest) -> Manifest:
        for upto, table in self._tables(wanted, hiding, after=manifest.position):
            parts = tuple(self._parts(folder, table, after=manifest.position, upto=upto))
            manifest = msgspec.structs.replace(
                manifest,
                position=upto,
                newest=self._newest(upto),
                events=manifest.events + table.num_rows,
                parts=manifest.parts + parts,
            )
            folder.save(manifest)
            self._progress("events", upto, wanted.upto)
        views = {file.view: file for file in manifest.views}
        views |= {view.name: self._view(folder, view, hiding) for view in wanted.views}
        manifest = msgspec.structs.replace(
            manifest, taken_at=self._now, shapes=self._shapes, views=tuple(views[name] for name in sorted(views))
        )
        folder.save(manifest)
        return manifest

    def _tables(self, wanted: Wanted, hiding: Hiding, *, after: int) -> Iterator[tuple[int, pa.Table]]:
        """The events behind a position, as many at once as go into a file; the last table may be empty."""
        waiting: list[pa.RecordBatch] = []
        size = min(10_000, wanted.part_events)
        for position, batch in event_batches(
            self._log, hiding, after=after, upto=wanted.upto, span=wanted.span, size=size
        ):
            waiting.append(batch)
            self._progress("events", position, wanted.upto)
            if sum(one.num_rows for one in waiting) + size > wanted.part_events:
                yield position, pa.Table.from_batches(waiting, SCHEMA)
                waiting, after = [], position
        if waiting or after < wanted.upto:
            yield wanted.upto, pa.Table.from_batches(waiting, SCHEMA)

    def _parts(self, folder: Folder, table: pa.Table, *, after: int, upto: int) -> Iterator[Part]:
        """Each month's events go into a file of their own."""
        for month in sorted(pc.unique(table["month"]).to_pylist()):
            chosen = table.filter(pc.equal(table["month"], month)).drop_columns(["month"])
            file = f"{EVENTS}/month={month}/part-{after + 1:09}-{upto:09}.parquet"
            rows, size, digest = folder.write(file, [chosen], chosen.schema)
            positions = pc.min_max(chosen["position"]).as_py()
            yield Part(file=file, first=positions["min"], last=positions["max"], rows=rows, bytes=size, sha256=digest)

    def _view(self, folder: Folder, view: View, hiding: Hiding) -> ViewFile:
        file, schema = f"{VIEWS}/{view.name}.parquet", view_schema(type(view), hiding)

        def tables(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
            done = 0
            for batch in batches:
                done += batch.num_rows
                self._progress(view.name, done, None)
                yield pa.Table.from_batches([batch])

        with view_batches(self._home, view, hiding) as (position, batches):
            rows, size, digest = folder.write(file, tables(batches), schema)
        return ViewFile(
            file=file, view=view.name, version=view.version, position=position, rows=rows, bytes=size, sha256=digest
        )


def shown(manifest: Manifest) -> Mapping[str, object]:
    """What of a manifest is worth telling a person or a program: the files themselves are listed in it."""
    told = msgspec.to_builtins(manifest)
    left_out = ("parts", "shapes", "ledger", "newest", "format")
    files: list[Part | ViewFile] = [*manifest.parts, *manifest.views]
    return {name: value for name, value in told.items() if name not in left_out} | {
        "bytes": sum(file.bytes for file in files)
    }
