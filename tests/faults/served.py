"""A `daybook serve` of its own process, that can be killed and started again on the same ledger."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests


class Served:
    """The product in a folder. `start` waits until it answers; `kill` is SIGKILL for every process of it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.environment = {
            **os.environ,
            "DAYBOOK_ENV": "test",
            "DAYBOOK_DATABASE_URL": database_url,
            "DAYBOOK_FILE_STORE_URL": str(folder / "media"),
            "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite"),
            "DAYBOOK_FORM_RATE": "1000000/minute",
            "DAYBOOK_TRACKING_RATE": "1000000/minute",
            "DAYBOOK_EFFECT_LEASE_SECONDS": "3",
            "DAYBOOK_LOG_LEVEL": "error",
        }
        self.log = folder / "serve.log"
        self.address = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Serve on a free port."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.daybook", "serve", "--port", "0", "--empty", "--json"],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.address = self._read_json()["address"]
        assert self._read_json() == {"ready": True}, self.log.read_text()

    def _read_json(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        text = ""
        for line in self._process.stdout:
            text += line
            try:
                return json.loads(text)
            except ValueError:
                continue
        raise AssertionError(f"serve ended: {self.log.read_text()}")

    def kill(self) -> None:
        """No process of it gets to say goodbye."""
        process = self._process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in (*map(int, children), process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait(20)

    def stop(self) -> int:
        """Ask it to stop; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def open_effects(self) -> int:
        """How many effects are still to be done."""
        report = requests.get(f"{self.address}/health/ready", timeout=10).json()
        return int(report["effects"]["open"])
