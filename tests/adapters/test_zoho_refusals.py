"""Every way Zoho CRM says no, or nothing, over real HTTP."""

import logging
from collections.abc import Callable, Iterator

import pytest

from adapters.zoho.crm import ZohoCrm
from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import Crm
from tests.adapters.zoho_desk import ANN, ORDERS, Clock, attach, upsert, zoho_crm
from tests.vendors.zoho_server import CLIENT_SECRET, REFRESH_TOKEN, ZohoServer, zoho_server


@pytest.fixture
def zoho() -> Iterator[ZohoServer]:
    with zoho_server() as zoho:
        yield zoho


@pytest.fixture
def crm(zoho: ZohoServer) -> Iterator[ZohoCrm]:
    with zoho_crm(zoho, clock=Clock()) as crm:
        yield crm


@pytest.mark.parametrize(("status", "code"), [(413, "BODY_SIZE_REACHED"), (415, "INVALID_REQUEST")])
def test_a_file_the_crm_does_not_take_is_declined(zoho: ZohoServer, crm: ZohoCrm, status: int, code: str) -> None:
    record_id = upsert(crm)
    zoho.next_error(status, code, on="Attachments")
    with pytest.raises(Declined, match="this size or type"):
        attach(crm, record_id)


DECLINED = [
    (400, "INVALID_DATA", "Email"),
    (400, "MANDATORY_NOT_FOUND", "Last_Name"),
    (400, "INVALID_MODULE", None),
    (400, "DEPENDENT_FIELD_MISSING", "Country"),
    (400, "DEPENDENT_MISMATCH", "Country"),
    (400, "EXPECTED_FIELD_MISSING", None),
    (400, "LIMIT_EXCEEDED", None),
    (400, "INVALID_REQUEST_METHOD", None),
    (400, "DUPLICATE_DATA", "Email"),
    (403, "NO_PERMISSION", None),
    (403, "OAUTH_SCOPE_MISMATCH", None),
    (404, "INVALID_URL_PATTERN", None),
    (202, "INVALID_DATA", "Email"),
    (207, "INVALID_DATA", "Email"),
]


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize(("status", "code", "field"), DECLINED)
def test_a_no_is_declined_with_its_code_and_field(
    zoho: ZohoServer, crm: ZohoCrm, status: int, code: str, field: str | None, record: bool
) -> None:
    zoho.next_error(status, code, on="upsert", record=record, api_name=field)
    with pytest.raises(Declined) as caught:
        upsert(crm)
    assert caught.value.reason == (f"{code} at {field}" if field else code)


def test_a_field_the_crm_insists_on_is_named(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.mandatory["Contacts"], zoho.failed_status = {"Last_Name"}, 202
    with pytest.raises(Declined, match=r"MANDATORY_NOT_FOUND at Last_Name\."):
        crm.create("Contacts", {"Email": "ann@example.com"})
    assert zoho.records("Contacts") == []


LATER = [
    (400, "RECORD_LOCKED"),
    (207, "RECORD_LOCKED"),
    (429, "TOO_MANY_REQUESTS"),
    (429, "RATE_LIMIT_EXCEEDED"),
    (500, "INTERNAL_ERROR"),
    (502, ""),
    (503, "SERVICE_UNAVAILABLE"),
]


@pytest.mark.parametrize(("status", "code"), LATER)
def test_a_temporary_no_is_worth_another_try(zoho: ZohoServer, crm: ZohoCrm, status: int, code: str) -> None:
    zoho.next_error(status, code, on="upsert", record=status < 429)
    with pytest.raises(Unreachable) as caught:
        upsert(crm)
    assert caught.value.retry_after is None
    assert upsert(crm)
    assert len(zoho.records(ORDERS)) == 1


def test_the_pause_the_crm_asks_for_is_passed_on(zoho: ZohoServer, crm: ZohoCrm) -> None:
    for status, headers, pause in [
        (429, {"Retry-After": "30"}, 30),
        (503, {"Retry-After": "120"}, 120),
        (429, {"X-API-CREDITS-REMAINING": "0"}, 3600),
        (429, {"X-API-CREDITS-REMAINING": "17"}, None),
    ]:
        zoho.next(status=status, body={}, headers=headers)
        with pytest.raises(Unreachable) as caught:
            upsert(crm)
        assert caught.value.retry_after == pause


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 502])
def test_an_answer_that_is_not_json_is_worth_another_try(zoho: ZohoServer, crm: ZohoCrm, status: int) -> None:
    for _ in range(2):  # a 401 is tried with a new token first
        zoho.next_html(status)
    with pytest.raises(Unreachable):
        upsert(crm)


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": [{"code": "SUCCESS", "details": {}}]}, {"data": "?"}])
def test_an_answer_without_a_result_proves_nothing(zoho: ZohoServer, crm: ZohoCrm, body: dict[str, object]) -> None:
    zoho.next(status=200, body=body, on="upsert")
    with pytest.raises(Unreachable, match="cannot be read"):
        upsert(crm)


