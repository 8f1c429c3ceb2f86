"""What is tidied once a day: uploaded files that no order came to name."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.files import FileStore
from domain.ledger import Ledger

UNNAMED_AFTER = timedelta(days=1)
EVERY_SECONDS = 24 * 60 * 60

log = logging.getLogger("daybook.housekeeping")


def sweep_files(files: FileStore, ledger: Ledger, *, now: datetime) -> int:
    """Remove files a day old that no event names; returns how many. A crash between file and order leaves such."""
    removed = 0
    for key in files.keys_older_than(now - UNNAMED_AFTER):
        if ledger.owner(f"file:{key.rpartition('/')[0]}") is None:
            files.delete(key)
            removed += 1
    return removed


def keep_house(files: FileStore, ledger: Ledger, *, now: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
    """Sweep at the start and once a day; `wait(seconds)` returns True when it is time to stop."""
    while True:
        try:
            if removed := sweep_files(files, ledger, now=now()):
                log.info("removed %d files that no order names", removed)
        except Exception as error:  # an object store raises errors of its own; tomorrow is another day
            log.warning("files were not swept: %s", type(error).__name__)
        if wait(EVERY_SECONDS):
            return
