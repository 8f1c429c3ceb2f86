"""Killing the server at any moment, with forms on their way and effects in hand, loses and repeats nothing."""

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from adapters.settings import read_settings
from adapters.wiring import Services
from domain.documents.order import Order
from domain.documents.order_facts import request_claim
from projections.across.effects import EFFECTS
from projections.view import Row, View
from tests.faults.served import Served
from tests.world import sandbox
from web.documents.placing import request_digest

KILLS, ANSWERS_PER_LIFE, CLIENTS = 6, 40, 4
PATHS = ("/embassy/create-order/", "/apostille/create-order/")


class Clients:
    """Customers who post forms until told to stop, and repeat one that was not answered with the same key."""

    def __init__(self, served: Served) -> None:
        self.served, self.answers, self.stopping = served, dict[str, Any](), threading.Event()
        self.progress = threading.Condition()
        self.threads = [threading.Thread(target=self._post, args=(number,)) for number in range(CLIENTS)]

    def _post(self, number: int) -> None:
        count = 0
        while not self.stopping.is_set():
            key = f"client-{number}-{count}"
            if self._answered(key, PATHS[count % 2]):
                count += 1

    def _answered(self, key: str, path: str) -> bool:
        body = {
            "name": "Ann Lee",
            "email": f"{key}@example.com",
            "phone": "+1 555 123 4567",
            "document_type": "Diploma",
            "country": "Italy",
        }
        try:
            headers = {"Idempotency-Key": key}
            answer = requests.post(self.served.address + path, json=body, headers=headers, timeout=10)
        except requests.RequestException:
            self.stopping.wait(0.02)  # it is being started again
            return False
        if answer.status_code != 201:
            assert answer.status_code == 503, answer.text
            return False
        with self.progress:
            self.answers[key] = (path, answer.json())
            self.progress.notify_all()
        return True

    def wait_for(self, answers: int) -> None:
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.answers) >= answers, 60)

    def join(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)


@pytest.mark.slow
def test_a_server_killed_at_any_moment_loses_no_answered_order_and_repeats_no_effect(
    tmp_path: Path, database_url: str
) -> None:
    chance = random.Random(20261121)
    served = Served(tmp_path, database_url)
    served.start()
    clients = Clients(served)
    for thread in clients.threads:
        thread.start()
    for _ in range(KILLS):
        clients.wait_for(len(clients.answers) + chance.randrange(1, ANSWERS_PER_LIFE))
        served.kill()
        served.start()
    clients.wait_for(len(clients.answers) + ANSWERS_PER_LIFE)
    clients.join()
    pause = threading.Event()
    for _ in range(1200):
        if not served.open_effects():
            break
        pause.wait(0.1)
    assert served.stop() == 0

    services = Services(read_settings(served.environment))
    try:
        services.follower.catch_up()
        _audit(services, clients.answers)
    finally:
        services.stop()


def _audit(services: Services, answers: dict[str, Any]) -> None:
    orders = {key: _order(services, path, key) for key, (path, _) in answers.items()}
    for key, (_, answer) in answers.items():
        assert orders[key].id == UUID(answer["order_id"])
        assert orders[key].tracking_id == answer["tracking_id"]

    desk = services.home.rows(services.views[0].live.select())
    assert len(desk) >= len(answers), "an answered order is missing"
    assert Counter(row["state"] for row in _rows(services, EFFECTS)).keys() == {"done"}

    mails = Counter(str(mail.message["Message-ID"]) for mail in sandbox(services).mailer.mails())
    assert set(mails.values()) == {1}, "a mail was sent twice"
    assert len(mails) == 2 * len(desk)
    records = [record for record in sandbox(services).crm.records() if record.module != "Contacts"]
    assert Counter(str(record.fields["Ledger_Id"]) for record in records) == Counter(row["order_id"] for row in desk)
    contacts = [record for record in sandbox(services).crm.records() if record.module == "Contacts"]
    assert len({str(record.fields["Email"]) for record in contacts}) == len(contacts) == len(desk)

    for view in services.views:
        before = _rows(services, view)
        services.rebuild(view)
        assert _rows(services, view) == before, view.name


def _order(services: Services, path: str, key: str) -> Order:
    owner = services.ledger.owner(request_claim(request_digest(path, key)))
    assert owner is not None, f"the answered order of {key} is lost"
    return services.ledger.load(Order, owner)


def _rows(services: Services, view: View) -> list[Row]:
    return services.home.rows(view.live.select().order_by(*view.live.primary_key.columns))
