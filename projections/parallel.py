"""Several processes that fill one table, each with the streams that fall to it."""

import gc
import signal
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import msgspec

from projections.fill import CHUNK_ROWS, Filler, History, Progress, Share
from projections.home import Home
from projections.kept import Filled, Notes, unpacked
from projections.view import Row, View

Connect = Callable[[], tuple[History, Home]]  # in the other process: connections cannot be handed on


class WorkerFailed(Exception):
    """A process that filled a share of a table has ended before its time; the rebuild can be started again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"A worker of the rebuild has ended before its work was done ({reason}).")


class Task(msgspec.Struct, frozen=True):
    """A share of a table, and what has been filled of it up to a mark."""

    view: View
    run: int
    upto: int
    share: Share
    mark: str | None
    filled: Filled
    chunk_rows: int = CHUNK_ROWS

    def carry_out(self, source: History, home: Home, progress: Progress) -> Filled:
        """Fill the rest of the share; what is done is noted as it goes."""
        notes = Notes(self.view, run=self.run, share=self.share[0])
        filler = Filler(source, home, self.view, progress, notes=notes, chunk_rows=self.chunk_rows)
        filler.take_over(self.filled)
        filler.fill(self.upto, share=self.share, mark=self.mark)
        return filler.done


def tasks_of(view: View, shares: Sequence[Row], *, run: int, upto: int, chunk_rows: int) -> list[Task]:
    """What is left to do of these shares, as they are noted."""
    return [
        Task(
            view,
            run,
            upto,
            (share["share"], len(shares)),
            share["mark"],
            Filled(share["events"], unpacked(share["setbacks"])),
            chunk_rows,
        )
        for share in shares
        if not share["done"]
    ]


def fill_in_parallel(connect: Connect, tasks: Sequence[Task], *, progress: Progress) -> None:
    """Fill the view's next table in as many processes as there are tasks. Raises `WorkerFailed`."""
    context = get_context("spawn")  # a fork would copy the connections and locks of this process
    pipes: list[Connection] = []
    processes: list[SpawnProcess] = []
    try:
        for task in tasks:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(sender, connect, task), daemon=True)
            process.start()
            sender.close()  # ours; when the worker's closes too, it has ended
            pipes.append(receiver)
            processes.append(process)
        _gather(pipes, progress)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _gather(pipes: list[Connection], progress: Progress) -> None:
    """Add up what the workers tell, until each has told that its share is done."""
    read = dict.fromkeys(pipes, 0)
    waiting = set(pipes)
    while waiting:
        for pipe in wait(list(waiting)):
            assert isinstance(pipe, Connection)
            try:
                told: int | str | None = pipe.recv()
            except EOFError:
                raise WorkerFailed("killed") from None
            match told:
                case int():
                    read[pipe] = told
                case None:
                    waiting.discard(pipe)
                case str():
                    raise WorkerFailed(told)
        progress(sum(read.values()))


def _work(pipe: Connection, connect: Connect, task: Task) -> None:
    """One process: tells how far it is, then that it is done. Ends when nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; who started us will end us
    source, home = connect()
    gc.freeze()  # what the program is made of stays; no need to look through it again and again
    try:
        filled = task.carry_out(source, home, pipe.send)
        pipe.send(filled.events)
        pipe.send(None)
    except Exception as error:  # its text may hold what was in a row
        pipe.send(type(error).__name__)
