"""Two webs, two workers, two followers and their servers: whoever dies is started again, as a system manager would."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import requests

from adapters.settings import read_settings
from adapters.wiring import Services
from tests import servers
from tests.faults.vendor_process import VendorProcess
from tests.running import PATIENCE, Company, Started, company

DURABLE = {"fsync": "on", "full_page_writes": "on", "max_connections": "200"}
AGAIN_SECONDS = 0.3
ROLES = ("web", "work", "follow")

ACTIVITY = """
    SELECT pid, state, wait_event_type, wait_event, now() - state_change, pg_blocking_pids(pid), left(query, 100)
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND state <> 'idle'"""


def state_of(process: int) -> str:
    """One letter, as the system has it: T is frozen, Z one that has ended and that nobody has asked about yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "gone"


class Kept:
    """One `daybook` process that is started again whenever it has ended, until it is let go."""

    def __init__(self, name: str, arguments: list[str], firm: Company, folder: Path) -> None:
        self.name, self.role, self.log = name, arguments[0], folder / f"{name}.log"
        self.ready, self.starts = threading.Event(), 0
        self.exits: list[int] = []
        self._arguments, self._environment = arguments, firm.environment
        self._letting_go = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._keep, name=name)
        self._thread.start()

    def _keep(self) -> None:
        while not self._letting_go.is_set():
            with self.log.open("a") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "scripts.daybook", *self._arguments, "--json"],
                    env=self._environment,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    text=True,
                )
            try:
                Started(self._process, self.log)
                self.ready.set()
                self.starts += 1
            except AssertionError:
                pass  # its database is away, or it was killed before it was ready
            assert self._process.stdout
            self._process.stdout.read()  # which ends when the last of its children has
            self._process.stdout.close()
            self.ready.clear()
            self.exits.append(self._process.wait())
            self._letting_go.wait(AGAIN_SECONDS)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process that runs now, if one does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def state(self) -> str:
        """The letter the system has for the process that runs now, or how the last one ended."""
        if self._process is None or self._process.poll() is not None:
            return f"ended {self.exits}"
        return state_of(self._process.pid) + (", ready" if self.ready.is_set() else "")

    def let_go(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it for good; its exit code, which is that of SIGKILL when it did not end by itself."""
        self._letting_go.set()
        self.tell(signal.SIGCONT)
        self.tell(number)
        self._thread.join(PATIENCE)
        self.tell(signal.SIGKILL)
        self._thread.join()
        return self.exits[-1]


class Cluster:
    """The six processes and what they lean on."""

    def __init__(
        self, firm: Company, folder: Path, postgres: servers.Server, redis: servers.Server, vendors: VendorProcess
    ) -> None:
        self.firm, self.postgres, self.redis, self.vendors = firm, postgres, redis, vendors
        ports = [servers.free_port(), servers.free_port()]
        self.addresses = [f"http://127.0.0.1:{port}" for port in ports]
        # What Stripe is asked under one key must be the same from whichever web, and names this address.
        firm.environment["DAYBOOK_PUBLIC_BASE_URL"] = self.addresses[0]
        webs = [["web", "--port", str(port), "--workers", "1"] for port in ports]
        started = [*webs, ["work"], ["work"], ["follow"], ["follow"]]
        self.kept = [
            Kept(f"{arguments[0]}-{nth % 2 + 1}", arguments, firm, folder) for nth, arguments in enumerate(started)
        ]
        for kept in self.kept:
            assert kept.ready.wait(PATIENCE), kept.log.read_text()

    def of(self, role: str) -> list[Kept]:
        """The two processes of a role."""
        return [kept for kept in self.kept if kept.role == role]

    def services(self) -> Services:
        """Services of the same ledger, in this process."""
        return Services(read_settings(self.firm.environment), install=False)

    def standing(self) -> str:
        """What an operator would look at first, when nothing moves any more."""
        lines = [f"{kept.name}: {kept.state()}, started {kept.starts} times" for kept in self.kept]
        for address in self.addresses:
            try:
                lines.append(f"{address}: {requests.get(f'{address}/health/ready', timeout=10).text}")
            except requests.RequestException as silence:
                lines.append(f"{address}: {type(silence).__name__}")
        with psycopg.connect(self.firm.environment["DAYBOOK_DATABASE_URL"]) as server:
            lines += [str(row) for row in server.execute(ACTIVITY)]
        return "\n".join(lines)

    def ring_again(self) -> int:
        """Ring every dead effect again, as staff do; how many there were."""
        command = [sys.executable, "-m", "scripts.daybook", "effects", "retry", "--all", "--json"]
        done = subprocess.run(command, env=self.firm.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return len(json.loads(done.stdout))

    def stop(self) -> dict[str, int]:
        """Ask all of them to end; their exit codes."""
        for kept in self.kept:
            kept.ready.wait(PATIENCE)
        return {kept.name: kept.let_go() for kept in self.kept}

    def close(self) -> None:
        """End whoever still runs."""
        for kept in self.kept:
            kept.let_go(signal.SIGKILL)


@contextmanager
def cluster(folder: Path, *, seed: int, **more: str) -> Iterator[Cluster]:
    """A running cluster with durable servers of its own, on an empty ledger with the demo prices."""
    with ExitStack() as stack:
        postgres = stack.enter_context(servers.postgres_server(**DURABLE))
        redis = stack.enter_context(servers.redis_server())
        url = stack.enter_context(servers.fresh_database(postgres.url))
        vendors = VendorProcess(seed)
        stack.callback(vendors.close)
        settings = {"DAYBOOK_REDIS_URL": redis.url, "DAYBOOK_SITE_HOSTS": "", **vendors.settings(), **more}
        firm = stack.enter_context(company(folder, url, **settings))
        running = Cluster(firm, folder, postgres, redis, vendors)
        stack.callback(running.close)
        yield running
