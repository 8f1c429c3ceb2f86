"""Our own processes and the peers', each as it would run: started here, and ended when the block ends."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.servers import free_port, running

WORKERS, THREADS = 2, 5  # of every web server here; `daybook web` takes as many threads on two cores
NOTHING: Mapping[str, str] = MappingProxyType({})
PLENTY = "1000000/minute"  # limits are kept and never reached


DAYBOOK = [sys.executable, "-c", "from scripts.daybook import main; main()"]


def daybook_init(database: str) -> None:
    """Make an empty ledger; raises what `subprocess` does when that fails."""
    environment = {"DAYBOOK_ENV": "test", "DAYBOOK_DATABASE_URL": database}
    subprocess.run([*DAYBOOK, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def daybook(
    command: str, *arguments: str, database: str, folder: Path, ready: str, more: Mapping[str, str] = NOTHING
) -> Iterator[None]:
    """One of our commands on this database, with `more` settings."""
    environment = {
        "DAYBOOK_ENV": "test",
        "DAYBOOK_DATABASE_URL": database,
        "DAYBOOK_FILE_STORE_URL": str(folder / "media"),
        "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite"),
        "DAYBOOK_FORM_RATE": PLENTY,
        "DAYBOOK_TRACKING_RATE": PLENTY,
        "DAYBOOK_LOG_LEVEL": "warning",
        **more,
    }
    with _started([*DAYBOOK, command, *arguments], environment, ready=ready):
        yield


@contextmanager
def daybook_web(database: str, folder: Path) -> Iterator[int]:
    """`daybook web`; yields its port."""
    port = free_port()
    arguments = ("--port", str(port), "--workers", str(WORKERS))
    with daybook("web", *arguments, database=database, folder=folder, ready="Ready"):
        yield port


@contextmanager
def wsgi(application: str, *, database: str = "") -> Iterator[int]:
    """Any WSGI application in the same server with as many processes and threads; yields its port."""
    port = free_port()
    sizes = ["--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--port", str(port)]
    program = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", *sizes, application]
    with _started(program, {"BENCH_DATABASE_URL": database}, ready=f"Started worker-{WORKERS}"):
        yield port


@contextmanager
def _started(program: Sequence[str], environment: Mapping[str, str], *, ready: str) -> Iterator[None]:
    named = [f"{name}={value}" for name, value in environment.items()]
    with (
        tempfile.TemporaryDirectory() as nowhere,
        running(["env", f"PYTHONPATH={Path.cwd()}", *named, *program], url="", ready=ready, folder=Path(nowhere)),
    ):
        yield
