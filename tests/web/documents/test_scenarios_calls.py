"""Phone calls, from the vendor's message to the lead and its records (scenarios 29 to 35)."""

from itertools import permutations
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from tests.web.documents.bodies import LEAST
from tests.web.documents.phoning import (
    KEY,
    PATH,
    SITE,
    attributions,
    body_of,
    call,
    finish,
    happenings,
    lead,
    leads,
    records,
    tell,
)
from tests.web.site import history, post, settle
from tests.world import Clock

IN_PROGRESS = body_of(lead_state="In Progress", call_duration_seconds=None, last_updated="2026-02-09T20:30:03Z")
COMPLETED = body_of(last_updated="2026-02-09T20:33:00Z")
RECORDED = body_of(trigger="update", last_updated="2026-02-09T20:40:00Z", recording="https://recordings.example/204417")


@pytest.mark.parametrize(
    ("page", "service"),
    [
        ("/apostille-fbi", "fbi"),
        ("/Apostille-FBI/?x=1", "fbi"),
        ("/apostille", "apostille"),
        ("/apostille/texas", "apostille"),
        ("/?to=/apostille-fbi", None),
        ("/", None),
        (None, None),
    ],
)
def test_scenario_29_the_page_a_visit_began_on_tells_the_service(
    client: FlaskClient, page: str | None, service: str | None
) -> None:
    said = tell(client, body_of(landing_url=f"{SITE}{page}" if page else None))
    assert said["detected_service"] == service
    assert said["status"] == "acted_on"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"lead_type": "Web Form"}, "not_a_phone_call"),
        ({"landing_url": f"{SITE}/tracking/ABC"}, "tracking_page"),
        ({"spam": True}, "spam"),
    ],
)
def test_scenario_30_what_is_no_call_is_ignored_by_name_and_its_message_kept(
    client: FlaskClient, services: Services, changes: dict[str, Any], cause: str
) -> None:
    said = tell(client, body_of(**changes))
    assert (said["status"], said["cause"], said["phone_lead_id"]) == ("ignored", cause, None)
    assert [event.stored_name for event in history(services)][:1] == ["receipt.Arrived"]
    assert not leads(services)


@pytest.mark.parametrize("order", list(permutations((IN_PROGRESS, COMPLETED, RECORDED))))
def test_scenario_31_the_messages_of_a_call_make_one_lead_in_any_order(
    client: FlaskClient, services: Services, clock: Clock, order: tuple[dict[str, Any], ...]
) -> None:
    answers = []
    for body in order:
        answers.append(tell(client, body))
        finish(services, clock)
    [id] = leads(services)
    assert {said["phone_lead_id"] for said in answers} == {str(id)}
    known = lead(services, id).calls.shown()
    assert (known.details.lead_state, known.details.call_duration) == ("completed", 133)
    assert known.words.call_recording_url == "https://recordings.example/204417"
    [record] = records(services)
    [attribution] = attributions(services).values()
    assert record["Attribution_Record"] == attribution["id"]
    assert attribution["Call_Recording_URL"] == "https://recordings.example/204417"
    assert (record["Stage"], record["Rating"], attribution["Lead_Type"]) == ("Phone Call Received", "Hot", "Phone")


def test_scenario_32_either_spelling_of_the_keys_unknown_ones_and_the_bare_least_make_good_leads(
    client: FlaskClient, services: Services
) -> None:
    ours = {
        "lead_id": 1,
        "lead_type": "phone_call",
        "contact_phone": "5550000001",
        "call_recording_url": "https://r.example/1",
    }
    vendors = {
        "lead_id": 2,
        "lead_type": "Phone Call",
        "contact_phone_number": "5550000002",
        "recording": "https://r.example/2",
    }
    odd = {
        "lead_id": 3,
        "lead_type": "PHONE CALL",
        "caller_number": "5550000003",
        **{f"odd {n}*": n for n in range(30)},
    }
    for body in (ours, vendors, odd, {"lead_id": "4", "lead_type": "Phone Call"}):
        assert tell(client, body)["status"] == "acted_on"
    assert len(leads(services)) == 4


