"""A thousand orders through vendors that fail all the time: nothing is lost, nothing doubled, the order kept."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from adapters.wiring import Services
from domain.shared.effect import Effect
from tests.journeys.audit import SUPERSEDED, Auditor
from tests.journeys.bad_vendors import BadVendors
from tests.journeys.crowd import Buyer
from tests.web.site import open_services
from tests.wishes import acts
from tests.world import Clock
from web.app import create_app

SEED = 20261121
ORDERS, BATCH, THREADS = 1000, 100, 12
SHARE = 0.25
BETWEEN = 20  # seconds from one batch of customers to the next
LATE = 3.0  # seconds at least between one look of the runners and the next
NEWS = 4  # every fourth order gets on
FEW = 40
MOST_RINGS = 5
HOUR = 3600


class Day:
    """A Daybook, its bad vendors, and its customers."""

    def __init__(self, services: Services, vendors: BadVendors, clock: Clock) -> None:
        self.services, self.vendors, self.clock = services, vendors, clock
        self._client = create_app(services).test_client()
        self.crowd: list[Buyer] = []

    def sell(self, number: int) -> Sequence[Buyer]:
        """So many customers come and buy."""
        come = [Buyer(self.services, self._client, self.clock, len(self.crowd) + nth) for nth in range(number)]
        for buyer in come:
            buyer.buy()
        self.crowd += come
        return come

    @contextmanager
    def runner_at_work(self) -> Iterator[None]:
        """The product's own runner, while customers come; no lease runs out, since the clock hardly moves."""
        stopping, runner = threading.Event(), self.services.runner
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(runner.run, stopping.is_set, threads=THREADS)
            try:
                yield
            finally:
                stopping.set()
                runner.wake()
            run.result()

    def work(self) -> None:
        """Several threads carry out what is due."""
        with ThreadPoolExecutor(THREADS) as pool:
            for run in [pool.submit(self.services.runner.run_due) for _ in range(THREADS)]:
                run.result()

    def work_through(self) -> None:
        """Carry out everything, pause by pause, until nothing is open."""
        self.work()
        while (due := self.services.log.next_due()) is not None:
            self.clock.move(max(LATE, (due - self.services.now()).total_seconds()))
            self.work()

    def finish(self) -> None:
        """Carry out everything; staff ring again what was given up, in the order it was asked for."""
        self.work_through()
        for _ in range(MOST_RINGS):
            for effect in self._dead():
                with acts(self.services.now(), by="staff", via="console"):
                    effect.ring_again()
                    self.services.ledger.record(effect)
            self.work_through()

    def _dead(self) -> list[Effect]:
        events = (self.services.log.decode(name, data) for _, name, data in self.services.log.read(0, 10_000_000))
        asked = [event.effect for event in events if isinstance(event, Effect.Requested)]
        effects = (self.services.ledger.load(Effect, id) for id in asked)
        return [effect for effect in effects if effect.given_up not in (None, SUPERSEDED)]


@contextmanager
def bad_day(folder: Path, *, share: float, smtp: bool = False) -> Iterator[Day]:
    """Everything for one test."""
    clock = Clock()
    with ExitStack() as stack:
        vendors = BadVendors(SEED, share=share, clock=clock, stack=stack, smtp=smtp)
        database = f"sqlite:///{folder / 'daybook.sqlite'}"
        services = stack.enter_context(open_services(database, folder, clock, **vendors.settings()))
        try:
            yield Day(services, vendors, clock)
        finally:
            print(f"seed {SEED}, faults {vendors.befallen()}")  # shown when the test fails


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy this machine has is not asked for loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.slow
def test_a_thousand_orders_through_bad_vendors_lose_and_double_nothing_and_keep_their_order(tmp_path: Path) -> None:
    with bad_day(tmp_path, share=SHARE) as day:
        for _ in range(ORDERS // BATCH):
            with day.runner_at_work():
                for buyer in day.sell(BATCH)[::2]:
                    buyer.move_on()
            day.clock.move(BETWEEN)
        for buyer in day.crowd[::NEWS]:
            buyer.move_on()
        day.finish()
        Auditor(day.services, day.vendors, day.crowd).check()


@pytest.mark.slow
def test_after_an_hour_without_vendors_everything_happens_in_order_and_once(tmp_path: Path) -> None:
    with bad_day(tmp_path, share=0) as day:
        with day.vendors.down():
            for buyer in day.sell(FEW)[::NEWS]:
                buyer.move_on()
            day.work_through()
            assert not day.vendors.zoho.accepted
            assert not day.vendors.resend.sent
            day.clock.move(HOUR)
        for buyer in day.crowd[::NEWS]:
            buyer.move_on()
        day.finish()
        audit = Auditor(day.services, day.vendors, day.crowd)
        audit.check(rung_in_order=True)
        assert audit.rung


@pytest.mark.slow
def test_a_failing_mail_server_gets_every_mail_in_order_and_again_only_what_it_could_not_acknowledge(
    tmp_path: Path,
) -> None:
    with bad_day(tmp_path, share=SHARE, smtp=True) as day:
        for buyer in day.sell(FEW):
            buyer.move_on()
        day.finish()
        Auditor(day.services, day.vendors, day.crowd).check()
        assert day.vendors.lost_thanks
