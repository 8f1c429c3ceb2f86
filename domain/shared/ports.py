"""What the domain needs from the outside: each port is answered by one vendor adapter and one sandbox stand-in.

Every call returns the vendor's own id, or raises `Declined` (no: give up) or `Unreachable` (try again).
"""

from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

import msgspec

from domain.shared.errors import Declined

Field = str | int | float | bool | list[str] | dict[str, str]


class CannotDelete(Declined):
    """The vendor has no way to delete: what it keeps is deleted by hand, or when its own time is over."""


class CrmRecord(msgspec.Struct, frozen=True):
    """A record as the CRM holds it."""

    id: str
    fields: Mapping[str, Field]


class CrmAttachment(msgspec.Struct, frozen=True):
    """A file hanging on a CRM record; `size` in bytes."""

    id: str
    name: str
    size: int


class Crm(Protocol):
    """A CRM with modules of records, such as Zoho."""

    def find(self, module: str, field: str, value: str) -> CrmRecord | None:
        """The record whose field equals the value, read consistently (not from a search index).

        The field `id` is the CRM's own.
        """

    def create(self, module: str, fields: Mapping[str, Field]) -> str:
        """Make a record; not safe to repeat without `find`."""

    def update(self, module: str, record_id: str, fields: Mapping[str, Field]) -> str:
        """Write these fields of a record; others stay."""

    def upsert(self, module: str, fields: Mapping[str, Field], *, unique: str) -> str:
        """Make or update the record that has this value in the field `unique`; safe to repeat."""

    def attachments(self, module: str, record_id: str) -> Sequence[CrmAttachment]:
        """The files on a record."""

    def attach(self, module: str, record_id: str, *, name: str, media_type: str, content: BinaryIO) -> str:
        """Add a file; not safe to repeat without `attachments`."""

    def delete(self, module: str, record_id: str) -> str:
        """Delete a record with its files; one that is gone already is no error."""


class Mailer(Protocol):
    """Something that sends mail."""

    def send(self, message: bytes, *, key: str) -> str:
        """Send these MIME bytes once per `key`; returns the provider's id of the mail."""

    def delete(self, *, key: str, id: str | None) -> str:
        """Delete the copy of a mail that was sent under `key`; `id` is the provider's, where we were told.

        Raises `CannotDelete` where the provider has no way to.
        """


class Files(Protocol):
    """Where uploaded documents lie."""

    def open(self, key: str) -> BinaryIO:
        """The stored bytes; raises `FileNotFoundError`."""

    def delete(self, key: str) -> None:
        """Remove a file, or with its folder's key whatever lies in it; nothing there is no error."""
