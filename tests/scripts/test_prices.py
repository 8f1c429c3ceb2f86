"""`daybook prices`: how a ledger comes to its first prices, and who changed them."""

from pathlib import Path

import pytest

from adapters.wiring import Services
from domain.documents.price_list import current_prices
from tests.scripts.conftest import Command
from tests.wishes import WISHES
from tests.world import World, settings_for

OPEN = ("prices", "open", "--certificate", "25.00", "--marriage", "295.00")
STANDARD = ("--package", "standard", "175.00", "Standard", "10–12 business days")
UPS, MAIL = ("--shipping", "ups", "30.00", "UPS"), ("--shipping", "mail", "10.00", "USPS Mail")


def test_an_empty_ledger_is_given_its_first_prices_by_name(daybook: Command, tmp_path: Path) -> None:
    shown = daybook.json(*OPEN, *STANDARD, *UPS, *MAIL, "--by", "Ann Lee")

    assert shown["version"] == 1
    assert [(row["part"], row["code"], row["price"]) for row in shown["prices"]] == [
        ("package", "standard", "175.00"),
        ("shipping", "ups", "30.00"),
        ("shipping", "mail", "10.00"),
        ("certificate", "", "25.00"),
        ("marriage", "", "295.00"),
    ]
    assert [(line["change"], line["by"]) for line in daybook.json("prices", "history")] == [
        ("Opened", "operator:Ann Lee")
    ]
    services = Services(settings_for(daybook.environment["DAYBOOK_DATABASE_URL"], tmp_path))
    try:
        fbi = WISHES["fbi"]
        quote = current_prices(services.ledger).quote("fbi", package=fbi.package, count=fbi.count, shipping="ups")
    finally:
        services.stop()
    assert quote.total_cents == 25500


def test_a_list_opens_once(world: World, daybook: Command) -> None:
    sentence = "There is a price list already; change its prices one by one."

    assert daybook.complains(*OPEN) == sentence
    assert len(daybook.json("prices", "history")) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ((*UPS, *UPS), "code: Given twice."),
        (("--shipping", "U P S", "30.00", "UPS"), "code: Small letters, digits and underscores, at most 32."),
        (("--package", "standard", "175.00", " ", ""), "label: 1 to 80 characters."),
        (("--shipping", "ups", "100000.01", "UPS"), "price: Must be between 0.00 and 100000.00."),
        (("--shipping", "ups", "dear", "UPS"), "A price is written like 175.00."),
    ],
)
def test_first_prices_that_nobody_can_mean_are_refused(daybook: Command, wrong: tuple[str, ...], said: str) -> None:
    assert daybook.complains(*OPEN, *wrong) == said
    daybook.prints(*OPEN)


def test_prices_cannot_be_changed_before_there_are_any(daybook: Command, tmp_path: Path) -> None:
    Services(settings_for(daybook.environment["DAYBOOK_DATABASE_URL"], tmp_path)).stop()

    said = daybook.complains("prices", "base", "certificate", "26.00", "--reason", "costs")
    assert said == "There is no price list yet; `daybook prices open` opens it."


def test_a_change_names_who_decided_and_why(world: World, daybook: Command) -> None:
    daybook.prints("prices", "package", "standard", "199.00", "--label", "Standard", "--reason", "costs", "--by", "Ann")

    _, change = daybook.json("prices", "history")
    assert (change["by"], change["reason"], change["was"], change["now"]) == (
        "operator:Ann",
        "costs",
        "175.00",
        "199.00",
    )


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "n" * 61])
def test_a_name_that_is_none_is_refused(world: World, daybook: Command, name: str) -> None:
    result = daybook("prices", "base", "certificate", "26.00", "--reason", "costs", "--by", name)

    assert (result.exit_code, len(daybook.json("prices", "history"))) == (2, 1)
