"""Several processes that fill one table, each with the streams that fall to it."""

import gc
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from projections.fill import Filled, Filler, History, Progress, Share
from projections.home import Home
from projections.view import View

Connect = Callable[[], tuple[History, Home]]  # in the other process: connections cannot be handed on


class WorkerFailed(Exception):
    """A process that filled a share of a table has ended before its time; the rebuild can be started again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"A worker of the rebuild has ended before its work was done ({reason}).")


def fill_in_parallel(connect: Connect, view: View, upto: int, *, workers: int, progress: Progress) -> Filled:
    """Fill the view's next table in this many processes; returns what came of all shares. Raises `WorkerFailed`."""
    context = get_context("spawn")  # a fork would copy the connections and locks of this process
    pipes: list[Connection] = []
    processes: list[SpawnProcess] = []
    try:
        for number in range(workers):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(sender, connect, view, upto, (number, workers)), daemon=True)
            process.start()
            sender.close()  # ours; when the worker's closes too, it has ended
            pipes.append(receiver)
            processes.append(process)
        return _gather(pipes, progress)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _gather(pipes: list[Connection], progress: Progress) -> Filled:
    """Add up what the workers tell, until each has told what came of its share."""
    total, read = Filled(), dict.fromkeys(pipes, 0)
    waiting = set(pipes)
    while waiting:
        for pipe in wait(list(waiting)):
            assert isinstance(pipe, Connection)
            try:
                told: int | str | Filled = pipe.recv()
            except EOFError:
                raise WorkerFailed("killed") from None
            match told:
                case int():
                    read[pipe] = told
                case Filled(events=events, setbacks=setbacks):
                    read[pipe] = events
                    total.events += events
                    total.setbacks += setbacks
                    waiting.discard(pipe)
                case str():
                    raise WorkerFailed(told)
        progress(sum(read.values()))
    return total


def _work(pipe: Connection, connect: Connect, view: View, upto: int, share: Share) -> None:
    """One process: tells how far it is, then what came of it. Ends when nobody listens any more."""
    source, home = connect()
    gc.freeze()  # what the program is made of stays; no need to look through it again and again
    filler = Filler(source, home, view, pipe.send)
    try:
        filler.fill(upto, share=share)
        pipe.send(filler.done)
    except Exception as error:  # its text may hold what was in a row
        pipe.send(type(error).__name__)
