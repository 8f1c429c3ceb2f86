"""What today's code makes of an old history: aggregates, what policies ask for, claims, open effects and all views."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from adapters.wiring import AGGREGATES, POLICIES, Services
from domain.consequences import Close, Open, Take
from domain.ledger import Aggregate, Event, acting
from domain.sealed import Erased
from domain.shared.effect import Effect
from domain.shared.replaying import batches
from domain.shared.travel import state_of
from projections.travel import plain_row
from projections.view import View
from scripts.shown import shown
from tests.corpus.telling import KEY, History
from tests.world import Clock, settings_for

Results = dict[str, Any]
LONG_TEXT, KEPT_TEXT = 300, 60  # characters


def replay(history: History, folder: Path) -> Results:
    """Put a history into an empty log and see what comes of it; the folder must be empty."""
    file = folder / "daybook.sqlite"
    services = Services(settings_for(f"sqlite:///{file}", folder, MASTER_KEY=KEY), now=Clock().now)
    try:
        _fill(file, history)
        events = [services.log.decode(name, data) for _, name, data in services.log.read(0, len(history.events))]
        services.follower.catch_up()
        parked = [f"{row['view']} {row['position']}: {row['reason']}" for row in services.home.parked()]
        return {
            "aggregates": dict(_aggregates(events)),
            "asked": dict(_asked(events)),
            "claims": _claims(events),
            "open effects": _open_effects(events),
            "views": {view.name: _view(services, view) for view in services.views},
            "parked": parked,
        }
    finally:
        services.stop()


def _fill(file: Path, history: History) -> None:
    keys = [(subject, bytes.fromhex(wrapped) if wrapped else None) for subject, wrapped in history.keys.items()]
    events = [
        (position, event.data["stream"], event.data["version"], event.name, msgspec.json.encode(event.data).decode())
        for position, event in enumerate(history.events, start=1)
    ]
    with closing(sqlite3.connect(file)) as log, log:
        log.execute("DELETE FROM keys")
        log.executemany("INSERT INTO keys VALUES (?, ?)", keys)
        log.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", events)


def _streams(events: Sequence[Event]) -> dict[UUID, list[Event]]:
    streams: dict[UUID, list[Event]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    return streams


def _kind(event: Event) -> type[Aggregate]:
    return next(kind for kind in AGGREGATES if type(event) in kind.events)


def _aggregates(events: Sequence[Event]) -> Iterator[tuple[str, Results]]:
    for stream, own in _streams(events).items():
        aggregate = _kind(own[0]).of(stream, own)
        yield (
            str(stream),
            {
                "kind": aggregate.stream_name,
                "version": aggregate.version,
                "state": _readable(shown(state_of(aggregate), reveal=True)),
            },
        )


def _asked(events: Sequence[Event]) -> Iterator[tuple[str, Any]]:
    """By event: channel, kind and id of every effect that its policy asks for today, with what it is told."""
    streams = _streams(events)
    judged = [
        (position, event)
        for position, event in enumerate(events, start=1)
        if _kind(event) in POLICIES or isinstance(event, Effect.Requested)
    ]
    for batch in batches(judged):
        last = batch[-1].event
        kind = _kind(last)
        aggregate = kind.of(last.stream, streams[last.stream][: last.version])
        for one in batch:
            try:
                asked = list(_ask(one.event, aggregate))
            except Erased:
                yield one.event.reference, "erased"
                continue
            if asked:
                yield one.event.reference, dict(asked)


def _ask(event: Event, aggregate: Aggregate) -> Iterator[tuple[str, Results]]:
    with acting(by=event.by, via=event.via, at=event.at, cause=event.cause, correlation=event.correlation):
        for effect in POLICIES[type(aggregate)](event, aggregate):
            for asked in effect.pending:
                assert isinstance(asked, Effect.Requested)
                due = {"due_at": asked.due_at.isoformat()} if asked.due_at else {}
                yield f"{asked.channel} {asked.kind} {asked.effect}", {"about": dict(asked.about), **due}


def _claims(events: Sequence[Event]) -> dict[str, str]:
    claims: dict[str, str] = {}
    for claim in (claim for event in events for claim in event.claims()):
        if isinstance(claim, Take):
            claims[claim.key] = str(claim.owner)
        elif claims.get(claim.key) == str(claim.owner):
            del claims[claim.key]
    return claims


def _open_effects(events: Sequence[Event]) -> dict[str, str]:
    still: dict[str, str] = {}
    for event in events:
        match event.work():
            case Open(effect=effect, subject=subject, channel=channel, kind=kind):
                still[str(effect)] = f"{channel} {kind} of {subject}"
            case Close(effect=effect):
                still.pop(str(effect), None)
    return still


def _view(services: Services, view: View) -> Results:
    table = view.live
    keys = list(table.primary_key.columns)
    rows = services.home.rows(select(table).order_by(*keys))
    return {
        "version": view.version,
        "rows": {
            " ".join(str(row[key.name]) for key in keys): _readable(shown(plain_row(row, services.reveal), reveal=True))
            for row in rows
        },
    }


def _readable(values: dict[str, Any]) -> Results:
    """As JSON has it; what is None is left out, and of a long text all but its beginning and a digest."""
    plain: Results = msgspec.json.decode(msgspec.json.encode(values))
    return {name: _shortened(value) for name, value in plain.items() if value is not None}


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_shortened(held) for held in value]
    if isinstance(value, str) and len(value) > LONG_TEXT:
        return f"{value[:KEPT_TEXT]}… sha256 {sha256(value.encode()).hexdigest()[:16]}"
    return value
