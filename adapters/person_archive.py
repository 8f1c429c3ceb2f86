"""A person's archive: one ZIP file that appears whole or not at all, and that only its owner may read."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from adapters.handing_over import Dossier

TEMPLATES = Path(__file__).parent / "templates" / "person"
UNSAFE = re.compile(r"[^\w.,() +-]")
LONGEST_NAME = 120


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """When (aware), by which company and why an archive was made: for whoever reads it."""

    at: datetime
    reason: str
    company: str


class Page(msgspec.Struct, frozen=True):
    """A file of the archive that the page leads to."""

    path: str
    title: str


class Archive:
    """Writes a dossier. `open_file` gives what the store keeps under a key; raises `FileNotFoundError`."""

    def __init__(self, dossier: Dossier, *, made: Made, open_file: Callable[[str], BinaryIO]) -> None:
        self._dossier, self._made, self._open_file = dossier, made, open_file
        self.missing: list[str] = []

    def write(self, target: BinaryIO) -> None:
        """Put everything in; files that the store has lost are `missing`, and named in the archive."""
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            uploads = list(self._uploads(archive))
            mails = list(self._mails(archive))
            messages = list(self._messages(archive))
            dossier = self._dossier
            for folder, kept in (("orders", dossier.orders), ("calls", dossier.calls), ("history", dossier.histories)):
                for id, value in kept.items():
                    self._put(archive, f"{folder}/{id}.json", _json(value))
            self._put(archive, "attribution.json", _json(self._attribution()))
            self._put(archive, "copies.json", _json(dossier.copies))
            told = {"dossier": dossier, "made": self._made, "missing": self.missing}
            pages = {"uploads": uploads, "mails": mails, "messages": messages}
            self._put(archive, "person.html", _rendered("person.html", **told, **pages))
            self._put(archive, "README.txt", _rendered("README.txt", **told, **pages))

    def _attribution(self) -> dict[str, object]:
        """Where each order and call is said to come from."""
        names = ("attribution", "form_attribution", "links")
        kept = {**self._dossier.orders, **self._dossier.calls}
        return {str(id): {name: state[name] for name in names if name in state} for id, state in kept.items()}

    def _uploads(self, archive: ZipFile) -> Iterator[Page]:
        for number, upload in enumerate(self._dossier.uploads, start=1):
            path = f"files/{upload.order}/{number}-{_safe(upload.name)}"
            try:
                source = self._open_file(upload.key)
            except FileNotFoundError:
                self.missing.append(upload.name)
                continue
            with source, archive.open(self._info(path), "w", force_zip64=True) as copied:
                shutil.copyfileobj(source, copied)
            yield Page(path, upload.name)

    def _mails(self, archive: ZipFile) -> Iterator[Page]:
        for mail in self._dossier.mails:
            self._put(archive, path := f"mails/{mail.effect}.eml", mail.text.encode(errors="surrogateescape"))
            yield Page(path, f"{mail.subject} ({mail.date})")

    def _messages(self, archive: ZipFile) -> Iterator[Page]:
        for told in self._dossier.messages:
            title = f"{told.source}, {told.arrived_at:%Y-%m-%d %H:%M} UTC"
            if told.body is None:
                yield Page("", f"{title} (written by our staff, left out)")
                continue
            ending = "json" if told.body.lstrip()[:1] in (b"{", b"[") else "txt"
            self._put(archive, path := f"messages/{told.id}.{ending}", told.body)
            yield Page(path, title)

    def _info(self, path: str) -> ZipInfo:
        info = ZipInfo(path, self._made.at.timetuple()[:6])
        info.compress_type, info.external_attr = ZIP_DEFLATED, 0o600 << 16
        return info

    def _put(self, archive: ZipFile, path: str, content: bytes) -> None:
        archive.writestr(self._info(path), content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner only, which stands at `path` when the block has ended well, and nowhere otherwise.

    Raises `FileExistsError` rather than replace anything.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _safe(name: str) -> str:
    """A name that means nothing to a file system but itself."""
    return UNSAFE.sub("_", name)[-LONGEST_NAME:].lstrip(".") or "file"


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _rendered(template: str, **values: object) -> bytes:
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=template.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(template).render(values).encode()
