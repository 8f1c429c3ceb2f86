"""Pages as people and their helpers read them: headings, labels, errors beside fields, one order per click."""

from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.catalogue import KINDS
from tests.web.documents.bodies import LEAST
from tests.web.site import HTML, PDF, Element, Page, get, names, path_of, post, settle
from tests.world import sandbox
from web.documents.fields import MESSAGES
from web.documents.forms import FORMS, I9_SERVICES, QUOTE_SERVICES

CONTROLS = ("input", "select", "textarea")
BUDGET_BYTES = 50_000


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Pages do not depend on the database."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


def controls(page: Page) -> list[Element]:
    """What can be filled in, the hidden key left out."""
    return [e for e in page.elements if e.tag in CONTROLS and e.attrs.get("type") != "hidden" and "id" in e.attrs]


def as_person(client: FlaskClient, kind: str, *, key: str = "", **changes: Any) -> Any:
    """Send a form as a browser does: multipart, every control there, the file control empty."""
    blank = {name: "" for name in FORMS[kind]._declared_fields if name not in ("attribution", "quoted_total")}
    ticked = {name for name, field in FORMS[kind]._declared_fields.items() if field.metadata["input"] == "checkbox"}
    data = {name: value for name, value in blank.items() if name not in ticked} | LEAST[kind] | changes
    if key:
        data["idempotency_key"] = key
    if KINDS[kind].takes_files:
        data.setdefault("files", (BytesIO(b""), ""))
    return client.post(path_of(kind), data=data, headers=HTML, content_type="multipart/form-data")


def key_of(page: Page) -> str:
    return page.one("input", name="idempotency_key").attrs["value"]


def assert_well_built(page: Page) -> None:
    """A language, one title, one main part, one first heading, no level skipped, no id twice, every control named."""
    assert page.one("html").attrs["lang"] == "en"
    assert page.one("title").text
    assert page.one("main").attrs["id"] == "main"
    assert page.one("a", class_="skip").attrs["href"] == "#main"
    levels = [int(e.tag[1]) for e in page.elements if e.tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))
    assert len(page.ids) == len(set(page.ids))
    for element in page.elements:
        for name in ("aria-describedby", "aria-labelledby", "for"):
            assert set(element.attrs.get(name, "").split()) <= set(page.ids), element
    labelled = {label.attrs.get("for") for label in page.all("label")}
    for control in controls(page):
        in_label = control.attrs.get("type") == "checkbox"
        assert in_label or control.attrs["id"] in labelled, control


def test_the_first_page_leads_to_everything_worth_opening(client: FlaskClient) -> None:
    page = Page(get(client, "/"))
    assert_well_built(page)
    links = {link.attrs["href"] for link in page.all("a")}
    wanted = {kind.path for kind in KINDS.values()} | {"/tracking", "/sandbox/mailbox/", "/sandbox/crm/", "/api/"}
    assert wanted <= links
    for link in links:
        if link.startswith("/"):
            assert get(client, link).status_code == 200, link


def test_every_page_is_well_built(client: FlaskClient, services: Services) -> None:
    answers = {kind: post(client, kind).json for kind in LEAST}
    settle(services)
    mail, record = sandbox(services).mailer.mails()[0], sandbox(services).crm.records()[0]
    paths = ["/tracking", "/api/", "/sandbox/mailbox/", "/sandbox/crm/", "/nothing"]
    paths += [f"/sandbox/mailbox/{mail.id}/", f"/sandbox/crm/{record.id}/"]
    paths += [path_of(kind) for kind in KINDS]
    paths += [f"/order/{answer['order_id']}/" for answer in answers.values()]
    paths += [f"/tracking/{answer['tracking_id']}/" for answer in answers.values() if "tracking_id" in answer]
    for path in paths:
        assert_well_built(Page(get(client, path)))
    for kind in KINDS:
        assert_well_built(Page(client.post(path_of(kind), data={}, headers=HTML)))


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_trailing_slash_makes_no_difference(client: FlaskClient, slash: str) -> None:
    pages = ["/tracking", "/prices", "/api", "/health/live", "/sandbox/mailbox"]
    for path in pages + [kind.path.rstrip("/") for kind in KINDS.values()]:
        assert get(client, f"{path}{slash}").status_code == 200
    assert client.post(f"/embassy/create-order{slash}", json=LEAST["embassy"]).status_code == 201


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_asks_for_each_field_with_its_label_and_its_rules(client: FlaskClient, kind: str) -> None:
    page = Page(get(client, path_of(kind)))
    form = page.one("form")
    assert (form.attrs["method"], form.attrs["action"]) == ("post", path_of(kind))
    assert form.attrs.get("enctype") == ("multipart/form-data" if KINDS[kind].takes_files else None)
    asked = {e.attrs["name"] for e in page.elements if e.tag in CONTROLS} - {"idempotency_key"}
    hidden = {"attribution", "quoted_total"}
    assert asked == (FORMS[kind]._declared_fields.keys() - hidden) | ({"files"} if KINDS[kind].takes_files else set())
    for name, field in FORMS[kind]._declared_fields.items():
        if name not in hidden and field.metadata["input"] not in ("checkbox", "checkboxes"):
            [control] = [e for e in controls(page) if e.attrs["name"] == name]
            assert ("required" in control.attrs) == field.required
            label = page.one("label", for_=control.attrs["id"]).text
            assert label == field.metadata["label"] + ("" if field.required else " (optional)")
    assert page.one("input", name="name").attrs["maxlength"] == "120"
    assert page.one("input", name="email").attrs["type"] == "email"
    assert page.one("input", name="phone").attrs["autocomplete"] == "tel"