def test_scenario_33_the_same_number_calling_again_is_the_same_lead(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    first = call(client, caller_number="+1 555 123 4567")
    finish(services, clock)
    again = call(client, lead_id=204418, caller_number="(555) 123-4567 x9", gclid="click-2", at=clock.now())
    finish(services, clock)
    assert first == again
    assert happenings(services, first).count("CalledAgain") == 1
    assert len(records(services)) == 1
    [attribution] = attributions(services).values()
    assert attribution["GCLID"] == "click-1"


def test_scenario_34_another_service_is_another_lead_and_nobody_is_never_anybody(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    fbi, marriage = call(client), call(client, "marriage", lead_id=2)
    nobody: dict[str, Any] = {"caller_number": None, "caller_name": None}
    first, second = call(client, lead_id=3, **nobody), call(client, lead_id=4, **nobody)
    assert len({fbi, marriage, first, second}) == 4
    settle(services)
    assert all(lead(services, id).match is None for id in leads(services))
    for kind in ("fbi", "embassy"):
        assert post(client, kind, LEAST[kind] | {"email": "anybody@example.com"}).status_code == 201
    finish(services, clock)
    assert lead(services, fbi).match is not None
    for id in (first, second):
        assert lead(services, id).match is None
        assert happenings(services, id) == ["CallReceived", "EnteredInCrm", "AttributionEnteredInCrm"]


def test_scenario_35_spam_taken_back_makes_a_lead_of_all_messages(client: FlaskClient, services: Services) -> None:
    assert tell(client, body_of(spam=True))["cause"] == "spam"
    taken_back = {"lead_id": 204417, "lead_type": "Phone Call", "spam": False, "last_updated": "2026-02-09T21:00:00Z"}
    said = tell(client, taken_back)
    assert (said["status"], said["detected_service"]) == ("acted_on", "fbi")
    [id] = leads(services)
    assert lead(services, id).calls.shown().details.gclid == "click-1"
    assert not lead(services, id).spam


def test_spam_told_later_makes_the_record_junk_and_taken_back_a_call_again(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    call(client)
    finish(services, clock)
    tell(client, body_of(spam=True, last_updated="2026-02-09T21:00:00Z"))
    finish(services, clock)
    assert [record["Lead_Status"] for record in records(services)] == ["Junk Lead"]
    tell(client, body_of(spam=False, last_updated="2026-02-09T22:00:00Z"))
    finish(services, clock)
    assert [record["Lead_Status"] for record in records(services)] == ["Phone Call Received"]


def test_a_repeat_tells_the_ids_of_the_crm_once_they_are_known(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    first = tell(client, body_of())
    assert (first["zoho_lead_id"], first["zoho_attribution_id"]) == (None, None)
    finish(services, clock)
    again = tell(client, body_of())
    assert again["status"] == "repeat"
    assert again["zoho_lead_id"] == records(services)[0]["id"]
    assert again["zoho_attribution_id"] in attributions(services)
    assert again["receipt_id"] == first["receipt_id"]


@pytest.mark.parametrize("headers", [{}, {"X-Webhook-Key": "wrong"}])
def test_without_the_secret_nothing_is_stored(client: FlaskClient, services: Services, headers: dict[str, str]) -> None:
    answer: Any = client.post(PATH, json=body_of(), headers=headers)
    assert (answer.status_code, answer.json["error"]) == (401, "bad_secret")
    assert not history(services)


def test_the_secret_may_stand_in_the_address(client: FlaskClient) -> None:
    answer: Any = client.post(f"{PATH}?key=sandbox", json=body_of())
    assert answer.json["status"] == "acted_on"


@pytest.mark.parametrize(("body", "cause"), [(b"{", "unreadable"), (b"[]", "unreadable"), (b"{}", "no_lead_id")])
def test_what_cannot_be_read_is_kept_and_refused(client: FlaskClient, body: bytes, cause: str) -> None:
    answer: Any = client.post(PATH, data=body, content_type="application/json", headers=KEY)
    assert (answer.status_code, answer.json["status"], answer.json["cause"]) == (200, "refused", cause)


def test_a_message_that_is_no_json_is_turned_away(client: FlaskClient) -> None:
    assert client.post(PATH, data="a=b", content_type="text/plain", headers=KEY).status_code == 415
