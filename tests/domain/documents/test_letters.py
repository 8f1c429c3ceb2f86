"""To whom an order's mails go, under which subject, in which thread, and what they say."""

from datetime import UTC, date, datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import pytest

from domain.documents.letters import company, file_links, staff_notice, welcome
from domain.documents.office import Office
from domain.documents.order_facts import Answers, Choices
from domain.shared.attribution import Attribution
from domain.shared.contact import Contact
from tests.domain.documents.placed import placed
from tests.wishes import STORED_FILE

OFFICE = Office(mail_domain="documents.example", mail_receiver="office@documents.example")
TID = "00000000000000000001"


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("embassy", "📄 New Embassy Order — 2026-02-09"),
        ("apostille", "📜 New Apostille Order — 2026-02-09"),
        ("translation", "🔤 New Translation Order — 2026-02-09"),
        ("i9", "🪪 New I-9 Order — 2026-02-09"),
        ("quote", "💬 New Quote Request — 2026-02-09"),
        ("fbi", "✅ New PAID FBI Order — 2026-02-09"),
        ("marriage", "✅ New PAID Marriage Order — 2026-02-09"),
    ],
)
def test_the_office_reads_kind_and_date_in_the_subject(kind: str, subject: str) -> None:
    letter = staff_notice(placed(kind), OFFICE)
    assert (letter.to, letter.subject) == ("office@documents.example", subject)


def test_58_orders_of_one_kind_and_office_day_share_a_thread_and_after_midnight_begins_the_next() -> None:
    evening, late, after_midnight = (
        staff_notice(placed("embassy", number=number, at=at), OFFICE)
        for number, at in enumerate(
            (
                datetime(2026, 2, 9, 20, 30, tzinfo=UTC),
                datetime(2026, 2, 10, 4, 59, 59, tzinfo=UTC),
                datetime(2026, 2, 10, 5, 0, tzinfo=UTC),
            ),
            start=1,
        )
    )
    assert evening.references == late.references == ("<embassy-2026-02-09@documents.example>",)
    assert evening.in_reply_to == "<embassy-2026-02-09@documents.example>"
    assert evening.message_id == f"<embassy-2026-02-09.{UUID(int=1)}@documents.example>"
    assert evening.message_id != late.message_id
    assert after_midnight.references == ("<embassy-2026-02-10@documents.example>",)
    assert after_midnight.subject.endswith("2026-02-10")


def test_the_welcome_begins_the_customers_thread_and_is_its_anchor() -> None:
    letter = welcome(placed("embassy"), OFFICE)
    anchor = f"<tracking-{TID}@documents.example>"
    assert (letter.to, letter.subject) == ("john@example.com", "Your Order Status - Embassy Legalization")
    assert (letter.message_id, letter.in_reply_to, letter.references) == (anchor, None, (anchor,))


def test_the_welcome_shows_the_first_stage_a_redacted_name_and_the_way_to_the_page() -> None:
    values = welcome(placed("i9"), OFFICE).values
    assert (values["stage_label"], values["emoji"], values["message"]) == (
        "Order Received",
        "📋",
        "We have your request.",
    )
    assert (values["name"], values["kind_label"]) == ("J*** D***", "I-9 Verification")
    assert values["tracking_url"] == f"http://localhost:8000/tracking?tid={TID}"
    assert "Doe" not in repr(values)


def test_the_notice_carries_every_answer_under_its_label() -> None:
    marriage = placed("marriage", choices=Choices(notarization=True))
    assert staff_notice(marriage, OFFICE).values["facts"] == [
        ("Husband's name", "John Doe"),
        ("Wife's name", "Mary Roe"),
        ("Date of marriage", "2001-05-19"),
        ("Country", "Qatar"),
        ("Certificate number", "12345"),
        ("Notarization", "Yes"),
    ]
    i9 = placed(
        "i9",
        choices=Choices(services=("remote", "in_person"), appointment_date=date(2026, 2, 10), appointment_time="09:00"),
        answers=Answers(comments="Ring twice."),
    )
    values = staff_notice(i9, OFFICE).values
    assert values["facts"] == [
        ("Services", "remote, in person"),
        ("Appointment date", "2026-02-10"),
        ("Appointment time", "09:00"),
    ]
    assert values["comments"] == "Ring twice."


def test_what_was_not_answered_is_not_listed() -> None:
    assert staff_notice(placed("fbi"), OFFICE).values["facts"] == []


def test_every_answer_and_choice_but_the_comments_has_a_label() -> None:
    fields = {*Answers.__struct_fields__, *Choices.__struct_fields__} - {"comments"}
    values = {name: "x" for name in Answers.__struct_fields__ if name != "marriage_date"} | {
        "marriage_date": date(2001, 5, 19)
    }
    everything = placed(
        "marriage",
        answers=Answers(**values),  # type: ignore[arg-type]
        choices=Choices(
            translation_r=True,
            notarization=True,
            notarization_required=True,
            services=("fbi",),
            appointment_date=date(2026, 2, 10),
            appointment_time="09:00",
        ),
    )
    assert len(staff_notice(everything, OFFICE).values["facts"]) == len(fields)


def test_a_paid_orders_notice_lists_the_parts_of_its_price() -> None:
    values = staff_notice(placed("fbi"), OFFICE).values
    assert values["price_lines"] == [
        ("Package: Standard", "175.00"),
        ("Certificates: 2 × 25.00", "50.00"),
        ("Shipping: UPS", "30.00"),
    ]
    assert (values["total"], values["paid"]) == ("255.00", True)
    marriage = staff_notice(placed("marriage"), OFFICE).values
    assert marriage["price_lines"] == [("Triple Seal Marriage", "295.00"), ("Shipping: USPS Mail", "10.00")]
    assert staff_notice(placed("embassy"), OFFICE).values["price_lines"] == []


def test_the_notice_says_in_one_line_where_the_order_came_from() -> None:
    google = Attribution(source="google", medium="cpc", keyword="apostille fast", city="Boston")
    assert staff_notice(placed("embassy", attribution=google), OFFICE).values["attribution_line"] == (
        "google / cpc / apostille fast"
    )
    assert staff_notice(placed("embassy"), OFFICE).values["attribution_line"] == "unknown"


@pytest.mark.parametrize("name", ["scan.pdf", "my passport #2.pdf", "100%?.pdf", "Паспорт.pdf"])
def test_a_file_is_linked_by_an_address_that_survives_any_name(name: str) -> None:
    [(shown, address)] = file_links(placed("embassy", files=(STORED_FILE,), file_names=(name,)), OFFICE)
    assert shown == name
    assert address.isascii()
    assert " " not in address
    assert urlsplit(address).path.startswith(f"/{STORED_FILE.key}/")
    assert (urlsplit(address).query, urlsplit(address).fragment) == ("", "")


def test_the_company_signs_with_the_bare_address_of_its_sender() -> None:
    assert company(OFFICE)["email"] == "orders@documents.example"
    assert company(msgspec.structs.replace(OFFICE, mail_from="plain@documents.example"))["email"] == (
        "plain@documents.example"
    )


def test_the_customers_own_name_and_company_reach_the_office() -> None:
    contact = Contact("John Doe", "john@example.com", "+1-555-123-4567", "Doe & Sons")
    assert staff_notice(placed("embassy", contact=contact), OFFICE).values["client"] == {
        "name": "John Doe",
        "email": "john@example.com",
        "phone": "+1-555-123-4567",
        "company": "Doe & Sons",
    }
