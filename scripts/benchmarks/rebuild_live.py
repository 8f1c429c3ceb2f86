"""Every view rebuilt with a preview from a million events while forms arrive and pages are read."""

import base64
import gc
import http.client
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

import msgspec

from adapters.settings import read_settings
from adapters.wiring import Services
from projections.view import View
from scripts.benchmarks.filling import MASTER_KEY, fill, open_log, settle, tracking_id_of
from scripts.benchmarks.form import PATH, orders
from scripts.benchmarks.processes import WORKERS, daybook
from scripts.benchmarks.table import Context, Result, within
from tests.servers import free_port

READERS, SENDERS = 2, 2
ORDERS, QUICK_ORDERS = 33_000, 170  # a million events, and five thousand
STRIDE = 7919  # a prime, so that orders from everywhere are read
PATIENCE = 60.0  # seconds for one answer, or for the follower
KEY = {"DAYBOOK_MASTER_KEY": base64.b64encode(MASTER_KEY).decode()}


class Traffic(msgspec.Struct):
    """What was answered as it should be, and what was not."""

    reads: int = 0
    failed_reads: int = 0
    forms: int = 0
    failed_forms: int = 0


def run(context: Context) -> Iterator[Result]:
    """Each view is folded anew beside the live one, compared at one position, and swapped; in the end all once more."""
    gc.freeze()  # as the processes of the product do
    with context.database() as url, tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        number = context.size(ORDERS, QUICK_ORDERS)
        context.say("  filling a log")
        log = open_log(url)
        events = fill(log, orders=number)
        log.close()
        settle(url)
        services = stack.enter_context(ledger(url, Path(name)))
        context.say("  folding the views that are live")
        for view in services.views:
            services.rebuild(view)
        port = free_port()
        serving = partial(daybook, database=url, folder=Path(name), ready="Ready", more=KEY)
        stack.enter_context(serving("web", "--port", str(port), "--workers", str(WORKERS)))
        stack.enter_context(serving("follow"))
        began = perf_counter()
        traffic, differing = Traffic(), 0
        with busy(port, number, traffic):
            for view in services.views:
                differing += rebuilt(context, services, view)
        seconds = perf_counter() - began
        differing += sum(looked_at(services, view) for view in services.views)
        yield from told(events, len(services.views), seconds, traffic, differing)


@contextmanager
def ledger(url: str, folder: Path) -> Iterator[Services]:
    """Our own ledger in this process; nothing but its commands work here."""
    environment = {
        "DAYBOOK_ENV": "test",
        "DAYBOOK_DATABASE_URL": url,
        "DAYBOOK_FILE_STORE_URL": str(folder / "media"),
        "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite"),
        **KEY,
    }
    services = Services(read_settings(environment), install=True)
    try:
        yield services
    finally:
        services.stop()


def rebuilt(context: Context, services: Services, view: View) -> int:
    """Rebuild a view with a preview and swap it; how many rows differed from the live fold."""
    began = perf_counter()
    preview = services.rebuild_of(view, lambda events: None).preview()
    shown = perf_counter()
    _, before_swap, _ = services.rebuild_of(view, lambda events: None).approve()
    swapped = perf_counter() - shown
    rows = f"{preview.rows_next:,} rows, {preview.differing + before_swap.differing} differ"
    context.say(f"  {view.name}: {rows}, preview {shown - began:.1f} s, swap {swapped:.1f} s")
    return preview.differing + before_swap.differing


def looked_at(services: Services, view: View) -> int:
    """How many rows are not what a rebuild makes of the log, once the follower is there."""
    last, pause, patience = services.log.last_position(), threading.Event(), PATIENCE * 10
    while (services.positions()[view.name] or 0) < last and patience > 0:
        pause.wait(0.1)
        patience -= 0.1
    rebuild = services.rebuild_of(view, lambda events: None, fresh=True)
    found = rebuild.preview()
    rebuild.discard()
    return found.differing + (found.position < last)


@contextmanager
def busy(port: int, number: int, traffic: Traffic) -> Iterator[None]:
    """Read pages and send forms until the block ends, at least once each."""
    stopping, lock = threading.Event(), threading.Lock()

    def read(nth: int, connection: http.client.HTTPConnection) -> None:
        page = f"/tracking/{tracking_id_of(nth * STRIDE % number)}/"
        good = answered(connection, "GET", page, None, {"Accept": "application/json"}) == 200
        with lock:
            traffic.reads += good
            traffic.failed_reads += not good

    def send(nth: int, connection: http.client.HTTPConnection) -> None:
        [form] = orders(1)
        head, _, body = form.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        good = answered(connection, "POST", PATH, body, headers) == 201
        with lock:
            traffic.forms += good
            traffic.failed_forms += not good

    def again_and_again(ask: Callable[[int, http.client.HTTPConnection], None], first: int) -> None:
        connection, nth = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE), first
        while True:
            ask(nth, connection)
            nth += READERS
            if stopping.is_set():
                connection.close()
                return

    jobs = [(read, nth) for nth in range(READERS)] + [(send, nth) for nth in range(SENDERS)]
    threads = [threading.Thread(target=again_and_again, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def answered(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> int:
    """The status of an answer; 0 where none came."""
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()  # the next request opens it again
        return 0
    return response.status


def told(events: int, views: int, seconds: float, traffic: Traffic, differing: int) -> Iterator[Result]:
    """What was asked, and what must not have happened."""
    note = f"{events:,} events before, {views} views, each with a preview and a swap"
    yield Result(name="rebuild live: all views", ours=seconds, unit="s", note=note)
    yield Result(name="rebuild live: pages read", ours=traffic.reads, unit="pages")
    yield within("rebuild live: reads that failed", ours=traffic.failed_reads, limit=0, unit="reads")
    yield Result(name="rebuild live: forms placed meanwhile", ours=traffic.forms, unit="forms")
    yield within("rebuild live: forms that failed", ours=traffic.failed_forms, limit=0, unit="forms")
    yield within("rebuild live: rows that differ from the live fold", ours=differing, limit=0, unit="rows")
