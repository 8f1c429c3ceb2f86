"""Figures that adapters count as things happen; labels are few and words of ours, never an id or a caller's text."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram

from domain.ledger import Aggregate, Conflict, Doubtful, Event, Taken, Unavailable
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt

log = logging.getLogger("daybook.effects")

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

APPENDS = Histogram("daybook_append_seconds", "Appends to the log, by what came of them.", ["outcome"], buckets=QUICK)
EVENTS = Counter("daybook_events_appended_total", "Events recorded.")
CLAIMS_LOST = Counter("daybook_claims_lost_total", "Appends refused as somebody else has the claim.", ["claim"])
ATTEMPTS = Counter(
    "daybook_effect_attempts_total", "Attempts at effects, by what came of them.", ["channel", "kind", "outcome"]
)
ATTEMPT_SECONDS = Histogram(
    "daybook_effect_attempt_seconds", "How long an attempt took, the record included.", ["channel"], buckets=SLOW
)
LATENCY = Histogram(
    "daybook_effect_latency_seconds", "From an effect's request (or its due time) to done.", ["channel"], buckets=SLOW
)
VENDOR_SECONDS = Histogram(
    "daybook_vendor_call_seconds", "Calls over HTTP, by vendor and answer.", ["vendor", "answer"], buckets=SLOW[:11]
)
ARRIVALS = Counter("daybook_receipts_arrived_total", "Messages of vendors stored.", ["source"])
VERDICTS = Counter("daybook_receipts_judged_total", "Verdicts on messages of vendors.", ["source", "verdict"])
RINGS = Counter("daybook_doorbell_rings_total", "Effects rung over Redis, or lost on the way there.", ["outcome"])
REBUILT = Counter("daybook_rebuild_events_total", "Events read by rebuilds in this process.", ["view"])
REBUILDING = Gauge("daybook_rebuild_running", "1 while this process rebuilds the view.", ["view"])
APPENDED = ("recorded", "taken", "conflict", "doubtful", "unavailable", "failed")
ATTEMPTED = ("done", "failed", "put_off", "declined", "given_up")
JUDGED = ("acted_on", "ignored", "refused", "waiting")


def start_at_zero(*, kinds: Iterable[tuple[str, str]], sources: Iterable[str]) -> None:
    """Show from the start what has not happened yet: the first of a kind is an increase only for whoever saw none.

    `kinds` are (channel, kind) of every effect, `sources` those of every message.
    """
    for outcome in APPENDED:
        APPENDS.labels(outcome)
    for channel, kind in kinds:
        for outcome in ATTEMPTED:
            ATTEMPTS.labels(channel, kind, outcome)
    for source in sources:
        ARRIVALS.labels(source)
        for verdict in JUDGED:
            VERDICTS.labels(source, verdict)
    for outcome in ("rung", "lost"):
        RINGS.labels(outcome)


@contextmanager
def observed_append(events: Sequence[Event]) -> Iterator[None]:
    """Count an append and what comes of it: recorded, taken, conflict, doubtful, unavailable, or failed (a fault)."""
    began, outcome = perf_counter(), "failed"
    try:
        yield
        outcome = "recorded"
    except Taken as lost:
        outcome = "taken"
        CLAIMS_LOST.labels(_kind_of_claim(lost.key)).inc()
        raise
    except (Conflict, Doubtful, Unavailable) as error:
        outcome = type(error).__name__.lower()
        raise
    finally:
        APPENDS.labels(outcome).observe(perf_counter() - began)
    EVENTS.inc(len(events))
    for event in events:
        if isinstance(event, Receipt.Arrived):
            ARRIVALS.labels(event.source).inc()


def _kind_of_claim(key: str) -> str:
    """The word before the value that is claimed."""
    word, colon, _ = key.partition(":")
    return word if colon else "other"


def note_attempt(effect: Effect, events: Iterable[Event], learnt: Iterable[Aggregate], *, seconds: float) -> None:
    """Count and log an attempt whose `events` have been recorded, and the verdict it may have brought."""
    outcome, done = _outcome(events)
    ATTEMPTS.labels(effect.channel, effect.kind, outcome).inc()
    ATTEMPT_SECONDS.labels(effect.channel).observe(seconds)
    if done is not None and not effect.rung_again:  # the time until staff rang again is not the vendor's
        since = effect.requested.due_at or effect.requested.at
        waited = max(0.0, (done.at - since).total_seconds())  # until the attempt began: that is what its events carry
        LATENCY.labels(effect.channel).observe(waited + seconds)
    for aggregate in learnt:
        if isinstance(aggregate, Receipt) and aggregate.verdict is not None:
            VERDICTS.labels(aggregate.source, aggregate.verdict).inc()
    named = {"effect": str(effect.id), "channel": effect.channel, "kind": effect.kind}
    log.info("attempted", extra={**named, "outcome": outcome, "seconds": round(seconds, 4)})


def _outcome(events: Iterable[Event]) -> tuple[str, Event | None]:
    """What an attempt's events come to: done, failed, put_off, declined at once, or given_up after the last failure."""
    outcome = "unsettled"
    for event in events:
        match event:
            case Effect.Done():
                return "done", event
            case Effect.PutOff():
                outcome = "put_off"
            case Effect.AttemptFailed():
                outcome = "failed"
            case Effect.GivenUp():
                outcome = "given_up" if outcome == "failed" else "declined"
    return outcome, None


@contextmanager
def observed_rebuild(view: str) -> Iterator[Callable[[int], None]]:
    """Show a rebuild while it runs; gives what is to be told how many events have been read so far."""
    read = 0

    def progress(events: int) -> None:
        nonlocal read
        REBUILT.labels(view).inc(max(0, events - read))
        read = max(read, events)

    REBUILDING.labels(view).set(1)
    try:
        yield progress
    finally:
        REBUILDING.labels(view).set(0)
