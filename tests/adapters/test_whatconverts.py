"""Calls read from the vendor's own list, over real HTTP (spec: optional polling repair)."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from adapters.call_repair import read_calls
from adapters.environment import SettingsError
from adapters.http import Session
from adapters.settings import read_settings
from adapters.whatconverts import LeadsApi
from domain.shared.errors import Declined, Unreachable
from tests.vendors.loopback import Answer, Asked, Fault, Loopback, serving
from tests.web.documents.phoning import body_of, leads
from tests.web.site import open_services
from tests.wishes import NOW
from tests.world import Clock

DAYS = (date(2026, 2, 8), date(2026, 2, 9))


def respond(asked: Asked) -> Answer:
    """Two pages of one call each."""
    page = int(asked.query["page_number"])
    told = {"page_number": page, "total_pages": 2, "leads": [body_of(lead_id=page, caller_number=f"555000000{page}")]}
    return Answer(body=json.dumps(told).encode())


@pytest.fixture
def server() -> Iterator[Loopback]:
    loopback = Loopback(respond)
    with serving(loopback):
        yield loopback


def api(server: Loopback) -> LeadsApi:
    return LeadsApi(Session(timeout=1), api_base=server.url, token="token", secret="secret")


def test_every_page_of_the_days_calls_is_read_with_the_credentials(server: Loopback) -> None:
    found = list(api(server).phone_calls(*DAYS))
    assert [call["lead_id"] for call in found] == [1, 2]
    first, second = server.asked
    assert first.headers["Authorization"] == "Basic dG9rZW46c2VjcmV0"
    assert (first.query["start_date"], first.query["end_date"]) == ("2026-02-08", "2026-02-09")
    assert (first.query["lead_type"], second.query["page_number"]) == ("phone_call", "2")


@pytest.mark.parametrize("answer", [Answer(429), Answer(500), Answer(body=b"<html>"), None])
def test_what_may_pass_is_unreachable(server: Loopback, answer: Answer | None) -> None:
    server.plan(Fault(answer=answer))
    with pytest.raises(Unreachable):
        list(api(server).phone_calls(*DAYS))


def test_wrong_credentials_are_declined(server: Loopback) -> None:
    server.plan(Fault(answer=Answer(401)))
    with pytest.raises(Declined):
        list(api(server).phone_calls(*DAYS))


def test_calls_no_webhook_told_become_leads_once(server: Loopback, tmp_path: Path) -> None:
    clock = Clock()
    with open_services(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path, clock) as services:
        assert read_calls(api(server), services.ledger, now=NOW) == 2
        assert read_calls(api(server), services.ledger, now=NOW) == 0
        services.runner.run_due()
        assert not leads(services)  # whoever receives a webhook judges it at once; the list may wait its five seconds
        clock.move(6)
        services.runner.run_due()
        assert len(leads(services)) == 2


def test_token_and_secret_are_set_together() -> None:
    with pytest.raises(SettingsError, match="WHATCONVERTS_SECRET must be set together"):
        read_settings({"DAYBOOK_WHATCONVERTS_TOKEN": "token"})
