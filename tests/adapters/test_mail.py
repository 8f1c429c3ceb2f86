"""What a letter becomes: a MIME message that mail programs read, thread and trust."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from domain.documents.letters import staff_notice, welcome
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.order_facts import Answers
from domain.shared.contact import Contact
from domain.shared.letter import Letter
from tests.domain.documents.placed import placed
from tests.wishes import STORED_FILE
from tests.world import renderer

OFFICE = Office()
AT = datetime(2026, 2, 9, 20, 30, tzinfo=UTC)
ANCHOR = "<tracking-00000000000000000001@documents.example>"
STAGE_UPDATE = Letter(
    template="stage_update",
    to="john@example.com",
    subject="Order Status Update",
    values={
        "emoji": "📨",
        "label": "Submission in Progress",
        "message": "Your FBI report is being submitted for its apostille.",
        "name": "J*** D***",
        "tracking_url": "http://localhost:8000/tracking?tid=00000000000000000001",
        "corrected": True,
    },
    message_id="<tracking-00000000000000000001.4@documents.example>",
    in_reply_to=ANCHOR,
    references=(ANCHOR, "<real-1@provider.example>"),
)
CONFIRMATION = Letter(
    template="payment_confirmation",
    to="john@example.com",
    subject="Payment received - FBI Apostille",
    values={
        "kind_label": "FBI Apostille",
        "price_lines": [("Shipping: UPS", "30.00")],
        "total": "255.00",
        "date": "2026-02-09",
        "name": "J*** D***",
        "tracking_url": "http://localhost:8000/tracking?tid=00000000000000000001",
    },
    message_id="<tracking-00000000000000000001.5@documents.example>",
)


def sent(letter: Letter) -> EmailMessage:
    """The message as a mail program reads it."""
    raw = renderer(OFFICE).render(letter, at=AT).encode()
    return message_from_bytes(raw, policy=SMTP)


def parts(message: EmailMessage) -> dict[str, str]:
    return {part.get_content_type(): part.get_content() for part in message.iter_parts()}


def notice(order: Order) -> EmailMessage:
    return sent(staff_notice(order, OFFICE))


class Words(HTMLParser):
    """The words of a page, its tags and its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.links = "", set[str](), list[str]()
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href" and value]


def test_a_notice_has_the_headers_that_keep_its_thread_together() -> None:
    order = placed("embassy")
    message = notice(order)
    assert {name: value.strip() for name, value in message.items()} == {
        "From": "Document Services <orders@documents.example>",
        "To": "office@documents.example",
        "Subject": "📄 New Embassy Order — 2026-02-09",
        "Date": "Mon, 09 Feb 2026 20:30:00 +0000",
        "Message-ID": f"<embassy-2026-02-09.{order.id}@documents.example>",
        "In-Reply-To": "<embassy-2026-02-09@documents.example>",
        "References": "<embassy-2026-02-09@documents.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }
    assert message.defects == []


def test_a_welcome_answers_nothing_and_names_itself_as_anchor() -> None:
    message = sent(welcome(placed("embassy"), OFFICE))
    assert message["In-Reply-To"] is None
    assert message["Message-ID"] == message["References"] == ANCHOR


def test_a_later_mail_names_the_anchor_first_and_then_what_was_really_sent() -> None:
    message = sent(STAGE_UPDATE)
    assert message["References"].split() == [ANCHOR, "<real-1@provider.example>"]
    assert message["In-Reply-To"] == ANCHOR


@pytest.mark.parametrize(
    "letter",
    [
        staff_notice(placed("fbi"), OFFICE),
        staff_notice(placed("quote"), OFFICE),
        welcome(placed("i9"), OFFICE),
        STAGE_UPDATE,
        CONFIRMATION,
    ],
    ids=lambda letter: str(letter.template),
)
def test_every_mail_says_the_same_as_text_and_as_html(letter: Letter) -> None:
    message = sent(letter)
    assert message.get_content_type() == "multipart/alternative"
    text, html = parts(message).values()
    assert list(parts(message)) == ["text/plain", "text/html"]
    page = Words(html)
    for word in words_of(letter.values):
        assert word in text
        assert word in page.text or word in page.links
    assert "script" not in page.tags
    assert "{{" not in text + html
    assert "None" not in (text + page.text).replace("None sent.", "")


def words_of(values: Any) -> list[str]:
    """Every text in a letter's values, however deep, but for the company's address of several lines."""
    if isinstance(values, dict):
        return [word for name, value in values.items() if name != "company" for word in words_of(value)]
    if isinstance(values, list | tuple):
        return [word for value in values for word in words_of(value)]
    return [values] if isinstance(values, str) and values else []


def test_what_customers_wrote_is_shown_and_never_run() -> None:
    contact = Contact('<b>John</b> & "Co" {{ 7*7 }}', "john@example.com", "5551234567", "<script>x</script>")
    answers = Answers(document_type="<img src=x onerror=y>", comments="1 < 2\n.\nFrom me")
    message = notice(placed("embassy", contact=contact, answers=answers))
    text, html = parts(message).values()
    page = Words(html)
    assert not {"b", "script", "img"} & page.tags
    for shown in (contact.name, "<script>x</script>", "<img src=x onerror=y>", "1 < 2"):
        assert shown in text
        assert shown in page.text
    assert "\n.\nFrom me" in text.replace("\r\n", "\n")


@pytest.mark.parametrize("trick", ["John\r\nBcc: a@b.example", "John\nBcc: a@b.example", "John\rBcc: a@b.example"])
def test_a_name_cannot_add_a_header(trick: str) -> None:
    order = placed("embassy", contact=Contact(trick, "john@example.com", "5551234567", trick))
    for message in (notice(order), sent(welcome(order, OFFICE))):
        assert message["Bcc"] is None
        assert message["To"] in ("office@documents.example", "john@example.com")
    for header in ("to", "subject", "message_id", "in_reply_to"):
        with pytest.raises(ValueError, match="linefeed"):
            sent(msgspec.structs.replace(STAGE_UPDATE, **{header: trick}))


def test_words_beyond_ascii_arrive_whole() -> None:
    contact = Contact("Nguyễn Văn Đức", "duc@example.com", "5551234567", "東京書類")
    text, html = parts(notice(placed("embassy", contact=contact))).values()
    assert "Nguyễn Văn Đức" in text
    assert "東京書類" in html
    raw = renderer(OFFICE).render(welcome(placed("i9", contact=contact), OFFICE), at=AT)
    assert raw.isascii()
    assert "N*** V*** Đ***" in parts(sent(welcome(placed("i9", contact=contact), OFFICE)))["text/plain"]


@pytest.mark.parametrize(
    ("address", "to"),
    [("john@münchen.example", "john@xn--mnchen-3ya.example"), ("jürgen@example.com", "jürgen@example.com")],
)
def test_an_address_beyond_ascii_can_be_delivered_to(address: str, to: str) -> None:
    message = sent(welcome(placed("embassy", contact=Contact("John", address, "5551234567")), OFFICE))
    assert message["To"] == to


def test_no_line_is_longer_than_mail_allows() -> None:
    comments = "word " * 390
    raw = renderer(OFFICE).render(
        staff_notice(
            placed(
                "embassy", answers=Answers(comments=comments), files=(STORED_FILE,), file_names=("x" * 146 + ".pdf",)
            ),
            OFFICE,
        ),
        at=AT,
    )
    assert max(len(line) for line in raw.split("\r\n")) <= 998
    assert "\n" not in raw.replace("\r\n", "")
