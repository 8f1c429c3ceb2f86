"""Writers in processes of their own: all begin together, and each tells how long every write of its own took."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier, Lock
from typing import NamedTuple

WARM_UP = 50
PATIENCE = 60.0  # seconds until the others are given up

Open = Callable[[str], Callable[[], object]]  # a database's URL to one write


class Meeting(NamedTuple):
    """What the writers of one round share: one opens at a time (tables are made then), all begin at once."""

    opening: Lock
    ready: Barrier


_meeting: Meeting


def write_together(open_writer: Open, url: str, *, writers: int, writes: int) -> tuple[float, list[float]]:
    """Return writes per second over all writers, and the seconds that each write took; a writer's error is raised."""
    context = multiprocessing.get_context("spawn")
    meeting = Meeting(context.Lock(), context.Barrier(writers))
    with ProcessPoolExecutor(writers, mp_context=context, initializer=_join, initargs=(meeting,)) as pool:
        asked = [pool.submit(_write, open_writer, url, writes) for _ in range(writers)]
        answers = [future.result() for future in asked]
    began = min(start for start, _ in answers)
    ended = max(start + sum(took) for start, took in answers)
    return writers * writes / (ended - began), [seconds for _, took in answers for seconds in took]


def _join(meeting: Meeting) -> None:
    global _meeting
    _meeting = meeting


def _write(open_writer: Open, url: str, writes: int) -> tuple[float, list[float]]:
    try:
        with _meeting.opening:
            write = open_writer(url)
        for _ in range(WARM_UP):
            write()
    except BaseException:
        _meeting.ready.abort()
        raise
    _meeting.ready.wait(PATIENCE)
    start, took = time.monotonic(), list[float]()
    for _ in range(writes):
        began = time.perf_counter()
        write()
        took.append(time.perf_counter() - began)
    return start, took
