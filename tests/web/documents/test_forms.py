"""The seven forms: what each asks, what each refuses, and the exact words it says."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from domain.documents.catalogue import KINDS
from domain.shared.errors import Invalid
from tests.web.documents.bodies import (
    LEAST,
    MORE,
    NOW,
    OFFER,
    OFFICE,
    REQUIRED,
    errors,
    read,
    refusals,
    value,
)
from web.documents.forms import FORMS, Offer

UNKNOWN = "Unknown field."
CERTIFICATE = "Send the certificate number or a copy of it."

REQUIRED_FIELDS = [(kind, field) for kind, body in LEAST.items() for field in body if field != "certificate_number"]


def test_there_is_a_form_for_every_kind_that_has_a_path() -> None:
    assert list(FORMS) == list(KINDS)


@pytest.mark.parametrize("kind", LEAST)
def test_scenario_3_exactly_the_required_fields_are_enough(kind: str) -> None:
    values = read(kind, LEAST[kind])
    assert values["name"] == "John Doe"
    assert {name for name, given in values.items() if given is not False} == set(LEAST[kind])


@pytest.mark.parametrize("kind", LEAST)
def test_every_other_field_may_be_sent_too(kind: str) -> None:
    remarks = {} if kind == "translation" else {"comments": "Call first"}
    body = LEAST[kind] | MORE[kind] | remarks | {"company": "Acme"}
    known = set(FORMS[kind](offer=OFFER, now=NOW, office=OFFICE, has_files=False).fields)
    assert known == set(body) | {"attribution"}
    assert len(read(kind, body)) == len(body)


@pytest.mark.parametrize(("kind", "field"), REQUIRED_FIELDS)
def test_scenario_4_a_required_field_left_out_is_named_alone(kind: str, field: str) -> None:
    body = {name: sent for name, sent in LEAST[kind].items() if name != field}
    assert refusals(kind, body) == {field: [REQUIRED]}


@pytest.mark.parametrize(("kind", "field"), REQUIRED_FIELDS)
@pytest.mark.parametrize("nothing", [None, "", " \t ", []])
def test_null_blanks_and_an_empty_list_are_nothing(kind: str, field: str, nothing: Any) -> None:
    assert errors(kind, **{field: nothing}) == {field: [REQUIRED]}


def test_scenario_5_everything_wrong_is_told_at_once() -> None:
    assert errors("fbi", email="a@", phone="12", name="   ", count=0, package="unheard_of") == {
        "email": ["Not a valid email address."],
        "phone": ["Enter a phone number with 7 to 15 digits."],
        "name": [REQUIRED],
        "count": ["Must be between 1 and 100."],
        "package": ["Not offered."],
    }


def test_scenario_6_a_marriage_needs_the_certificate_number_or_a_copy() -> None:
    both = {"certificate_number": [CERTIFICATE], "files": [CERTIFICATE]}
    assert errors("marriage", certificate_number=" ") == both
    assert read("marriage", LEAST["marriage"])["certificate_number"] == "12345"
    without = {name: sent for name, sent in LEAST["marriage"].items() if name != "certificate_number"}
    assert "certificate_number" not in read("marriage", without, has_files=True)


def test_scenario_6_the_certificate_is_asked_for_beside_other_errors() -> None:
    found = errors("marriage", certificate_number="", country="X", wife_name="")
    assert set(found) == {"certificate_number", "files", "country", "wife_name"}


def test_scenario_7_a_quote_takes_no_files() -> None:
    assert refusals("quote", LEAST["quote"], has_files=True) == {"files": ["This form takes no files."]}
    assert errors("quote", files=[]) == {"files": ["This form takes no files."]}


@pytest.mark.parametrize("kind", [kind for kind in LEAST if kind != "quote"])
def test_files_cannot_be_sent_as_text(kind: str) -> None:
    assert errors(kind, files=["a.pdf"]) == {"files": ["Send files as multipart/form-data."]}


def test_problems_of_files_are_told_with_those_of_fields() -> None:
    form = FORMS["embassy"](offer=OFFER, now=NOW, office=OFFICE, has_files=True)
    with pytest.raises(Invalid) as refused:
        form.read(LEAST["embassy"] | {"email": "a@"}, problems={"files.1": ["The file is empty."]})
    assert refused.value.fields == {
        "files.1": ["The file is empty."],
        "email": ["Not a valid email address."],
    }


def test_scenario_8_an_appointment_yesterday_is_in_the_past() -> None:
    assert errors("i9", appointment_date="2026-02-08") == {"appointment_date": ["The date is in the past."]}


def test_scenario_8_the_languages_must_differ() -> None:
    found = errors("translation", original_language="English", target_language=" english ")
    assert found == {"target_language": ["The languages must differ."]}


def test_scenario_8_a_quote_has_date_and_time_or_neither() -> None:
    assert errors("quote", appointment_date="2026-02-10") == {"appointment_time": [REQUIRED]}
    assert errors("quote", appointment_time="09:00", appointment_date=" ") == {"appointment_date": [REQUIRED]}
    wrong = errors("quote", appointment_date="2026-02-10", appointment_time="soon")
    assert wrong == {"appointment_time": ["Not a valid time."]}


def test_scenario_15_what_is_not_on_the_price_list_is_not_offered() -> None:
    assert errors("fbi", shipping="fedex") == {"shipping": ["Not offered."]}
    assert errors("marriage", shipping=["ups"]) == {"shipping": ["Not offered."]}
    assert errors("fbi", package=7) == {"package": ["Not offered."]}


@pytest.mark.parametrize("kind", LEAST)
def test_an_unknown_field_is_refused_and_named(kind: str) -> None:
    assert errors(kind, nickname="JD") == {"nickname": [UNKNOWN]}
    assert errors(kind, nickname=None) == {"nickname": [UNKNOWN]}


@pytest.mark.parametrize(("kind", "field"), [("embassy", "package"), ("translation", "comments"), ("quote", "country")])
def test_a_field_of_another_form_is_unknown(kind: str, field: str) -> None:
    assert errors(kind, **{field: "standard"}) == {field: [UNKNOWN]}


def test_a_marriage_was_between_1900_and_today() -> None:
    assert value("marriage", "marriage_date", "1900-01-01") == date(1900, 1, 1)
    assert value("marriage", "marriage_date", "2026-02-09") == date(2026, 2, 9)
    assert errors("marriage", marriage_date="1899-12-31") == {"marriage_date": ["Not a valid date."]}
    assert errors("marriage", marriage_date="2026-02-10") == {"marriage_date": ["The date is in the future."]}


def test_today_is_the_offices_today() -> None:
    late_evening = datetime(2026, 2, 10, 4, 30, tzinfo=UTC)
    found = refusals("marriage", LEAST["marriage"] | {"marriage_date": "2026-02-10"}, now=late_evening)
    assert found == {"marriage_date": ["The date is in the future."]}


def test_an_appointment_is_within_a_year() -> None:
    assert value("i9", "appointment_date", "2027-02-09") == date(2027, 2, 9)
    found = errors("i9", appointment_date="2027-02-10")
    assert found == {"appointment_date": ["The date is more than 365 days ahead."]}


def test_an_appointment_today_is_later_than_now_at_the_office() -> None:
    today = LEAST["i9"] | {"appointment_date": "2026-02-09"}
    assert read("i9", today | {"appointment_time": "15:30"})["appointment_time"] == time(15, 30)
    found = errors("i9", appointment_date="2026-02-09", appointment_time="15:29")
    assert found == {"appointment_time": ["The date is in the past."]}


@pytest.mark.parametrize("kind", LEAST)
def test_every_field_tells_a_page_how_to_show_it(kind: str) -> None:
    form = FORMS[kind](offer=OFFER, now=NOW, office=OFFICE, has_files=False)
    names = [name for name, _ in form.shown_fields()]
    assert names[:4] == ["name", "email", "phone", "company"]
    assert "quoted_total" not in names
    for _, field in form.shown_fields():
        assert field.metadata["label"]
        if field.metadata["input"] == "checkboxes":
            assert all(label for _, label in field.metadata["options"])
        if field.metadata["input"] == "select":
            assert field.metadata["offer"] in Offer.__struct_fields__
