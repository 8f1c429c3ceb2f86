"""The folder of an export: files appear in it whole or not at all, whenever the process ends."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.export.manifest import ANEW, NAME, Manifest, NotAnExport, read_manifest

EVENTS, VIEWS, UNFINISHED = "events", "views", ".unfinished"
PARTS = f"{EVENTS}/month=*/part-*.parquet"
BEGUN = tuple(f"{name}{UNFINISHED}" for name in (NAME, PARTS, f"{VIEWS}/*.parquet"))
LOCK = ".lock"
MARK = "an export of daybook"  # in the lock: what else is in the folder is ours to take away
PRIVATE = 0o700


class Folder:
    """Writes beside the place under another name, syncs, and renames."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder, for its owner only; raises `NotAnExport` where it holds something else."""
        self.path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if not self._is_ours():
            raise NotAnExport(f"{self.path} holds other things than an export; name an empty or a new folder.")

    def _is_ours(self) -> bool:
        """Whether it is empty, or an export, or what a first run left behind that was killed."""
        lock, held = self.path / LOCK, {entry.name for entry in self.path.iterdir()}
        marked = lock.is_file() and lock.read_text(errors="replace") == MARK
        if NAME in held:
            return marked or self.manifest() is not None
        return held <= ({LOCK, EVENTS, VIEWS, f"{NAME}{UNFINISHED}"} if marked else {LOCK})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One export at a time; raises `NotAnExport` while another is at work."""
        with (self.path / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotAnExport(f"Another export into {self.path} is at work.") from None
            if file.tell() == 0:
                file.write(MARK)
                file.flush()
            yield

    def manifest(self) -> Manifest | None:
        """What is known of the files here; raises `NotAnExport`."""
        return read_manifest(self.path)

    def clean(self, manifest: Manifest | None) -> None:
        """Take away what a run that was killed has left; raises `NotAnExport` where a file of events is missing."""
        known = {part.file: part.bytes for part in manifest.parts} if manifest else {}
        for file in (file for pattern in (*BEGUN, PARTS) for file in self.path.glob(pattern)):
            if str(file.relative_to(self.path)) not in known:
                file.unlink()
        for name, size in known.items():
            file = self.path / name
            if not file.exists() or file.stat().st_size != size:
                raise NotAnExport(f"{file} is missing or was changed; {ANEW}")

    def empty(self) -> None:
        """Take away everything that an export has written; the manifest first, so that no file is missed by it."""
        for name in (NAME, f"{NAME}{UNFINISHED}"):
            (self.path / name).unlink(missing_ok=True)
        for name in (EVENTS, VIEWS):
            shutil.rmtree(self.path / name, ignore_errors=True)

    def remove(self) -> None:
        """Take away what `empty` does, and the folder itself unless something else is in it."""
        self.empty()
        (self.path / LOCK).unlink(missing_ok=True)
        with suppress(OSError):
            self.path.rmdir()

    def write(self, name: str, tables: Iterable[pa.Table], schema: pa.Schema) -> tuple[int, int, str]:
        """Write a Parquet file; returns its rows, its size in bytes and its SHA-256."""
        file = self.path / name
        file.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        unfinished, rows = file.with_name(file.name + UNFINISHED), 0
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
                rows += table.num_rows
        with unfinished.open("rb") as written:
            digest = file_digest(written, "sha256").hexdigest()
            os.fsync(written.fileno())
        size = unfinished.stat().st_size
        self.put(unfinished, file)
        return rows, size, digest

    def save(self, manifest: Manifest) -> None:
        """Say how far the export goes now: until then nothing that was written counts."""
        unfinished = self.path / f"{NAME}{UNFINISHED}"
        with unfinished.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
            file.flush()
            os.fsync(file.fileno())
        self.put(unfinished, self.path / NAME)

    def put(self, unfinished: Path, file: Path) -> None:
        """Give a finished file its name, for good."""
        os.replace(unfinished, file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