@pytest.mark.parametrize("code", ["ALREADY_MODIFIED", "RECORD_MODIFIED"])
def test_a_record_changed_meanwhile_is_written_once_more(zoho: ZohoServer, crm: ZohoCrm, code: str) -> None:
    record_id = upsert(crm)
    zoho.next_error(412, code, record=True, id=record_id)
    assert crm.update(ORDERS, record_id, {"Stage": "Shipped"}) == record_id
    for _ in range(2):
        zoho.next_error(412, code, record=True, id=record_id)
    with pytest.raises(Unreachable, match="changed meanwhile"):
        crm.update(ORDERS, record_id, {"Stage": "Delivered"})
    assert zoho.records(ORDERS)[0]["Stage"] == "Shipped"


def test_a_silent_crm_is_unreachable(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.next_slow()
    with pytest.raises(Unreachable, match="no answer in time"):
        upsert(crm)


@pytest.mark.parametrize("accept", [False, True])
def test_an_upsert_whose_answer_was_lost_makes_no_second_record(zoho: ZohoServer, crm: ZohoCrm, accept: bool) -> None:
    zoho.next(on="upsert", accept=accept)
    with pytest.raises(Unreachable):
        upsert(crm)
    assert len(zoho.records(ORDERS)) == (1 if accept else 0)
    assert upsert(crm) == zoho.records(ORDERS)[0]["id"]
    assert len(zoho.records(ORDERS)) == 1


def test_an_upsert_accepted_too_slowly_makes_no_second_record(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.next_slow(on="upsert", accept=True)
    with pytest.raises(Unreachable):
        upsert(crm)
    assert upsert(crm) == zoho.records(ORDERS)[0]["id"]


def test_a_creation_whose_answer_was_lost_is_found(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.next(on="/Contacts", accept=True)
    with pytest.raises(Unreachable):
        crm.create("Contacts", ANN)
    found = crm.find("Contacts", "Email", "ann@example.com")
    assert found is not None
    assert [found.id] == [record["id"] for record in zoho.records("Contacts")]


def test_a_file_whose_answer_was_lost_is_found_in_the_list(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = upsert(crm)
    zoho.next(on="Attachments", accept=True)
    with pytest.raises(Unreachable):
        attach(crm, record_id)
    listed = crm.attachments(ORDERS, record_id)
    assert [(file.name, file.size) for file in listed] == [("scan.pdf", 9)]


CALLS: list[Callable[[Crm], object]] = [
    lambda crm: crm.find("Contacts", "Email", "ann@example.com"),
    lambda crm: crm.create("Contacts", ANN),
    lambda crm: crm.update("Contacts", "5725767000000000001", ANN),
    upsert,
    lambda crm: crm.attachments(ORDERS, "5725767000000000001"),
    lambda crm: attach(crm, "5725767000000000001", "Ann Lee.pdf"),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_secret_and_no_person_shows_in_a_log_or_an_error(
    zoho: ZohoServer, crm: ZohoCrm, caplog: pytest.LogCaptureFixture, call: Callable[[Crm], object]
) -> None:
    caplog.set_level(logging.DEBUG)
    zoho.next_error(400, "Ann Lee", api_name="ann@example.com")
    zoho.next_error(400, "INVALID_DATA", record=True, api_name="Email")
    zoho.next_error(403, "NO_PERMISSION", permissions=["Ann Lee"])
    zoho.next_html(503)
    zoho.next()
    zoho.next_slow()
    told = ""
    for _ in range(6):
        with pytest.raises((Declined, Unreachable)) as caught:
            call(crm)
        told += f"{caught.value} {caught.value!r} {caught.value.__cause__}"
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    for secret in (CLIENT_SECRET, REFRESH_TOKEN, "access-secret", "Ann", "ann@example"):
        assert secret not in caplog.text + told
