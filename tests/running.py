"""Processes of the product on one PostgreSQL database, as an operator starts and ends them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from adapters.settings import read_settings
from adapters.wiring import Services
from tests.wishes import demo_prices

PATIENCE = 60.0  # seconds, on a loaded machine
FORM = {
    "name": "Ann Lee",
    "email": "ann@example.com",
    "phone": "+1 555 123 4567",
    "document_type": "Diploma",
    "country": "Italy",
}


class Started:
    """One `daybook` process that has said it is ready; `address` is where `web` answers."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process, self.log = process, log
        assert process.stdout
        printed = ""
        for line in process.stdout:
            if line == '{"ready": true}\n':
                break
            printed += line
        else:
            raise AssertionError(f"it ended with {process.wait()}: {log.read_text()}")
        self.address: str = json.loads(printed)["address"] if printed else ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def children(self) -> list[int]:
        """The processes it has started."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code. Its output ends when the last of its children has ended."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert self.process.stdout
        self.process.stdout.read()
        return code

    def post(self, **changed: str) -> Any:
        """Place an order; the answer's body."""
        answer = requests.post(f"{self.address}/embassy/create-order/", json={**FORM, **changed}, timeout=PATIENCE)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def page(self, placed: Any) -> int:
        """The status of an order's page."""
        return requests.get(f"{self.address}/tracking/{placed['tracking_id']}/", timeout=PATIENCE).status_code

    def ready(self) -> Any:
        """What `/health/ready` says."""
        return requests.get(f"{self.address}/health/ready", timeout=PATIENCE).json()


class Company:
    """Starts processes on one ledger that has been made by `init`; all of them have ended when it closes."""

    def __init__(self, folder: Path, database_url: str, **more: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")},
            "DAYBOOK_ENV": "test",
            "DAYBOOK_DATABASE_URL": database_url,
            "DAYBOOK_FILE_STORE_URL": str(folder / "media"),
            "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite"),
            "DAYBOOK_FORM_RATE": "1000000/minute",
            "DAYBOOK_TRACKING_RATE": "1000000/minute",
            "DAYBOOK_EFFECT_LEASE_SECONDS": "3",
            "DAYBOOK_LOG_LEVEL": "error",
            **more,
        }
        self._folder = folder
        self._started: list[Started] = []

    def start(self, *arguments: str) -> Started:
        """Start `daybook` with these arguments and wait until it is ready."""
        log = self._folder / f"{arguments[0]}-{len(self._started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "scripts.daybook", *arguments, "--json"],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        started = Started(process, log)
        self._started.append(started)
        return started

    def web(self, workers: int = 1) -> Started:
        return self.start("web", "--port", "0", "--workers", str(workers))

    @contextmanager
    def services(self) -> Iterator[Services]:
        """The services of the same ledger, in this process."""
        services = Services(read_settings(self.environment), install=False)
        try:
            yield services
        finally:
            services.stop()

    def close(self) -> None:
        """Kill whatever still runs."""
        for started in self._started:
            if started.process.poll() is None:
                started.process.send_signal(signal.SIGCONT)
                started.end(signal.SIGKILL)
            assert started.process.stdout
            started.process.stdout.close()


@contextmanager
def company(folder: Path, database_url: str, **more: str) -> Iterator[Company]:
    """An initialised ledger with the demo prices, and a way to start processes on it."""
    made = Company(folder, database_url, **more)
    services = Services(read_settings(made.environment))
    try:
        demo_prices(services.ledger)
    finally:
        services.stop()
    try:
        yield made
    finally:
        made.close()


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Look again and again until it is true; what it was then. An answer that does not come is no answer."""
    pause = threading.Event()
    for _ in range(round(seconds / 0.05)):
        try:
            if found := true():
                return found
        except requests.RequestException:
            pass
        pause.wait(0.05)
    raise AssertionError(f"not in {seconds:.0f} s")


def settled(services: Services) -> bool:
    """Whether nothing is left to do and every view has come to the newest event."""
    last = services.log.last_position()
    return services.log.open_work()[0] == 0 and set(services.positions().values()) == {last}


def same_after_rebuild(services: Services) -> bool:
    """Whether every view is what a rebuild makes of the log."""
    for view in services.views:
        query = view.live.select().order_by(*view.live.primary_key.columns)
        before = services.home.rows(query)
        services.rebuild(view)
        assert services.home.rows(query) == before, view.name
    return True
