"""How long after a commit a vendor is called, and how long until views show it: between processes of our own."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

from adapters.settings import read_settings
from adapters.store.postgres import PostgresLog
from adapters.wiring import Services
from domain.documents.commands import Wish, place_order
from domain.documents.order_facts import Answers
from domain.documents.tracking_id import draw
from domain.ledger import acting
from domain.shared.contact import Contact
from projections.documents.tracking_page import TRACKING_PAGE
from scripts.benchmarks.processes import daybook
from scripts.benchmarks.table import Context, Result, percentile, within
from tests.vendors.loopback import Answer, Asked, Loopback, serving

CALL_MS, ROW_MS = 50, 20
RATE = 100  # appends per second
SHARE = 0.95
PATIENCE = 30.0
CHEAPEST = Wish(
    kind="embassy",
    contact=Contact("John Doe", "john@example.com", "+1-555-123-4567"),
    answers=Answers(document_type="Power of attorney", country="Qatar"),
)


def run(context: Context) -> Iterator[Result]:
    """Both clocks start before the append, so that it counts too; all times are of one clock, in this process."""
    with context.database() as database, tempfile.TemporaryDirectory() as name:
        yield commit_to_call(context, database, Path(name))
    with context.database() as database, tempfile.TemporaryDirectory() as name:
        yield commit_to_row(context, database, Path(name))


@contextmanager
def ledger(database: str, folder: Path) -> Iterator[Services]:
    """Our own ledger in this process, which only appends."""
    environment = {
        "DAYBOOK_ENV": "test",
        "DAYBOOK_DATABASE_URL": database,
        "DAYBOOK_FILE_STORE_URL": str(folder / "media"),
        "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite"),
    }
    services = Services(read_settings(environment), install=True)
    try:
        yield services
    finally:
        services.stop()


def place(services: Services) -> int:
    """Record one order; returns the position of its last event."""
    with acting(by="customer", via="form", at=services.now(), correlation="bench"):
        place_order(services.ledger, id=uuid4(), wish=CHEAPEST, draw_tracking_id=lambda: draw(os.urandom))
    return services.log.last_position()


def commit_to_call(context: Context, database: str, folder: Path) -> Result:
    """One order at a time; the next begins when nothing of the last is left to do."""
    number, called = context.size(200, 3), threading.Event()
    arrivals: list[float] = []

    def answer(asked: Asked) -> Answer:
        arrivals.append(time.monotonic())
        called.set()
        return Answer(200, b'{"id": "%s"}' % str(uuid4()).encode())

    vendor = Loopback(answer)
    took: list[float] = []
    with ledger(database, folder) as services, serving(vendor):
        mail = {"DAYBOOK_RESEND_API_KEY": "re_bench", "DAYBOOK_RESEND_API_BASE": vendor.url}
        with daybook("work", database=database, folder=folder, ready="Ready", more=mail):
            for nth in range(number + 3):
                called.clear()
                arrivals.clear()
                began = time.monotonic()
                place(services)
                if not called.wait(PATIENCE):
                    raise TimeoutError("The vendor was not called.")
                if nth >= 3:
                    took.append(arrivals[0] - began)
                _until_idle(services)
    note = f"from before the append to the first mail's arrival at a vendor's server; {number} orders, p50 {ms(took)}"
    return within("commit to vendor call, p95", ours=percentile(took, SHARE) * 1e3, limit=CALL_MS, note=note)


def _until_idle(services: Services) -> None:
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while services.log.open_work()[0]:
        if time.monotonic() > deadline:
            raise TimeoutError("Effects are still open.")
        pause.wait(0.01)


def commit_to_row(context: Context, database: str, folder: Path) -> Result:
    """Appends by the clock, whether or not the last is visible yet; rows show when the follower's commit is heard."""
    number = context.size(20 * RATE, RATE // 2)
    heard: list[tuple[int, float]] = []

    def hear(word: str) -> None:
        if word.startswith(f"{TRACKING_PAGE.name} "):
            heard.append((int(word.split()[2]), time.monotonic()))

    with ledger(database, folder) as services, ExitStack() as stack:
        log = services.log
        assert isinstance(log, PostgresLog)
        stack.callback(log.listen_to_views(hear))
        stack.enter_context(daybook("follow", database=database, folder=folder, ready="Ready"))
        for _ in range(RATE // 2):
            last = place(services)
        _until_heard(heard, last)
        began, asked = time.monotonic(), []
        pause = threading.Event()
        for nth in range(number):
            due = began + nth / RATE
            pause.wait(max(0.0, due - time.monotonic()))
            asked.append((due, place(services)))  # from when it was due: a late append is not forgiven
        rate = number / (time.monotonic() - began)
        _until_heard(heard, asked[-1][1])
    took = [next(at for to, at in heard if to >= position) - due for due, position in asked]
    note = f"from when the append was due to the view's commit; {number} orders at {rate:.0f}/s, p50 {ms(took)}"
    return within("commit to view row, p95", ours=percentile(took, SHARE) * 1e3, limit=ROW_MS, note=note)


def _until_heard(heard: list[tuple[int, float]], position: int) -> None:
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while not heard or heard[-1][0] < position:
        if time.monotonic() > deadline:
            raise TimeoutError("The view has not come to the last append.")
        pause.wait(0.01)


def ms(took: list[float]) -> str:
    """The middle one, in words."""
    return f"{median(took) * 1e3:.1f} ms"
