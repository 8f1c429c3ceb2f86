"""Why something happened: from an event to what caused it, and from a beginning to all it led to."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec

from domain.ledger import Event

FURTHEST = 100  # causes are never this many; a log that was tampered with may go in circles


class Node(msgspec.Struct):
    """An event and what it led to, in the order it was given."""

    event: Event
    led_to: list["Node"]


def read_reference(reference: str) -> tuple[str, UUID, int]:
    """Stored name, stream and version of an event; raises ValueError for what is no reference."""
    name, stream, version = reference.rsplit("/", 2)
    return name, UUID(stream), int(version)


def why(event: Event, find: Callable[[str], Event | None]) -> list[Event]:
    """What caused the event, nearest first, up to where it began. `find` gives the event of a reference."""
    chain: list[Event] = []
    cause = event.cause
    while cause and len(chain) < FURTHEST and (found := find(cause)) is not None:
        chain.append(found)
        cause = found.cause
    return chain


def tree(events: Iterable[Event]) -> list[Node]:
    """The events as trees: each under what caused it, where that is among them."""
    nodes = {event.reference: Node(event, []) for event in events}
    roots: list[Node] = []
    for node in nodes.values():
        parent = nodes.get(node.event.cause or "")
        (roots if parent is None or parent is node else parent.led_to).append(node)
    return roots


def with_causes(events: Sequence[Event], find: Callable[[str], Event | None]) -> list[Event]:
    """These events, and before them whatever else led to them."""
    known = {event.reference for event in events}
    before: dict[str, Event] = {}
    for event in events:
        if event.cause and event.cause not in known:
            before |= {cause.reference: cause for cause in reversed(why(event, find)) if cause.reference not in known}
    return [*before.values(), *events]
