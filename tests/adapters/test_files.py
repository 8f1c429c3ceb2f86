"""Uploaded documents in a local folder and in a store of another kind."""

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.files import FileStore
from tests.adapters.samples import ACCEPTED

TOKEN = "0123456789ABCDEFGHJKMNPQRS"
OTHER = "Z" * 26
FOLDER = f"media/orders/{TOKEN}"
KEY = f"{FOLDER}/scan.pdf"
PDF = ACCEPTED["application/pdf"]


class Breaking(io.BytesIO):
    """A stream that fails after its first piece, as a disk or a connection may."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError("broken")
        return super().read(4)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    return FileStore(str(tmp_path / "kept") if request.param == "folder" else f"memory://{tmp_path}")


def stored(store: FileStore) -> list[str]:
    return sorted(store.keys_older_than(datetime.now(UTC) + timedelta(days=1)))


def test_a_saved_file_is_read_back_under_its_key(store: FileStore) -> None:
    content = io.BytesIO(PDF)
    content.read(3)
    store.save(TOKEN, "scan.pdf", content)
    assert store.exists(KEY)
    with store.open(KEY) as kept:
        assert kept.read() == PDF


def test_the_local_folder_stands_for_media(tmp_path: Path) -> None:
    FileStore(str(tmp_path)).save(TOKEN, "scan.pdf", io.BytesIO(PDF))
    assert (tmp_path / "orders" / TOKEN / "scan.pdf").read_bytes() == PDF


@pytest.mark.parametrize("name", ["日" * 80 + ".pdf", "a*?[b]~::#%41.pdf", "two words.pdf"])
def test_unusual_names_are_only_names(store: FileStore, name: str) -> None:
    store.save(TOKEN, name, io.BytesIO(PDF))
    store.save(OTHER, "scan.pdf", io.BytesIO(PDF))
    assert store.exists(f"{FOLDER}/{name}")
    store.delete(f"{FOLDER}/{name}")
    assert stored(store) == [f"media/orders/{OTHER}/scan.pdf"]


def test_nothing_is_ever_overwritten(store: FileStore) -> None:
    store.save(TOKEN, "scan.pdf", io.BytesIO(PDF))
    with pytest.raises(FileExistsError):
        store.save(TOKEN, "scan.pdf", io.BytesIO(b"other"))
    with store.open(KEY) as kept:
        assert kept.read() == PDF


def test_a_copy_that_breaks_off_leaves_nothing(store: FileStore) -> None:
    with pytest.raises(OSError, match="broken"):
        store.save(TOKEN, "scan.pdf", Breaking(PDF))
    assert stored(store) == []
    store.save(TOKEN, "scan.pdf", io.BytesIO(PDF))


@pytest.mark.parametrize("key", [KEY, FOLDER])
def test_a_file_is_deleted_by_its_key_or_by_that_of_its_folder(store: FileStore, key: str) -> None:
    store.save(TOKEN, "scan.pdf", io.BytesIO(PDF))
    store.delete(key)
    store.delete(key)
    assert not store.exists(KEY)
    with pytest.raises(FileNotFoundError):
        store.open(KEY)


def test_deleting_leaves_no_empty_folder(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path))
    store.save(TOKEN, "scan.pdf", io.BytesIO(PDF))
    store.delete(FOLDER)
    assert list((tmp_path / "orders").iterdir()) == []


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.save(TOKEN, "../up.pdf", io.BytesIO(PDF)),
        lambda store: store.save("..", "up.pdf", io.BytesIO(PDF)),
        lambda store: store.delete("media/orders"),
        lambda store: store.delete(f"{FOLDER}/.."),
    ],
)
def test_a_key_that_leads_elsewhere_is_refused(store: FileStore, act: Callable[[FileStore], None]) -> None:
    with pytest.raises(ValueError, match="Not "):
        act(store)


def test_a_key_that_leads_elsewhere_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    store = FileStore(str(tmp_path / "kept"))
    store.save(TOKEN, "scan.pdf", io.BytesIO(PDF))
    for key in ("media/../secret", f"{FOLDER}/../../../secret", f"{FOLDER}/..", "", FOLDER):
        assert not store.exists(key)
        with pytest.raises(FileNotFoundError):
            store.open(key)


def test_only_files_older_than_a_time_are_swept(tmp_path: Path) -> None:
    store = FileStore(str(tmp_path))
    for token, second in ((TOKEN, 100), (OTHER, 200)):
        store.save(token, "scan.pdf", io.BytesIO(PDF))
        os.utime(tmp_path / "orders" / token / "scan.pdf", (second, second))
    assert list(store.keys_older_than(datetime.fromtimestamp(150, UTC))) == [KEY]
    assert list(FileStore(str(tmp_path / "none")).keys_older_than(datetime.now(UTC))) == []


def test_the_store_tells_what_a_file_is(store: FileStore) -> None:
    assert store.media_type(io.BytesIO(PDF)) == "application/pdf"
