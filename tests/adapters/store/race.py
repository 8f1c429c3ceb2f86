"""What the processes of the race tests run: writers that append batches of several sizes as fast as they can."""

from collections.abc import Sequence

from adapters.store.log import SqlLog
from domain.ledger import Aggregate, Event, Ledger
from tests.sample_trees import gardening, tree_id
from tests.store_samples import open_log

SIZES = (1, 1, 5, 20)


class Runner(Aggregate, name="sample.runner"):
    """Whoever appends; `nth` of `size` is the event's place in its batch, `batch` counts from 0."""

    class Stepped(Event, frozen=True):
        batch: int
        nth: int
        size: int

    def apply(self, event: Event) -> None:
        pass


def append_batches(log: SqlLog, runner: int, batches: int) -> None:
    """Append so many batches to the stream of this runner."""
    ledger, stream = Ledger(log, policies={}), Runner(tree_id(runner))
    with gardening():
        for batch in range(batches):
            size = SIZES[batch % len(SIZES)]
            for nth in range(1, size + 1):
                stream.happened(Runner.Stepped(batch=batch, nth=nth, size=size))
            ledger.record(stream)


def run(url: str, runner: int, batches: int) -> None:
    """The same, in a process of its own."""
    with open_log(url, aggregates=[Runner]) as log:
        append_batches(log, runner, batches)


def expected(runners: int, batches: int) -> int:
    """How many events they append together."""
    return runners * sum(SIZES[batch % len(SIZES)] for batch in range(batches))


def story(events: Sequence[Event]) -> list[tuple[int, int, int]]:
    """Batch, place and size of each event."""
    return [(event.batch, event.nth, event.size) for event in events if isinstance(event, Runner.Stepped)]
