"""Mail through Resend's API, spoken with a server on loopback that follows its contract."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

import pytest

from adapters.http import Session
from adapters.resend import ResendMailer, mail_body
from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import CannotDelete
from tests.vendors.resend_server import API_KEY, SEND_ONLY_KEY, Fault, ResendServer, resend_server

KEY = "5f0c2c1e-7d55-5a0b-9a3e-0d8f6b1c2a34"
OTHER_KEY = "00000000-7d55-5a0b-9a3e-0d8f6b1c2a34"
HTML = "<p>Grüße 📄</p>\n"


def mime(*, subject: str = "✅ New PAID FBI Order — 2026-02-04", **headers: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Document Services <orders@documents.example>"
    message["To"] = "Ann <ann@example.com>, office@documents.example"
    message["Subject"] = subject
    message["Date"] = "Wed, 04 Feb 2026 12:00:00 +0000"
    message["Message-ID"] = "<tracking-1.3@documents.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Grüße\nzwei Zeilen\n")
    message.add_alternative(HTML, subtype="html")
    return message.as_bytes()


@pytest.fixture
def server() -> Iterator[ResendServer]:
    with resend_server() as resend:
        yield resend


@pytest.fixture
def mailer(server: ResendServer) -> ResendMailer:
    return ResendMailer(Session(timeout=5), api_base=f"{server.url}/", api_key=API_KEY)


@pytest.fixture
def hasty(server: ResendServer) -> ResendMailer:
    """A mailer that does not wait for slow answers."""
    return ResendMailer(Session(timeout=0.2), api_base=server.url, api_key=API_KEY)


def test_a_mail_is_taken_apart_into_what_resend_asks_for(server: ResendServer, mailer: ResendMailer) -> None:
    ids = [f"<{number}.{'a' * 40}@documents.example>" for number in range(25)]
    message = mime(In_Reply_To=ids[-1], References=" ".join(ids), Auto_Submitted="auto-generated")
    assert mailer.send(message, key=KEY) == server.sent[0].id
    assert server.sent[0].key == KEY
    assert server.sent[0].mail == {
        "from": "Document Services <orders@documents.example>",
        "to": ["Ann <ann@example.com>", "office@documents.example"],
        "subject": "✅ New PAID FBI Order — 2026-02-04",
        "html": HTML,
        "text": "Grüße\nzwei Zeilen\n",
        "headers": {"In-Reply-To": ids[-1], "References": " ".join(ids), "Auto-Submitted": "auto-generated"},
        "tags": [{"name": "key", "value": KEY}],
    }


def test_copies_reply_addresses_and_attachments_are_not_lost() -> None:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "orders@documents.example", "ann@example.com", "Invoice"
    message["Cc"], message["Reply-To"] = "ben@example.com", "orders+token@documents.example"
    message.set_content("See the file.\n")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="invoice.pdf")
    assert json.loads(mail_body(message.as_bytes(), key="of/another form")) == {
        "from": "orders@documents.example",
        "to": ["ann@example.com"],
        "cc": ["ben@example.com"],
        "reply_to": ["orders+token@documents.example"],
        "subject": "Invoice",
        "text": "See the file.\n",
        "attachments": [{"filename": "invoice.pdf", "content": "JVBERg==", "content_type": "application/pdf"}],
    }


def test_an_address_beyond_ascii_stays_readable() -> None:
    message = EmailMessage(policy=SMTPUTF8)
    message["From"], message["To"], message["Subject"] = "orders@documents.example", "änn@example.com", "Grüße"
    message.set_content("Hello\n")
    body = json.loads(mail_body(message.as_bytes(), key=KEY))
    assert (body["to"], body["subject"]) == (["änn@example.com"], "Grüße")


def test_the_same_mail_has_the_same_body() -> None:
    message = mime(References="<a@documents.example>")
    assert mail_body(message, key=KEY) == mail_body(bytes(message), key=KEY)


def test_the_same_key_sends_once(server: ResendServer, mailer: ResendMailer) -> None:
    message = mime()
    assert mailer.send(message, key=KEY) == mailer.send(message, key=KEY)
    assert mailer.send(message, key=OTHER_KEY) != mailer.send(message, key=KEY)
    assert [sent.key for sent in server.sent] == [KEY, OTHER_KEY]


def test_the_same_key_with_another_mail_is_declined(server: ResendServer, mailer: ResendMailer) -> None:
    mailer.send(mime(), key=KEY)
    with pytest.raises(Declined, match="invalid_idempotent_request 409"):
        mailer.send(mime(subject="Another"), key=KEY)
    assert len(server.sent) == 1


def test_many_threads_share_one_mailer(server: ResendServer, mailer: ResendMailer) -> None:
    message = mime()
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: mailer.send(message, key=f"key-{number % 4}"), range(16)))
    assert len(server.sent) == len(set(ids)) == 4


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "invalid_idempotency_key"),
        (400, "validation_error"),
        (401, "missing_api_key"),
        (401, "restricted_api_key"),
        (403, "invalid_api_key"),
        (403, "suspended_api_key"),
        (403, "invalid_permission"),
        (403, "validation_error"),
        (403, "email_above_quota"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (409, "invalid_idempotent_request"),
        (422, "missing_required_field"),
        (422, "missing_required_parameter"),
        (422, "invalid_parameter"),
        (422, "invalid_attachment"),
        (422, "invalid_from_address"),
        (422, "validation_error"),
        (451, "security_error"),
        (418, "a_name_of_next_year"),
    ],
)
def test_a_no_is_final(server: ResendServer, mailer: ResendMailer, status: int, name: str) -> None:
    server.plan(Fault(status, name))
    with pytest.raises(Declined) as no:
        mailer.send(mime(), key=KEY)
    assert no.value.reason == f"{name} {status}"


@pytest.mark.parametrize(
    ("status", "name", "asked", "wait"),
    [
        (409, "concurrent_idempotent_requests", "", 1.0),
        (409, "resource_locked", "2", 2.0),
        (429, "rate_limit_exceeded", "7", 7.0),
        (429, "rate_limit_exceeded", "", None),
        (429, "rate_limit_exceeded", "soon", None),
        (429, "daily_quota_exceeded", "", 3600.0),
        (429, "monthly_quota_exceeded", "5", 3600.0),
        (429, "daily_quota_exceeded", "40000", 40_000.0),
        (429, "a_name_of_next_year", "3", 3.0),
        (408, "", "", None),
        (500, "application_error", "", None),
        (500, "internal_server_error", "", None),
        (503, "service_unavailable", "30", 30.0),
        (599, "a_name_of_next_year", "", None),
    ],
)
def test_a_not_now_is_tried_again(
    server: ResendServer, mailer: ResendMailer, status: int, name: str, asked: str, wait: float | None
) -> None:
    server.plan(Fault(status, name, headers={"retry-after": asked} if asked else {}))
    with pytest.raises(Unreachable) as later:
        mailer.send(mime(), key=KEY)
    assert later.value.retry_after == wait
    assert mailer.send(mime(), key=KEY) == server.sent[0].id


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, Declined), (404, Declined), (429, Unreachable), (502, Unreachable), (302, Unreachable), (200, Unreachable)],
)
def test_an_answer_in_html_counts_by_its_status(
    server: ResendServer, mailer: ResendMailer, status: int, error: type[Exception]
) -> None:
    server.plan(Fault(status, html=True, headers={"Location": f"{server.url}/elsewhere"} if status == 302 else {}))
    with pytest.raises(error):
        mailer.send(mime(), key=KEY)
    assert server.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(accept=True),
        Fault(slow=True, accept=True),
        Fault(500, accept=True),
        Fault(200, html=True, accept=True),
        Fault(409, "concurrent_idempotent_requests", accept=True),
    ],
    ids=["broken", "slow", "500", "html", "concurrent"],
)
def test_a_mail_accepted_without_an_answer_is_not_sent_twice(
    server: ResendServer, mailer: ResendMailer, hasty: ResendMailer, fault: Fault
) -> None:
    server.plan(fault)
    with pytest.raises(Unreachable):
        (hasty if fault.slow else mailer).send(mime(), key=KEY)
    assert mailer.send(mime(), key=KEY) == server.sent[0].id
    assert len(server.sent) == 1
    assert server.requests[0] == server.requests[1]


@pytest.mark.parametrize("fault", [Fault(), Fault(slow=True)], ids=["broken", "slow"])
def test_a_request_that_never_arrived_is_sent_by_the_next_try(
    server: ResendServer, mailer: ResendMailer, hasty: ResendMailer, fault: Fault
) -> None:
    server.plan(fault)
    with pytest.raises(Unreachable):
        (hasty if fault.slow else mailer).send(mime(), key=KEY)
    assert server.sent == []
    assert mailer.send(mime(), key=KEY) == server.sent[0].id


def test_nobody_listening_is_unreachable() -> None:
    with resend_server() as gone:
        pass
    with pytest.raises(Unreachable):
        ResendMailer(Session(timeout=5), api_base=gone.url, api_key=API_KEY).send(mime(), key=KEY)


def test_the_wire_message_id_is_read_back(server: ResendServer, mailer: ResendMailer) -> None:
    provider_id = mailer.send(mime(), key=KEY)
    assert mailer.message_id(provider_id) == server.sent[0].message_id
    assert mailer.message_id("never-sent") is None
    assert mailer.message_id("../emails?x") is None


def test_reading_back_fails_as_sending_does(server: ResendServer, mailer: ResendMailer) -> None:
    provider_id = mailer.send(mime(), key=KEY)
    server.plan(Fault(500), Fault(429, headers={"retry-after": "9"}))
    with pytest.raises(Unreachable):
        mailer.message_id(provider_id)
    with pytest.raises(Unreachable) as later:
        mailer.message_id(provider_id)
    assert later.value.retry_after == 9
    sender = ResendMailer(Session(timeout=5), api_base=server.url, api_key=SEND_ONLY_KEY)
    assert sender.send(mime(), key=KEY) == provider_id
    with pytest.raises(Declined, match="restricted_api_key 401"):
        sender.message_id(provider_id)


def test_neither_the_api_key_nor_an_address_is_told(
    server: ResendServer, mailer: ResendMailer, caplog: pytest.LogCaptureFixture
) -> None:
    server.plan(Fault(422, "invalid_parameter"), Fault(422, "ann@example.com is no address"), Fault(500), Fault())
    told = []
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            with pytest.raises((Declined, Unreachable)) as error:
                mailer.send(mime(), key=KEY)
            told += [repr(error.value), str(error.value)]
        wrong = ResendMailer(Session(timeout=5), api_base=server.url, api_key="re_wrong")
        with pytest.raises(Declined, match="invalid_api_key 403") as no:
            wrong.send(mime(), key=KEY)
    everything = "\n".join([*told, str(no.value), caplog.text])
    assert not [secret for secret in (API_KEY, "re_wrong", "ann@example.com") if secret in everything]


def test_a_mail_cannot_be_deleted_and_nobody_is_asked(server: ResendServer, mailer: ResendMailer) -> None:
    with pytest.raises(CannotDelete, match="no single mail"):
        mailer.delete(key=KEY, id=mailer.send(mime(), key=KEY))
    assert len(server.requests) == 1
