"""Telling a story to today's product, and keeping what it left in the log as a history."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.store_samples import MASTER_KEY, sql
from tests.web.documents.hooks import Vendors
from tests.web.site import open_services
from tests.world import Clock
from web.app import create_app

Story = Callable[[Vendors], None]
KEY = b64encode(MASTER_KEY).decode()


class StoredEvent(msgspec.Struct, frozen=True):
    """A row of the log, its data as JSON."""

    name: str
    data: Mapping[str, Any]


class History(msgspec.Struct, frozen=True):
    """A whole log: every key as it is wrapped (hex; None when destroyed), and every event in order."""

    keys: Mapping[str, str | None]
    events: tuple[StoredEvent, ...]

    @property
    def names(self) -> set[str]:
        """The names that its events are stored under."""
        return {event.name for event in self.events}


def tell(story: Story, folder: Path) -> History:
    """What the product of today records of a story, from an empty log on; the folder must be empty."""
    url, clock = f"sqlite:///{folder}/daybook.sqlite", Clock()
    with open_services(url, folder, clock, MASTER_KEY=KEY) as services:
        story(Vendors(create_app(services), services, clock))
    keys = sql(url, "SELECT subject, hex(wrapped) FROM keys ORDER BY subject")
    rows = sql(url, "SELECT name, data FROM events ORDER BY position")
    return History(
        keys={str(subject): str(wrapped) or None for subject, wrapped in keys},
        events=tuple(StoredEvent(str(name), msgspec.json.decode(str(data))) for name, data in rows),
    )
