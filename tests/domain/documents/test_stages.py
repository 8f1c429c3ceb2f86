"""The steps of each service, and the names the CRM gives them."""

import pytest

from domain.documents.catalogue import KINDS
from domain.documents.stages import STAGES, Stage, find_stage, first_stage, is_call_stage, stages_of

CODES = {
    "fbi_apostille": "document_received submitted processed_dos translated delivered completed",
    "state_apostille": "document_received quote_review in_progress delivered completed",
    "embassy_legalization": "document_received quote_review notarized state_authenticated "
    "federal_authenticated embassy_legalized delivered completed",
    "translation": "document_received quote_review in_translation translated certified delivered completed",
    "marriage": "document_received submitted county_sealed state_sealed federal_sealed delivered completed",
    "i9": "document_received appointment_confirmed documents_reviewed verified completed",
    "quote": "request_received quote_review quoted completed",
}
EVERY_STAGE = [(service, stage) for service, stages in STAGES.items() for stage in stages]


@pytest.mark.parametrize("service", CODES)
def test_the_steps_of_a_service_stand_in_order(service: str) -> None:
    assert [stage.code for stage in stages_of(service, translated=True)] == CODES[service].split()


def test_every_kind_that_can_be_ordered_has_steps() -> None:
    assert {kind.service for kind in KINDS.values()} == set(STAGES)


def test_an_fbi_order_is_translated_only_where_it_is_wanted() -> None:
    assert "translated" not in [stage.code for stage in stages_of("fbi_apostille", translated=False)]
    assert stages_of("translation", translated=False) == stages_of("translation", translated=True)


def test_an_order_starts_with_its_first_step() -> None:
    assert first_stage("i9").code == "document_received"
    assert first_stage("quote").code == "request_received"


@pytest.mark.parametrize(("service", "stage"), EVERY_STAGE)
def test_a_step_is_found_by_its_label_and_its_code_in_any_spelling(service: str, stage: Stage) -> None:
    for name in (stage.label, stage.label.upper(), stage.label.replace(" ", "-"), stage.code):
        assert find_stage(service, name) == stage


@pytest.mark.parametrize(
    ("service", "text", "code"),
    [
        ("fbi_apostille", "submission in progress", "submitted"),
        ("fbi_apostille", "Processing at US DOS", "processed_dos"),
        ("marriage", "Documents Received", "document_received"),
        ("quote", "New", "request_received"),
        ("translation", "shipped", "delivered"),
        ("i9", "Done", "completed"),
        ("quote", "Closed", "completed"),
    ],
)
def test_the_crms_other_words_are_known(service: str, text: str, code: str) -> None:
    stage = find_stage(service, text)
    assert stage is not None
    assert stage.code == code


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("fbi_apostille", "Waiting for Bob"),
        ("fbi_apostille", ""),
        ("fbi_apostille", "New"),
        ("quote", "Order Received"),
        ("quote", "Shipped"),
        ("i9", "Out for Delivery"),
        ("i9", "Phone Call Received"),
    ],
)
def test_a_name_that_is_not_a_step_of_the_service_is_none(service: str, text: str) -> None:
    assert find_stage(service, text) is None


def test_an_operator_may_add_names_but_not_take_ours_away() -> None:
    aliases = {"Waiting for Bob": "submitted", "Completed": "submitted", "Lost": "no_such_step"}
    assert find_stage("marriage", "waiting for bob", aliases) == STAGES["marriage"][1]
    assert find_stage("marriage", "Completed", aliases) == STAGES["marriage"][-1]
    assert find_stage("marriage", "Lost", aliases) is None


def test_the_crms_stage_for_calls_is_recognised_as_no_step() -> None:
    assert is_call_stage("phone_call received")
    assert not is_call_stage("Order Received")
