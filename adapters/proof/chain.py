"""The hash chain over the stored events, what a checkpoint of it says, and the signature that seals it."""

import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

START = bytes(32)  # the chain before the first event
MARK_BYTES = 8  # of each event's digest a checkpoint keeps these, to say which event does not fit
PURPOSE = "checkpoints of the chain"
UNREADABLE = b"\xff" * 32

_head = struct.Struct(">5Q").pack

StoredRow = tuple[int, bytes, int, bytes, bytes]
"""Position, stream, version, name and data of an event, texts in UTF-8 exactly as stored."""


def digest(row: StoredRow) -> bytes:
    """SHA-256 over position, version, the lengths of stream, name and data (8 bytes each) and these three texts."""
    position, stream, version, name, data = row
    try:
        return sha256(_head(position, version, len(stream), len(name), len(data)) + stream + name + data).digest()
    except (TypeError, struct.error):  # SQLite keeps whatever somebody has put there
        return UNREADABLE


def digests_of(rows: Sequence[StoredRow]) -> list[bytes]:
    """The digest of each of these rows; written out once more, since this is where verifying spends its time."""
    try:
        return [
            sha256(_head(position, version, len(stream), len(name), len(data)) + stream + name + data).digest()
            for position, stream, version, name, data in rows
        ]
    except (TypeError, struct.error):
        return [digest(row) for row in rows]


def extended(link: bytes, digests: Iterable[bytes]) -> bytes:
    """The chain `link` continued by these events: h(n) = SHA-256(h(n-1) + digest(n))."""
    for one in digests:
        link = sha256(link + one).digest()
    return link


def marks_of(digests: Iterable[bytes]) -> bytes:
    """The beginnings of these digests."""
    return b"".join(one[:MARK_BYTES] for one in digests)


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How the chain stood at a position; `previous` is the position of the checkpoint before, 0 for the first.

    `at` is UTC in ISO form to the microsecond, kept as text because it is signed as text. `marks` are those of the
    events behind `previous`.
    """

    position: int
    previous: int
    hash: bytes
    at: str
    marks: bytes
    seal: bytes = b""

    def mark(self, position: int) -> bytes:
        """The mark of the event at a position between `previous` and this checkpoint."""
        start = (position - self.previous - 1) * MARK_BYTES
        return self.marks[start : start + MARK_BYTES]

    @property
    def statement(self) -> bytes:
        """What is signed."""
        said = "position {}\nprevious {}\nhash {}\nat {}\nmarks {}"
        marks = sha256(self.marks).hexdigest()
        told = said.format(self.position, self.previous, self.hash.hex(), self.at, marks)
        return f"daybook checkpoint\n{told}".encode()


class Seal:
    """Signs checkpoints (Ed25519), so that who can write the tables cannot recompute the chain unseen."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is 32 bytes that only this ledger can derive."""
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self._public: Ed25519PublicKey = self._private.public_key()

    @property
    def public_key(self) -> str:
        """In hex; whoever checks evidence should have it from us by another way than the file."""
        return self._public.public_bytes_raw().hex()

    def signature(self, statement: bytes) -> bytes:
        """Ours, of a statement that begins with what it is, so that none passes for another."""
        return self._private.sign(statement)

    def signed(self, statement: bytes, signature: bytes) -> bool:
        """Whether we have signed exactly this."""
        try:
            self._public.verify(signature, statement)
        except InvalidSignature:
            return False
        return True

    def sealed(self, checkpoint: Checkpoint) -> Checkpoint:
        """The same with its signature."""
        return msgspec.structs.replace(checkpoint, seal=self.signature(checkpoint.statement))

    def fits(self, checkpoint: Checkpoint) -> bool:
        """Whether we have signed exactly this."""
        return self.signed(checkpoint.statement, checkpoint.seal)


class Segment(msgspec.Struct, frozen=True):
    """The events behind a position and what they make of the chain."""

    digests: Sequence[bytes]
    end: bytes

    @classmethod
    def of(cls, link: bytes, rows: Sequence[StoredRow]) -> Self:
        """Continue the chain `link` by these rows."""
        digests = digests_of(rows)
        return cls(digests, extended(link, digests))
