"""`daybook verify` and `daybook evidence`, on both databases."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.shared.errors import Unreachable
from scripts.check_evidence import check
from tests.scripts.conftest import Command
from tests.store_samples import sql
from tests.world import World, open_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A ledger with the demo prices and one order."""
    with open_world(database_url, tmp_path) as world:
        world.place("embassy")
        yield world


@pytest.fixture
def daybook(daybook: Command, database_url: str) -> Command:
    """The command, at either database."""
    return Command({**daybook.environment, "DAYBOOK_DATABASE_URL": database_url})


def change(database_url: str, position: int) -> None:
    sql(database_url, "UPDATE events SET data = '{}' WHERE position = ?", position)


def test_a_ledger_that_nobody_has_changed_holds(world: World, daybook: Command) -> None:
    last = world.services.log.last_position()
    report = daybook.json("verify")
    assert (report["holds"], report["checked"], report["uncovered"], report["head"]) == (True, last, last, None)
    world.services.keeper.extend(all=True)
    report = daybook.json("verify")
    assert (report["holds"], report["uncovered"], report["head"]["position"]) == (True, 0, last)
    assert "Everything fits." in daybook.prints("verify")


def test_a_life_of_an_order_leaves_claims_and_effects_that_follow_from_its_events(
    world: World, daybook: Command
) -> None:
    world.crm.fail(*[Unreachable("no answer")] * 2)
    world.run_effects()
    world.place("fbi")
    world.run_effects()
    assert world.services.log.open_work()[0]
    assert daybook.json("verify")["holds"]


def test_a_changed_event_is_named_and_the_command_fails(world: World, daybook: Command, database_url: str) -> None:
    world.services.keeper.extend(all=True)
    change(database_url, 2)
    failed = daybook("verify", "--json")
    assert failed.exit_code == 1
    [first, *_] = json.loads(failed.stdout)["breaks"]
    assert (first["kind"], first["position"]) == ("altered", 2)
    told = daybook("verify")
    assert told.exit_code == 1
    assert "altered" in told.stdout
    assert daybook("verify", "--from", str(world.services.log.last_position())).exit_code == 0


def test_events_that_the_views_have_read_are_missed(world: World, daybook: Command, database_url: str) -> None:
    world.services.follower.catch_up()
    last = world.services.log.last_position()
    sql(database_url, "DELETE FROM events WHERE position = ?", last)
    failed = daybook("verify", "--json")
    assert ("missing", last) in [(one["kind"], one["position"]) for one in json.loads(failed.stdout)["breaks"]]


def test_an_earlier_verification_is_held_against_the_ledger(
    world: World, daybook: Command, database_url: str, tmp_path: Path
) -> None:
    world.services.keeper.extend(all=True)
    kept = tmp_path / "kept.json"
    kept.write_text(daybook.prints("verify", "--json"))
    assert daybook("verify", "--against", str(kept)).exit_code == 0
    sql(database_url, "DELETE FROM chain")
    assert daybook("verify").exit_code == 0  # nothing in the ledger tells of it any more
    assert "not as given out" in daybook("verify", "--against", str(kept)).stdout
    kept.write_text("[]")
    assert daybook.complains("verify", "--against", str(kept)) == f"{kept} tells of no checkpoint."


def test_evidence_on_an_order_holds_for_who_has_our_key(world: World, daybook: Command, tmp_path: Path) -> None:
    order, file = world.place("embassy"), tmp_path / "evidence.json"
    key = daybook.prints("verify", "--public-key").strip()
    assert daybook.json("verify", "--public-key") == {"public_key": key}
    told = daybook.json("evidence", str(order.id), "--out", str(file))
    assert told == {"file": str(file), "events": order.version, "checkpoints": 1, "key": key}
    assert check(json.loads(file.read_text()), key) == order.version
    assert "John" not in file.read_text()
    assert daybook("verify", "--against", str(file)).exit_code == 0


def test_evidence_replaces_no_file(world: World, daybook: Command, tmp_path: Path) -> None:
    order, file = world.place("embassy"), tmp_path / "evidence.json"
    file.write_text("mine")
    said = daybook.complains("evidence", str(order.id), "--out", str(file))
    assert said == f"{file} is there already; evidence replaces nothing."
    assert file.read_text() == "mine"


def test_evidence_may_hold_what_was_sent(world: World, daybook: Command, tmp_path: Path) -> None:
    order, file = world.place("embassy"), tmp_path / "evidence.json"
    world.run_effects()
    daybook.prints("evidence", str(order.id), "--effects", "--out", str(file))
    made = json.loads(file.read_text())
    assert check(made) == len(made["events"])
    assert {"documents.order.Placed", "effect.Done"} <= {event["name"] for event in made["events"]}


def test_there_is_no_evidence_on_what_is_not_there(world: World, daybook: Command, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    nobody = "00000000-0000-4000-8000-000000000000"
    assert daybook.complains("evidence", nobody, "--out", str(file)) == "Nothing in the ledger has this id."
    assert not file.exists()


def test_there_is_no_evidence_from_a_changed_ledger(
    world: World, daybook: Command, database_url: str, tmp_path: Path
) -> None:
    order = world.place("embassy")
    world.services.keeper.extend(all=True)
    change(database_url, 2)
    sentence = daybook.complains("evidence", str(order.id), "--out", str(tmp_path / "evidence.json"))
    assert sentence.endswith("`daybook verify` says more.")


def test_a_ledger_from_before_the_chain_is_a_sentence(world: World, daybook: Command, database_url: str) -> None:
    sql(database_url, "DROP TABLE chain")
    assert daybook.complains("verify") == "The ledger keeps no chain of its events yet: run `daybook init`."
    daybook.prints("init")
    assert daybook.json("verify")["holds"]


def test_what_follows_from_the_events_can_be_left_out(world: World, daybook: Command, database_url: str) -> None:
    sql(database_url, "DELETE FROM claims")
    assert daybook("verify").exit_code == 1
    assert daybook("verify", "--chain-only").exit_code == 0
