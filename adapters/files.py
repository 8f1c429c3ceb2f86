"""Where uploaded documents lie: a local folder, or any store that fsspec can reach."""

import os
import posixpath
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from adapters import sniff
from domain.documents.files import file_key, folder_key, is_file_key, is_folder_key

_ROOT = "media/"
_CHUNK_BYTES = 256 * 1024


class FileStore:
    """Files by key, `media/orders/<token>/<name>`; the store's own root stands for `media`."""

    def __init__(self, url: str) -> None:
        """`url` as fsspec reads it: a folder, `file://...`, `s3://bucket/folder`, `memory://...`."""
        filesystem, root = url_to_fs(url)
        self._fs: Any = filesystem
        self._root: str = root.rstrip("/")

    def media_type(self, content: BinaryIO) -> str | None:
        """Return what the content shows it to be, or None when it is nothing we accept."""
        return sniff.media_type(content)

    def save(self, token: str, name: str, content: BinaryIO) -> None:
        """Copy the content in pieces and return when it will survive a power cut.

        Raises FileExistsError rather than overwrite; a copy that breaks off leaves nothing behind.
        """
        key = file_key(folder_key(token), name)
        if not is_file_key(key):
            raise ValueError("Not a safe name for a stored file.")
        path = self._path(key)
        self._fs.makedirs(posixpath.dirname(path), exist_ok=True)
        content.seek(0)
        target = self._fs.open(path, "xb")
        try:
            with target:
                shutil.copyfileobj(content, target, _CHUNK_BYTES)
                target.flush()
                self._sync_file(target)
            self._sync_folders(path)
        except BaseException:
            with suppress(OSError):
                self.delete(key)
            raise

    def open(self, key: str) -> BinaryIO:
        """Return the stored bytes; raises FileNotFoundError, also for a key that could not be ours."""
        if not is_file_key(key):
            raise FileNotFoundError(key)
        return cast(BinaryIO, self._fs.open(self._path(key), "rb"))

    def exists(self, key: str) -> bool:
        """Tell whether this file is kept."""
        return is_file_key(key) and bool(self._fs.isfile(self._path(key)))

    def holds(self, folder: str) -> bool:
        """Tell whether anything lies under a folder's key."""
        return is_folder_key(folder) and bool(self._fs.find(self._path(folder)))

    def delete(self, key: str) -> None:
        """Remove a file, or with its folder's key whatever lies in it; nothing there is no error."""
        if not (is_file_key(key) or is_folder_key(key)):
            raise ValueError("Not the key of a stored file.")
        for path in self._fs.find(self._path(key)):
            with suppress(FileNotFoundError):
                self._fs.rm_file(path)
        folder = key if is_folder_key(key) else posixpath.dirname(key)
        with suppress(OSError):
            self._fs.rmdir(self._path(folder))

    def keys_older_than(self, time: datetime) -> Iterator[str]:
        """Yield the full keys of files last written before an aware time, for the sweep of unnamed ones."""
        for path in self._fs.find(f"{self._root}/orders"):
            key = _ROOT + path[len(self._root) + 1 :]
            with suppress(FileNotFoundError):
                if is_file_key(key) and self._fs.modified(path) < time:
                    yield key

    def _path(self, key: str) -> str:
        return f"{self._root}/{key.removeprefix(_ROOT)}"

    def _sync_file(self, target: Any) -> None:
        if isinstance(self._fs, LocalFileSystem):
            os.fsync(target.f.fileno())

    def _sync_folders(self, path: str) -> None:
        """A new file is safe only when the folders that name it are: its own, `orders` and the root."""
        if not isinstance(self._fs, LocalFileSystem):
            return
        for folder in list(Path(path).parents)[:3]:
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
