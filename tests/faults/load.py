"""The load, a process of its own: tells stories until its standard input ends, and says a word for each answer."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.faults.asking import Asker, Book, read_book
from tests.faults.audit import Fact
from tests.faults.stories import Teller

CLIENTS = 6
PATIENCE = 180.0  # for the last answers


class Clients:
    """Clients in threads of this process; `said` hears of each answer."""

    def __init__(self, book: Book, *, seed: int, number: int, addresses: Sequence[str]) -> None:
        self._book = book
        tellers = [Teller(nth, Asker(addresses, book, first=nth), seed=seed) for nth in range(1, number + 1)]
        self._threads = [threading.Thread(target=teller.tell) for teller in tellers]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Return once everything that was asked is answered."""
        self._book.stopping.set()
        for thread in self._threads:
            thread.join()
        self._book.close()


class Load:
    """The load process; `answered` is how far it is."""

    def __init__(self, book: Path, *, seed: int, addresses: Sequence[str]) -> None:
        self.book, self.answered, self._moved = book, 0, threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.load", str(book), str(seed), *addresses],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as answers:
            for line in answers:
                with self._moved:
                    self.answered = int(line)
                    self._moved.notify_all()

    def wait_for(self, answered: int, *, seconds: float) -> bool:
        """Return once so many are answered; False when for so long nothing was."""
        with self._moved:
            while self.answered < answered:
                if not self._moved.wait(seconds):
                    return False
        return True

    def end(self) -> list[Fact]:
        """Let every client have its last answer; all that was answered."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(PATIENCE) == 0
        self._reader.join()
        return list(read_book(self.book))

    def kill(self) -> None:
        """End it at once; harmless when it has ended."""
        self._process.kill()
        self._reader.join()
        self._process.wait()


def main(book: str, seed: str, *addresses: str) -> None:
    """Ask at these addresses until standard input ends."""
    noted = Book(Path(book), said=lambda answered: print(answered, flush=True))
    clients = Clients(noted, seed=int(seed), number=CLIENTS, addresses=addresses)
    sys.stdin.read()
    clients.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
