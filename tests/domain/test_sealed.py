"""A sealed value is plain while it is recorded, and closed to whoever does not ask."""

import pytest

from domain.sealed import Erased, Sealed, plain_json, sealed_type
from domain.shared.contact import Contact


def test_a_new_value_can_be_read() -> None:
    assert Sealed("Ada").open() == "Ada"
    assert Sealed("Ada").token is None


def test_a_value_is_never_shown_by_accident() -> None:
    assert "Ada" not in f"{Sealed('Ada')} {Sealed('Ada')!r} {[Sealed('Ada')]}"


def test_a_stored_value_is_opened_when_it_is_asked_for_and_only_once() -> None:
    opened: list[str] = []

    def opener() -> str:
        opened.append("once")
        return "Ada"

    sealed = Sealed[str].closed("token", opener)
    assert opened == []
    assert [sealed.open(), sealed.open()] == ["Ada", "Ada"]
    assert opened == ["once"]


def test_a_stored_value_can_be_told_later_how_it_is_opened() -> None:
    sealed = Sealed[str].closed("token")
    sealed.bind(lambda: "Ada")
    assert sealed.open() == "Ada"


def test_an_erased_value_says_so_every_time() -> None:
    def erased() -> str:
        raise Erased

    sealed = Sealed[str].closed("token", erased)
    for _ in range(2):
        with pytest.raises(Erased, match="erased"):
            sealed.open()


def test_values_with_the_same_token_are_equal_without_being_opened() -> None:
    assert Sealed[str].closed("token") == Sealed[str].closed("token")


def test_values_are_equal_when_what_they_hold_is() -> None:
    assert Sealed("Ada") == Sealed[str].closed("token", lambda: "Ada")
    assert Sealed("Ada") != Sealed("Bob")
    assert Sealed("Ada") != "Ada"


def test_equal_values_have_one_hash() -> None:
    assert hash(Sealed("Ada")) == hash(Sealed[str].closed("token", lambda: "Ada"))


@pytest.mark.parametrize(
    ("annotation", "held"),
    [(Sealed[str], str), (Sealed[Contact] | None, Contact), (Sealed[bytes], bytes), (str, None), (str | None, None)],
)
def test_what_a_field_seals_is_read_from_its_annotation(annotation: object, held: object) -> None:
    assert sealed_type(annotation) is held


def test_what_is_encrypted_is_json() -> None:
    assert plain_json("Ada") == b'"Ada"'
