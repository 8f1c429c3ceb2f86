"""The CRM telling us: stages that were reached, and records that want a tracking id."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.wiring import Services
from domain.documents.order import Order
from domain.ledger import acting
from domain.shared.receipt import Receipt
from projections.across.receipts import list_receipts
from projections.documents.orders import list_orders
from tests.web.documents.hooks import ZOHO_KEY, Vendors, verdict
from tests.web.site import open_services, settle
from tests.wishes import NOW
from tests.world import Clock, settings_for
from web.app import create_app

STAGE_MAIL = "Order Status Update"


def stage_mails(vendors: Vendors) -> list[Any]:
    return [mail for mail in vendors.mailer.mails() if str(mail.message["Subject"]) == STAGE_MAIL]


def told(vendors: Vendors, order_id: UUID, stage: str, **more: object) -> tuple[str, str | None]:
    return verdict(vendors.move(order_id, stage, **more))


def stage_of(vendors: Vendors, order_id: UUID) -> str | None:
    return vendors.order(order_id).stage


def test_scenario_44_a_stage_told_twice_is_reached_once_with_one_mail_in_the_welcomes_thread(
    vendors: Vendors,
) -> None:
    order_id = vendors.begin_paid()
    first = vendors.move(order_id, "submission in progress")
    assert verdict(first) == ("acted_on", None)
    tid = vendors.order(order_id).tracking_id
    assert first | {"receipt_id": ""} == {
        "status": "acted_on",
        "cause": None,
        "receipt_id": "",
        "tid": tid,
        "service": "fbi_apostille",
        "previous_stage": "document_received",
        "current_stage": "submitted",
        "changed": True,
    }
    assert verdict(second := vendors.move(order_id, "submission in progress")) == ("ignored", "unchanged")
    assert (second["changed"], second["current_stage"]) == (False, "submitted")
    [mail] = stage_mails(vendors)
    assert mail.message["To"] == "john@example.com"
    assert mail.message["References"] == f"<tracking-{tid}@documents.example>"
    page = vendors.page(order_id)
    assert [(step["code"], step["state"]) for step in page["timeline"]][:3] == [
        ("document_received", "done"),
        ("submitted", "current"),
        ("processed_dos", "upcoming"),
    ]


FORM_DATA = b"stage=Submission+in+Progress&tid=%s&token=sandbox"
OTHER_NAMES = b'{"Current Stage": "SUBMITTED", "Tracking_ID": "%s", "token": "sandbox"}'


@pytest.mark.parametrize("body", [FORM_DATA, OTHER_NAMES])
def test_scenario_44_form_data_and_any_spelling_of_the_names_are_read(vendors: Vendors, body: bytes) -> None:
    order_id = vendors.begin_paid()
    media_type = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    sent = body % (vendors.order(order_id).tracking_id or "").encode()
    answer = vendors.app.test_client().post("/tracking/crm/update", data=sent, content_type=media_type)
    assert (answer.status_code, verdict(answer)) == (200, ("acted_on", None))
    assert stage_of(vendors, order_id) == "submitted"


def test_scenario_45_an_unknown_stage_waits_for_its_alias(
    vendors: Vendors, services: Services, database_url: str, tmp_path: Path, clock: Clock
) -> None:
    order_id = vendors.begin_paid()
    assert told(vendors, order_id, "Waiting for Bob") == ("refused", "unknown_stage")
    assert stage_mails(vendors) == []
    [row] = list_receipts(services.home, verdict="refused")
    knows_bob = settings_for(
        database_url, tmp_path, ZOHO_STAGE_ALIASES='{"fbi_apostille": {"Waiting for Bob": "submitted"}}'
    )
    again = Services(knows_bob, now=clock.now)
    try:
        receipt = again.ledger.load(Receipt, UUID(row["receipt_id"]))
        with acting(by="operator:ann", via="console", at=clock.now()):
            receipt.run_again()
            again.ledger.record(receipt)
        clock.move(6)
        again.runner.run_due()
    finally:
        again.stop()
    settle(services)
    assert stage_of(vendors, order_id) == "submitted"
    assert len(stage_mails(vendors)) == 1
    assert list_receipts(services.home, verdict="refused") == []


@pytest.mark.parametrize(
    ("changes", "skipped"),
    [({}, ("processed_dos",)), ({"translation_r": True}, ("processed_dos", "translated"))],
)
def test_scenario_46_a_jump_is_accepted_and_shown_to_staff(
    vendors: Vendors, services: Services, changes: dict[str, Any], skipped: tuple[str, ...]
) -> None:
    order_id = vendors.begin_paid(**changes)
    assert told(vendors, order_id, "Submission in Progress") == ("acted_on", None)
    assert told(vendors, order_id, "Out for Delivery") == ("acted_on", None)
    reached = vendors.last(order_id)
    assert isinstance(reached, Order.StageReached)
    assert (reached.stage, reached.skipped) == ("delivered", skipped)
    assert len(stage_mails(vendors)) == 2
    [row] = list_orders(services.home)
    assert row["stages_skipped"] is True
    passed = {step["code"]: step for step in vendors.page(order_id)["timeline"]}
    assert {(passed[code]["state"], passed[code]["reached_at"]) for code in skipped} == {("done", None)}


def test_scenario_46_a_translation_that_nobody_wanted_is_a_step_once_the_crm_reports_it(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    assert told(vendors, order_id, "Translation Review") == ("acted_on", None)
    assert vendors.last(order_id).skipped == ("submitted", "processed_dos")
    assert vendors.page(order_id)["current_stage"] == "translated"


def test_scenario_47_back_goes_only_what_is_called_a_correction(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    vendors.move(order_id, "Out for Delivery")
    assert told(vendors, order_id, "Submission in Progress") == ("refused", "backward_without_correction")
    assert stage_of(vendors, order_id) == "delivered"
    assert told(vendors, order_id, "Submission in Progress", correction="true") == ("acted_on", None)
    corrected = vendors.last(order_id)
    assert isinstance(corrected, Order.StageCorrected)
    assert (corrected.was, corrected.stage) == ("delivered", "submitted")
    _, mail = stage_mails(vendors)
    assert "We have corrected the status of your order." in mail.part("plain")
    page = vendors.page(order_id)
    assert (page["current_stage"], page["step"]) == ("submitted", 2)


def test_scenario_48_the_later_of_two_moves_stands_in_whatever_order_they_arrive(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    early, late = (NOW + timedelta(minutes=minutes) for minutes in (10, 20))
    assert told(vendors, order_id, "Processing at U.S. DoS", modified_time=late.isoformat()) == ("acted_on", None)
    older = told(vendors, order_id, "Submission in Progress", modified_time=early.isoformat())
    assert older == ("ignored", "out_of_date")
    assert stage_of(vendors, order_id) == "processed_dos"
    assert len(stage_mails(vendors)) == 1
    again = told(vendors, order_id, "Processing at U.S. DoS", modified_time=late.isoformat())
    assert again == ("repeat", None)
    back = NOW + timedelta(minutes=30)
    assert told(vendors, order_id, "Submission in Progress", modified_time=back.isoformat()) == ("acted_on", None)
    assert isinstance(vendors.last(order_id), Order.StageCorrected)


def test_scenario_49_who_names_no_order_of_ours_is_refused_and_who_lacks_the_secret_is_not_heard(
    vendors: Vendors, services: Services
) -> None:
    assert verdict(vendors.zoho("update", tid="0" * 20, stage="Completed")) == ("refused", "unknown_tid")
    before = vendors.receipts()
    client: Any = vendors.app.test_client()
    for path in ("/tracking/crm/update/", "/tracking/crm/create/"):
        for wrong in ({}, {"X-Webhook-Key": "wrong"}, {"X-Webhook-Key": ""}):
            answer = client.post(path, json={"stage": "Completed"}, headers=wrong)
            assert (answer.status_code, answer.json["error"]) == (401, "bad_secret")
        assert client.post(f"{path}?key=sandbox", json={}).status_code == 200
    assert vendors.receipts() == before + 2


def test_scenario_49_several_secrets_are_good_while_they_are_changed(
    database_url: str, tmp_path: Path, clock: Clock
) -> None:
    with open_services(database_url, tmp_path, clock, ZOHO_WEBHOOK_KEY="old, new") as services:
        client: Any = create_app(services).test_client()
        statuses = [
            client.post("/tracking/crm/update/", json={}, headers={"X-Webhook-Key": key}).status_code
            for key in ("old", "new", "sandbox", "old, new")
        ]
    assert statuses == [200, 200, 401, 401]


NEW_RECORD = {"First_Name": "Mary", "Last_Name": "Roe", "Email": "mary@example.com"}


def crm_message(record_id: str, **more: object) -> dict[str, object]:
    return {
        "module": "Embassy_Legalization",
        "id": record_id,
        "name": "Mary Roe",
        "email": "mary@example.com",
        "phone": "+1 555 765 4321",
        "Urgency": "high",
        **more,
    }


def test_scenario_50_a_record_made_in_the_crm_twice_in_parallel_becomes_one_order(
    vendors: Vendors, services: Services
) -> None:
    record_id = vendors.crm.create("Embassy_Legalization", NEW_RECORD)
    together = threading.Barrier(2)

    def create(_: int) -> Any:
        together.wait()
        return vendors.zoho("create", **crm_message(record_id))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(create, range(2)))
    assert sorted(verdict(answer) for answer in answers) == [("acted_on", None), ("ignored", "has_tracking_id")]
    assert sorted(answer["created"] for answer in answers) == [False, True]
    [tid] = {answer["tid"] for answer in answers}
    settle(services)
    [row] = list_orders(services.home)
    assert (row["tracking_id"], row["born_in_crm"], row["crm_record"]) == (tid, True, record_id)
    assert vendors.record("Embassy_Legalization")["Tracking_ID"] == tid
    assert vendors.subjects() == ["Your Order Status - Embassy Legalization"]
    assert vendors.page(UUID(answers[0]["order_id"]))["current_stage"] == "document_received"
    kept = vendors.order(UUID(row["order_id"])).crm_fields
    assert kept is not None
    assert kept.open() == {"Urgency": "high"}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"module": "Unheard_Of"}, "unknown_service"),
        ({"module": "notary"}, "unknown_service"),
        ({"id": "12ab"}, "no_record_named"),
        ({"id": ""}, "no_record_named"),
        ({"name": " "}, "no_name"),
        ({"stage": "Waiting for Bob"}, "unknown_stage"),
    ],
)
def test_scenario_50_a_record_that_cannot_be_an_order_is_refused_by_name(
    vendors: Vendors, services: Services, changes: dict[str, object], cause: str
) -> None:
    answer = vendors.zoho("create", **crm_message("5725767000000411001", **changes))
    assert verdict(answer) == ("refused", cause)
    settle(services)
    assert list_orders(services.home) == []


def test_scenario_50_nobody_is_told_when_the_crm_does_not_want_it(vendors: Vendors, services: Services) -> None:
    record_id = vendors.crm.create("FBI_Apostille", NEW_RECORD)
    answer = vendors.zoho("create", **crm_message(record_id, module="FBI Apostille", notify="no", stage="Submitted"))
    assert verdict(answer) == ("acted_on", None)
    settle(services)
    assert vendors.subjects() == []
    assert vendors.ask_checkout(answer["order_id"]).json["error"] == "not_payable"


def test_scenario_51_a_quote_gets_its_tracking_id_from_the_crm(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place("quote")
    settle(services)
    assert vendors.order(order_id).tracking_id is None
    client = vendors.app.test_client()
    assert client.get(f"/tracking/{order_id}/").status_code == 404
    answer = vendors.zoho("create", order_id=str(order_id))
    assert client.get(f"/tracking/{answer['tid']}/").status_code == 200
    assert (verdict(answer), answer["order_id"], answer["created"]) == (("acted_on", None), str(order_id), False)
    settle(services)
    assert vendors.record("Get_A_Quote_Leads")["Tracking_ID"] == answer["tid"]
    welcome = vendors.mailer.mails()[-1]
    assert welcome.message["Subject"] == "Your Order Status - Quote Request"
    assert "Request Received 📋" in welcome.part("plain")
    assert vendors.page(order_id)["current_stage"] == "request_received"
    again = vendors.zoho("create", order_id=str(order_id))
    assert (verdict(again), again["tid"]) == (("ignored", "has_tracking_id"), answer["tid"])


def test_scenario_51_an_unpaid_order_gets_its_id_but_no_welcome(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place("fbi")
    answer = vendors.zoho("create", order_id=str(order_id))
    assert verdict(answer) == ("acted_on", None)
    assert told(vendors, order_id, "Submission in Progress") == ("refused", "awaiting_payment")
    settle(services)
    assert (vendors.subjects(), vendors.crm.records()) == ([], [])
    assert vendors.page(order_id)["current_stage"] == "awaiting_payment"
    vendors.pay(order_id)
    settle(services)
    assert vendors.record()["Tracking_ID"] == answer["tid"]


def test_scenario_52_the_echo_of_our_own_entry_waits_and_makes_no_second_order(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    order_id = vendors.place("embassy", email="mary@example.com")
    answer = vendors.zoho("create", **crm_message("5725767000000411001"))
    assert verdict(answer) == ("waiting", None)
    assert "tid" not in answer
    settle(services)
    record_id = vendors.order(order_id).crm_record or ""
    echo = vendors.zoho("create", **crm_message(record_id))
    assert (verdict(echo), echo["tid"]) == (("ignored", "has_tracking_id"), vendors.order(order_id).tracking_id)
    assert len(list_orders(services.home)) == 1


def test_scenario_52_what_waited_is_judged_once_our_entry_has_ended(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    order_id = vendors.place("embassy", email="mary@example.com")
    first_id = "5725767000000000002"  # the contact is the first record of the sandbox
    assert verdict(vendors.zoho("create", **crm_message(first_id))) == ("waiting", None)
    settle(services)
    assert vendors.order(order_id).crm_record == first_id
    clock.move(61)
    settle(services)
    [row] = list_receipts(services.home)
    assert (row["verdict"], row["reason"]) == ("ignored", "has_tracking_id")
    assert len(list_orders(services.home)) == 1


def test_fields_of_the_crm_are_kept_without_a_mail_and_once(vendors: Vendors, services: Services) -> None:
    order_id = vendors.begin_paid()
    tid, before = vendors.order(order_id).tracking_id, vendors.subjects()
    assert verdict(vendors.zoho("update", tid=tid, shipping="FedEx", Urgency="high")) == ("acted_on", None)
    assert verdict(vendors.zoho("update", tid=tid, shipping="FedEx", Urgency="high")) == ("ignored", "unchanged")
    settle(services)
    assert vendors.happened(order_id).count("CrmFieldsNoted") == 1
    assert vendors.subjects() == before


def test_what_is_no_stage_or_of_another_service_moves_nothing(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    assert told(vendors, order_id, "Phone Call Received") == ("ignored", "call_stage")
    assert told(vendors, order_id, "Submission in Progress", service="marriage") == ("refused", "service_differs")
    assert told(vendors, order_id, "Submission in Progress", service="FBI_Apostille") == ("acted_on", None)
    unreadable = vendors.app.test_client().post(
        "/tracking/crm/update/", data=b'{"stage": ', content_type="application/json", headers=ZOHO_KEY
    )
    assert (unreadable.status_code, verdict(unreadable)) == (200, ("refused", "unreadable"))
