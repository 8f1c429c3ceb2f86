"""What a stranger can and cannot do: headers, scripts, cookies, markup in every text, and other origins."""

from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.catalogue import KINDS
from tests.web.conftest import ORIGIN
from tests.web.documents.bodies import LEAST, MORE
from tests.web.site import HTML, PDF, Page, get, history, local, open_services, path_of, post, post_files, settle
from tests.world import Clock, sandbox
from web.app import create_app

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self' https://checkout.stripe.com",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What strangers can do does not depend on the database."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


def addresses(client: FlaskClient, services: Services) -> list[str]:
    """Every address that can be read, on a ledger that holds an order of each kind."""
    answers = {kind: post(client, kind).json for kind in LEAST}
    [file] = post_files(client, "embassy", ("scan.pdf", PDF)).json["file_urls"]
    checkout: Any = client.post("/create-stripe-session/", json={"order_id": answers["fbi"]["order_id"]})
    settle(services)
    mail, record = sandbox(services).mailer.mails()[0], sandbox(services).crm.records()[0]
    *_, token, name = local(file).split("/")
    values = {
        "order_id": answers["fbi"]["order_id"],
        "tid": answers["i9"]["tracking_id"],
        "token": token,
        "name": name,
        "id": mail.id,
        "record_id": record.id,
        "session_id": checkout.json["checkout_url"].rstrip("/").rpartition("/")[2],
        "filename": "",
    }
    adapter = client.application.url_map.bind("localhost")
    found = []
    for rule in client.application.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            file_name = {"static": "daybook.css", "bootstrap.static": "css/bootstrap.min.css"}.get(rule.endpoint, "")
            given = values | {"filename": file_name}
            found.append(adapter.build(rule.endpoint, {name: given[name] for name in rule.arguments}))
    return found