def test_packages_and_shipping_are_offered_with_their_prices(client: FlaskClient) -> None:
    page = Page(get(client, path_of("fbi")))
    options = [(option.attrs["value"], option.text) for option in page.all("option")]
    assert ("standard", "Standard, 10–12 business days: $175.00") in options
    assert ("fedex_international", "FedEx International: $85.00") in options
    assert len(options) == 2 + 3 + 5
    count = page.one("input", name="count")
    assert (count.attrs["type"], count.attrs["min"], count.attrs["max"]) == ("number", "1", "100")


@pytest.mark.parametrize(("kind", "choices"), [("i9", I9_SERVICES), ("quote", QUOTE_SERVICES)])
def test_services_are_boxes_to_tick(client: FlaskClient, kind: str, choices: dict[str, str]) -> None:
    page = Page(get(client, path_of(kind)))
    boxes = page.all("input", type="checkbox", name="services")
    assert [box.attrs["value"] for box in boxes] == list(choices)
    assert set(choices.values()) <= {label.text for label in page.all("label")}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_sent_by_a_browser_is_an_order(client: FlaskClient, services: Services, kind: str) -> None:
    answer = as_person(client, kind, key=key_of(Page(get(client, path_of(kind)))))
    assert answer.status_code == 303
    location = answer.headers["Location"]
    assert location.startswith("/order/" if kind in ("fbi", "marriage", "quote") else "/tracking/")
    services.follower.catch_up()
    assert get(client, location).status_code == 200


