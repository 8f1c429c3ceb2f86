"""One message of each kind as the call-tracking service and the CRM write them; the values are invented."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from projections.documents.call_leads import list_calls, read_words
from projections.view import Row
from tests.web.documents.hooks import ZOHO_KEY, Vendors, verdict
from tests.web.documents.phoning import KEY, PATH
from tests.web.site import settle

RECORDED = Path(__file__).parents[2] / "recorded"
TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


def told(client: FlaskClient, name: str) -> Any:
    """What the call-tracking service is answered to a message."""
    body = (RECORDED / "whatconverts" / f"{name}.json").read_bytes()
    return client.post(PATH, data=body, headers=KEY, content_type=TYPES["json"])


def shown(services: Services) -> Row:
    settle(services)
    [row] = list_calls(services.home)
    return row


def test_a_call_under_way_is_a_lead_of_its_page(client: FlaskClient, services: Services) -> None:
    assert verdict(told(client, "in_progress")) == ("acted_on", None)
    row = shown(services)
    assert (row["lead_state"], row["detected_service"], row["call_duration"]) == ("in_progress", "fbi", None)
    assert (row["source"], row["campaign"], row["device_type"]) == ("google", "apostille-spring", "mobile")


def test_a_call_that_has_ended_brings_its_length_and_summary(client: FlaskClient, services: Services) -> None:
    assert verdict(told(client, "completed")) == ("acted_on", None)
    row = shown(services)
    assert (row["lead_state"], row["call_duration"], row["lead_score"]) == ("completed", 133, 82)
    assert read_words(row, services.reveal)["lead_summary"] == "Wants two apostilles."


def test_a_late_recording_is_added_and_clears_nothing(client: FlaskClient, services: Services) -> None:
    told(client, "completed")
    assert verdict(told(client, "modified")) == ("acted_on", None)
    row = shown(services)
    assert (row["lead_state"], row["call_duration"]) == ("completed", 133)
    assert str(read_words(row, services.reveal)["call_recording_url"]).endswith("/204417.mp3")


def test_a_web_form_of_the_call_tracking_service_is_no_call(client: FlaskClient) -> None:
    assert verdict(told(client, "web_form")) == ("ignored", "not_a_phone_call")


def crm(vendors: Vendors, what: str, layout: str, *, tid: str = "") -> Any:
    """What the CRM is answered to a message; `{tid}` in it stands for a tracking id."""
    body = (RECORDED / "zoho" / f"{what}.{layout}").read_text().replace("{tid}", tid)
    client = vendors.app.test_client()
    return client.post(f"/tracking/crm/{what}/", data=body, headers=ZOHO_KEY, content_type=TYPES[layout])


@pytest.mark.parametrize("layout", TYPES)
def test_a_record_made_in_the_crm_becomes_an_order(vendors: Vendors, layout: str) -> None:
    answer = crm(vendors, "create", layout)
    assert verdict(answer) == ("acted_on", None)
    assert answer.json["created"] is True
    assert vendors.happened(answer.json["order_id"])[0] == "TakenInCrm"


@pytest.mark.parametrize("layout", TYPES)
def test_a_stage_told_by_the_crm_moves_its_order(vendors: Vendors, layout: str) -> None:
    tid = crm(vendors, "create", layout).json["tid"]
    answer = crm(vendors, "update", layout, tid=tid)
    assert verdict(answer) == ("acted_on", None)
    assert (answer.json["current_stage"], answer.json["changed"]) == ("notarized", True)
    assert answer.json["previous_stage"] == "document_received"
    assert verdict(crm(vendors, "update", layout, tid=tid))[0] == "repeat"
