"""What callers are told when something is refused, declined or not answered."""

import pytest

from domain.shared.errors import Declined, Invalid, NotFound, Refused, Unreachable


class ShopClosed(Refused):
    """A refusal as a business line would define it."""

    code = "shop_closed"
    sentence = "The shop is closed."


def test_a_refusal_says_its_own_sentence() -> None:
    assert str(ShopClosed()) == "The shop is closed."
    assert (ShopClosed.code, ShopClosed.status) == ("shop_closed", 409)


def test_a_refusal_may_say_something_more_exact() -> None:
    assert str(ShopClosed("The shop opens at nine.")) == "The shop opens at nine."


def test_unknown_things_are_answered_with_404_and_the_same_words() -> None:
    assert (NotFound.code, NotFound.status) == ("not_found", 404)
    assert str(NotFound()) == str(NotFound())


def test_invalid_input_names_each_field_and_its_messages() -> None:
    refusal = Invalid({"email": ("Not a valid email address.",)})
    assert (refusal.code, refusal.status) == ("invalid", 422)
    assert refusal.fields == {"email": ["Not a valid email address."]}
    assert str(refusal) == "Some fields are not valid."


def test_a_vendor_that_declines_gives_a_reason() -> None:
    assert Declined("mailbox unknown").reason == "mailbox unknown"
    assert str(Declined("mailbox unknown")) == "The vendor declined: mailbox unknown."


@pytest.mark.parametrize("seconds", [None, 7.5])
def test_a_vendor_that_cannot_be_reached_may_say_when_to_come_back(seconds: float | None) -> None:
    failure = Unreachable("timed out", retry_after=seconds)
    assert failure.retry_after == seconds
    assert str(failure) == "The vendor could not be reached: timed out."
