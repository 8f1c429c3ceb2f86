"""The threads a process works in: they are told to stop together, and whether they live can be asked."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("daybook")


class Threads:
    """What is spawned here ends soon after `stopping` has been set."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def spawn(self, name: str, work: Callable[[], object]) -> None:
        """Do this in a thread of this name."""

        def run() -> None:
            try:
                work()
            except Exception:  # readiness says so, and the log says why
                log.exception("the %s has ended", name)

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def running(self) -> dict[str, bool]:
        """Which of the threads spawned here are alive."""
        return {thread.name: thread.is_alive() for thread in self._threads}

    def join(self, *, until: float) -> bool:
        """Wait for all to end, up to this reading of the monotonic clock; whether they have."""
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(self.running.values())
