"""The HTTP server: granian, and in each of its worker processes services that live and die with it."""

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from adapters import logs
from adapters.metrics_server import serve_metrics
from adapters.settings import read_settings
from adapters.wiring import Services
from domain.ledger import Unavailable

MOST_THREADS = 8  # that answer requests: waiting for a view or a vendor costs a thread, not a core
LONGER_SECONDS = 10  # than a worker may take to stop: then it is killed
AGAIN_SECONDS = 1.0  # until a worker asks again for a database that does not answer
PROBE_SECONDS, REPEAT_SECONDS = 0.02, 0.5
STOPS = (signal.SIGINT, signal.SIGTERM)
PR_SET_PDEATHSIG = 1  # of Linux's <sys/prctl.h>
# Granian brings handlers of its own; without them its words go where all others go.
NO_HANDLERS = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}}

log = logging.getLogger("daybook.server")


def free_port(host: str, port: int) -> int:
    """The port itself if nobody listens on it, any free one for 0; complains with a sentence."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # A port whose last connections are still fading away is free; without this it would not look so.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise click.ClickException(f"Cannot listen on port {port} of {host}: {error.strerror}.") from None


_told_to_stop = threading.Event()


def hold_signals() -> None:
    """Until granian listens for signals, only remember them: raised just anywhere, an exit can get lost."""
    for told in STOPS:
        signal.signal(told, lambda *_: _told_to_stop.set())


def _heed() -> None:
    if _told_to_stop.is_set():
        sys.exit(0)


def run(
    host: str,
    port: int,
    *,
    start: Callable[[Services], None],
    workers: int,
    stop_seconds: int,
    ready: str,
    metrics_port: int | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; print `ready` once every worker answers. Workers read the environment.

    Each worker has services of its own and calls `start` with them. One of several that dies is made anew. The first
    shows its figures on `metrics_port` of this machine, the next on the one after it, and so on.
    """
    server = MPServer(
        "daybook",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=min(MOST_THREADS, 2 * multiprocessing.cpu_count() + 1),
        respawn_failed_workers=workers > 1,
        respawn_interval=0,
        log_level=LogLevels.warning,
        log_dictconfig=NO_HANDLERS,
    )
    heard, loaded = multiprocessing.Pipe(duplex=False)

    def stop(*_: object) -> None:
        _told_to_stop.set()
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]
        threading.Thread(target=_repeat_to_workers, args=(stop_seconds + LONGER_SECONDS,), daemon=True).start()

    def say_when_ready() -> None:
        for _ in range(workers):
            heard.recv_bytes()
        _wait_for_answer(host, port)
        click.echo(ready)

    @server.on_startup
    def listen() -> None:
        for told in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(told, stop)
        _heed()
        threading.Thread(target=say_when_ready, daemon=True).start()

    server.serve(spawn_target=partial(_work, start, loaded, metrics_port))


def _repeat_to_workers(patience: float) -> None:
    """Granian's worker is deaf for a moment while it starts: tell it to stop until it has, and at last make it."""
    pause, deadline = threading.Event(), time.monotonic() + patience
    while not pause.wait(REPEAT_SECONDS):
        for worker in multiprocessing.active_children():
            if time.monotonic() < deadline:
                worker.terminate()
            else:
                worker.kill()


def _work(
    start: Callable[[Services], None],
    loaded: Connection,
    metrics_port: int | None,
    worker: int,
    title: str | None,
    _: Any,
    *granian: Any,
) -> None:
    """Granian's own work in a process of its own, with our services around it."""
    belong_to_parent()
    _heed()
    services = _services()

    def load() -> Any:
        from web.app import create_app  # the other commands need no web

        logs.configure(level=services.settings.log_level)
        app = create_app(services)
        if metrics_port is not None:
            _show_figures(services, metrics_port + worker - 1)
        _heed()
        start(services)
        _heed()
        loaded.send_bytes(b"!")
        return app

    ended = False
    try:
        MPServer._spawn_wsgi_worker(worker, title, load, *granian)
    finally:
        ended = services.stop(timeout=services.settings.stop_seconds)
    if not ended:
        os._exit(0)  # a thread that waits for a vendor would keep the process


def _show_figures(services: Services, port: int) -> None:
    try:
        serve_metrics("127.0.0.1", port, services)
    except OSError as error:  # orders come first
        log.error("no figures on port %d: %s", port, error.strerror)


def _services() -> Services:
    """The services, once the database answers: whoever started us has seen that it is ours."""
    while True:
        try:
            return Services(read_settings(), install=False)
        except Unavailable:
            if _told_to_stop.wait(AGAIN_SECONDS):
                sys.exit(0)


def belong_to_parent() -> None:
    """Ctrl-C reaches the parent alone, which tells us; and nobody is left serving when the parent has been killed."""
    os.setpgrp()
    hold_signals()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # in every thread that is started from here on
    if sys.platform == "linux":  # the system does it even when no thread of ours can run
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def die_with(parent: Any) -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=die_with, args=(parent,), daemon=True).start()
    threading.Thread(target=_stop_once, daemon=True).start()


def _stop_once() -> None:
    """Tell granian to stop, once it listens: told twice it would wait for itself, with Python's lock in hand."""
    ours = signal.getsignal(signal.SIGTERM)
    told, pause = signal.sigwait(STOPS), threading.Event()
    _told_to_stop.set()
    while (granians := signal.getsignal(signal.SIGTERM)) is ours:
        pause.wait(PROBE_SECONDS)
    if callable(granians):
        granians(told, None)


def _wait_for_answer(host: str, port: int) -> None:
    pause = threading.Event()
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            pause.wait(PROBE_SECONDS)
