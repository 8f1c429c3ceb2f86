"""What runs in which process: web, work, follow, or all of it in one."""

import gc
import logging
import threading
from collections.abc import Callable
from functools import partial

from adapters.call_repair import keep_calls
from adapters.heartbeats import Heart
from adapters.housekeeping import keep_house
from adapters.store.leader import Leader
from adapters.store.postgres import PostgresLog
from adapters.store.sqlite import AlreadyServed, SQLiteLog
from adapters.wiring import Services

REBUILD_AGAIN_SECONDS = 10.0

log = logging.getLogger("daybook.processes")

Wait = Callable[[float], bool]


def start_serve(services: Services) -> None:
    """Everything in this process. Raises `AlreadyServed` when another process does so on the same SQLite file."""
    if isinstance(services.log, SQLiteLog):
        services.log.serve_alone()
        services.log.expire_leases()  # whoever held work before is gone
    services.rebuild_stale()
    stopping = services.threads.stopping
    services.threads.spawn("follower", lambda: services.follower.run(stopping.is_set))
    _keep(services, stopping.wait)
    _carry_out(services, threads=services.settings.effect_workers)
    _beat(services, "serve", leading=lambda: services.threads.running["follower"])


def start_web(services: Services) -> None:
    """Only what answering needs: to hear how far the views are. Raises `AlreadyServed` on SQLite."""
    _watch(services)
    _beat(services, "web")


def start_work(services: Services, *, threads: int) -> None:
    """Carry out effects, by rings and by looking for what is due. Raises `AlreadyServed` on SQLite."""
    log = _watch(services)
    if services.doorbell is None:
        services.on_stop(log.listen_for_work(services.runner.wake))
    _carry_out(services, threads=threads)
    _beat(services, "work")


def start_follow(services: Services) -> None:
    """Keep the views up and the house in order whenever no other process does. Raises `AlreadyServed` on SQLite."""
    _shared(services)
    leader = Leader(services.settings.database_url, services.settings.database)
    stopping = services.threads.stopping
    services.threads.spawn("follower", lambda: leader.campaign(stopping, partial(_lead, services)))
    _beat(services, "follow", leading=lambda: leader.leading)


def _lead(services: Services, over: threading.Event) -> None:
    """One term of leading."""
    clocks = [threading.Thread(target=_rebuild, args=(services, over), name="rebuild", daemon=True)]
    clocks += [threading.Thread(target=work, name=name, daemon=True) for name, work in _clocks(services, over.wait)]
    for clock in clocks:
        clock.start()
    gc.freeze()  # what the program is made of stays; no need to look through it with every batch of events
    services.follower.run(over.is_set)


def _rebuild(services: Services, over: threading.Event) -> None:
    """Rebuild what an older product has folded, while the other views go on."""
    while not over.is_set():
        try:
            services.rebuild_stale()
            return
        except Exception as error:  # the database, perhaps; the live rows are as they were
            log.warning("views wait for their rebuild: %s", type(error).__name__)
            over.wait(REBUILD_AGAIN_SECONDS)


def _shared(services: Services) -> PostgresLog:
    if not isinstance(services.log, PostgresLog):
        raise AlreadyServed
    return services.log


def _watch(services: Services) -> PostgresLog:
    log = _shared(services)
    services.on_stop(services.watch(log.listen_to_views))
    return log


def _carry_out(services: Services, *, threads: int) -> None:
    stopping = services.threads.stopping
    services.threads.spawn("runner", lambda: services.runner.run(stopping.is_set, threads=threads))
    if services.doorbell is not None:
        services.doorbell.start(threads=threads)


def _keep(services: Services, wait: Wait) -> None:
    for name, work in _clocks(services, wait):
        services.threads.spawn(name, work)


def _clocks(services: Services, wait: Wait) -> list[tuple[str, Callable[[], None]]]:
    """What is done by the clock; `wait(seconds)` returns True when it is time to stop."""
    ledger, now = services.ledger, services.now
    clocks: list[tuple[str, Callable[[], None]]] = [
        ("housekeeper", lambda: keep_house(services.files, ledger, now=now, wait=wait)),
        ("chain", lambda: services.keeper.run(wait)),
    ]
    if (calls := services.vendors.calls) is not None:
        clocks.append(("calls", lambda: keep_calls(calls, ledger, now=now, wait=wait)))
    return clocks


def _beat(services: Services, role: str, *, leading: Callable[[], bool] = lambda: False) -> None:
    heart = Heart(role, services.home, source=services.log, views=services.views, now=services.now, leading=leading)
    heart.try_to_beat()
    services.threads.spawn("heart", lambda: heart.run(services.threads.stopping.wait))
