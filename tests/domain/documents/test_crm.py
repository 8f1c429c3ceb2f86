"""Which fields of which record an order fills in the CRM (spec: us calling Zoho, the record table)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.documents.crm import attribution_fields, contact_fields, module_of, order_fields
from domain.documents.office import CrmModule, Office, default_modules
from domain.documents.order_facts import Answers, Choices
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.contact import Contact
from domain.shared.ports import CrmRecord
from tests.domain.documents.placed import in_the_crm, placed

OFFICE = Office()
PERSON = {"First_Name": "John", "Last_Name": "Doe", "Email": "john@example.com", "Phone": "+1-555-123-4567"}
ALL = {"Ledger_Id": str(UUID(int=1))}
TRACKED = ALL | {"Tracking_ID": "00000000000000000001"}

RECORDS: dict[str, dict[str, Any]] = {
    "fbi": ALL
    | {"Name": "John Doe — FBI Apostille", "Service_Type": "FBI Apostille", "Stage": "Order Received"}
    | {"Total_Price": 255.0, "Shipping_Method": "UPS", "Package": "Standard", "Certificate_Count": 2}
    | {"Payment_Status": "Pending", "Translation_Required": False},
    "marriage": ALL
    | {"Name": "John Doe — Triple Seal Marriage", "Service_Type": "Triple Seal Marriage", "Stage": "Order Received"}
    | {"Total_Price": 305.0, "Payment_Status": "Pending", "Shipping_Method": "USPS Mail"}
    | {
        "Husband_Name": "John Doe",
        "Wife_Name": "Mary Roe",
        "Marriage_Date": "2001-05-19",
        "Country": "Qatar",
        "Certificate_Number": "12345",
    },
    "embassy": TRACKED
    | {"Name": "John Doe — Embassy Legalization", "Service_Type": "Embassy Legalization", "Stage": "Order Received"}
    | {"Document_Type": "Power of attorney", "Country": "Qatar", "Notarization": True},
    "apostille": TRACKED
    | {"Name": "John Doe — State Apostille", "Service_Type": "State Apostille", "Stage": "Order Received"}
    | {"Document_Type": "Power of attorney", "Country": "Qatar", "Notarization": False},
    "translation": TRACKED
    | {"Name": "John Doe — Translation", "Service_Type": "Translation", "Stage": "Order Received"}
    | {"Document_Type": "Diploma", "Original_Language": "Spanish", "Target_Language": "English"},
    "i9": TRACKED
    | {"Name": "John Doe — I-9 Verification", "Service_Type": "I-9 Verification", "Stage": "Order Received"}
    | {"Appointment_At": "2026-02-10T09:00:00-05:00", "Services": ["remote"], "Notarization_Required": False},
    "quote": ALL
    | {"Name": "John Doe — Quote Request", "Service_Type": "Quote Request", "Stage": "New"}
    | {"Services_Requested": ["fbi", "other"]},
}


@pytest.mark.parametrize("kind", RECORDS)
def test_each_kind_fills_the_fields_of_its_own_record(kind: str) -> None:
    assert order_fields(placed(kind), OFFICE, None) == PERSON | RECORDS[kind]


@pytest.mark.parametrize(
    ("kind", "changes", "more"),
    [
        ("fbi", {"choices": Choices(translation_r=True)}, {"Translation_Required": True}),
        ("embassy", {"answers": Answers(comments="Urgent", state="Texas")}, {"Description": "Urgent"}),
        ("apostille", {"answers": Answers(comments="Urgent", state="Texas")}, {"Issuing_State": "Texas"}),
        ("translation", {"answers": Answers(special_instructions="Two copies")}, {"Description": "Two copies"}),
        ("i9", {"answers": Answers(comments="Gate 3")}, {"Description": "Gate 3"}),
        (
            "quote",
            {"choices": Choices(appointment_date=date(2026, 7, 1), appointment_time="14:30")},
            {"Appointment_At": "2026-07-01T14:30:00-04:00"},
        ),
    ],
)
def test_what_may_be_left_out_is_written_when_it_was_given(
    kind: str, changes: dict[str, Any], more: dict[str, Any]
) -> None:
    assert order_fields(placed(kind, **changes), OFFICE, None).items() >= more.items()


def test_the_issuing_state_belongs_to_the_apostille_alone() -> None:
    assert "Issuing_State" not in order_fields(placed("embassy", answers=Answers(state="Texas")), OFFICE, None)


@pytest.mark.parametrize("kind", RECORDS)
def test_a_blank_is_never_sent_since_it_would_clear_what_is_there(kind: str) -> None:
    bare = placed(kind, contact=Contact("Cher", "c@example.com", "", ""), answers=Answers(), choices=Choices())
    fields = order_fields(bare, OFFICE, None)
    assert [name for name, value in fields.items() if value in (None, "", [], {})] == []
    assert not {"First_Name", "Phone", "Company", "Description", "Services", "Appointment_At"} & set(fields)
    assert fields["Last_Name"] == "Cher"


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("Anna-Maria de la Cruz", "Anna-Maria de la", "Cruz"), ("Cher", None, "Cher")],
)
def test_the_last_word_of_a_name_is_the_last_name(name: str, first: str | None, last: str) -> None:
    fields = contact_fields(placed("embassy", contact=Contact(name, "a@example.com", "5551234567", "Acme")))
    assert (fields.get("First_Name"), fields["Last_Name"], fields["Company"]) == (first, last, "Acme")


@pytest.mark.parametrize(
    ("stage", "written"),
    [(None, "Order Received"), ("", "Order Received"), ("Phone Call Received", "Order Received"), ("Completed", None)],
)
def test_the_stage_is_written_on_entry_or_over_a_calls_and_then_belongs_to_the_crm(
    stage: str | None, written: str | None
) -> None:
    known = CrmRecord("7", {} if stage is None else {"Stage": stage})
    assert order_fields(placed("embassy"), OFFICE, known).get("Stage") == written


def test_a_module_may_have_another_name_and_other_names_for_two_fields() -> None:
    modules = default_modules() | {"fbi": CrmModule(name="Deals", name_field="Deal_Name", stage_field="Pipeline")}
    office = msgspec.structs.replace(OFFICE, modules=modules, ledger_field="Daybook")
    order = placed("fbi")
    fields = order_fields(order, office, CrmRecord("7", {"Pipeline": "Won", "Stage": ""}))
    assert module_of(order, office).name == "Deals"
    assert fields["Deal_Name"] == "John Doe — FBI Apostille"
    assert fields["Daybook"] == str(order.id)
    assert not {"Name", "Stage", "Pipeline", "Ledger_Id"} & set(fields)


FOUND = Attribution(
    source="www.google.com",
    medium="cpc",
    campaign="spring",
    keyword="apostille fast",
    referrer_domain="google.com",
    device_type="mobile",
    browser="Firefox",
    operating_system="Android",
    pages_viewed=5,
    visit_count=2,
    first_visit_at=datetime(2026, 2, 4, 15, 30, tzinfo=UTC),
    city="Boston",
    state="MA",
    country="US",
    gclid="g1",
    fbclid="f1",
    msclkid="m1",
    lead_type="form",
)
LINKS = AttributionLinks(landing_page="https://documents.example/apostille", lead_url="https://documents.example/form")


def test_the_attribution_record_says_where_the_order_came_from_and_points_at_it() -> None:
    order = in_the_crm(placed("embassy", attribution=FOUND, links=LINKS))
    assert attribution_fields(order, OFFICE) == {
        "Name": "John Doe | www.google.com/cpc | 2026-02-09 20:30",
        "Source": "www.google.com",
        "Source_Category": "Google",
        "Medium": "cpc",
        "Campaign": "spring",
        "Keyword": "apostille fast",
        "Landing_Page": "https://documents.example/apostille",
        "Lead_URL": "https://documents.example/form",
        "Referrer_Domain": "google.com",
        "Device_Type": "Mobile",
        "Browser": "Firefox",
        "OS": "Android",
        "Pages_Viewed": 5,
        "Visit_Count": 2,
        "First_Visit_At": "2026-02-04T15:30:00+00:00",
        "City": "Boston",
        "State": "MA",
        "Country": "US",
        "GCLID": "g1",
        "FBCLID": "f1",
        "MSCLKID": "m1",
        "Lead_Type": "Form",
        "Attribution_Record": "7",
        "Ledger_Id": str(order.id),
    }


def test_an_attribution_of_unknown_origin_is_direct_and_its_name_is_cut() -> None:
    contact = Contact("Anna-Maria de la Cruz y Sol", "a@example.com", "5551234567")
    order = in_the_crm(placed("embassy", contact=contact, attribution=Attribution(city="Boston")))
    assert attribution_fields(order, OFFICE) == {
        "Name": "Anna-Maria de la Cru | direct/none | 2026-02-09 20:30",
        "City": "Boston",
        "Lead_Type": "Form",
        "Attribution_Record": "7",
        "Ledger_Id": str(order.id),
    }
