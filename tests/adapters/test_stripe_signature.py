"""Stripe's signatures, judged as Stripe's own library judges them."""

from datetime import timedelta
from itertools import product

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from adapters.stripe import verify_stripe
from domain.shared.errors import BadSignature
from domain.shared.payments import stripe_signature
from tests.wishes import NOW

SECRET = "whsec_test_secret"
SIGNED_AT = 1_700_000_000
BODY = (
    b'{"id":"evt_1","object":"event","type":"checkout.session.completed",'
    b'"data":{"object":{"id":"cs_test_1","object":"checkout.session"}}}'
)
V1 = "6fe052aadac719d355682c79db650d0e21217938582a12e73ca8d7b57fe5353f"
THEN = NOW.fromtimestamp(SIGNED_AT, NOW.tzinfo)


def header(*, at: object = SIGNED_AT, v1: str = V1) -> str:
    return f"t={at},v1={v1}"


def holds(signature: str | None, *, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), ahead: float = 0) -> bool:
    try:
        verify_stripe(secrets, signature, body, now=THEN - timedelta(seconds=ahead))
    except BadSignature:
        return False
    return True


def library_holds(signature: str, body: bytes, secret: str = SECRET) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body.decode(), signature, secret, tolerance=None))
    except stripe.SignatureVerificationError:
        return False


def test_the_conformance_vector_holds() -> None:
    assert stripe_signature(SECRET, str(SIGNED_AT), BODY) == V1
    assert holds(header())
    assert library_holds(header(), BODY)


@pytest.mark.parametrize(
    "signature",
    [None, "", ",", "v1", f"v1={V1}", f"t={SIGNED_AT}", f"t={SIGNED_AT},v0={V1}", f"t=,v1={V1}", f"t=soon,v1={V1}"],
)
def test_an_incomplete_signature_does_not_hold(signature: str | None) -> None:
    assert not holds(signature)


@pytest.mark.parametrize(
    "at",
    ["-1", f"+{SIGNED_AT}", f" {SIGNED_AT}", "1_700_000_000", "\u0661\u0667" + "\u0660" * 8, "9" * 5000, SIGNED_AT + 1],
)
def test_a_time_that_was_not_signed_does_not_hold(at: object) -> None:
    assert not holds(header(at=at))


@pytest.mark.parametrize("v1", ["", V1[:-1], V1.upper(), "é" * 64, "0" * 64])
def test_another_signature_does_not_hold(v1: str) -> None:
    assert not holds(header(v1=v1))


def test_another_body_or_secret_does_not_hold() -> None:
    assert not holds(header(), body=BODY + b" ")
    assert not holds(header(), secrets=("whsec_other",))


def test_while_a_secret_is_replaced_either_side_may_have_two() -> None:
    new = stripe_signature("whsec_new", str(SIGNED_AT), BODY)
    assert holds(header(), secrets=("whsec_new", SECRET))
    assert holds(f"t={SIGNED_AT},v1={new},v1={V1},v0=x", secrets=(SECRET,))


def test_without_a_secret_nothing_holds() -> None:
    for blank in ("", " "):
        signature = header(v1=stripe_signature(blank, str(SIGNED_AT), BODY))
        assert not holds(signature, secrets=())
        assert not holds(signature, secrets=(blank,))


@pytest.mark.parametrize(("ahead", "good"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_22_a_signature_more_than_300_seconds_old_or_ahead_does_not_hold(ahead: float, good: bool) -> None:
    assert holds(header(), ahead=ahead) is good


def test_whatever_the_header_the_vendors_own_library_agrees() -> None:
    pieces = (f"t={SIGNED_AT}", "t=5", "t=x", f"v1={V1}", "v1=0", f"v0={V1}", "a=b=c")
    headers = [",".join(some) for count in range(5) for some in product(pieces, repeat=count)]
    assert [text for text in headers if holds(text) is not library_holds(text, BODY)] == []
    assert sum(map(holds, headers)) > 100


@given(
    body=st.text(max_size=200),
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
)
def test_what_we_sign_the_vendors_own_library_accepts(body: str, secret: str) -> None:
    signature = header(v1=stripe_signature(secret, str(SIGNED_AT), body.encode()))
    assert library_holds(signature, body.encode(), secret)
    assert holds(signature, body=body.encode(), secrets=(secret,))
