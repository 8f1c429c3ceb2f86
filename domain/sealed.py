"""Personal data inside an event: stored encrypted under its subject's key, opened only when somebody reads it."""

from collections.abc import Callable
from typing import Generic, TypeVar, cast, get_args

import msgspec

T = TypeVar("T")


class Erased(LookupError):
    """The subject's key has been destroyed: this value cannot be read by anybody any more."""

    def __init__(self) -> None:
        super().__init__("This personal data has been erased.")


class Sealed(Generic[T]):
    """A value that is plain while it is being recorded and ciphertext ever after.

    `token` is the stored text; it names the stream, version and field it was sealed for, so that a view row may carry
    it and a reader can open it without the event. `str` and `repr` never show the value.
    """

    __slots__ = ("_open", "_value", "token")

    def __init__(self, value: T) -> None:
        self._value: T | None = value
        self._open: Callable[[], T] | None = None
        self.token: str | None = None

    @classmethod
    def closed(cls, token: str, opener: Callable[[], T] | None = None) -> "Sealed[T]":
        """A stored value that `opener` can open when asked."""
        sealed = cls.__new__(cls)
        sealed._value, sealed._open, sealed.token = None, opener, token
        return sealed

    def bind(self, opener: Callable[[], T]) -> None:
        """Say how this stored value is opened."""
        self._open = opener

    def open(self) -> T:
        """The value itself; raises `Erased` when its subject has been forgotten."""
        if self._open is not None:
            self._value, self._open = self._open(), None
        return cast(T, self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and (
            (self.token is not None and self.token == other.token) or bool(self.open() == other.open())
        )

    def __hash__(self) -> int:
        return hash(Sealed)

    def __repr__(self) -> str:
        return "Sealed(…)"


def sealed_type(annotation: object) -> object | None:
    """What `Sealed[X]` (or `Sealed[X] | None`) holds: X; None for any other annotation."""
    for candidate in (annotation, *get_args(annotation)):
        if getattr(candidate, "__origin__", None) is Sealed:
            return cast(object, get_args(candidate)[0])
    return None


def plain_json(value: object) -> bytes:
    """The bytes that are encrypted."""
    return msgspec.json.encode(value)
