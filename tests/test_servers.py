import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from redis import Redis

from tests import servers


def test_postgres_is_a_real_server(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        row = connection.execute("SELECT version()").fetchone()
    assert row
    assert row[0].startswith("PostgreSQL ")


def test_each_test_gets_a_database_of_its_own(postgres_url: str) -> None:
    with servers.fresh_database(postgres_url) as one, servers.fresh_database(postgres_url) as other:
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE only_here (id integer)")
        with psycopg.connect(other) as connection:
            found = connection.execute("SELECT to_regclass('only_here')").fetchone()
    assert found == (None,)


def test_a_database_goes_even_while_somebody_is_connected(postgres_url: str) -> None:
    with servers.fresh_database(postgres_url) as url:
        lingering = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        lingering.execute("SELECT 1")
    lingering.close()


def test_redis_is_a_real_server(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.ping()


def test_a_database_url_opens_on_either_engine(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(servers.ServerFailed, match="cannot read that"),
        servers.running(["sh", "-c", "echo cannot read that; exit 1"], ready="ready", folder=tmp_path),
    ):
        pytest.fail("the block must not begin")


@pytest.mark.redis
def test_no_server_outlives_a_killed_test_run(tmp_path: Path) -> None:
    program = "from tests.servers import redis\nwith redis() as url: print(url, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DAYBOOK_TEST_REDIS_URL": "", "TMPDIR": str(tmp_path)},
    ) as run:
        assert run.stdout
        address = urlsplit(run.stdout.readline().strip())
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            run.send_signal(signal.SIGKILL)
            assert connection.recv(1) == b""


@pytest.mark.postgres
@pytest.mark.parametrize("end", [servers.Server.kill, servers.Server.stop], ids=["killed", "stopped"])
def test_a_postgres_that_was_ended_starts_again_with_its_rows(end: Callable[[servers.Server], None]) -> None:
    with servers.postgres_server() as server:
        for number in range(3):
            with psycopg.connect(server.url) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
                connection.execute("INSERT INTO kept VALUES (%s)", (number,))
            lingering = psycopg.connect(server.url)
            end(server)
            with pytest.raises(psycopg.OperationalError):
                lingering.execute("SELECT 1")
            lingering.close()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(server.url)
            server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (3,)


@pytest.mark.redis
def test_a_redis_that_was_killed_starts_again_on_its_port() -> None:
    with servers.redis_server() as server:
        with Redis.from_url(server.url) as client:
            client.set("key", "value")
        server.kill()
        server.start()
        with Redis.from_url(server.url) as client:
            assert client.get("key") is None
