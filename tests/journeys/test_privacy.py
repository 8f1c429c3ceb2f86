"""Names, addresses and everything else that could tell who a customer is: nowhere in clear text, and in no log."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from flask.testing import FlaskClient

from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.shared.errors import Unreachable
from domain.shared.receipt import receive
from projections.documents.orders import list_orders
from tests.web.documents.bodies import LEAST, MORE
from tests.wishes import acts
from tests.world import World, all_logs
from web.app import create_app

TEXTS = (
    *("name", "company", "shipping_address", "husband_name", "wife_name", "country", "certificate_number"),
    *("document_type", "state", "original_language", "target_language", "special_instructions", "comments"),
)
BIRTHDAY = "1987-06-05"


def planted(kind: str) -> dict[str, Any]:
    """A form's body with a value of its own in every text; each holds a sign that ciphertext never has."""
    number = list(KINDS).index(kind)
    body = {**LEAST[kind], **MORE[kind], "company": "", "comments": ""}
    if kind == "translation":
        del body["comments"]
    body.pop("quoted_total", None)
    body |= {field: f"Zq {kind} {field}" for field in TEXTS if field in body}
    body |= {"email": f"zq.{kind}@planted.example", "phone": f"+1 555 817 {2600 + number}"}
    if "marriage_date" in body:
        body["marriage_date"] = BIRTHDAY
    query = f"?email=zq.{kind}@planted.example"
    body["attribution"] = {
        "source": "google",
        "landing_page": f"https://zq-{kind}.example/a{query}",
        "lead_url": f"https://zq-{kind}.example/b{query}",
        "email": f"zq.{kind}@planted.example",
    }
    return body


def secrets() -> list[str]:
    """Everything that must not be found, in lower case."""
    found = [BIRTHDAY, "my own key", "zq.receipt@planted.example"]
    for kind, entry in KINDS.items():
        body = planted(kind)
        found += [body[field] for field in (*TEXTS, "email", "phone") if field in body]
        found += ["1" + body["phone"].replace(" ", "")[2:], f"zq-{kind}.example"]
        found += [f"Zq {kind} scan.pdf"] if entry.takes_files else []
    return [text.lower() for text in found]


def place_everything(client: FlaskClient) -> None:
    """Each form badly and well filled in, the good one with a key and, where it takes one, a file."""
    for kind, entry in KINDS.items():
        body, key = planted(kind), {"Idempotency-Key": f"My own key {kind}"}
        assert client.post(entry.path, json=body | {"email": f"Zq {kind} name@"}).status_code == 422
        if entry.takes_files:
            body["attribution"] = msgspec.json.encode(body["attribution"]).decode()
            body["files"] = [(BytesIO(b"%PDF-1.7\n"), f"Zq {kind} scan.pdf")]
            answer = client.post(entry.path, data=body, content_type="multipart/form-data", headers=key)
        else:
            answer = client.post(entry.path, json=body, headers=key)
        assert answer.status_code == 201, answer.text


def visit_everything(world: World, client: FlaskClient) -> None:
    for row in list_orders(world.services.home):
        if row["tracking_id"]:
            assert client.get(f"/tracking/{row['tracking_id']}/").status_code == 200
        assert client.get(f"/order/{row['order_id']}/").status_code == 200
    assert client.get("/tracking/Zq fbi name/").status_code == 404


def stored(database_url: str, folder: Path) -> bytes:
    """Everything that log and views keep; the vendors' own files and the uploaded documents are not ours to hide."""
    if database_url.startswith("sqlite"):
        files = [path for path in folder.glob("daybook*") if path.is_file()]
        assert {path.suffix for path in files} >= {".sqlite", ".sqlite-wal"}
        return b"\n".join(path.read_bytes() for path in files)
    return "\n".join(rows_as_text(database_url)).encode()


def rows_as_text(database_url: str) -> Iterator[str]:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'daybook%'"
        ).fetchall()
        assert len(tables) > 8
        for (table,) in tables:
            for (row,) in connection.execute(f"SELECT t::text FROM {table} AS t"):
                yield row


@pytest.fixture
def busy_world(world: World) -> tuple[World, str]:
    """Every kind placed, every effect carried out, some of them only after they failed; and what was logged."""
    world.crm.fail(ValueError("Zq fbi name"), Unreachable("no answer"))
    world.mailer.fail(ValueError("zq.embassy@planted.example"))
    client = create_app(world.services).test_client()
    with all_logs() as written:
        place_everything(client)
        with acts():
            body = b'{"email": "zq.receipt@planted.example"}'
            receive(world.ledger, source="stripe", vendor_id="evt_1", body=body, headers={"Content-Type": "text/json"})
        for _ in range(4):
            world.run_effects()
            world.clock.move(60)
        visit_everything(world, client)
    return world, written.getvalue()


def test_nothing_that_was_planted_is_found_in_log_views_or_logs(
    busy_world: tuple[World, str], database_url: str, tmp_path: Path
) -> None:
    world, logged = busy_world
    kept = stored(database_url, tmp_path).lower()
    assert b"documents.order.placed" in kept
    assert len(list_orders(world.services.home)) == len(KINDS)
    assert world.services.log.open_work() == (0, None)
    assert [secret for secret in secrets() if secret.encode() in kept] == []
    assert [secret for secret in secrets() if secret in logged.lower()] == []


def test_what_was_planted_really_went_through(busy_world: tuple[World, str]) -> None:
    world, logged = busy_world
    orders = [world.ledger.load(Order, UUID(row["order_id"])) for row in list_orders(world.services.home)]
    opened = "\n".join(
        repr(value.open())
        for order in orders
        for value in (order.contact, order.answers, order.file_names, order.links)
        if value is not None
    ).lower()
    unstored = {BIRTHDAY, "my own key", "zq.receipt@planted.example"}
    digits = {secret for secret in secrets() if secret.isdecimal()}
    assert [secret for secret in secrets() if secret not in opened and secret not in unstored | digits] == []
    assert "ValueError" in logged


def test_every_event_says_when_by_whom_and_through_what(busy_world: tuple[World, str]) -> None:
    world, _ = busy_world
    log = world.services.log
    for _, name, data in log.read(0, 10_000):
        event = log.decode(name, data)
        assert event.at.tzinfo is not None
        assert event.by in {"customer", "daybook"}
        assert event.via in {"form", "zoho", "mail", "inbox"}
        assert event.correlation
        assert event.cause or not name.startswith("effect.")
