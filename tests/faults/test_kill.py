"""`daybook serve` on SQLite, killed at any moment with requests on their way and effects in hand."""

import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import read_settings
from adapters.vendors import Sandbox
from adapters.wiring import Services, utc_now
from tests.faults.asking import Book, read_book
from tests.faults.audit import Findings
from tests.faults.auditor import audit
from tests.faults.load import Clients
from tests.faults.served import Served
from tests.world import sandbox

KILLS, ANSWERS_PER_LIFE, CLIENTS = 6, 40, 4
PATIENCE, LATER = 120.0, timedelta(seconds=40)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """It runs, on an empty ledger."""
    served = Served(tmp_path, f"sqlite:///{tmp_path}/daybook.sqlite")
    served.start()
    yield served
    served.close()


@pytest.mark.slow
def test_a_server_killed_at_any_moment_loses_no_answered_fact_and_does_nothing_twice(
    served: Served, tmp_path: Path
) -> None:
    chance, progress = random.Random(20261121), threading.Condition()

    def said(answered: int) -> None:
        with progress:
            progress.notify_all()

    book = Book(tmp_path / "answered.jsonl", said)
    clients = Clients(book, seed=20261121, number=CLIENTS, addresses=[served.address])

    def wait_for(more: int) -> None:
        wanted = book.answered + more
        with progress:
            assert progress.wait_for(lambda: book.answered >= wanted, PATIENCE)

    for _ in range(KILLS):
        wait_for(chance.randrange(1, ANSWERS_PER_LIFE))
        served.kill()
        served.start()
    wait_for(ANSWERS_PER_LIFE)
    clients.end()
    assert served.stop() == 0

    # What was still to be done, some of it only later, is done by one whose clock is ahead.
    services, found = Services(read_settings(served.environment), now=lambda: utc_now() + LATER), Findings()
    try:
        services.runner.run_due()
        services.follower.catch_up()
        audit(services, memory(sandbox(services)), read_book(book.path), found)
    finally:
        services.stop()
    assert found.sentences == []


def memory(vendors: Sandbox) -> dict[str, Any]:
    """What the sandbox vendors would tell an auditor, in the words of `tests/faults/vendors.py`."""
    records, files = defaultdict[str, list[Any]](list), dict[str, list[Any]]()
    for record in vendors.crm.records():
        records[record.module].append([record.id, record.fields.get("Ledger_Id"), record.fields.get("Email")])
        files[record.id] = [[file.name, file.size] for file in vendors.crm.attachments(record.module, record.id)]
    return {
        "mails": [[mail.key, mail.id] for mail in vendors.mailer.mails()],
        "records": records,
        "files": files,
        "sessions": [[checkout.id, checkout.wanted.reference] for checkout in vendors.payments.checkouts()],
        "lost": {},
    }
