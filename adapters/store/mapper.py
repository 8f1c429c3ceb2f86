"""Events to stored JSON and back: typed, versioned, personal data sealed on the way in and opened when read."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.store.keys import Keyring, NotOurs, WrappedKey, place, seal
from domain.ledger import Aggregate, Entry, Event
from domain.sealed import Sealed, plain_json, sealed_type

Upcast = Callable[[dict[str, Any]], dict[str, Any]]


class UnknownEvent(LookupError):
    """A stored name that no event class answers to."""


class Sealing:
    """What one append seals: the keys it makes, and the values to unseal again should it fail.

    `fresh` are streams that begin in this very append, so no key of theirs need be looked for.
    """

    def __init__(self, fresh: set[UUID]) -> None:
        self._fresh = fresh
        self._made: dict[UUID, AESGCM] = {}
        self.new_keys: dict[UUID, WrappedKey] = {}
        self.values: list[Sealed[Any]] = []

    def cipher(self, subject: UUID, keyring: Keyring) -> AESGCM:
        """The subject's cipher, with a new key if it has none; raises `Erased`."""
        if subject in self._made:
            return self._made[subject]
        if subject not in self._fresh and (cipher := keyring.cipher(subject)) is not None:
            return cipher
        # Until its row is stored nobody else may seal with it: a failed append would take that data with it.
        row = self.new_keys[subject] = keyring.make(subject)
        self._made[subject] = AESGCM(keyring.unwrap(row))
        return self._made[subject]

    def keep(self, keyring: Keyring) -> None:
        """Everything was recorded: the new keys may be used by all."""
        for row in self.new_keys.values():
            keyring.remember(row)

    def undo(self) -> None:
        """Nothing was recorded: let the values be sealed anew next time."""
        for value in self.values:
            value.token = None


class Codec:
    """How one event class is written and read."""

    def __init__(self, event_class: type[Event]) -> None:
        self.event_class = event_class
        self.name = stored_name(event_class.stored_name, event_class.class_version)
        self.decode: Callable[[bytes | str], Event] = msgspec.json.Decoder(event_class, dec_hook=_closed).decode
        self.sealed: tuple[tuple[str, object], ...] = tuple(
            (field.name, held)
            for field in msgspec.structs.fields(event_class)
            if (held := sealed_type(field.type)) is not None
        )

    def upcast_from(self, version: int) -> Callable[[bytes | str], Event]:
        """A reader for events stored under an older class version."""
        steps: list[Upcast] = [
            getattr(self.event_class, f"upcast_v{old}_v{old + 1}")
            for old in range(version, self.event_class.class_version)
        ]

        def decode(data: bytes | str) -> Event:
            state = msgspec.json.decode(data, type=dict[str, Any])
            for step in steps:
                state = step(state)
            return msgspec.convert(state, self.event_class, dec_hook=_closed)

        return decode


class Mapper:
    """Knows every event class by every name it is or was stored under."""

    def __init__(self, aggregates: Iterable[type[Aggregate]], keyring: Keyring) -> None:
        self._keyring = keyring
        self._codecs: dict[type[Event], Codec] = {}
        self._readers: dict[str, tuple[Callable[[bytes | str], Event], Codec]] = {}
        for event_class in (event for aggregate in aggregates for event in aggregate.events):
            codec = self._codecs[event_class] = Codec(event_class)
            self._readers[codec.name] = (codec.decode, codec)
            for name in (event_class.stored_name, *event_class.formerly):
                for version in range(1, event_class.class_version):
                    self._readers[stored_name(name, version)] = (codec.upcast_from(version), codec)
            for name in event_class.formerly:
                self._readers[stored_name(name, event_class.class_version)] = (codec.decode, codec)

    @property
    def names(self) -> frozenset[str]:
        """Every stored name that can be read."""
        return frozenset(self._readers)

    def name_of(self, event_class: type[Event]) -> str:
        """The name new events of this class are stored under."""
        return self._codecs[event_class].name

    def readable_as(self, event_classes: Iterable[type[Event]]) -> list[str]:
        """Every stored name, old ones included, that is read as one of these classes."""
        wanted = set(event_classes)
        return sorted(name for name, (_, codec) in self._readers.items() if codec.event_class in wanted)

    def encode(self, entry: Entry, sealing: "Sealing") -> tuple[str, bytes]:
        """Stored name and JSON of an event, its personal data sealed."""
        event = entry.event
        codec = self._codecs[type(event)]
        for field, _ in codec.sealed:
            value = getattr(event, field)
            subject = event.sealed_for(field) or entry.subject
            head = place(event.stream, event.version, field, subject)
            if value is None or (value.token or "").startswith(f"{head}."):
                continue
            if value.token is not None:  # it belongs to another event, and opens only there
                value = Sealed(value.open())
                event = msgspec.structs.replace(event, **{field: value})
            value.token = seal(sealing.cipher(subject, self._keyring), head, plain_json(value.open()))
            sealing.values.append(value)
        return codec.name, _encode(event)

    def decode(self, name: str, data: bytes | str) -> Event:
        """The event; sealed fields stay closed until somebody opens them. Raises `UnknownEvent`."""
        try:
            read, codec = self._readers[name]
        except KeyError:
            raise UnknownEvent(f"No event class is stored as {name}.") from None
        event = read(data)
        if not codec.sealed:
            return event
        for field, held in codec.sealed:
            value = getattr(event, field)
            if value is not None:
                value.bind(partial(self._open_here, event.stream, event.version, field, value.token, held))
        return event

    def closed_reader(self, name: str) -> Callable[[bytes | str], Event]:
        """Reads events stored under a name without a way to open what is sealed in them: half the work of `decode`."""
        return self._readers[name][0]

    # Not given the event itself: it holds the value, and such a ring is only freed by the garbage collector.
    def _open_here(self, stream: UUID, version: int, field: str, token: str, held: Any) -> object:
        if not token.startswith(f"{stream}.{version}.{field}."):
            raise NotOurs("A sealed value is not where it was written.")
        return msgspec.json.decode(self._keyring.open(token), type=held)

    def opened(self, token: str, held: Any) -> Any:
        """The value of a token that a view row carries; `held` is its type. Raises `Erased`."""
        return msgspec.json.decode(self._keyring.open(token), type=held)


def stored_name(name: str, version: int) -> str:
    """Version 1 is stored under the bare name, later ones under `name@version`."""
    return name if version == 1 else f"{name}@{version}"


def _written(value: Any) -> Any:
    if isinstance(value, Sealed) and value.token is not None:
        return value.token
    raise TypeError(f"An event cannot carry a {type(value).__name__}.")


_encode = msgspec.json.Encoder(enc_hook=_written).encode


def _closed(annotation: Any, value: Any) -> Any:
    if getattr(annotation, "__origin__", annotation) is Sealed:  # typing.get_origin takes five times as long
        return Sealed.closed(value)
    raise TypeError(f"An event cannot carry a {annotation}.")


def event_names(mapper: Mapper) -> Mapping[str, type[Event]]:
    """Stored name to event class, current names only, in the order they were declared."""
    return {codec.name: event_class for event_class, codec in mapper._codecs.items()}
