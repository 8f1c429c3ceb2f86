"""How a web ends: told to stop more than once, and with a parent that is killed while its child cannot hear of it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from tests.faults.cluster import state_of
from tests.running import PATIENCE, Company, company, until
from tests.vendors.stripe_server import SECRET_KEY, Fault, StripeServer, stripe_server
from tests.web.documents.bodies import LEAST

pytestmark = pytest.mark.slow
HANGING = """
import ctypes, multiprocessing, os
from scripts.server import belong_to_parent

def hang():
    belong_to_parent()
    print(os.getpid(), flush=True)
    ctypes.PyDLL(None).pause()  # with Python's lock in hand, so that no thread of Python ever runs again

child = multiprocessing.get_context("fork").Process(target=hang)
child.start()
child.join()
"""


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    """The payment provider."""
    with stripe_server(lambda: datetime.now(UTC)) as stripe:
        yield stripe


@pytest.fixture
def firm(tmp_path: Path, postgres_database: str, stripe: StripeServer) -> Iterator[Company]:
    """A ledger whose checkouts are opened at the provider."""
    account = {"DAYBOOK_STRIPE_SECRET_KEY": SECRET_KEY, "DAYBOOK_STRIPE_API_BASE": stripe.url}
    with company(tmp_path, postgres_database, **account) as firm:
        yield firm


def tell_again_and_again(child: int) -> None:
    """SIGTERM, twenty times within a second."""
    pause = threading.Event()
    for _ in range(20):
        os.kill(child, signal.SIGTERM)
        pause.wait(0.05)


def test_a_web_that_is_told_to_stop_again_and_again_answers_what_it_has_in_hand(
    firm: Company, stripe: StripeServer
) -> None:
    web = firm.web()
    [child] = web.children()
    placed = requests.post(f"{web.address}/fbi/create-order/", json=LEAST["fbi"], timeout=PATIENCE).json()
    stripe.plan(Fault(slow=True))
    with ThreadPoolExecutor(1) as customer:
        body, address = {"order_id": placed["order_id"]}, f"{web.address}/create-stripe-session/"
        answer = customer.submit(requests.post, address, json=body, timeout=PATIENCE)
        until(lambda: stripe.requests)
        web.tell(signal.SIGTERM)
        tell_again_and_again(child)
        stripe.release()
        assert answer.result().status_code == 200
    assert web.process.wait(PATIENCE) == 0


def test_a_child_that_hangs_does_not_outlive_its_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        try:
            parent.kill()
            until(lambda: state_of(child) in ("gone", "Z"))
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
