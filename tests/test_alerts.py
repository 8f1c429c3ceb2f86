"""Every alarm watches figures that exist, and says what it means."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.figures import Scrape
from tests.web.site import get, open_services, post
from tests.world import Clock
from web.app import create_app

ALERTS = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yaml"
RULE = re.compile(r"^      - alert: (\w+)\n((?:        .*\n)+)", re.MULTILINE)


def rules() -> Mapping[str, Mapping[str, str]]:
    """The lines of each rule by their first word; the file keeps to one line for each."""
    found = RULE.findall(ALERTS.read_text())
    return {name: dict(re.findall(r"^ +(\w+): ?(.*)$", body, re.MULTILINE)) for name, body in found}


RULES = rules()


def parts(expression: str) -> list[tuple[str, dict[str, list[str]]]]:
    """Each figure that an expression reads, with the values it asks of labels."""
    return [
        (name, {label: values.split("|") for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector)})
        for name, selector in re.findall(r"\b(daybook_\w+)(?:\{([^}]*)\})?", expression)
    ]


@pytest.fixture
def scrape(tmp_path: Path) -> Scrape:
    """All that a web process tells after a form, a refusal and a wrong secret."""
    with open_services(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path, Clock()) as services:
        client: FlaskClient = create_app(services).test_client()
        post(client, "embassy")
        client.post("/webhook/whatconverts/", json={}, headers={"X-Webhook-Key": "wrong"})
        return Scrape(get(client, "/metrics").text)


def usable(scrape: Scrape) -> set[str]:
    """Every name a query may use, also of figures that nothing has been counted in yet."""
    suffixes = {"counter": ("_total",), "histogram": ("_count", "_sum", "_bucket"), "gauge": ("",)}
    return {name + suffix for name, family in scrape.families.items() for suffix in suffixes.get(family.type, ("",))}


def test_there_are_alarms_and_the_whole_file_is_read() -> None:
    assert len(RULES) == ALERTS.read_text().count("- alert:") > 10


@pytest.mark.parametrize("name", RULES)
def test_an_alarm_says_what_it_means_and_whom_it_wakes(name: str) -> None:
    rule = RULES[name]
    assert re.fullmatch(r"\{severity: (page|ticket)\}", rule["labels"])
    assert re.fullmatch(r'".+\."', rule["summary"])
    assert re.fullmatch(r'".{60,}\."', rule["meaning"])
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_every_figure_that_an_alarm_reads_exists(scrape: Scrape) -> None:
    known = usable(scrape)
    read = {figure for rule in RULES.values() for figure, _ in parts(rule["expr"])}
    assert len(read) > 10
    assert read - known == set()


def test_every_label_that_an_alarm_asks_for_exists(scrape: Scrape) -> None:
    words = {
        (sample.name, label, value)
        for family in scrape.families.values()
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    counted = {name for name, _, _ in words}
    for rule in RULES.values():
        for figure, labels in parts(rule["expr"]):
            for label, values in labels.items():
                if figure in counted:
                    assert any((figure, label) == word[:2] for word in words), (figure, label)
                if label in ("outcome", "verdict"):
                    assert {(figure, label, value) for value in values} <= words


def test_the_alarms_that_the_trade_asks_for_are_there() -> None:
    wanted = "FollowerDead LagGrows DeadLetters VendorRests ReceiptsRefused DiskFills PoolUsedUp"
    assert {f"Daybook{word}" for word in wanted.split()} <= set(RULES)
