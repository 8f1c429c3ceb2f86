"""The events Resend posts: who signed them, and what they say."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.resend_events import ResendEvent, UnreadableEvent, read_resend_event, verify_resend
from domain.shared.errors import BadSignature
from tests.vendors.resend_server import signed_headers

RECORDED = Path(__file__).parent.parent / "recorded" / "resend"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
OTHER_SECRET = "whsec_YW5vdGhlciBzZWNyZXQgb2Ygb3Vycw=="
BODY = b'{"type":"email.delivered","data":{"email_id":"e1"}}'
SENT_AT = datetime.fromtimestamp(1_700_000_000, UTC)
HEADERS = {
    "svix-id": "msg_ledger0001",
    "svix-timestamp": "1700000000",
    "svix-signature": "v1,NiKHwakfSQQIbu9o2PveuudcnCL0mcJOAGYKAfPpV+c=",
}
SIGNATURE = HEADERS["svix-signature"]
EVENT = ResendEvent(
    type="",
    at=datetime(2026, 11, 22, 23, 41, 12, 126000, UTC),
    email_id="0b1f3c9e-6a52-4c1e-9f2d-7d0a5e4c3b21",
    message_id="<0100019a8c3e5d20-000000@us-east-2.amazonses.com>",
    key="5f0c2c1e-7d55-5a0b-9a3e-0d8f6b1c2a34",
    to=("ann@example.com",),
)


def check(
    headers: Mapping[str, str] = HEADERS, *, secret: str = SECRET, body: bytes = BODY, now: datetime = SENT_AT
) -> None:
    verify_resend(secret, headers, body, now=now)


def test_the_signature_of_the_conformance_vector_holds() -> None:
    check()
    assert signed_headers(BODY, secret=SECRET, id="msg_ledger0001", at=1_700_000_000) == HEADERS


def test_header_names_may_be_written_in_any_case() -> None:
    check({name.title(): value for name, value in HEADERS.items()})


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_message_may_be_five_minutes_off(seconds: int) -> None:
    check(now=SENT_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 300.5, 90_000])
def test_an_older_or_later_message_is_refused(seconds: float) -> None:
    with pytest.raises(BadSignature):
        check(now=SENT_AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("secret", [f"{OTHER_SECRET} {SECRET}", f"{SECRET} {OTHER_SECRET}", SECRET[6:], f" {SECRET}\n"])
def test_one_of_several_secrets_is_enough_while_one_replaces_another(secret: str) -> None:
    check(secret=secret)


@pytest.mark.parametrize(
    "signatures",
    [f"v1,AAAA {SIGNATURE}", f"{SIGNATURE} v1,AAAA", f"v1a,AAAA v2,BBBB {SIGNATURE}", f"  {SIGNATURE} "],
)
def test_one_of_several_signatures_is_enough(signatures: str) -> None:
    check(HEADERS | {"svix-signature": signatures})


@pytest.mark.parametrize(
    "signatures",
    ["", "v1", "v1,", "v1,AAAA", SIGNATURE[3:], SIGNATURE.replace("v1", "v2"), SIGNATURE.replace("v1", "V1"), "v1,Ä"],
)
def test_no_signature_of_the_first_version_is_refused(signatures: str) -> None:
    with pytest.raises(BadSignature):
        check(HEADERS | {"svix-signature": signatures})


@pytest.mark.parametrize("missing", HEADERS)
def test_each_of_the_three_headers_is_needed(missing: str) -> None:
    with pytest.raises(BadSignature):
        check({name: value for name, value in HEADERS.items() if name != missing})


@pytest.mark.parametrize("sent_at", ["1700000001", "1_700_000_000", "+1700000000", "1700000000.0", "now", "9" * 40])
def test_another_time_is_refused(sent_at: str) -> None:
    with pytest.raises(BadSignature):
        check(HEADERS | {"svix-timestamp": sent_at})


def test_another_id_another_body_and_another_secret_are_refused() -> None:
    for changed in (
        {"headers": HEADERS | {"svix-id": "msg_ledger0002"}},
        {"body": BODY + b" "},
        {"secret": OTHER_SECRET},
    ):
        with pytest.raises(BadSignature) as refusal:
            check(**changed)
        assert (refusal.value.status, refusal.value.code) == (400, "bad_signature")


@pytest.mark.parametrize("secret", ["", " ", "whsec_"])
def test_without_a_secret_nothing_is_believed(secret: str) -> None:
    forged = signed_headers(BODY, secret="", id="msg_forged", at=1_700_000_000)
    with pytest.raises(BadSignature):
        check(forged, secret=secret)


def test_a_secret_of_another_form_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match=r".") as told:
        check(secret="whsec_not*base64")
    assert "not*base64" not in str(told.value)


def said(recorded: str) -> ResendEvent:
    return read_resend_event((RECORDED / f"{recorded}.json").read_bytes())


def event(type: str, outcome: str | None, **other: Any) -> ResendEvent:
    return msgspec.structs.replace(EVENT, type=type, outcome=outcome, **other)


def test_scheduled() -> None:
    assert said("scheduled") == event("email.scheduled", "scheduled", message_id=None)


def test_sent() -> None:
    assert said("sent") == event("email.sent", "sent")


def test_delivered() -> None:
    assert said("delivered") == event("email.delivered", "delivered")


def test_delivery_delayed() -> None:
    assert said("delivery_delayed") == event("email.delivery_delayed", "delayed", message_id=None)


def test_opened() -> None:
    assert said("opened") == event("email.opened", "opened")


def test_clicked() -> None:
    assert said("clicked") == event("email.clicked", "clicked")


def test_complained() -> None:
    assert said("complained") == event("email.complained", "complained")


def test_bounced_for_good() -> None:
    detail = "The recipient's mail server rejected ann@example.com.; smtp; 550 5.1.1 user unknown"
    assert said("bounced") == event("email.bounced", "bounced", reason="permanent", detail=detail)


def test_bounced_for_now() -> None:
    wanted = event("email.bounced", "bounced", reason="temporary", detail="The mailbox is full.")
    assert said("bounced_transient") == wanted


def test_failed() -> None:
    assert said("failed") == event("email.failed", "failed", reason="quota")


def test_failed_for_a_reason_in_free_text() -> None:
    detail = "The domain documents.example is not verified"
    assert said("failed_unknown_reason") == event("email.failed", "failed", reason="other", detail=detail)


def test_suppressed() -> None:
    wanted = event(
        "email.suppressed", "suppressed", reason="bounced_before", detail="The address is on the suppression list."
    )
    assert said("suppressed") == wanted


def test_received_is_no_outcome_of_a_mail_of_ours() -> None:
    assert said("received") == event("email.received", None, key=None, message_id="<CAF=reply@mail.example.com>")


def test_events_about_other_things_are_kept() -> None:
    assert said("contact_created") == ResendEvent(type="contact.created", at=EVENT.at)


def test_an_event_we_never_heard_of_is_kept_with_what_can_be_read() -> None:
    assert said("unheard_of") == event("email.teleported", None, message_id=None, key=None)


def test_every_recorded_event_has_a_test() -> None:
    tests = Path(__file__).read_text()
    assert [file.stem for file in RECORDED.iterdir() if f'said("{file.stem}")' not in tests] == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"{}", b'{"type": 7}', b'{"type": ""}', b"\xff\xfe", b'{"type":"\xff"}']
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_resend_event(body)


@pytest.mark.parametrize(
    "data", ["null", "[]", '{"to": {}, "tags": 1, "email_id": 2, "message_id": "a b", "bounce": []}']
)
def test_data_of_another_shape_leaves_the_type(data: str) -> None:
    read = read_resend_event(f'{{"type": "email.sent", "created_at": "soon", "data": {data}}}'.encode())
    assert (read.type, read.outcome, read.to, read.at) == ("email.sent", "sent", (), None)
    assert (read.email_id, read.message_id, read.key) == (None, None, None)


def test_a_message_id_without_brackets_gets_them() -> None:
    assert read_resend_event(b'{"type": "email.sent", "data": {"message_id": " a@b "}}').message_id == "<a@b>"


def test_a_time_beyond_all_calendars_is_none() -> None:
    body = b'{"type":"email.sent","created_at":"9999-12-31T23:59:59-12:00","data":{}}'
    assert read_resend_event(body).at is None
