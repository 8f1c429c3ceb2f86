"""One leader among several processes: whoever holds a session's advisory lock in PostgreSQL."""

import logging
import threading
from collections.abc import Callable

import psycopg

from adapters.store.options import DatabaseOptions, as_options

LEADER_LOCK = 7301003
TRY_SECONDS, SIGN_SECONDS, SILENCE_SECONDS = 0.5, 1.0, 3

log = logging.getLogger("daybook.leader")


class Leader:
    """Takes the lead whenever nobody has it.

    The session dies with its process; and when the process is frozen, or cannot be reached, the server ends a session
    that gives no sign of life for three seconds. Whoever led then finds out at its next sign, and stops.
    """

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        self._url, self._options = url, options
        self.leading = False

    def campaign(self, stopping: threading.Event, lead: Callable[[threading.Event], None]) -> None:
        """Until told to stop: wait for the lead, then call `lead(over)`, which must return once `over` is set."""
        while not stopping.is_set():
            try:
                self._term(stopping, lead)
            except psycopg.Error as error:
                log.warning("without a connection there is no leading: %s", type(error).__name__)
            stopping.wait(TRY_SECONDS)

    def _connect(self) -> psycopg.Connection[tuple[bool]]:
        session = {
            "idle_session_timeout": f"{SILENCE_SECONDS}s",
            "tcp_keepalives_idle": "1",
            "tcp_keepalives_interval": "1",
            "tcp_keepalives_count": str(SILENCE_SECONDS - 1),
            "statement_timeout": f"{SILENCE_SECONDS}s",
        }
        told = {**self._options.connecting(), "tcp_user_timeout": 1_000 * SILENCE_SECONDS}
        return psycopg.connect(self._url, autocommit=True, options=as_options(session), **told)

    def _term(self, stopping: threading.Event, lead: Callable[[threading.Event], None]) -> None:
        with self._connect() as session:
            while session.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone() != (True,):
                if stopping.wait(TRY_SECONDS):
                    return
            log.info("this process leads")
            over = threading.Event()
            leading = threading.Thread(target=lead, args=(over,), name="leading", daemon=True)
            leading.start()
            self.leading = True
            try:
                while not stopping.wait(SIGN_SECONDS) and leading.is_alive():
                    session.execute("SELECT 1")
            finally:
                self.leading = False
                over.set()
                leading.join()
                log.info("this process leads no more")
