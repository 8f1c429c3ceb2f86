"""How long a connection waits for what is said where it is made, for the log and for the views."""

from contextlib import closing

import pytest
from sqlalchemy import text

from adapters.store.engine import postgres_engine
from adapters.store.options import DatabaseOptions
from adapters.store.postgres import PostgresLog
from tests.store_samples import EVERYTHING, MASTER_KEY

OPTIONS = DatabaseOptions(
    pool=3, views_pool=2, statement_seconds=7, long_statement_seconds=77, lock_seconds=4, keepalive_seconds=9
)
ASKED = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('TimeZone')"


def test_the_log_waits_as_long_as_it_is_told(postgres_database: str) -> None:
    with closing(PostgresLog(postgres_database, EVERYTHING, MASTER_KEY, options=OPTIONS)) as log:
        log.install()
        assert log._query(ASKED) == [("7s", "4s", "UTC")]
        assert log._pool.max_size == 3


@pytest.mark.parametrize(("long", "said"), [(False, ("7s", "4s", "UTC")), (True, ("77s", "77s", "UTC"))])
def test_views_wait_as_long_as_they_are_told_and_longer_for_whole_ones(
    postgres_database: str, long: bool, said: tuple[str, str, str]
) -> None:
    engine = postgres_engine(postgres_database, OPTIONS, long=long)
    with closing(engine.raw_connection()), engine.connect() as connection:
        assert connection.execute(text(ASKED)).one() == said
    engine.dispose()


def test_a_silent_server_is_found_out() -> None:
    told = OPTIONS.connecting()
    assert (told["keepalives_idle"], told["keepalives_interval"], told["tcp_user_timeout"]) == (9, 3, 18_000)
    assert told["connect_timeout"] == DatabaseOptions().connect_seconds
