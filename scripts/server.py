"""The HTTP server: granian with one worker, and the services that live and die with that worker."""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from functools import partial
from typing import Any

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer

from adapters import logs
from adapters.settings import read_settings
from adapters.wiring import Services

MOST_THREADS = 8  # that answer requests: waiting for a view or a vendor costs a thread, not a core
STOP_SECONDS = 20  # then a worker that does not end is killed
PROBE_SECONDS, REPEAT_SECONDS = 0.02, 0.5
# Granian brings handlers of its own; without them its words go where all others go.
NO_HANDLERS = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}}


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
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda *_: _told_to_stop.set())


def _heed() -> None:
    if _told_to_stop.is_set():
        sys.exit(0)


def run(host: str, port: int, *, ready: str) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; the worker prints `ready` once it answers and reads the environment."""
    server = MPServer(
        "daybook",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=min(MOST_THREADS, 2 * multiprocessing.cpu_count() + 1),
        log_level=LogLevels.warning,
        log_dictconfig=NO_HANDLERS,
    )

    def stop(*_: object) -> None:
        _told_to_stop.set()
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call]
        threading.Thread(target=_repeat_to_workers, daemon=True).start()

    @server.on_startup
    def listen() -> None:
        for told in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(told, stop)
        _heed()

    server.serve(spawn_target=partial(_work, host, port, ready))


def _repeat_to_workers() -> None:
    """Granian's worker is deaf for a moment while it starts: tell it to stop until it has, and at last make it."""
    pause, deadline = threading.Event(), time.monotonic() + STOP_SECONDS
    while not pause.wait(REPEAT_SECONDS):
        for worker in multiprocessing.active_children():
            if time.monotonic() < deadline:
                worker.terminate()
            else:
                worker.kill()


def _work(host: str, port: int, ready: str, worker: int, title: str | None, _: Any, *granian: Any) -> None:
    """Granian's own work in a process of its own, with our services around it."""
    _belong_to_parent()
    _heed()
    services = Services(read_settings())

    def load() -> Any:
        from web.app import create_app  # the other commands need no web

        logs.configure(level=services.settings.log_level)
        app = create_app(services)
        _heed()
        services.start()
        _heed()
        threading.Thread(target=_say_when_ready, args=(host, port, ready), daemon=True).start()
        return app

    try:
        MPServer._spawn_wsgi_worker(worker, title, load, *granian)
    finally:
        services.stop()


def _belong_to_parent() -> None:
    """Ctrl-C reaches the parent alone, which tells us; and nobody is left serving when the parent has been killed."""
    os.setpgrp()
    hold_signals()
    parent = multiprocessing.parent_process()
    if parent is not None:

        def die_with(parent: Any) -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=die_with, args=(parent,), daemon=True).start()


def _say_when_ready(host: str, port: int, ready: str) -> None:
    pause = threading.Event()
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            pause.wait(PROBE_SECONDS)
        else:
            click.echo(ready)
            return
