"""What an event does, beside being recorded, to the tables kept with the log: claims and the list of open effects."""

from datetime import datetime
from uuid import UUID

import msgspec


class Take(msgspec.Struct, frozen=True):
    """Make `key` belong to `owner`; losing it raises `Taken`."""

    key: str
    owner: UUID


class Free(msgspec.Struct, frozen=True):
    """Give `key` back, if `owner` has it."""

    key: str
    owner: UUID


class Open(msgspec.Struct, frozen=True):
    """Put an effect on the list of open work, behind the others of its subject and channel.

    An `urgent` one is tried though its vendor has been silent lately: somebody asks for it by name.
    """

    effect: UUID
    subject: UUID
    channel: str
    kind: str
    due_at: datetime
    urgent: bool = False


class Postpone(msgspec.Struct, frozen=True):
    """Try an open effect again, not before `due_at`."""

    effect: UUID
    due_at: datetime


class Close(msgspec.Struct, frozen=True):
    """Take an effect off the list of open work."""

    effect: UUID
