"""Where limits are counted in a process without Redis: fixed windows in a dictionary, no thread of its own."""

import threading
import time

from limits.storage import Storage

FEWEST_KEYS = 1_024


class Counters(Storage):
    """Counts per key until the key's window ends.

    The library's own storage starts a thread and looks at every key again each hundredth of a second for as long as
    requests come; here what has ended is dropped whenever the number of keys has doubled.
    """

    STORAGE_SCHEME = ["counters"]  # noqa: RUF012 - the library's name and kind

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self.storage: dict[str, tuple[int, float]] = {}  # count and end by key
        self._sweep_at = FEWEST_KEYS
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage fails with: nothing but a fault of ours."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count; a new window of `expiry` seconds begins when the last has ended."""
        now = time.time()
        with self._lock:
            count, ends = self.storage.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
                self._sweep(now)
            self.storage[key] = (count + amount, ends)
        return count + amount

    def _sweep(self, now: float) -> None:
        if len(self.storage) >= self._sweep_at:
            self.storage = {key: window for key, window in self.storage.items() if window[1] > now}
            self._sweep_at = max(FEWEST_KEYS, 2 * len(self.storage))

    def get(self, key: str) -> int:
        """The count in the present window."""
        count, ends = self.storage.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """When the present window ends, in seconds of the epoch; now where there is none."""
        return max(self.storage.get(key, (0, 0.0))[1], time.time())

    def check(self) -> bool:
        """Always there."""
        return True

    def reset(self) -> int:
        """Forget everything; returns how many keys there were."""
        with self._lock:
            known = len(self.storage)
            self.storage = {}
        return known

    def clear(self, key: str) -> None:
        """Forget one key."""
        with self._lock:
            self.storage.pop(key, None)