def policy_of(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def test_every_route_carries_the_headers_and_sets_no_cookie(client: FlaskClient, services: Services) -> None:
    paths = addresses(client, services)
    assert len(paths) > 20
    for path in [*paths, "/nothing", "/order/x/"]:
        answer = get(client, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["X-Frame-Options"] in ("DENY", "SAMEORIGIN"), path
        assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
        assert "Set-Cookie" not in answer.headers, path
        if path.startswith("/media/"):
            assert policy_of(answer) == {"sandbox": ""}
        elif path.endswith("/html"):
            assert policy_of(answer)["default-src"] == "'none'"
            assert "sandbox" in policy_of(answer)
        else:
            assert policy_of(answer) == POLICY, path
    for answer in (post(client, "embassy"), post(client, "embassy", {}), client.delete(path_of("fbi"))):
        assert policy_of(answer) == POLICY
        assert "Set-Cookie" not in answer.headers


def test_reading_changes_nothing(client: FlaskClient, services: Services) -> None:
    paths = addresses(client, services)
    before = services.log.last_position(), services.log.open_work(), len(sandbox(services).crm.records())
    for path in paths:
        assert get(client, path).status_code in (200, 302), path
        client.head(path)
        client.options(path)
    assert (services.log.last_position(), services.log.open_work(), len(sandbox(services).crm.records())) == before


def assert_harmless(answer: Any, *, mail: bool = False) -> None:
    """No script, no style of its own (mails excepted), and nothing from another host."""
    page = Page(answer)
    assert not page.all("script")
    assert mail or not page.all("style")
    for element in page.elements:
        for name, value in element.attrs.items():
            assert not name.startswith("on"), element
            assert mail or name != "style", element
            assert not value.lower().lstrip().startswith(("javascript:", "data:")), element
            if name in ("src", "action") or (name == "href" and element.tag == "link"):
                assert not urlsplit(value).netloc, element
    assert mail or len(page.ids) == len(set(page.ids))


def test_no_page_has_a_script_or_a_style_of_its_own(client: FlaskClient, services: Services) -> None:
    seen = 0
    for path in addresses(client, services):
        answer = get(client, path)
        if answer.mimetype == "text/html":
            assert_harmless(answer, mail=path.endswith("/html"))
            seen += answer.status_code == 200
    assert seen > 15
    for kind in KINDS:
        answer = client.post(path_of(kind), data={}, headers=HTML)
        assert_harmless(answer)
    for answer in (get(client, "/nothing"), client.put(path_of("fbi"), headers=HTML)):
        assert_harmless(answer)


EVIL_FIELDS = {
    "fbi": ("name", "company", "shipping_address", "comments"),
    "marriage": ("husband_name", "wife_name", "country", "certificate_number", "comments", "shipping_address"),
    "embassy": ("name", "phone", "company", "document_type", "country", "comments"),
    "apostille": ("document_type", "country", "state", "comments"),
    "translation": ("document_type", "original_language", "target_language", "special_instructions"),
    "i9": ("name", "company", "comments"),
    "quote": ("name", "company", "comments"),
}


def evil_body(kind: str) -> dict[str, Any]:
    """Every free text of a form filled with something a careless page would run."""
    body = LEAST[kind] | {field: f"{number} {EVIL}" for number, field in enumerate(EVIL_FIELDS[kind])}
    if "phone" in EVIL_FIELDS[kind]:
        body["phone"] = "5551234567 <img onerror=alert(1)>"
    origin = dict.fromkeys(("source", "medium", "campaign", "keyword", "landing_page", "city"), EVIL)
    return body | {"attribution": origin}


@pytest.mark.parametrize("kind", LEAST)
def test_markup_in_any_free_text_is_shown_as_text_everywhere(
    client: FlaskClient, services: Services, kind: str
) -> None:
    body = evil_body(kind)
    assert set(EVIL_FIELDS[kind]) <= set(body)
    answer = post(client, kind, body)
    assert answer.status_code == 201, answer.json
    settle(services)
    pages = [get(client, f"/order/{answer.json['order_id']}/")]
    if tid := answer.json.get("tracking_id"):
        pages.append(get(client, f"/tracking/{tid}/"))
    pages += [get(client, "/sandbox/mailbox/"), get(client, "/sandbox/crm/")]
    pages += [get(client, f"/sandbox/mailbox/{mail.id}/") for mail in sandbox(services).mailer.mails()]
    pages += [get(client, f"/sandbox/crm/{record.id}/") for record in sandbox(services).crm.records()]
    mails = [get(client, f"/sandbox/mailbox/{mail.id}/html") for mail in sandbox(services).mailer.mails()]
    for page in pages:
        assert_harmless(page)
        assert not Page(page).all("img")
    for mail in mails:
        assert_harmless(mail, mail=True)
        assert not Page(mail).all("img")
    if not KINDS[kind].paid:
        staff = Page(mails[0]).text
        for field in EVIL_FIELDS[kind]:
            assert str(body[field]) in staff, field


@pytest.mark.parametrize("kind", LEAST)
def test_markup_in_a_refused_form_is_given_back_as_text(client: FlaskClient, kind: str) -> None:
    answer = client.post(path_of(kind), json=evil_body(kind) | {"email": EVIL, EVIL: EVIL}, headers=HTML)
    assert answer.status_code == 422
    assert_harmless(answer)
    page = Page(answer)
    assert not page.all("img")
    assert page.one("input", name="email").attrs["value"] == EVIL


def test_markup_in_a_file_name_is_shown_as_text(client: FlaskClient, services: Services) -> None:
    [address] = post_files(client, "embassy", ("<img src=x onerror=alert(1)>.pdf", PDF)).json["file_urls"]
    assert get(client, local(address)).data == PDF
    settle(services)
    [mail] = [m for m in sandbox(services).mailer.mails() if "New" in str(m.message["Subject"])]
    page = get(client, f"/sandbox/mailbox/{mail.id}/html")
    assert_harmless(page, mail=True)
    assert "<img src=x onerror=alert(1)>.pdf" in Page(page).text


def test_markup_in_an_address_is_not_given_back(client: FlaskClient) -> None:
    for path in ("/tracking/<script>/", "/tracking?tid=<script>", "/<script>", "/order/<script>/"):
        answer = client.get(path, headers=HTML, follow_redirects=True)
        assert "<script" not in answer.text
        assert escape("<script>") not in answer.text


def test_a_line_break_never_reaches_a_mail_header(client: FlaskClient, services: Services) -> None:
    for field in ("name", "email", "phone", "company"):
        body = LEAST["embassy"] | {field: f"{LEAST['embassy'].get(field, 'Acme')}\r\nBcc: all@example.com"}
        assert field in post(client, "embassy", body).json["fields"]
    assert not history(services)


def test_only_allowed_origins_may_read_our_answers(client: FlaskClient) -> None:
    for path in (path_of("embassy"), "/prices/", "/create-stripe-session/"):
        preflight = client.options(path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Idempotency-Key" in preflight.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in preflight.headers
    posted = post(client, "embassy", {}, Origin=ORIGIN)
    assert (posted.status_code, posted.headers["Access-Control-Allow-Origin"]) == (422, ORIGIN)
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", "http://www.example.com", ""):
        answer = post(client, "embassy", Origin=origin)
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


def test_no_other_route_is_open_to_other_origins(client: FlaskClient, services: Services) -> None:
    open_to_others = {kind.path for kind in KINDS.values()} | {"/prices/"}
    for path in set(addresses(client, services)) - open_to_others:
        answer = get(client, path, {"Origin": ORIGIN})
        assert "Access-Control-Allow-Origin" not in answer.headers, path


def test_without_a_setting_no_origin_is_allowed(database_url: str, tmp_path: Path, clock: Clock) -> None:
    with open_services(database_url, tmp_path, clock) as services:
        answer = post(create_app(services).test_client(), "embassy", Origin=ORIGIN)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_more_fields_than_a_form_has_are_all_named_quickly(client: FlaskClient) -> None:
    many = {f"field{number}": "x" for number in range(5_000)}
    assert len(post(client, "embassy", LEAST["embassy"] | MORE["embassy"] | many).json["fields"]) == 5_000
