"""How customers and vendors ask: every request again until it is answered, and every answer written down at once."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

LATER = 503  # the one answer that asks to come back
PAUSE_SECONDS, PATIENCE = 0.05, 15.0


class Enough(Exception):
    """No more requests are wanted."""


class Book:
    """What was answered, one line of JSON each, in a file that is complete up to the last answer."""

    def __init__(self, path: Path, said: Callable[[int], None] = lambda answered: None) -> None:
        self.path = path
        self.answered, self.repeats, self.stopping = 0, Counter[str](), threading.Event()
        self._said, self._file, self._lock = said, path.open("a", buffering=1), threading.Lock()

    def note(self, what: str, **fact: Any) -> None:
        """Write one fact down before anybody asks on."""
        with self._lock:
            self._file.write(json.dumps({"what": what, **fact}) + "\n")
            self.answered += 1
            self._said(self.answered)

    def come_again(self, why: str) -> None:
        """Count a request that has to be repeated, by what came instead of an answer."""
        with self._lock:
            self.repeats[why] += 1

    def close(self) -> None:
        """The last lines: how often something had to be asked again, and why."""
        self._file.write(json.dumps({"what": "repeats", "by": self.repeats}) + "\n")
        self._file.close()


class Asker:
    """One browser or vendor; it knows several servers and goes to the next when one does not answer."""

    def __init__(self, addresses: Sequence[str], book: Book, *, first: int = 0) -> None:
        self.book, self._addresses, self._turn = book, addresses, first
        self._session = requests.Session()

    def ask(
        self, method: str, path: str, *, sign: Callable[[], Mapping[str, str]] = dict, **sent: Any
    ) -> requests.Response:
        """Send it until it is answered with anything but 503; `sign` makes headers anew for each attempt.

        Raises `Enough` instead of asking something new when no more is wanted.
        """
        if self.book.stopping.is_set():
            raise Enough
        headers: dict[str, str] = sent.pop("headers", {})
        while True:
            answer = self._attempt(method, path, headers=headers | dict(sign()), **sent)
            if answer is not None:
                return answer
            self._turn += 1
            self.book.stopping.wait(PAUSE_SECONDS) or threading.Event().wait(PAUSE_SECONDS)

    def _attempt(self, method: str, path: str, **sent: Any) -> requests.Response | None:
        address = self._addresses[self._turn % len(self._addresses)]
        try:
            answer = self._session.request(method, address + path, timeout=PATIENCE, allow_redirects=False, **sent)
        except requests.RequestException as silence:
            self.book.come_again(type(silence).__name__)
            return None
        if answer.status_code < 500:
            return answer
        self.book.come_again(f"{answer.status_code} {path.split('/')[1]}")
        return None


def read_book(path: Path) -> list[dict[str, Any]]:
    """Every line of a book."""
    return [json.loads(line) for line in path.read_text().splitlines()]
