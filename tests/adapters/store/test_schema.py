"""The version of the log's schema: a product works with its own, brings up an older one and refuses a newer."""

from contextlib import closing

import pytest

from adapters.store.log import SqlLog
from adapters.store.schema import VERSION, WrongSchema
from tests.sample_trees import plant
from tests.store_samples import make_log, open_log, set_version, sql


def test_a_ledger_is_found_to_be_ours(log: SqlLog) -> None:
    plant(log, 1)
    log.check()
    log.install()
    log.check()
    assert log.last_position() == 1


def test_what_is_not_there_is_not_made_by_looking(database_url: str) -> None:
    with closing(make_log(database_url)) as log:
        for _ in range(2):
            with pytest.raises(WrongSchema, match="There is no ledger"):
                log.check()


def test_a_newer_ledger_is_refused_and_left_alone(database_url: str) -> None:
    with open_log(database_url) as log:
        plant(log, 1)
    set_version(database_url, VERSION + 1)
    with closing(make_log(database_url)) as log:
        with pytest.raises(WrongSchema, match=f"version {VERSION + 1}, newer than this product"):
            log.check()
        with pytest.raises(WrongSchema, match="newer than this product"):
            log.install()


def test_an_older_ledger_wants_to_be_brought_up_first(database_url: str) -> None:
    with open_log(database_url) as log:
        plant(log, 1)
    set_version(database_url, 0)
    with closing(make_log(database_url)) as log:
        with pytest.raises(WrongSchema, match="run `daybook init`"):
            log.check()
        log.install()
        log.check()
        assert log.last_position() == 1


def test_a_ledger_from_before_versions_is_an_older_one(postgres_database: str) -> None:
    with open_log(postgres_database):
        sql(postgres_database, "DROP TABLE schema_version")
    with closing(make_log(postgres_database)) as log:
        with pytest.raises(WrongSchema, match="of version 0"):
            log.check()
        log.install()
        log.check()
