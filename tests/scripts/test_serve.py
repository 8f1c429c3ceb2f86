"""`daybook serve`: a ready product on an empty ledger, and a clean end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from adapters.demo import PRICES
from adapters.wiring import Services
from domain.documents.catalogue import KINDS
from domain.documents.price_list import current_prices
from domain.shared.contact import Contact
from domain.shared.phone import phone_digits
from projections.documents.orders import list_orders
from scripts.serve import addresses, fill
from tests.scripts.conftest import Command
from tests.wishes import DEMO_PRICES
from tests.world import Clock, settings_for

PATIENCE = 30.0  # seconds until a server that was told to stop has stopped, on a loaded machine


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """An empty ledger."""
    services = Services(settings_for(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path), now=Clock().now)
    yield services
    services.stop()


@contextmanager
def served(daybook: Command, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """A server of its own process on a free port, once it answers, and what it printed before."""
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.daybook", "serve", "--port", "0", "--json", *arguments],
        env={**os.environ, **daybook.environment, "DAYBOOK_LOG_LEVEL": "warning"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        printed = ""
        for line in process.stdout:
            if line == '{"ready": true}\n':
                break
            printed += line
        else:
            pytest.fail(process.stderr.read())
        try:
            yield process, json.loads(printed)
        finally:
            process.kill()


def test_an_empty_ledger_gets_prices_and_an_order_of_every_kind(services: Services) -> None:
    fill(services, orders=True)
    services.follower.catch_up()

    assert PRICES == DEMO_PRICES
    assert {row["kind"] for row in list_orders(services.home)} == set(KINDS)
    contacts = [services.reveal(row["contact"], Contact) for row in list_orders(services.home)]
    assert all(
        contact.email.endswith("@example.com") and "55501" in phone_digits(contact.phone) for contact in contacts
    )


def test_demo_orders_are_optional(services: Services) -> None:
    fill(services, orders=False)

    assert (
        current_prices(services.ledger).quote("fbi", package="standard", count=2, shipping="ups").total_cents == 25500
    )
    assert services.log.last_position() == 1


def test_what_is_worth_opening_is_named(services: Services) -> None:
    assert "An order's page" not in addresses(services, "http://localhost:1")
    fill(services, orders=True)

    named = addresses(services, "http://localhost:1")

    assert named["Home"] == "http://localhost:1/"
    assert named["An order's page"].startswith("http://localhost:1/tracking/")
    assert len(named) == 6


def test_a_used_port_is_a_sentence(daybook: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])

        assert daybook.complains("serve", "--port", port).startswith(f"Cannot listen on port {port} of 127.0.0.1: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM], ids=lambda told: told.name)
def test_it_serves_until_it_is_told_to_stop(daybook: Command, told: signal.Signals) -> None:
    with served(daybook) as (process, printed):
        assert urlopen(f"{printed['address']}/health/live", timeout=PATIENCE).status == 200
        for address in printed["open"].values():
            assert urlopen(address, timeout=PATIENCE).status == 200

        process.send_signal(told)
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
def test_a_ledger_that_has_something_gets_no_demo_data(daybook: Command) -> None:
    with served(daybook, "--empty") as (process, _):
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    assert daybook.json("views")["last_position"] == 1

    with served(daybook) as (process, printed):
        assert "An order's page" not in printed["open"]
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    assert daybook.json("views")["last_position"] == 1


@pytest.mark.slow
def test_nobody_goes_on_serving_when_it_is_killed(daybook: Command) -> None:
    with served(daybook) as (process, printed):
        process.kill()
        assert process.stdout
        process.stdout.read()  # ends when the last process that could print has ended

        with pytest.raises(OSError, match="refused"):
            urlopen(f"{printed['address']}/health/live", timeout=PATIENCE)
