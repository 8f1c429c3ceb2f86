"""A small aggregate with every habit the ledger knows: sealed data, claims taken and freed, effects."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.consequences import Free, Take
from domain.ledger import Act, Aggregate, Event, Ledger, Log, acting
from domain.sealed import Sealed
from domain.shared.effect import Effect

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Tree(Aggregate, name="sample.tree"):
    """A tree in a park, and whatever its gardeners do to it."""

    class Planted(Event, frozen=True):
        gardener: Sealed[str]
        label: str | None = None

        def claims(self) -> Iterable[Take | Free]:
            return [Take(f"label:{self.label}", self.stream)] if self.label else ()

    class Grew(Event, frozen=True):
        by_cm: int

    class Noted(Event, frozen=True):
        note: Sealed[str] | None

    class Relabelled(Event, frozen=True):
        old: str
        new: str

        def claims(self) -> Iterator[Take | Free]:
            yield Free(f"label:{self.old}", self.stream)
            yield Take(f"label:{self.new}", self.stream)

    class Felled(Event, frozen=True):
        label: str | None = None

        def claims(self) -> Iterable[Take | Free]:
            return [Free(f"label:{self.label}", self.stream)] if self.label else ()

    label: str | None = None
    gardener: Sealed[str]
    height_cm = 0

    def plant(self, *, gardener: str, label: str | None = None) -> None:
        self.happened(self.Planted(gardener=Sealed(gardener), label=label))

    def grow(self, by_cm: int) -> None:
        self.happened(self.Grew(by_cm=by_cm))

    def note(self, text: str) -> None:
        self.happened(self.Noted(note=Sealed(text)))

    def relabel(self, label: str) -> None:
        self.happened(self.Relabelled(old=self.label or "", new=label))

    def fell(self) -> None:
        self.happened(self.Felled(label=self.label))

    def apply(self, event: Event) -> None:
        match event:
            case Tree.Planted(gardener=gardener, label=label):
                self.gardener, self.label = gardener, label
            case Tree.Grew(by_cm=by_cm):
                self.height_cm += by_cm
            case Tree.Relabelled(new=new):
                self.label = new


def tree_id(number: int) -> UUID:
    """The id of the tree with this number; their order is that of the numbers."""
    return UUID(int=number)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def gardening(*, after: float = 0) -> AbstractContextManager[Act]:
    """The act everything in these tests happens in, `after` so many seconds."""
    return acting(by="gardener", via="test", at=at(after))


def new_tree(number: int, *growths: int, label: str | None = None, gardener: str = "Ada Gardener") -> Tree:
    """A planted tree that has grown, not recorded yet."""
    tree = Tree(tree_id(number))
    with gardening():
        tree.plant(gardener=gardener, label=label)
        for by_cm in growths:
            tree.grow(by_cm)
    return tree


def plant(log: Log, number: int, *growths: int, label: str | None = None) -> int:
    """Record a new tree; returns the last position."""
    return Ledger(log, policies={}).record(new_tree(number, *growths, label=label))


def grow(log: Log, number: int, *growths: int) -> int:
    """Record that a known tree has grown; returns the last position."""
    ledger = Ledger(log, policies={})
    tree = ledger.load(Tree, tree_id(number))
    with gardening():
        for by_cm in growths:
            tree.grow(by_cm)
    return ledger.record(tree)


def inspections(event: Event, tree: Tree) -> Iterator[Effect]:
    """A policy: a planted tree goes to the CRM, and the office hears of it."""
    if isinstance(event, Tree.Planted):
        yield Effect.request(event, channel="crm", kind="sync_tree")
        yield Effect.request(event, channel="mail", kind="notice")
