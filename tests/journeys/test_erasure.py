"""Scenario 63: a customer is forgotten. Nothing names them any more, and everything that names nobody stays."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from adapters.wiring import Services
from domain.documents.erasure import Erasure
from domain.sealed import Erased
from domain.shared.effect import Effect, effect_id
from domain.shared.receipt import Receipt
from projections.documents.attribution_report import report
from projections.view import RowView
from tests.journeys.person import Person, erase
from tests.journeys.test_privacy import stored
from tests.store_samples import open_log, sql
from tests.web.documents.hooks import Vendors, verdict
from tests.web.site import JSON, get, open_services, settle, stored_files
from tests.world import Clock, all_logs
from web.app import create_app

TOKEN = re.compile(r"[0-9a-f-]{36}\.\d+\.[a-z_]+\.[0-9a-f-]{36}\.[A-Za-z0-9_-]+=*")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    with open_services(database_url, tmp_path, clock) as services:
        yield services


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


@pytest.fixture
def people(client: FlaskClient, services: Services, clock: Clock) -> tuple[Person, Person]:
    """Somebody who is going to be forgotten, and somebody who is not."""
    vendors = Vendors(client.application, services, clock)
    both = Person(vendors, "Zqvictim", 2601), Person(vendors, "Zqother", 2702)
    for person in both:
        person.live()
    return both


def rows(services: Services) -> dict[str, list[Any]]:
    """Every row of every view."""
    services.follower.catch_up()
    return {view.name: [dict(row) for row in services.home.rows(select(view.live))] for view in services.views}


def naming(services: Services, ids: Sequence[UUID]) -> set[str]:
    """The views with a row about one of these."""
    wanted = {str(id) for id in ids}
    return {name for name, found in rows(services).items() for row in found if wanted & set(map(str, row.values()))}


def readable(services: Services, database_url: str) -> str:
    """All sealed values in log and views that somebody who comes with the master key can open, in lower case."""
    kept = "\n".join(str(row[0]) for row in sql(database_url, "SELECT CAST(data AS text) FROM events"))
    tokens = TOKEN.findall(kept + str(rows(services)))
    opened = []
    with open_log(database_url, aggregates=(), master_key=services.settings.master_key) as log:
        for token in set(tokens):
            with suppress(Erased):
                opened.append(log.keyring.open(token).decode(errors="replace"))
    return "\n".join(opened).lower()


def plain(services: Services) -> list[dict[str, Any]]:
    """What every event says in clear text: kinds, amounts, stages and dates among it."""
    events = [services.log.decode(name, data) for _, name, data in services.log.read(0, 100_000)]
    return [{name: str(getattr(event, name)) for name in event.__struct_fields__} for event in events]


def test_scenario_63_a_forgotten_customer_s_page_and_files_answer_like_unknown_ones(
    people: tuple[Person, Person], client: FlaskClient, services: Services
) -> None:
    victim, _ = people
    pages = [f"/tracking/{victim.order(id).tracking_id}/" for id in (victim.paid, victim.free)]
    links = victim.links()
    assert [get(client, path).status_code for path in [*pages, *links]] == [200] * 4
    erase(services, victim)
    assert [get(client, path).status_code for path in links] == [404] * 2  # at once, though the store still has them
    services.follower.catch_up()
    for headers in ({"Accept": "text/html"}, JSON):
        unknown = get(client, f"/tracking/{'0' * 20}/", headers)
        for path in [*pages, f"/order/{victim.paid}/"]:
            answer = get(client, path, headers)
            assert answer.status_code == 404
        assert {get(client, path, headers).data for path in pages} == {unknown.data}
    settle(services)
    assert [file for file in stored_files(services) if victim.content in file.read_bytes()] == []


def test_scenario_63_no_view_has_a_row_of_theirs_but_those_that_count_and_those_that_tell_who_did_what(
    people: tuple[Person, Person], services: Services
) -> None:
    victim, other = people
    messages = [UUID(row["receipt_id"]) for row in rows(services)["receipts"]]
    done = erase(services, victim)
    settle(services)
    assert naming(services, victim.subjects) == {"attribution_report", "audit_trail", "effects"}
    assert done.receipts
    assert not {str(id) for id in done.receipts} & {row["receipt_id"] for row in rows(services)["receipts"]}
    assert len(rows(services)["receipts"]) == len(messages) - len(done.receipts)
    assert {"orders", "tracking_page", "call_leads", "receipts"} <= naming(services, other.subjects)


def test_scenario_63_nothing_of_theirs_can_be_read_by_anybody_and_everything_of_others_can(
    people: tuple[Person, Person], services: Services, database_url: str, tmp_path: Path
) -> None:
    victim, other = people
    wrapped = "SELECT wrapped FROM keys WHERE subject = ?"
    keys = [bytes(row[0]) for id in victim.subjects for row in sql(database_url, wrapped, id)]
    assert len(keys) == 3
    assert all(secret in readable(services, database_url) for secret in victim.secrets[:2])
    with all_logs() as logged:
        erase(services, victim)
        settle(services)
    raw, opened = stored(database_url, tmp_path), readable(services, database_url)
    places = {"stored": raw.decode(errors="replace").lower(), "opened": opened, "logged": logged.getvalue().lower()}
    assert [(name, secret) for name, text in places.items() for secret in victim.secrets if secret in text] == []
    assert [key for key in keys if key in raw or key.hex().encode() in raw] == []
    assert all(secret in opened for secret in other.secrets[:2])
    kept = [file for file in stored_files(services) if other.content in file.read_bytes()]
    assert len(kept) == 2
    assert not [file for file in stored_files(services) if victim.word in str(file)]


def test_scenario_63_amounts_stages_dates_and_totals_stay(people: tuple[Person, Person], services: Services) -> None:
    victim, _ = people
    services.follower.catch_up()
    before, told, order = report(services.home), plain(services), victim.order(victim.paid)
    erase(services, victim)
    settle(services)
    assert report(services.home) == before
    assert plain(services)[: len(told)] == told
    after = victim.order(victim.paid)
    assert (after.paid, after.stage, after.placed_at) == (order.paid, order.stage, order.placed_at)
    assert after.quote == order.quote


def test_scenario_63_every_view_rebuilt_has_the_same_rows(people: tuple[Person, Person], services: Services) -> None:
    erase(services, people[0])
    settle(services)
    live = rows(services)
    for view in services.views:
        services.rebuild(view)
    again = rows(services)
    for view in services.views:
        key = view.key_column if isinstance(view, RowView) else "position"
        assert sorted(again[view.name], key=lambda row: row[key]) == sorted(live[view.name], key=lambda row: row[key])
    assert services.home.parked() == []


def test_scenario_63_a_rebuild_s_old_tables_forget_them_too(people: tuple[Person, Person], services: Services) -> None:
    services.follower.catch_up()
    for view in services.views:
        services.rebuild(view)
    erase(services, people[0])
    ids = {str(id) for id in people[0].subjects}
    for view in services.views:
        if isinstance(view, RowView) and view.forgets:
            left = services.home.rows(select(view.table("__old")))
            assert not ids & {row[view.key_column] for row in left}, view.name


def test_scenario_63_what_was_still_to_be_done_is_given_up(people: tuple[Person, Person], services: Services) -> None:
    victim, _ = people
    victim.vendors.zoho("update", tid=victim.order(victim.free).tracking_id, stage="Out for Delivery")
    waiting = [id for subject in victim.subjects for id in services.ledger.open_effects(subject)]
    kinds = {services.ledger.load(Effect, id).kind for id in waiting}
    assert kinds == {"stage_update", "match_call_again"}
    mails = {mail.id for mail in victim.vendors.mailer.mails()}
    done = erase(services, victim)
    assert set(waiting) <= set(done.effects)
    settle(services)
    states = {row["effect_id"]: row["state"] for row in rows(services)["effects"]}
    assert {states[str(id)] for id in waiting} == {"erased"}
    assert {mail.id for mail in victim.vendors.mailer.mails()} < mails
    assert [services.ledger.open_effects(id) for id in victim.subjects] == [[], [], []]


def test_scenario_63_a_repeat_is_harmless(people: tuple[Person, Person], services: Services) -> None:
    victim, _ = people
    erase(services, victim)
    settle(services)
    before, position = rows(services), services.log.last_position()
    assert erase(services, victim) == Erasure()
    assert services.log.last_position() == position
    assert rows(services) == before


def test_scenario_63_what_vendors_say_of_them_later_is_ignored_and_read_by_nobody(
    people: tuple[Person, Person], services: Services, database_url: str
) -> None:
    victim, _ = people
    vendors, tid = victim.vendors, victim.order(victim.paid).tracking_id
    erase(services, victim)
    versions = [victim.order(id).version for id in (victim.paid, victim.free)]
    answers = [
        vendors.tell_refund(victim.session, id="evt_late", cents=100),
        vendors.zoho("update", tid=tid, stage="Out for Delivery", remark=f"Late {victim.word}"),
        vendors.zoho("create", service="FBI", order_id=str(victim.paid), name=victim.word, email=victim.email),
        victim.call(call_duration_seconds=999),
    ]
    assert [verdict(answer) for answer in answers] == [("ignored", "erased")] * 4
    assert verdict(vendors.tell_refund(victim.session, id="evt_late", cents=100))[0] == "repeat"
    assert [victim.order(id).version for id in (victim.paid, victim.free)] == versions
    settle(services)
    opened = readable(services, database_url)
    assert [secret for secret in victim.secrets if secret in opened] == []
    ids = [UUID((answer if isinstance(answer, dict) else answer.json)["receipt_id"]) for answer in answers]
    assert all(services.ledger.load(Receipt, id, even_erased=True).erased for id in ids)
    assert [services.ledger.open_effects(id) for id in (*victim.subjects, *ids)] == [[]] * 7


def test_scenario_63_a_report_on_their_mail_goes_with_them_or_comes_to_nothing(
    people: tuple[Person, Person], services: Services, database_url: str
) -> None:
    victim, _ = people
    welcome = effect_id(victim.free, kind="welcome")
    before = victim.mail_report(welcome, id="msg_1")
    assert (before.verdict, before.erased) == ("acted_on", False)
    assert before.id in erase(services, victim).receipts
    late = victim.mail_report(effect_id(victim.paid, kind="welcome"), id="msg_2")
    assert (late.verdict, late.reason, late.erased) == ("ignored", "erased", True)
    assert victim.email.lower() not in readable(services, database_url)


def test_an_order_goes_on_when_only_its_call_is_forgotten(people: tuple[Person, Person], services: Services) -> None:
    victim, _ = people
    lead = UUID(victim.call(lead_id=300_555)["phone_lead_id"])
    first = victim.fill_in("fbi")
    assert victim.order(first).matched_call == lead
    erase(services, victim, lead)
    victim.vendors.clock.move(1)
    second = victim.fill_in("fbi")  # it would take the call over, since the first is not paid yet
    victim.vendors.clock.move(1)
    for order in (first, second):
        victim.vendors.pay(order)
    for _ in range(3):
        settle(services)
        victim.vendors.clock.move(61)
    states = {row["state"] for row in rows(services)["effects"] if row["subject"] in (str(first), str(second))}
    assert states == {"done"}
    assert victim.order(first).crm_record != victim.order(second).crm_record


def test_a_call_goes_on_when_only_its_order_is_forgotten(people: tuple[Person, Person], services: Services) -> None:
    victim, _ = people
    erase(services, victim, victim.paid)
    assert verdict(victim.call(call_duration_seconds=999, last_updated="2026-02-09T20:50:00Z"))[0] == "acted_on"
    settle(services)
    victim.vendors.clock.move(61)
    settle(services)
    states = {row["state"] for row in rows(services)["effects"] if row["subject"] == str(victim.lead)}
    assert states == {"done"}


def test_scenario_63_they_may_come_back_as_somebody_new(people: tuple[Person, Person], services: Services) -> None:
    victim, _ = people
    erase(services, victim)
    settle(services)
    word = victim.word
    again = Person(victim.vendors, word, victim.number)
    lead = UUID(again.call(lead_id=300_999)["phone_lead_id"])
    assert lead not in victim.subjects
    order = again.fill_in("fbi")
    settle(services)
    assert again.order(order).matched_call == lead


def test_scenario_63_another_customer_goes_on_as_before(people: tuple[Person, Person], services: Services) -> None:
    victim, other = people
    before = {name: [row for row in found if not mine(row, victim)] for name, found in rows(services).items()}
    events = Counter(event["stream"] for event in plain(services))
    erase(services, victim)
    after = {name: [row for row in found if mine(row, other)] for name, found in rows(services).items()}
    assert after == {name: [row for row in found if mine(row, other)] for name, found in before.items()}
    now = Counter(event["stream"] for event in plain(services))
    assert all(now[str(id)] == events[str(id)] for id in other.subjects)
    other.vendors.move(other.paid, "Processing at U.S. DoS")
    assert other.order(other.paid).stage == "processed_dos"


def mine(row: dict[str, Any], person: Person) -> bool:
    return bool({str(id) for id in person.subjects} & set(map(str, row.values())))
