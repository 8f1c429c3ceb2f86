"""The auditor finds what it is there to find."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.documents.commands import Request
from tests.faults.audit import Findings
from tests.faults.auditor import audit
from tests.faults.test_kill import memory
from tests.world import World, open_world
from web.documents.placing import request_digest

PATH, KEY = "/embassy/create-order/", "key-1"
NOTHING_MORE = {"what": "repeats", "by": {}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One order, and everything done that follows from it."""
    with open_world(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path) as world:
        yield world


@pytest.fixture
def fact(world: World) -> dict[str, Any]:
    """What was answered."""
    placed = world.place("embassy", request=Request(request_digest(PATH, KEY), ""), files={"a.pdf": b"%PDF-1.4"})
    world.run_effects()
    told = {"order_id": str(placed.id), "tracking_id": placed.tracking_id, "files": 1}
    return {"what": "order", "path": PATH, "key": KEY, "kind": "embassy", **told}


def findings(world: World, *facts: dict[str, Any], **changed: Any) -> list[str]:
    found = Findings()
    audit(world.services, memory(world.sandbox) | changed, [*facts, NOTHING_MORE], found)
    return [sentence.split(":")[0] for sentence in found.sentences]


def test_a_ledger_as_it_should_be_leaves_nothing_to_say(world: World, fact: dict[str, Any]) -> None:
    assert findings(world, fact) == []


def test_an_order_that_was_lost_or_that_nobody_was_answered_is_found(world: World, fact: dict[str, Any]) -> None:
    lost = {**fact, "key": "key-2"}
    assert findings(world, fact, lost)[0] == "orders by idempotency key, missing"
    assert findings(world) == ["orders by idempotency key, too many"]


def test_an_order_answered_otherwise_than_recorded_is_found(world: World, fact: dict[str, Any]) -> None:
    assert findings(world, {**fact, "tracking_id": "EL-OTHER"}) == ["orders that are not as they were answered"]


def test_a_message_that_was_not_stored_or_an_unexpected_refusal_is_found(world: World, fact: dict[str, Any]) -> None:
    message = {"what": "receipt", "source": "stripe", "vendor_id": "evt_1", "word": "acted_on"}
    payment = {**message, "paid": fact["order_id"], "session": "cs_1"}
    assert {"messages by vendor id, missing", "payments, missing"} <= set(findings(world, fact, payment))
    refused = {"what": "refused", "status": 201, "expected": 422}
    assert findings(world, fact, refused) == ["answers that were not expected"]


def test_a_mail_sent_twice_or_a_record_made_twice_is_found(world: World, fact: dict[str, Any]) -> None:
    vendors = memory(world.sandbox)
    twice = [*vendors["mails"], vendors["mails"][0]]
    assert findings(world, fact, mails=twice) == ["mails, too many"]
    module, [record] = next((name, rows) for name, rows in vendors["records"].items() if name != "Contacts")
    doubled = {**vendors["records"], module: [record, ["999", *record[1:]]]}
    assert findings(world, fact, records=doubled) == ["records, too many", "ids of ours on two records"]
    files = {id: [*hanging, *hanging] for id, hanging in vendors["files"].items()}
    assert findings(world, fact, files=files) == ["files at the CRM, too many", "files that hang twice"]


def test_an_effect_left_undone_is_found(world: World, fact: dict[str, Any]) -> None:
    world.place("quote", request=Request(request_digest("/quote/create-order/", KEY), ""))
    found = findings(world, fact)
    assert {"effects done, missing", "open effects", "mails nobody was sent"} <= set(found)


def test_a_view_that_is_not_what_a_rebuild_makes_is_found(world: World, fact: dict[str, Any]) -> None:
    desk = world.services.views[0]
    with world.services.home.engine.begin() as connection:
        connection.execute(desk.live.update().values(kind="other"))
    assert findings(world, fact) == [f"rows of {desk.name} that a rebuild changes"]
