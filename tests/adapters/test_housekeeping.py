"""The daily sweep of files."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

from adapters.files import FileStore
from adapters.housekeeping import sweep_files

NAMED, UNNAMED = "0" * 26, "1" * 26


class Claims:
    """A ledger that knows one file."""

    def owner(self, key: str) -> UUID | None:
        return UUID(int=1) if key == f"file:media/orders/{NAMED}" else None


def test_a_file_that_no_order_names_is_removed_after_a_day(tmp_path: Path) -> None:
    files = FileStore(str(tmp_path))
    for token in (NAMED, UNNAMED):
        files.save(token, "scan.pdf", BytesIO(b"%PDF-1.4"))
    now = datetime.now(UTC)

    assert sweep_files(files, Claims(), now=now) == 0  # type: ignore[arg-type]
    assert sweep_files(files, Claims(), now=now + timedelta(days=2)) == 1  # type: ignore[arg-type]
    assert files.exists(f"media/orders/{NAMED}/scan.pdf")
    assert not files.exists(f"media/orders/{UNNAMED}/scan.pdf")
