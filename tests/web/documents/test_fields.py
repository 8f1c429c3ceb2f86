"""Each kind of value: how it may be written, its limits, and the exact words of a refusal."""

from typing import Any

import pytest

from tests.web.documents.bodies import LEAST, errors, read, value

LENGTHS = [
    *((kind, field, most) for kind in LEAST for field, most in (("name", 120), ("phone", 40), ("company", 120))),
    *((kind, "email", 254) for kind in LEAST),
    *((kind, "comments", 2000) for kind in LEAST if kind != "translation"),
    *((kind, "shipping_address", 500) for kind in ("fbi", "marriage")),
    *((kind, "country", 80) for kind in ("marriage", "embassy", "apostille")),
    *((kind, "document_type", 120) for kind in ("embassy", "apostille", "translation")),
    ("marriage", "husband_name", 120),
    ("marriage", "wife_name", 120),
    ("marriage", "certificate_number", 60),
    ("apostille", "state", 80),
    ("translation", "original_language", 60),
    ("translation", "target_language", 60),
    ("translation", "special_instructions", 2000),
]


@pytest.mark.parametrize(("kind", "field", "most"), LENGTHS)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(kind: str, field: str, most: int) -> None:
    fill = "5551234567" + "." * 300 if field == "phone" else "x" * 3000
    if field == "email":
        fill = f"j@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com"
    if field != "email":
        assert value(kind, field, fill[:most]) == fill[:most]
    assert errors(kind, **{field: fill[: most + 1]}) == {field: [f"Longer than {most} characters."]}


@pytest.mark.parametrize(
    ("kind", "field"), [("embassy", "country"), ("translation", "original_language"), ("marriage", "country")]
)
def test_a_place_or_language_has_two_characters_at_least(kind: str, field: str) -> None:
    assert errors(kind, **{field: "X"}) == {field: ["Shorter than 2 characters."]}


def test_a_name_has_a_letter_in_any_script() -> None:
    assert value("embassy", "name", "  Łukasz  ") == "Łukasz"
    assert value("embassy", "name", "李") == "李"
    assert errors("embassy", name="123") == {"name": ["Must contain a letter."]}


@pytest.mark.parametrize("bad", ["John\nDoe", "John\x00", "John\u2028Doe", "John\ud800"])
def test_a_line_of_text_has_no_control_characters(bad: str) -> None:
    assert errors("embassy", name=bad) == {"name": ["Must not contain control characters."]}


def test_longer_texts_keep_their_lines() -> None:
    assert value("embassy", "comments", "one\r\ntwo\rthree\tfour") == "one\ntwo\nthree\tfour"
    assert errors("embassy", comments="one\x07") == {"comments": ["Must not contain control characters."]}


def test_text_is_kept_in_one_unicode_form() -> None:
    assert value("embassy", "name", "Jose\u0301") == "Jos\u00e9"


@pytest.mark.parametrize("bad", [5, True, ["John"], {"first": "John"}])
def test_only_text_is_text(bad: Any) -> None:
    assert errors("embassy", name=bad) == {"name": ["Not a valid text."]}


def test_the_domain_of_an_address_is_kept_in_lower_case() -> None:
    assert value("embassy", "email", " John@EXAMPLE.com ") == "John@example.com"


@pytest.mark.parametrize("bad", ["john", "@example.com", "john@example", "a b@example.com", "j@-x.com"])
def test_an_address_that_cannot_be_is_refused(bad: str) -> None:
    assert errors("embassy", email=bad) == {"email": ["Not a valid email address."]}


def test_a_phone_number_is_kept_as_written() -> None:
    assert value("embassy", "phone", "(555) 123-4567 ext 12") == "(555) 123-4567 ext 12"
    assert errors("embassy", phone="123456") == {"phone": ["Enter a phone number with 7 to 15 digits."]}
    assert errors("embassy", phone="1" * 16) == {"phone": ["Enter a phone number with 7 to 15 digits."]}


@pytest.mark.parametrize(("sent", "count"), [(1, 1), (100, 100), ("7", 7), (" 7 ", 7)])
def test_a_count_is_a_number_or_digits(sent: Any, count: int) -> None:
    assert value("fbi", "count", sent) == count


@pytest.mark.parametrize("bad", [0, 101, -1, 2.5, "2.5", "many", True, [2], "9" * 5000])
def test_a_count_outside_its_range_is_refused(bad: Any) -> None:
    assert errors("fbi", count=bad) == {"count": ["Must be between 1 and 100."]}


@pytest.mark.parametrize("word", [True, 1, "true", "1", "Yes", " ON "])
def test_yes_can_be_said_in_several_ways(word: Any) -> None:
    assert value("embassy", "notarization", word) is True


@pytest.mark.parametrize("word", [False, 0, "false", "0", "No", "off", "", None])
def test_no_can_be_said_in_several_ways_and_by_silence(word: Any) -> None:
    assert value("embassy", "notarization", word) is False


@pytest.mark.parametrize("bad", ["perhaps", 2, [True], {}])
def test_anything_else_is_neither_yes_nor_no(bad: Any) -> None:
    assert errors("embassy", notarization=bad) == {"notarization": ["Must be true or false."]}


def test_the_quoted_total_is_read_as_cents() -> None:
    assert read("fbi", LEAST["fbi"] | {"quoted_total": " 255.00 "})["quoted_total_cents"] == 25500
    for bad in ("255.001", "-1", "1e3", "255 usd", 255):
        assert errors("fbi", quoted_total=bad) == {"quoted_total": ["Not a valid amount."]}


@pytest.mark.parametrize("bad", ["2001-02-30", "19.05.2001", "20010519", "2001-5-19", 20010519, "٢٠٠١-05-19"])
def test_a_date_is_written_in_one_way_only(bad: Any) -> None:
    assert errors("marriage", marriage_date=bad) == {"marriage_date": ["Not a valid date."]}


@pytest.mark.parametrize("bad", ["9:00", "24:00", "09:60", "09:00:00", "9 am", 900])
def test_a_time_is_written_in_one_way_only(bad: Any) -> None:
    assert errors("i9", appointment_time=bad) == {"appointment_time": ["Not a valid time."]}


@pytest.mark.parametrize(
    "sent",
    [["remote", "in_person"], "remote,in_person", "remote, In-Person,", '["remote", "in person"]'],
)
def test_services_can_be_written_in_several_ways(sent: Any) -> None:
    assert value("i9", "services", sent) == ["remote", "in_person"]


def test_one_service_may_be_one_text() -> None:
    assert value("i9", "services", "in-person") == ["in_person"]


def test_a_service_that_is_wrong_is_named_by_its_place() -> None:
    assert errors("i9", services=["remote", "fbi"]) == {"services.1": ["Not offered."]}
    assert errors("quote", services=["fbi", 7]) == {"services.1": ["Not offered."]}
    assert errors("quote", services="fbi,fbi") == {"services.1": ["Named more than once."]}


@pytest.mark.parametrize("bad", [5, {"fbi": True}, '["fbi"', "[" * 5000])
def test_what_is_not_a_list_of_services_is_refused(bad: Any) -> None:
    assert errors("quote", services=bad) == {"services": ["Not a valid list."]}


def test_a_list_of_thousands_is_not_answered_in_full() -> None:
    assert len(errors("quote", services=["fbi"] * 5000)) == 8


def test_all_eight_services_may_be_asked_about_at_once() -> None:
    every = ["fbi", "marriage", "embassy", "apostille", "translation", "i9", "notary", "other"]
    assert value("quote", "services", every) == every
