"""Destroying a key, on both databases: part of the append that says so, and final."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from adapters.store.log import SqlLog
from domain.ledger import Conflict, Entry, Ledger
from domain.sealed import Erased, Sealed
from domain.shared.erasure import erase_all
from domain.shared.inbox import effects
from domain.shared.receipt import Receipt, receipt_id, receive
from tests.sample_trees import gardening
from tests.store_samples import EVERYTHING, open_log, sql

BODY = b'{"name": "Ada Gardener"}'


@pytest.fixture
def log(database_url: str) -> Iterator[SqlLog]:
    with open_log(database_url, aggregates=(*EVERYTHING, Receipt)) as log:
        yield log


@pytest.fixture
def ledger(log: SqlLog) -> Ledger:
    return Ledger(log, policies={Receipt: effects})


def arrive(ledger: Ledger, number: int = 1) -> Receipt:
    with gardening():
        return receive(ledger, source="post", vendor_id=str(number), body=BODY, headers={})[0]


def erase(ledger: Ledger, receipt: Receipt) -> None:
    with gardening():
        erase_all(ledger, [ledger.load(Receipt, receipt.id, even_erased=True)], reason="asked_by_customer")


def wrapped(url: str, id: UUID) -> list[bytes | None]:
    rows = sql(url, "SELECT wrapped FROM keys WHERE subject = ?", id)
    return [None if row[0] is None else bytes(row[0]) for row in rows]


def body_of(log: SqlLog, number: int) -> bytes:
    return Ledger(log, policies={}).load(Receipt, receipt_id("post", str(number)), even_erased=True).body.open()


def test_the_key_goes_with_the_event_and_nobody_else_s_does(log: SqlLog, ledger: Ledger, database_url: str) -> None:
    one, two = arrive(ledger, 1), arrive(ledger, 2)
    erase(ledger, one)
    assert wrapped(database_url, one.id) == [None]
    with pytest.raises(Erased):
        body_of(log, 1)
    assert body_of(log, 2) == BODY
    assert wrapped(database_url, two.id) != [None]
    with open_log(database_url, aggregates=(*EVERYTHING, Receipt)) as another:
        with pytest.raises(Erased):
            body_of(another, 1)
        assert body_of(another, 2) == BODY


def test_an_append_that_is_refused_destroys_nothing(log: SqlLog, ledger: Ledger) -> None:
    receipt = arrive(ledger)
    late = ledger.load(Receipt, receipt.id)
    with gardening():
        receipt.ignore("unknown kind")
        ledger.record(receipt)
        late.erase(reason="asked_by_customer")
        with pytest.raises(Conflict):
            ledger.record(late)
    assert body_of(log, 1) == BODY


def test_what_was_never_sealed_cannot_be_sealed_afterwards(log: SqlLog, ledger: Ledger, database_url: str) -> None:
    receipt = Receipt(receipt_id("post", "1"))
    with gardening():
        receipt.erase(reason="asked_by_customer")
        ledger.record(receipt)
    assert wrapped(database_url, receipt.id) == [None]
    late = Receipt.Arrived(stream=receipt.id, version=2, source="post", vendor_id="1", digest="", body=Sealed(BODY))
    with pytest.raises(Erased):
        log.append([Entry(late, receipt.id)])
    assert log.last_position() == 1


def test_open_effects_are_told_in_the_order_they_were_asked_for_until_they_are_settled(
    log: SqlLog, ledger: Ledger
) -> None:
    one, two = arrive(ledger, 1), arrive(ledger, 2)
    [judge] = ledger.open_effects(one.id)
    assert ledger.open_effects(two.id) != [judge]
    erase(ledger, one)
    assert ledger.open_effects(one.id) == []
    assert len(ledger.open_effects(two.id)) == 1
    assert log.open_work()[0] == 1


def test_a_destroyed_key_does_not_linger_in_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/daybook.sqlite"
    with open_log(url, aggregates=(*EVERYTHING, Receipt)) as log:
        ledger = Ledger(log, policies={})
        receipt = arrive(ledger)
        [key] = wrapped(url, receipt.id)
        assert key is not None
        assert key in b"".join(path.read_bytes() for path in tmp_path.iterdir())
        erase(ledger, receipt)
        assert key not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
