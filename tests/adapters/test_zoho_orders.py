"""Whole orders into Zoho over real HTTP: what the office finds there when the connection was not kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.shared.attribution import Attribution
from tests.adapters.zoho_desk import Clock, zoho_crm
from tests.flaky import FlakyCrm
from tests.vendors.zoho_server import ZohoServer, zoho_server
from tests.world import World, open_world

MODULE, ATTRIBUTION = "Apostille_Services", "Lead_Attribution_Record"
WRITES = [
    ("POST", "/Contacts"),
    ("POST", f"/{MODULE}/upsert"),
    ("POST", f"/{ATTRIBUTION}/upsert"),
    ("PUT", f"/{MODULE}/"),
    ("POST", "/Attachments"),
]
LONGEST_PAUSE = 60
AD = Attribution(source="google", medium="cpc")


@pytest.fixture
def zoho() -> Iterator[ZohoServer]:
    with zoho_server() as zoho:
        yield zoho


@pytest.fixture
def world(zoho: ZohoServer, tmp_path: Path) -> Iterator[World]:
    with open_world(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path) as world, zoho_crm(zoho, clock=Clock()) as crm:
        world.crm = FlakyCrm(crm)
        world.runner = world.new_runner()
        yield world


def finish(world: World) -> None:
    """Carry out everything, with the pauses that failed attempts take."""
    while world.run_effects():
        world.clock.move(LONGEST_PAUSE)


def held(zoho: ZohoServer) -> tuple[int, int, int, int]:
    """How many contacts, orders, attribution records and files there are."""
    records = [len(zoho.records(module)) for module in ("Contacts", MODULE, ATTRIBUTION)]
    return records[0], records[1], records[2], sum(len(files) for files in zoho.files.values())


def test_an_order_is_entered_with_its_contact_its_origin_and_its_files(zoho: ZohoServer, world: World) -> None:
    order = world.place("apostille", attribution=AD, files={"one.pdf": b"%PDF-1.7\n1", "two.pdf": b"%PDF-1.7\n22"})
    finish(world)
    assert held(zoho) == (1, 1, 1, 2)
    record, origin = zoho.records(MODULE)[0], zoho.records(ATTRIBUTION)[0]
    assert (record["Ledger_Id"], record["Stage"]) == (str(order.id), "Order Received")
    assert (record["Attribution_Record"], origin["Attribution_Record"]) == (origin["id"], record["id"])
    assert all(effect.proof for effect in world.effects(order.id).values())


@pytest.mark.parametrize("accept", [False, True])
def test_every_write_whose_connection_broke_is_done_once(zoho: ZohoServer, world: World, accept: bool) -> None:
    for method, path in WRITES:
        zoho.next(method=method, on=path, accept=accept)
    order = world.place("apostille", attribution=AD, files={"one.pdf": b"%PDF-1.7\n1"})
    finish(world)
    assert not zoho.web.ahead
    assert held(zoho) == (1, 1, 1, 1)
    assert all(effect.proof for effect in world.effects(order.id).values())


def test_a_token_that_runs_out_in_the_middle_of_an_order_is_not_noticed(zoho: ZohoServer, world: World) -> None:
    zoho.next_error(401, "INVALID_TOKEN", on="upsert")
    world.place("apostille", attribution=AD)
    finish(world)
    assert held(zoho) == (1, 1, 1, 0)
    assert zoho.given == 2
