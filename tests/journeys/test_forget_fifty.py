"""Fifty people who share telephones: one is forgotten, and nothing of that one is left anywhere, byte for byte."""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from adapters.wiring import Services
from domain.documents.call_lead import CallLead
from domain.documents.order import Order
from projections.view import RowView
from scripts.daybook import main
from tests.journeys.neighbours import Neighbour, spellings, street
from tests.web.documents.hooks import Vendors
from tests.web.site import get, open_services, settle
from tests.world import Clock, all_logs, sandbox
from web.app import create_app

PEOPLE = 50
CHOSEN = 17
REASON = ("--reason", "asked by customer")


class Town:
    """Fifty people on one ledger, and the command beside it; `logged` is what was written to logs so far."""

    def __init__(self, services: Services, clock: Clock, *, folder: Path, database_url: str, logged: StringIO) -> None:
        self.services, self.clock, self.logged = services, clock, logged
        self.folder, self.database_url = folder, database_url
        self.client = client = create_app(services).test_client()
        self.people = street(Vendors(client.application, services, clock), PEOPLE)
        self.chosen = self.people[CHOSEN]
        self.others = [person for person in self.people if person is not self.chosen]

    def daybook(self, *arguments: str, given: str = "") -> Result:
        """Run the command as an operator does."""
        environment = {
            "DAYBOOK_ENV": "test",
            "DAYBOOK_DATABASE_URL": self.database_url,
            "DAYBOOK_FILE_STORE_URL": str(self.folder / "media"),
            "DAYBOOK_SANDBOX_PATH": str(self.folder / "sandbox.sqlite"),
        }
        return CliRunner().invoke(main, arguments, env=environment, obj=self.clock.now, input=given)

    def forget(self, *arguments: str, given: str = "") -> Result:
        return self.daybook("forget", *arguments, *REASON, "--receipt", str(self.folder / "receipt.json"), given=given)

    def export(self) -> None:
        """The analysts' export, beside the rest."""
        if "export" in main.commands:
            result = self.daybook("export", "--to", str(self.folder / "export"))
            assert result.exit_code == 0, result.output
            assert list((self.folder / "export").rglob("*.parquet"))

    def places(self) -> Mapping[str, bytes]:
        """Every byte that is kept anywhere, by where."""
        return {
            "databases": databases(self.database_url, self.folder),
            "files": under(self.folder / "media"),
            "sandbox": b"".join(path.read_bytes() for path in self.folder.glob("sandbox.sqlite*")),
            "logs": self.logged.getvalue().encode(),
            "export": under(self.folder / "export"),
            "receipt": b"".join(path.read_bytes() for path in self.folder.glob("receipt.json")),
        }


def under(folder: Path) -> bytes:
    """Names and contents of all files in a folder."""
    return b"\n".join(str(path).encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


def databases(database_url: str, folder: Path) -> bytes:
    """The database's own files, write-ahead log and free pages included."""
    if database_url.startswith("sqlite"):
        files = [path for path in folder.glob("daybook*") if path.is_file()]
        assert {".sqlite", ".sqlite-wal"} <= {path.suffix for path in files}
    else:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute(
                """SELECT current_setting('data_directory'), oid::text FROM pg_database
                WHERE datname = current_database()"""
            ).fetchone()
        assert row is not None
        home = Path(row[0])
        files = [path for part in (f"base/{row[1]}", "pg_wal") for path in (home / part).rglob("*") if path.is_file()]
    return b"\n".join(path.read_bytes() for path in files)


def traces(places: Mapping[str, bytes], person: Neighbour) -> set[tuple[str, str]]:
    """(place, text) of everything of this person's that is found in any spelling."""
    return {
        (place, text)
        for place, kept in places.items()
        for text in person.texts
        if any(spelling in kept for spelling in spellings(text))
    }


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    clock = Clock()
    with all_logs() as logged, open_services(database_url, tmp_path, clock) as services:
        town = Town(services, clock, folder=tmp_path, database_url=database_url, logged=logged)
        town.export()
        yield town


def rows(services: Services) -> dict[str, list[dict[str, Any]]]:
    """Every row of every view, in the order of their keys."""
    services.follower.catch_up()
    found: dict[str, list[dict[str, Any]]] = {}
    for view in services.views:
        key = view.key_column if isinstance(view, RowView) else "position"
        found[view.name] = [dict(row) for row in services.home.rows(select(view.live).order_by(view.live.c[key]))]
    return found


def test_of_one_of_fifty_nothing_is_left_and_everything_of_the_others(town: Town) -> None:
    planted = town.places()
    assert {place for place, _ in traces(planted, town.chosen)} == {"files", "sandbox"}  # all else is sealed already
    before = told_of(town)
    done = town.forget("--email", "-", "--json", "--yes", given=f"{town.chosen.email}\n")
    assert done.exit_code == 0, done.output
    settle(town.services)
    town.export()

    told = msgspec.json.decode(done.stdout[done.stdout.index("{") :])
    assert {UUID(id) for id in (*told["erased"]["orders"], *told["erased"]["calls"])} == set(town.chosen.subjects)
    assert len(town.chosen.subjects) == 4
    assert {one["state"] for one in told["receipt"]["asked"]} == {"done"}
    printed = {"printed": msgspec.json.encode(told)}
    assert traces({**town.places(), **printed}, town.chosen) == set()
    assert told_of(town) == before
    look_back(town)


def told_of(town: Town) -> dict[int, dict[str, Any]]:
    """What the product tells of each of the others, opened: orders, calls, pages, files, records, mails, checkouts."""
    vendors, ledger = sandbox(town.services), town.services.ledger
    records = [(record.id, str(record.fields)) for record in vendors.crm.records()]
    mails = [(mail.id, str(mail.message["To"])) for mail in vendors.mailer.mails()]
    return {
        person.nth: {
            "orders": [ledger.load(Order, id).contact.open() for id in (person.paid, person.free)],
            "callers": [ledger.load(CallLead, id).contact.name for id in person.leads],
            "files": [get(town.client, path).data for path in person.links()],
            "page": get(town.client, f"/tracking/{person.order(person.free).tracking_id}/").status_code,
            "records": [id for id, fields in records if person.word in fields],
            "mails": [id for id, to in mails if person.word in to],
            "paid_by": vendors.payments.checkout(person.session).wanted.customer_email,
        }
        for person in town.others
    }


def look_back(town: Town) -> None:
    """Every other command goes on, and reads the person as erased."""
    chosen = town.chosen
    assert get(town.client, f"/tracking/{chosen.order(chosen.free).tracking_id}/").status_code == 404
    assert get(town.client, "/sandbox/crm/").text.count(chosen.word) == 0
    for command, *more in (("history",), ("show",), ("diff", "--from", "1", "--to", "3"), ("explain", "contact")):
        result = town.daybook(command, str(chosen.free), *more, "--reveal")
        assert result.exit_code == 0, result.output
        assert "erased" in result.output or command == "diff"
        assert chosen.word not in result.output
    assert town.daybook("verify").exit_code == 0
    check = town.daybook("forget", "--check", str(town.folder / "receipt.json"))
    assert check.exit_code == 0, check.output
    live = rows(town.services)
    for view in town.services.views:
        town.services.rebuild(view)
    assert rows(town.services) == live
    assert town.services.home.parked() == []
