"""What one event costs, ours beside the `eventsourcing` library: `python -m scripts.bench_events` (bench extra)."""

import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.domain import Aggregate as TheirAggregate
from eventsourcing.domain import event
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, UUIDAsHex

from adapters.store.keys import Keyring
from adapters.store.mapper import Mapper as OurMapper
from adapters.store.mapper import Sealing
from domain.ledger import Aggregate, Entry, Event, acting

STAGE = "submitted"


class Ours(Aggregate, name="bench.order"):
    """One event, our way."""

    class StageReached(Event, frozen=True):
        stage: str
        skipped: tuple[str, ...] = ()

    stage = ""

    def apply(self, event: Event) -> None:
        match event:
            case Ours.StageReached(stage=stage):
                self.stage = stage


class Theirs(TheirAggregate):
    """The same event with the same envelope, as the library's documentation shows it."""

    @event("Placed")
    def __init__(self) -> None:
        self.stage = ""

    @event("StageReached")
    def reach(self, stage: str, skipped: list[str], by: str, via: str, correlation: str) -> None:
        self.stage = stage


def rate(work: Callable[[], object]) -> int:
    """Runs per second, the best of five rounds."""
    return round(20_000 / min(timeit.repeat(work, number=20_000, repeat=5)))


def main() -> None:
    """Print a table `step | ours | theirs | ratio`, in events per second."""
    ours, theirs = Ours(uuid4()), Theirs()
    mapper = OurMapper([Ours], Keyring(bytes(32), lambda subject: None))
    transcoder = JSONTranscoder()
    transcoder.register(UUIDAsHex())
    transcoder.register(DatetimeAsISO())
    their_mapper: Mapper[UUID] = Mapper(transcoder)

    with acting(by="zoho", via="zoho", at=datetime.now(UTC), correlation="bench"):

        def reach() -> None:
            ours.happened(Ours.StageReached(stage=STAGE))

        def reach_theirs() -> None:
            theirs.reach(stage=STAGE, skipped=[], by="zoho", via="zoho", correlation="bench")

        rows = [("decide and apply", rate(reach), rate(reach_theirs))]
    entry, their_event = Entry(ours.pending[-1], ours.id), theirs.pending_events[-1]
    name, data = mapper.encode(entry, Sealing(set()))
    stored = their_mapper.to_stored_event(their_event)
    rows += [
        (
            "encode",
            rate(lambda: mapper.encode(entry, Sealing(set()))),
            rate(lambda: their_mapper.to_stored_event(their_event)),
        ),
        ("decode", rate(lambda: mapper.decode(name, data)), rate(lambda: their_mapper.to_domain_event(stored))),
    ]
    print(f"{'step':18} {'ours':>12} {'theirs':>12} {'ratio':>7}")
    for step, mine, other in rows:
        print(f"{step:18} {mine:12,} {other:12,} {mine / other:7.1f}")


if __name__ == "__main__":
    main()
