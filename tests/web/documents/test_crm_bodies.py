"""What the CRM may send: multipart fields count like those of any form, and no file of it is kept."""

from typing import Any
from uuid import UUID

import pytest

from adapters.wiring import Services
from domain.shared.receipt import Receipt
from tests.web.documents.hooks import ZOHO_KEY, Vendors, verdict
from tests.web.site import PDF, settle, stored_files
from tests.wishes import NOW

UPDATE, CREATE = "/tracking/crm/update/", "/tracking/crm/create/"


def multipart(*parts: tuple[str, bytes], boundary: str = "edge") -> tuple[bytes, str]:
    """A body of these parts (what stands in the disposition, content), and its content type."""
    lines = [
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary.encode(), named.encode(), content)
        for named, content in parts
    ]
    return b"".join([*lines, b"--%s--\r\n" % boundary.encode()]), f"multipart/form-data; boundary={boundary}"


def field(name: str, value: str) -> tuple[str, bytes]:
    return f'name="{name}"', value.encode()


def send(vendors: Vendors, path: str, sent: tuple[bytes, str], **headers: str) -> Any:
    body, content_type = sent
    client = vendors.app.test_client()
    return client.post(path, data=body, content_type=content_type, headers=headers)


def kept(services: Services, answer: Any) -> Receipt:
    return services.ledger.load(Receipt, UUID(answer.json["receipt_id"]))


def test_scenario_44_the_fields_of_a_multipart_body_move_a_stage(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    tid = vendors.order(order_id).tracking_id or ""
    fields = field("Current Stage", "Submission in Progress"), field("TID", tid), field("token", "sandbox")

    answer = send(vendors, UPDATE, multipart(*fields))

    assert (answer.status_code, verdict(answer)) == (200, ("acted_on", None))
    assert (answer.json["tid"], answer.json["current_stage"]) == (tid, "submitted")
    assert vendors.order(order_id).stage == "submitted"
    assert verdict(send(vendors, UPDATE, multipart(*fields))) == ("ignored", "unchanged")


def test_scenario_50_a_multipart_body_with_a_file_makes_an_order_and_leaves_no_file(
    vendors: Vendors, services: Services
) -> None:
    record_id = vendors.crm.create("Embassy_Legalization", {"Last_Name": "Röe"})
    fields = field("module", "Embassy_Legalization"), field("id", record_id), field("name", "Mary Röe & Co")
    file = 'name="scan"; filename="scan.pdf"', PDF

    answer = send(vendors, CREATE, multipart(*fields, file, field("Urgency", "high")), **ZOHO_KEY)
    settle(services)

    assert (verdict(answer), answer.json["created"]) == (("acted_on", None), True)
    order = vendors.order(UUID(answer.json["order_id"]))
    assert order.contact.open().name == "Mary Röe & Co"
    assert order.crm_fields is not None
    assert order.crm_fields.open() == {"Urgency": "high"}
    assert PDF not in kept(services, answer).body.open()
    assert stored_files(services) == []


def test_scenario_48_an_identical_message_is_a_repeat_whatever_parts_its_fields(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    fields = (
        field("tid", vendors.order(order_id).tracking_id or ""),
        field("stage", "Submission in Progress"),
        field("modified_time", NOW.isoformat()),
    )
    first = send(vendors, UPDATE, multipart(*fields, boundary="one"), **ZOHO_KEY)
    again = send(vendors, UPDATE, multipart(*fields, boundary="other"), **ZOHO_KEY)

    assert (verdict(first), verdict(again)) == (("acted_on", None), ("repeat", None))
    assert first.json["receipt_id"] == again.json["receipt_id"]


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        ((b"no parts at all", "multipart/form-data; boundary=edge"), "unreadable"),
        ((b"--edge\r\n", "multipart/form-data"), "unreadable"),
        (multipart(('name="scan"; filename="scan.pdf"', PDF)), "unknown_tid"),
    ],
)
def test_multipart_without_a_field_is_refused_and_names_no_order(
    vendors: Vendors, services: Services, sent: tuple[bytes, str], cause: str
) -> None:
    answer = send(vendors, UPDATE, sent, **ZOHO_KEY)

    assert (answer.status_code, verdict(answer)) == (200, ("refused", cause))
    assert PDF not in kept(services, answer).body.open()


def test_scenario_49_a_multipart_body_needs_the_secret_too(vendors: Vendors) -> None:
    for fields in ((), (field("token", "wrong"),)):
        answer = send(vendors, UPDATE, multipart(field("stage", "Completed"), *fields))
        assert (answer.status_code, answer.json["error"]) == (401, "bad_secret")
    assert vendors.receipts() == 0


def test_a_message_of_more_than_a_megabyte_is_too_large(vendors: Vendors) -> None:
    for size, status in ((900_000, 200), (1_100_000, 413)):
        answer = send(vendors, UPDATE, multipart(field("note", "n" * size)), **ZOHO_KEY)
        assert answer.status_code == status
