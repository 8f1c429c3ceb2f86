"""A `daybook serve` of its own process, that can be killed and started again on the same ledger."""

import signal
from pathlib import Path

from tests.running import Company, Started
from tests.servers import free_port


class Served:
    """The product in a folder, always at the same address. `kill` is SIGKILL for every process of it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._firm, self._port = Company(folder, database_url), free_port()
        self.environment = self._firm.environment
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: Started | None = None

    def start(self) -> None:
        """Return once it answers."""
        self._process = self._firm.start("serve", "--port", str(self._port), "--empty")

    def kill(self) -> None:
        """No process of it gets to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        return self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> int:
        assert self._process
        return self._process.end(number)

    def close(self) -> None:
        """Kill it if it still runs."""
        self._firm.close()