def test_pressing_the_button_twice_places_one_order(client: FlaskClient, services: Services) -> None:
    key = key_of(Page(get(client, path_of("embassy"))))
    first, second = (as_person(client, "embassy", key=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert names(services).count("documents.order.Placed") == 1


def test_each_page_has_a_key_of_its_own(client: FlaskClient) -> None:
    keys = [key_of(Page(get(client, path_of("embassy")))) for _ in range(2)]
    assert len(set(keys)) == 2


def test_a_refused_form_comes_back_with_its_values_and_its_errors(client: FlaskClient, services: Services) -> None:
    wrong = {"phone": "12", "country": "", "comments": "Two\r\nlines", "notarization": "true"}
    answer = as_person(client, "embassy", key="K", **wrong)
    assert answer.status_code == 422
    page = Page(answer)
    summary = page.one("div", role="alert")
    assert "Phone: Enter a phone number with 7 to 15 digits." in summary.text
    assert "Country: This field is required." in summary.text
    assert [link.attrs["href"] for link in page.all("a") if link.attrs["href"].startswith("#field-")] == [
        "#field-phone",
        "#field-country",
    ]
    phone = page.one("input", name="phone")
    assert (phone.attrs["value"], phone.attrs["aria-invalid"]) == ("12", "true")
    assert "wrong-phone" in phone.attrs["aria-describedby"].split()
    assert page.one("p", id="wrong-phone").text == "Error: Enter a phone number with 7 to 15 digits."
    assert page.one("input", name="name").attrs["value"] == LEAST["embassy"]["name"]
    assert "".join(page.one("textarea", name="comments").texts) == "Two\r\nlines"
    assert "checked" in page.one("input", name="notarization").attrs
    assert page.one("title").text.startswith("Error: ")
    assert names(services) == []
    corrected = as_person(client, "embassy", key=key_of(page))
    assert corrected.status_code == 303


def test_choices_are_kept_when_a_form_comes_back(client: FlaskClient) -> None:
    page = Page(as_person(client, "quote", services=["fbi", "notary"], email="a@"))
    ticked = [e.attrs["value"] for e in page.all("input", name="services") if "checked" in e.attrs]
    assert ticked == ["fbi", "notary"]
    page = Page(as_person(client, "fbi", package="rush", shipping="mail", email="a@"))
    assert [e.attrs["value"] for e in page.all("option") if "selected" in e.attrs] == ["rush", "mail"]


def test_an_error_without_a_control_is_in_the_summary(client: FlaskClient) -> None:
    page = Page(as_person(client, "embassy", nickname="JD", files=(BytesIO(PDF), "scan.exe")))
    assert MESSAGES["unknown"] in page.one("div", role="alert").text
    assert "Documents: The name of the file does not fit its content." in page.one("div", role="alert").text


def test_the_tracking_page_is_a_list_of_steps(client: FlaskClient, services: Services) -> None:
    tid = post(client, "embassy").json["tracking_id"]
    services.follower.catch_up()
    answer = get(client, f"/tracking/{tid}/")
    page = Page(answer)
    assert page.one("h2", id="status").text == "Step 1 of 8: Order Received"
    steps = page.all("li")
    assert [e.attrs.get("aria-current") for e in steps] == ["step", *[None] * 7]
    assert "Current step: Order Received" in steps[0].text
    assert "Feb 9, 2026, 3:30 PM" in steps[0].text
    assert steps[1].text.endswith("Upcoming: Request Under Review")
    assert page.one("ol", class_="steps")
    marks = page.all("span", class_="step-mark")
    assert len(marks) == 8
    assert all(mark.attrs["aria-hidden"] == "true" for mark in marks)
    assert page.one("meta", name="robots").attrs["content"] == "noindex, nofollow"
    assert page.one("meta", name="referrer").attrs["content"] == "no-referrer"
    assert not page.all("script")


def test_the_tracking_page_is_light(client: FlaskClient, services: Services) -> None:
    tid = post(client, "embassy").json["tracking_id"]
    services.follower.catch_up()
    answer = get(client, f"/tracking/{tid}/")
    parts = [link.attrs["href"] for link in Page(answer).all("link")]
    size = len(answer.data) + sum(len(get(client, part).data) for part in parts)
    assert len(parts) == 2
    assert size < BUDGET_BYTES


def test_tracking_as_json_has_the_names_of_the_specification(client: FlaskClient, services: Services) -> None:
    tid = post(client, "embassy").json["tracking_id"]
    services.follower.catch_up()
    facts = client.get(f"/tracking/{tid}/", headers={"Accept": "application/json"}).json
    assert facts == client.get(f"/tracking/{tid}/?format=json", headers=HTML).json
    assert facts is not None
    assert list(facts) == [
        *("tid", "service", "service_label", "name", "current_stage", "stage_label", "emoji", "message"),
        *("step", "steps", "shipping", "translation_r", "timeline", "created_at", "updated_at"),
    ]
    assert facts["timeline"][0] == {
        "code": "document_received",
        "label": "Order Received",
        "emoji": "📋",
        "message": "We have your order.",
        "state": "current",
        "reached_at": "2026-02-09T20:30:00Z",
    }
    assert facts["timeline"][1]["reached_at"] is None
    assert (facts["shipping"], facts["created_at"]) == (None, "2026-02-09T20:30:00Z")


def test_the_address_in_mails_leads_to_the_page(client: FlaskClient) -> None:
    answer = get(client, "/tracking?tid=%20abc-1%20")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/tracking/abc-1/")
    for path in ("/tracking", "/tracking?tid="):
        page = Page(get(client, path))
        assert page.one("form").attrs["method"] == "get"
        assert page.one("input").attrs["name"] == "tid"


def test_an_unpaid_orders_page_shows_what_it_costs_and_nobodys_name(client: FlaskClient) -> None:
    order_id = post(client, "fbi").json["order_id"]
    answer = get(client, f"/order/{order_id}/")
    page = Page(answer)
    assert page.one("caption").text == "What it costs"
    assert [cell.text for cell in page.all("td")] == ["175.00", "50.00", "30.00", "255.00 USD"]
    assert page.one("meta", name="robots").attrs["content"] == "noindex, nofollow"
    assert not [word for word in ("John", "Doe", "john@example.com", "123-4567") if word in answer.text]


def test_a_request_for_a_quote_is_thanked_for(client: FlaskClient) -> None:
    order_id = post(client, "quote").json["order_id"]
    assert Page(get(client, f"/order/{order_id}/")).one("h1").text == "Thank you. We have your request."


def test_prices_are_as_the_specification_writes_them(client: FlaskClient) -> None:
    prices = client.get("/prices/").json
    assert prices is not None
    assert list(prices) == [
        *("version", "currency", "packages", "shipping", "per_cert_price", "marriage_base_price"),
    ]
    assert prices["packages"][0] == {
        "code": "standard",
        "label": "Standard",
        "price": "175.00",
        "note": "10–12 business days",
    }
    assert prices["shipping"][0] == {"code": "pickup", "label": "Office pickup", "price": "0.00"}
    assert (prices["version"], prices["currency"]) == (1, "usd")
    assert (prices["per_cert_price"], prices["marriage_base_price"]) == ("25.00", "295.00")
