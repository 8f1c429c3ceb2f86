"""What this process has in hand stays in its hand for as long as the attempt goes on."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic

from adapters.store.log import SqlLog, Work

LEASE = timedelta(seconds=60)  # so long after the death of its worker an effect is somebody else's
LONGEST_ATTEMPT = timedelta(minutes=30)  # a file of an order with all its timeouts, renewals and repetitions
RENEWALS_PER_LEASE = 3

log = logging.getLogger("daybook.effects")


class Leases:
    """Renews the leases of what is in hand, in a thread that lives as long as there is anything.

    An attempt that hangs is given up: after `LONGEST_ATTEMPT` its lease runs out like that of a dead worker.
    """

    def __init__(
        self,
        log: SqlLog,
        *,
        lease: timedelta,
        now: Callable[[], datetime],
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self.lease = lease
        self._log, self._now, self._elapsed = log, now, elapsed
        self._held: dict[Work, float] = {}
        self._renewed_at: datetime | None = None
        self._changing = threading.Lock()
        self._keeper: threading.Thread | None = None

    @contextmanager
    def holding(self, work: Work) -> Iterator[None]:
        """Renew this lease until the block ends."""
        with self._changing:
            self._held[work] = self._elapsed()
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="leases", daemon=True)
                self._keeper.start()
        try:
            yield
        finally:
            with self._changing:
                self._held.pop(work, None)

    def renew(self) -> None:
        """Lease anew what is in hand."""
        now, longest = self._now(), LONGEST_ATTEMPT.total_seconds()
        with self._changing:
            works = [work for work, since in self._held.items() if self._elapsed() - since < longest]
        if works:
            self._log.renew_work(works, until=now + self.lease)
        self._renewed_at = now

    def renew_if_late(self) -> None:
        """Before this process takes more: a clock put forward must not make it take what it has in hand already."""
        late = self._renewed_at is None or not timedelta(0) <= self._now() - self._renewed_at < self.lease / 2
        if self._held and late:
            self.renew()

    def _keep(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self.lease.total_seconds() / RENEWALS_PER_LEASE)
            with self._changing:
                if not self._held:
                    self._keeper = None
                    return
            try:
                self.renew()
            except Exception as error:  # the next try may go better, and a lease that is lost is only taken over
                log.warning("leases could not be renewed: %s", type(error).__name__)
