"""A rebuild in a process of its own that waits at every step to be told to go on: `python -m tests.rebuilding`."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table

from projections.home import Home
from projections.rebuild import Rebuild
from projections.view import Row, View
from tests.sample_trees import NOW
from tests.store_samples import open_home, open_log
from tests.view_samples import Growths, Heights, Sizes, open_both

SHAPES: dict[str, type[View]] = {shape.name: shape for shape in (Heights, Growths, Sizes)}


def step(what: str) -> None:
    """Tell what comes next, and wait."""
    print(what, flush=True)
    sys.stdin.readline()


class Stepping(Home):
    """A home that tells before it writes, and before it commits what it has loaded."""

    def fill(
        self,
        table: Table,
        rows: Iterator[Row],
        *,
        before: Callable[[Connection], None],
        after: Callable[[Connection], None],
    ) -> None:
        def loaded(connection: Connection) -> None:
            after(connection)
            step("loaded")

        step("load")
        super().fill(table, rows, before=before, after=loaded)

    def apply(self, connection: Connection, view: View, table: Table, events: Any) -> None:
        step("fold")
        super().apply(connection, view, table, events)

    def index(self, connection: Connection, view: View, table: Table, *, generation: int) -> None:
        step("index")
        super().index(connection, view, table, generation=generation)

    def drop(self, connection: Connection, name: str) -> None:
        step(f"drop {name}")
        super().drop(connection, name)


def run_stepping(url: str, name: str, chunk_rows: int, workers: int) -> None:
    """Rebuild a view, step by step; with several workers the steps are what these have read."""
    with open_log(url) as log, open_home(url, Stepping) as home:
        Rebuild(
            log,
            home,
            SHAPES[name](),
            now=lambda: NOW,
            progress=(lambda events: step("read")) if workers > 1 else lambda events: None,
            workers=workers,
            connect=partial(open_both, url) if workers > 1 else None,
            chunk_rows=chunk_rows,
        ).run()
    step("done")


@contextmanager
def stepping(url: str, view: View, *, chunk_rows: int, workers: int = 1) -> Iterator["subprocess.Popen[str]"]:
    """Such a process; it is killed when the block ends."""
    program = [sys.executable, "-m", "tests.rebuilding", url, view.name, str(chunk_rows), str(workers)]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def go_on(process: "subprocess.Popen[str]", steps: int) -> list[str]:
    """Let it take so many steps; what it told before each, and last what it will not come to do."""
    assert process.stdin is not None
    assert process.stdout is not None
    told = [process.stdout.readline().rstrip("\n")]
    for _ in range(steps):
        if told[-1] in ("done", ""):
            break
        process.stdin.write("\n")
        process.stdin.flush()
        told.append(process.stdout.readline().rstrip("\n"))
    return told


if __name__ == "__main__":
    run_stepping(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
