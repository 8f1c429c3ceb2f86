"""Data keys, one per subject, wrapped by the master key: destroy one and everything sealed with it is gone."""

import hmac
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.ledger import NOBODY
from domain.sealed import Erased

NONCE_BYTES = 12
KEY_BYTES = 32
BOTH_NEEDED = "The master key is being rotated: DAYBOOK_MASTER_KEY_SECOND must hold the other one until that has ended."
CACHED_KEYS = 20_000
CACHED_SECONDS = 30  # how long another process may still read a person who has just been erased


class WrappedKey(msgspec.Struct, frozen=True):
    """A row of the key table; `wrapped` is None once the key has been destroyed."""

    subject: UUID
    wrapped: bytes | None


class NotOurs(Exception):
    """A sealed value does not open: wrong master key, or moved from where it was written."""


class Keyring:
    """Seals and opens values. `load` reads one row of the key table, or None where there is none.

    Sealed text is `stream.version.field.subject.base64`; everything before the ciphertext is authenticated with it, so
    a value cannot be moved to another event or field.
    """

    def __init__(self, master_key: bytes, load: Callable[[UUID], WrappedKey | None]) -> None:
        self._masters = [AESGCM(master_key)]
        self._load = load
        self._cache: dict[UUID, tuple[AESGCM, float]] = {}
        self._blinding: bytes | None = None

    def also_open_with(self, master_key: bytes) -> None:
        """Open what a second master key has wrapped, too; new keys go under the first."""
        self._masters.append(AESGCM(master_key))

    def make(self, subject: UUID) -> WrappedKey:
        """A new data key; it counts once its row is stored."""
        return self.wrap(subject, os.urandom(KEY_BYTES))

    def wrap(self, subject: UUID, key: bytes) -> WrappedKey:
        """The row of a data key, or, with what is wrapped already, one that only opens with both master keys."""
        nonce = os.urandom(NONCE_BYTES)
        return WrappedKey(subject, nonce + self._masters[0].encrypt(nonce, key, subject.bytes))

    def unwrap(self, row: WrappedKey) -> bytes:
        """The data key itself; raises `Erased` or `NotOurs`."""
        if row.wrapped is None:
            raise Erased
        key = self.peel(row.subject, row.wrapped)
        if key is None:
            raise NotOurs("The master key does not fit this ledger.")
        if len(key) > KEY_BYTES and (key := self.peel(row.subject, key)) is None:
            raise NotOurs(BOTH_NEEDED)
        return key

    def peel(self, subject: UUID, wrapped: bytes) -> bytes | None:
        """What one of our master keys has wrapped, be it a key or a wrapped one; None when it was another's."""
        for master in self._masters:
            with suppress(InvalidTag, ValueError):  # the latter for what has not the size of a wrapped key
                return master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], subject.bytes)
        return None

    def remember(self, row: WrappedKey) -> AESGCM:
        """Keep a stored key at hand for a while."""
        if len(self._cache) >= CACHED_KEYS:
            self._cache.clear()
        cipher = AESGCM(self.unwrap(row))
        self._cache[row.subject] = (cipher, time.monotonic() + CACHED_SECONDS)
        return cipher

    def forget(self, subject: UUID) -> None:
        """Drop a key from memory."""
        self._cache.pop(subject, None)

    def cipher(self, subject: UUID) -> AESGCM | None:
        """The subject's cipher, or None where it has no key yet; raises `Erased`."""
        known = self._cache.get(subject)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        row = self._load(subject)
        return None if row is None else self.remember(row)

    def open(self, token: str) -> bytes:
        """The bytes sealed in a token; raises `Erased` or `NotOurs`."""
        head, _, body = token.rpartition(".")
        cipher = self.cipher(UUID(head.rpartition(".")[2]))
        if cipher is None:
            raise Erased
        sealed = urlsafe_b64decode(body)
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], head.encode())
        except InvalidTag:
            raise NotOurs("A sealed value has been altered or moved.") from None

    def blind(self, value: str) -> str:
        """A keyed digest of a value, 32 hex digits, the same for the life of the ledger."""
        return hmac.digest(self._look_up_key(), value.encode(), "sha256").hex()[:32]

    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for one purpose, the same for the life of the ledger, whatever its master key is."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._look_up_key())

    def _look_up_key(self) -> bytes:
        if self._blinding is None:
            row = self._load(NOBODY)
            if row is None:
                raise NotOurs("The ledger has no look-up key.")
            self._blinding = self.unwrap(row)
        return self._blinding


def place(stream: UUID, version: int, field: str, subject: UUID) -> str:
    """Where a value is sealed: the authenticated head of its token."""
    return f"{stream}.{version}.{field}.{subject}"


def seal(cipher: AESGCM, head: str, plain: bytes) -> str:
    """The token for these bytes at this place."""
    nonce = os.urandom(NONCE_BYTES)
    body = urlsafe_b64encode(nonce + cipher.encrypt(nonce, plain, head.encode()))
    return f"{head}.{body.decode()}"
