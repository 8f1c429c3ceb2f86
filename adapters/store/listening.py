"""Hearing what PostgreSQL's sessions tell each other, on a connection that is made anew whenever it is lost."""

import threading
from collections.abc import Callable

import psycopg

from adapters.store.options import DatabaseOptions

LOG, WORK, VIEWS = "daybook_log", "daybook_work", "daybook_views"
RECONNECT_SECONDS = 1.0
HEED_SECONDS = 0.5  # until a listener that was told to stop has


def listen(url: str, options: DatabaseOptions, channel: str, heard: Callable[[str], None]) -> Callable[[], None]:
    """Call `heard` with every word on the channel, and with an empty one whenever words may have been missed.

    Returns how to stop.
    """
    stopped = threading.Event()

    def hear() -> None:
        while not stopped.is_set():
            listening = False
            try:
                with psycopg.connect(url, autocommit=True, **options.connecting()) as connection:
                    connection.execute(f"LISTEN {channel}")
                    heard("")
                    listening = True
                    while not stopped.is_set():
                        for word in connection.notifies(timeout=HEED_SECONDS, stop_after=1):
                            heard(word.payload)
            except psycopg.Error:
                if listening:
                    heard("")
                stopped.wait(RECONNECT_SECONDS)

    threading.Thread(target=hear, name=f"{channel.removeprefix('daybook_')}-listener", daemon=True).start()
    return stopped.set
