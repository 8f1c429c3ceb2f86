"""Who may see what: uploaded files by their link alone, figures on this machine, the sandbox nowhere near customers."""

from pathlib import Path

import msgspec
import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from tests.web.site import PDF, get, local, open_services, post_files
from tests.world import Clock
from web.app import create_app


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Who may see what does not depend on the database."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


@pytest.fixture
def link(client: FlaskClient) -> str:
    """The path of an uploaded file."""
    [address] = post_files(client, "embassy", ("scan.pdf", PDF)).json["file_urls"]
    return local(address)


def test_a_file_is_saved_and_never_run(client: FlaskClient, link: str) -> None:
    answer = get(client, link)
    assert answer.headers["Content-Disposition"] == "attachment; filename=scan.pdf"
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox"


def test_a_link_that_was_made_up_leads_nowhere(client: FlaskClient, services: Services, link: str) -> None:
    Path(services.settings.file_store_url, "orders", "secret.pdf").write_bytes(PDF)
    folder, token = link.rpartition("/")[0], link.split("/")[3]
    made_up = [
        f"/media/orders/{'0' * 26}/scan.pdf",
        f"/media/orders/{token.lower()}/scan.pdf",
        *(f"{folder}/{name}" for name in ("other.pdf", "SCAN.pdf", ".", "..", "%2e%2e", "scan.pdf%00", "n" * 4000)),
        *(f"{folder}/{name}" for name in ("..%2fsecret.pdf", "..%5csecret.pdf", "../secret.pdf", "scan.pdf/x")),
        "/media/orders/../daybook.sqlite",
        "/media/orders/%2e%2e/daybook.sqlite",
        "/media/orders/..%2f../daybook.sqlite",
        "/media/orders/secret.pdf",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/bootstrap/static/..%2f..%2fpyproject.toml",
    ]
    for path in made_up:
        assert get(client, path).status_code == 404, path


def test_figures_are_for_this_machine(client: FlaskClient) -> None:
    def asks(address: str, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get("/metrics", headers=named, environ_overrides={"REMOTE_ADDR": address}).status_code

    assert asks("127.0.0.1") == asks("::1") == 200
    assert asks("203.0.113.7") == 404
    assert asks("127.0.0.1", X_Forwarded_For="203.0.113.7") == 404
    assert asks("127.0.0.1", Forwarded="for=203.0.113.7") == 404


def test_figures_are_for_whoever_has_the_token(database_url: str, tmp_path: Path, clock: Clock) -> None:
    with open_services(database_url, tmp_path, clock, METRICS_TOKEN="t0ken") as services:
        client = create_app(services).test_client()

        def asks(authorization: str) -> int:
            elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
            return client.get(
                "/metrics", headers={"Authorization": authorization}, environ_overrides=elsewhere
            ).status_code

        assert asks("Bearer t0ken") == 200
        assert [asks(wrong) for wrong in ("Bearer t0ke", "Bearer", "", "Basic t0ken")] == [404] * 4


def test_production_has_no_sandbox_and_insists_on_https(services: Services) -> None:
    sandbox = services.sandbox
    services.settings = msgspec.structs.replace(services.settings, env="production")
    services.sandbox = None
    try:
        client = create_app(services).test_client()
        for path in ("/sandbox/mailbox/", "/sandbox/crm/", "/sandbox/mailbox/x/", "/sandbox/crm/1/"):
            assert get(client, path).status_code == 404
        home = get(client, "/")
        assert home.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        assert "/sandbox/" not in home.text
    finally:
        services.sandbox = sandbox


def test_a_test_machine_does_not_insist_on_https(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in get(client, "/").headers
