"""The kinds of order, and how outsiders may write them."""

import pytest

from domain.documents.catalogue import KINDS, NOTARY, SERVICES, Kind, find_service

SPELLINGS = [
    ("fbi", "fbi"),
    ("FBI Apostille", "fbi"),
    ("fbi_apostille", "fbi"),
    ("FBI-APOSTILLE", "fbi"),
    ("Triple_Seal_Apostilles", "marriage"),
    ("triple seal marriage", "marriage"),
    ("embassylegalization", "embassy"),
    ("State Apostille", "apostille"),
    ("Apostille_Services", "apostille"),
    ("TRANSLATION", "translation"),
    ("I-9", "i9"),
    ("I_9_Verification", "i9"),
    ("i 9 verification", "i9"),
    ("Get A Quote Leads", "quote"),
    ("Notary_Services", "notary"),
    ("online-notary", "notary"),
]


def test_seven_kinds_have_a_form_and_the_notary_is_only_called_about() -> None:
    assert list(KINDS) == ["fbi", "marriage", "embassy", "apostille", "translation", "i9", "quote"]
    assert [kind.path for kind in KINDS.values()] == [f"/{code}/create-order/" for code in KINDS]
    assert NOTARY.path == ""
    assert list(SERVICES.values()) == [*KINDS.values(), NOTARY]


def test_two_kinds_are_paid_and_only_a_quote_takes_no_files() -> None:
    assert [code for code, kind in KINDS.items() if kind.paid] == ["fbi", "marriage"]
    assert [code for code, kind in KINDS.items() if not kind.takes_files] == ["quote"]


def test_records_start_at_order_received_a_quote_at_new_and_a_notary_call_as_a_call() -> None:
    first = {kind.code: kind.first_crm_stage for kind in SERVICES.values()}
    assert (first.pop("quote"), first.pop("notary")) == ("New", "Phone Call Received")
    assert set(first.values()) == {"Order Received"}


@pytest.mark.parametrize(("text", "code"), SPELLINGS)
def test_a_service_is_recognised_however_it_is_written(text: str, code: str) -> None:
    kind = find_service(text)
    assert kind is not None
    assert kind.code == code


@pytest.mark.parametrize("kind", SERVICES.values(), ids=SERVICES)
def test_every_name_of_a_kind_means_that_kind(kind: Kind) -> None:
    names = (kind.code, kind.service, kind.long_label, kind.short_label, kind.module)
    assert {find_service(name) for name in names} == {kind}


@pytest.mark.parametrize("text", ["", "apostilles", "passport", "fbi+apostille"])
def test_an_unknown_service_is_none(text: str) -> None:
    assert find_service(text) is None
