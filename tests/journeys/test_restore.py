"""A ledger is lost and comes back from its backup: what was done stays done, what was open happens once."""

import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from adapters.store.log import Hand
from adapters.wiring import VIEWS, Services
from domain.documents.order import Order
from tests import servers
from tests.journeys.audit import Auditor
from tests.journeys.bad_vendors import BadVendors
from tests.journeys.crowd import MIX, Buyer
from tests.scripts.conftest import Command
from tests.view_samples import all_rows
from tests.web.site import open_services
from tests.world import Clock, settings_for
from web.app import create_app

SEED = 7
ROUND = len(MIX)
A_MINUTE = 60
OTHER_KEY = b64encode(b"another key: not that ledger's!!").decode()
MAY_ANYBODY_APPEND = "SELECT has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc WHERE proname = 'append'"


class Shop:
    """One Daybook at the vendors, and those of its customers whose orders it knows."""

    def __init__(self, services: Services, vendors: BadVendors, clock: Clock, crowd: Sequence[Buyer] = ()) -> None:
        self.services, self.vendors, self.clock = services, vendors, clock
        self._client = create_app(services).test_client()
        self.crowd = [self._known(buyer) for buyer in crowd]

    def _known(self, before: Buyer) -> Buyer:
        buyer = self._buyer(before.number)
        buyer.order_id, buyer.lead_id, buyer.stages = before.order_id, before.lead_id, list(before.stages)
        return buyer

    def _buyer(self, number: int) -> Buyer:
        return Buyer(self.services, self._client, self.clock, number)

    def sell(self) -> list[Buyer]:
        """One customer of each sort buys."""
        come = [self._buyer(len(self.crowd) + nth) for nth in range(ROUND)]
        for buyer in come:
            buyer.buy()
        self.crowd += come
        return come

    def work_through(self) -> None:
        """Carry out everything, pause by pause, and bring the views up."""
        self.services.runner.run_due()
        while (due := self.services.log.next_due()) is not None:
            self.clock.move(max(1.0, (due - self.clock.now()).total_seconds()))
            self.services.runner.run_due()
        self.services.follower.catch_up()

    def go_on(self) -> None:
        """What will be lost: some of what is open is done, and the CRM tells news of the first customers."""
        self.clock.move(A_MINUTE + 1)
        first = [self._known(buyer) for buyer in self.crowd[:ROUND]]
        for buyer in first:
            buyer.move_on()
        for buyer in (*first, *self.crowd[ROUND : ROUND + ROUND // 2]):
            while waiting := self.services.log.open_effects_of(buyer.order_id):
                self.services.runner.run_at_once(waiting[0])

    def done(self) -> set[UUID]:
        """The effects of all orders that are done."""
        found = Auditor(self.services, self.vendors, self.crowd).effects
        return {id for id, effect in found.items() if effect.proof is not None}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy this machine has is not asked for loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vendors(clock: Clock) -> Iterator[BadVendors]:
    """Vendors that never fail, and that outlive the ledger."""
    with ExitStack() as stack:
        yield BadVendors(SEED, share=0, clock=clock, stack=stack, smtp=False)


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of another empty database of the same sort."""
    (tmp_path / "elsewhere").mkdir()
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/elsewhere/daybook.sqlite"
        return
    with servers.fresh_database(database_url) as url:
        yield url


def command(database_url: str, folder: Path, clock: Clock, **more: str) -> Command:
    """The `daybook` command on this database, with the files of this folder."""
    paths = {"DAYBOOK_FILE_STORE_URL": str(folder / "media"), "DAYBOOK_SANDBOX_PATH": str(folder / "sandbox.sqlite")}
    daybook = Command({"DAYBOOK_ENV": "test", "DAYBOOK_DATABASE_URL": database_url, **paths, **more})
    daybook.now = clock.now
    return daybook


def back_up(database_url: str, file: Path, clock: Clock) -> None:
    """As the README says."""
    if database_url.startswith("sqlite"):
        command(database_url, file.parent, clock).prints("backup", str(file))
    else:
        postgres_program("pg_dump", "--format=custom", "--schema=daybook_log", f"--file={file}", database_url)


def restore(file: Path, database_url: str, folder: Path, clock: Clock) -> None:
    """As the README says, into an empty place."""
    if database_url.startswith("sqlite"):
        shutil.copy(file, database_url.removeprefix("sqlite:///"))
    else:
        options = ("--no-owner", "--no-privileges", "--exit-on-error", f"--dbname={database_url}")
        postgres_program("pg_restore", *options, str(file))
    daybook = command(database_url, folder, clock)
    for words in (["init"], ["rebuild", "--all"], ["verify"]):
        daybook.prints(*words)


def postgres_program(name: str, *arguments: str) -> None:
    try:
        program = servers.postgres_programs(Path(), None) / name
    except servers.ServerMissing:
        program = Path(shutil.which(name) or pytest.skip(f"there is no {name}"))
    subprocess.run([program, *arguments], check=True)


@contextmanager
def opened_again(file: Path, database_url: str, folder: Path, lost: Shop) -> Iterator[Shop]:
    """The shop after the loss: the copy restored, the files copied, the same vendors."""
    restore(file, database_url, folder, lost.clock)
    shutil.copytree(lost.services.settings.file_store_url, folder / "media")
    settings = settings_for(database_url, folder, FORM_RATE="10000/minute", **lost.vendors.settings())
    services = Services(settings, now=lost.clock.now, install=False)
    try:
        yield Shop(services, lost.vendors, lost.clock, lost.crowd)
    finally:
        services.stop()


def test_nothing_that_was_done_fires_again_and_what_was_open_happens_once(
    database_url: str, elsewhere: str, tmp_path: Path, vendors: BadVendors, clock: Clock
) -> None:
    with open_services(database_url, tmp_path, clock, **vendors.settings()) as services:
        shop = Shop(services, vendors, clock)
        shop.sell()
        shop.work_through()
        shop.sell()
        assert services.log.take_work(in_hand(clock))
        done_before = shop.done()
        back_up(database_url, tmp_path / "copy", clock)
        shop.go_on()
        done_after = shop.done() - done_before
    asked, written = len(vendors.resend.requests), len(vendors.zoho.accepted)
    sent = {mail.key for mail in vendors.resend.sent}

    with opened_again(tmp_path / "copy", elsewhere, tmp_path / "elsewhere", shop) as restored:
        assert restored.done() == done_before
        assert (len(vendors.resend.requests), len(vendors.zoho.accepted)) == (asked, written)
        for buyer in restored.crowd[:ROUND]:
            buyer.move_on()  # the CRM tells its news again
        restored.work_through()

        Auditor(restored.services, vendors, restored.crowd).check()
        keys = {headers["idempotency-key"] for _, _, headers, _ in vendors.resend.requests[asked:]}
        assert not keys & {str(id) for id in done_before}
        assert keys & sent == {key for key in sent if UUID(key) in done_after} != set()
        views_equal_their_rebuild(restored.services, command(elsewhere, tmp_path, clock))


def in_hand(clock: Clock) -> Hand:
    """Somebody has an effect in hand when the copy is made."""
    return Hand(worker="lost", now=clock.now(), until=clock.now() + timedelta(seconds=A_MINUTE), limit=1)


def views_equal_their_rebuild(services: Services, daybook: Command) -> None:
    rows = all_rows(services.home, VIEWS)
    assert {"orders", "tracking_page", "effects", "receipts", "call_leads"} <= {name for name in rows if rows[name]}
    assert len(daybook.json("rebuild", "--all")["rebuilt"]) == len(VIEWS)
    assert all_rows(services.home, VIEWS) == rows
    assert services.home.parked() == []


def test_names_can_be_read_after_a_restore_and_orders_go_on(
    database_url: str, elsewhere: str, tmp_path: Path, vendors: BadVendors, clock: Clock
) -> None:
    with open_services(database_url, tmp_path, clock, **vendors.settings()) as services:
        shop = Shop(services, vendors, clock)
        [first, *_] = shop.sell()
        back_up(database_url, tmp_path / "copy", clock)
    with opened_again(tmp_path / "copy", elsewhere, tmp_path / "elsewhere", shop) as restored:
        order = restored.services.ledger.load(Order, first.order_id)
        assert order.contact.open().email == first.email
        restored.sell()
        restored.work_through()
        Auditor(restored.services, vendors, restored.crowd).check()


def test_a_restored_ledger_opens_with_its_own_master_key_only(
    database_url: str, elsewhere: str, tmp_path: Path, vendors: BadVendors, clock: Clock
) -> None:
    with open_services(database_url, tmp_path, clock, **vendors.settings()):
        back_up(database_url, tmp_path / "copy", clock)
    restore(tmp_path / "copy", elsewhere, tmp_path, clock)
    for words in (["status"], ["init"], ["rebuild", "--all"]):
        daybook = command(elsewhere, tmp_path, clock, DAYBOOK_MASTER_KEY=OTHER_KEY)
        assert daybook.complains(*words) == "The master key does not fit this ledger."


def test_nobody_else_may_append_to_a_restored_ledger(postgres_database: str, tmp_path: Path, clock: Clock) -> None:
    command(postgres_database, tmp_path, clock).prints("init")
    back_up(postgres_database, tmp_path / "copy", clock)
    with servers.fresh_database(postgres_database) as url:
        restore(tmp_path / "copy", url, tmp_path, clock)
        with psycopg.connect(url) as connection:
            assert connection.execute(MAY_ANYBODY_APPEND).fetchone() == (False,)
