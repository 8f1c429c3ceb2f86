"""Zoho CRM over real HTTP: records and files."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.zoho.crm import ZohoCrm
from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import Crm, CrmAttachment
from tests.adapters.zoho_desk import ANN, ORDER, ORDERS, Clock, attach, upsert, zoho_crm
from tests.vendors.zoho_server import PAGE, ZohoServer, zoho_server


@pytest.fixture
def zoho() -> Iterator[ZohoServer]:
    with zoho_server() as zoho:
        yield zoho


@pytest.fixture
def crm(zoho: ZohoServer) -> Iterator[ZohoCrm]:
    with zoho_crm(zoho, clock=Clock()) as crm:
        yield crm


def test_it_answers_the_port(crm: ZohoCrm) -> None:
    port: Crm = crm
    assert port.find("Contacts", "Email", "ann@example.com") is None


def test_a_created_record_is_found_with_its_fields(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = crm.create("Contacts", ANN)
    found = crm.find("Contacts", "Email", "ann@example.com")
    assert found is not None
    assert (found.id, found.fields) == (record_id, {"id": record_id, **ANN})
    assert zoho.records("Contacts") == [{"id": record_id, **ANN}]


def test_of_two_records_the_older_one_is_found(zoho: ZohoServer, crm: ZohoCrm) -> None:
    older = zoho.put("Contacts", Email="ann@example.com")
    zoho.put("Contacts", Email="ann@example.com")
    found = crm.find("Contacts", "Email", "ann@example.com")
    assert found is not None
    assert found.id == older


def test_fields_our_port_does_not_know_are_left_out_of_a_found_record(zoho: ZohoServer, crm: ZohoCrm) -> None:
    owner = {"name": "Office", "id": "1"}
    zoho.put(
        "Contacts", Email="a@example.com", Phone=None, Subform=[{"a": 1}], Tags=["new"], Owner=owner, Nested={"a": 1}
    )
    found = crm.find("Contacts", "Email", "a@example.com")
    assert found is not None
    assert {**found.fields, "id": ""} == {"id": "", "Email": "a@example.com", "Tags": ["new"], "Owner": owner}


@pytest.mark.parametrize("value", ["o'brien@example.com", "' or id is not null or Email = '", "''", "日本"])
def test_a_value_is_never_part_of_the_query(zoho: ZohoServer, crm: ZohoCrm, value: str) -> None:
    zoho.put("Contacts", Email="someone@example.com")
    assert crm.find("Contacts", "Email", value) is None
    wanted = zoho.put("Contacts", Email=value)
    found = crm.find("Contacts", "Email", value)
    assert found is not None
    assert found.id == wanted


@pytest.mark.parametrize("value", ["\\", "a\\' or 1", "a\nb", "a\0b"])
def test_a_value_that_might_escape_the_query_is_not_looked_up(zoho: ZohoServer, crm: ZohoCrm, value: str) -> None:
    with pytest.raises(Declined, match="cannot be looked up"):
        crm.find("Contacts", "Email", value)
    assert zoho.web.asked == []


def test_a_name_that_is_no_name_is_a_fault_of_ours(crm: ZohoCrm) -> None:
    with pytest.raises(ValueError, match="names of modules"):
        crm.find("Contacts", "Email = '' or id", "x")


def test_a_path_is_made_of_whole_parts(zoho: ZohoServer, crm: ZohoCrm) -> None:
    with pytest.raises(Declined):
        crm.update("Contacts", "../../settings/1?x=", ANN)
    assert zoho.web.asked[-1].path == "/crm/v8/Contacts/..%2F..%2Fsettings%2F1%3Fx%3D"


def test_a_record_deleted_after_it_was_found_is_not_there(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = zoho.put("Contacts", **ANN)
    zoho.next(status=204, on=f"/Contacts/{record_id}")
    assert crm.find("Contacts", "Email", "ann@example.com") is None


def test_an_update_writes_its_fields_only(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = zoho.put("Contacts", **ANN)
    assert crm.update("Contacts", record_id, {"Phone": "+15551230000"}) == record_id
    assert zoho.records("Contacts") == [{"id": record_id, **ANN, "Phone": "+15551230000"}]


def test_an_update_of_a_deleted_record_is_declined(crm: ZohoCrm) -> None:
    with pytest.raises(Declined, match=r"INVALID_DATA at id\."):
        crm.update("Contacts", "5725767000000000099", {"Phone": "+15551230000"})


def test_an_upsert_makes_one_record_however_often_it_is_repeated(zoho: ZohoServer, crm: ZohoCrm) -> None:
    assert upsert(crm) == upsert(crm)
    assert crm.upsert(ORDERS, {"Ledger_Id": "0190c0de", "Stage": "Shipped"}, unique="Ledger_Id") == upsert(crm)
    assert len(zoho.records(ORDERS)) == 1


def test_the_crms_automations_run_unless_a_setting_says_otherwise(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = upsert(crm)
    with (
        zoho_crm(zoho, clock=Clock(), trigger=()) as quiet,
        zoho_crm(zoho, clock=Clock(), trigger=["workflow"]) as some,
    ):
        quiet.create("Contacts", ANN)
        some.update(ORDERS, record_id, {"Stage": "Shipped"})
    assert zoho.triggers == [None, [], ["workflow"]]


def test_the_slower_of_two_writers_updates_the_record_of_the_faster_one(zoho: ZohoServer, crm: ZohoCrm) -> None:
    faster = zoho.put(ORDERS, Ledger_Id="0190c0de", Stage="New")
    zoho.next_error(400, "DUPLICATE_DATA", on="upsert", record=True, api_name="Ledger_Id", id=faster)
    assert upsert(crm) == faster
    assert zoho.records(ORDERS) == [{"id": faster, **ORDER}]


def test_a_duplicate_in_another_unique_field_changes_nobody_elses_record(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.unique.add("Name")
    other = zoho.put(ORDERS, Ledger_Id="someone-elses", Name="Ann Lee")
    with pytest.raises(Declined, match=r"DUPLICATE_DATA at Name\."):
        upsert(crm)
    assert zoho.records(ORDERS) == [{"id": other, "Ledger_Id": "someone-elses", "Name": "Ann Lee"}]


def test_a_record_made_since_it_was_looked_for_is_to_be_looked_up_again(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.unique.add("Email")
    zoho.put("Contacts", Email="ann@example.com")
    with pytest.raises(Unreachable, match="DUPLICATE_DATA at Email, to be looked up again"):
        crm.create("Contacts", ANN)


def test_eight_orders_at_once_are_eight_records(zoho: ZohoServer) -> None:
    with zoho_crm(zoho, clock=Clock(), timeout=10) as crm, ThreadPoolExecutor(8) as pool:
        orders = [ORDER | {"Ledger_Id": f"order-{number % 8}"} for number in range(24)]
        ids = list(pool.map(lambda order: crm.upsert(ORDERS, order, unique="Ledger_Id"), orders))
    assert (len(set(ids)), len(zoho.records(ORDERS)), zoho.given) == (8, 8, 1)


def test_a_file_is_attached_and_listed(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = upsert(crm)
    assert crm.attachments(ORDERS, record_id) == []
    file_id = attach(crm, record_id, 'Señora "Lee" 日.pdf')
    assert crm.attachments(ORDERS, record_id) == [CrmAttachment(file_id, 'Señora "Lee" 日.pdf', 9)]
    assert zoho.files[record_id][0][2:] == ("application/pdf", b"%PDF-1.7\n")


def test_an_attachment_of_unknown_size_is_listed(zoho: ZohoServer, crm: ZohoCrm) -> None:
    rows = [{"id": "7", "File_Name": "A link", "Size": None}, {"id": "8", "File_Name": "scan.pdf", "Size": 12}]
    zoho.next(status=200, body={"data": rows, "info": {"more_records": False}}, on="Attachments")
    assert crm.attachments(ORDERS, "1") == [CrmAttachment("7", "A link", 0), CrmAttachment("8", "scan.pdf", 12)]


def test_all_pages_of_attachments_are_read(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = upsert(crm)
    zoho.files[record_id] = [(str(number), "scan.pdf", "", b"") for number in range(PAGE + 1)]
    assert [file.id for file in crm.attachments(ORDERS, record_id)][-1] == str(PAGE)


def test_files_of_a_deleted_record_are_declined(crm: ZohoCrm) -> None:
    with pytest.raises(Declined, match="INVALID_DATA"):
        attach(crm, "5725767000000000099")
    with pytest.raises(Declined, match="INVALID_DATA"):
        crm.attachments(ORDERS, "5725767000000000099")


def test_a_deleted_record_is_gone_and_deleting_it_again_is_no_error(zoho: ZohoServer, crm: ZohoCrm) -> None:
    kept, gone = upsert(crm), crm.create(ORDERS, {**ORDER, "Ledger_Id": "0190c0df"})
    assert crm.delete(ORDERS, gone) == gone
    assert [record["id"] for record in zoho.records(ORDERS)] == [kept]
    assert crm.delete(ORDERS, gone) == gone


def test_a_record_that_the_crm_does_not_let_us_delete_is_declined(zoho: ZohoServer, crm: ZohoCrm) -> None:
    record_id = upsert(crm)
    zoho.next_error(403, "NO_PERMISSION", on=record_id)
    with pytest.raises(Declined, match="NO_PERMISSION"):
        crm.delete(ORDERS, record_id)
    assert [record["id"] for record in zoho.records(ORDERS)] == [record_id]
