"""What one event costs in memory: decide and apply, encode, decode, beside the `eventsourcing` library."""

import gc
import timeit
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, UUIDAsHex

from adapters.store.keys import Keyring
from adapters.store.mapper import Mapper as OurMapper
from adapters.store.mapper import Sealing
from domain.ledger import Aggregate, Entry, Event, acting
from scripts.bench_peers.stages import Staged
from scripts.benchmarks.table import Context, Result

STAGE = "submitted"
ROUNDS = 5


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


def run(context: Context) -> Iterator[Result]:
    """Events per second in one thread."""
    ours, theirs = Ours(uuid4()), Staged()
    mapper = OurMapper([Ours], Keyring(bytes(32), lambda subject: None))
    transcoder = JSONTranscoder()
    transcoder.register(UUIDAsHex())
    transcoder.register(DatetimeAsISO())
    their_mapper: Mapper[UUID] = Mapper(transcoder)

    def rate(work: Callable[[], object]) -> float:
        number = context.size(20_000, 100)
        # timeit stops the collector, which would hide what the growing lists of pending events cost.
        return number / min(timeit.repeat(work, "gc.enable()", number=number, repeat=ROUNDS, globals={"gc": gc}))

    def compare(name: str, work: Callable[[], object], peer: Callable[[], object]) -> Result:
        mine, other = rate(work), rate(peer)
        return Result(name=f"event: {name}", ours=mine, peer=other, ratio=mine / other, note="one thread, in memory")

    with acting(by="zoho", via="zoho", at=datetime.now(UTC), correlation="bench"):
        yield compare(
            "decide and apply",
            lambda: ours.happened(Ours.StageReached(stage=STAGE)),
            lambda: theirs.reach(stage=STAGE, skipped=[], by="zoho", via="zoho", correlation="bench"),
        )
    entry, their_event = Entry(ours.pending[-1], ours.id), theirs.pending_events[-1]
    name, data = mapper.encode(entry, Sealing(set()))
    stored = their_mapper.to_stored_event(their_event)
    yield compare(
        "encode", lambda: mapper.encode(entry, Sealing(set())), lambda: their_mapper.to_stored_event(their_event)
    )
    yield compare("decode", lambda: mapper.decode(name, data), lambda: their_mapper.to_domain_event(stored))
