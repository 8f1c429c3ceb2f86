"""A small ledger to export, a short way to export it, and what is in the files."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from adapters.export.events import Span
from adapters.export.exporting import Exporter, Wanted
from adapters.export.folder import Folder
from adapters.export.manifest import Manifest
from adapters.wiring import AGGREGATES, Services
from domain.shared.contact import Contact
from tests.world import World, open_world

AT_ONCE = 20
SECONDS_A_MONTH = 31 * 24 * 3600
JOHN = Contact("John Doe", "john@example.com", "+1-555-123-4567")
SECRETS = ("John Doe", "john@example.com", "555-123-4567", "5551234567", "Power of attorney")


def three_months(world: World) -> None:
    """An order in each of three months, whose mails and records follow in the next."""
    for kind in ("embassy", "fbi", "apostille"):
        world.place(kind, contact=JOHN)
        world.clock.move(SECONDS_A_MONTH)
        world.run_effects()


def exporter(services: Services) -> Exporter:
    return Exporter(services.log, services.patient_home, AGGREGATES, now=services.now())


def wanted(services: Services, *, views: bool = False, span: Span = Span(), part_events: int = 100_000) -> Wanted:  # noqa: B008
    """Everything there is."""
    chosen = tuple(services.views) if views else ()
    return Wanted(upto=services.log.last_position(), span=span, views=chosen, part_events=part_events)


def export(world: World, folder: Path, **changes: Any) -> Manifest:
    """Export without personal data."""
    world.services.follower.catch_up()
    return exporter(world.services).add(Folder(folder), wanted(world.services, **changes))


def rows(folder: Path, manifest: Manifest) -> list[dict[str, Any]]:
    """All exported events in order."""
    found = [row for part in manifest.parts for row in pq.read_table(folder / part.file).to_pylist()]
    return sorted(found, key=lambda row: int(row["position"]))


def files(folder: Path) -> dict[str, bytes]:
    """Every file by its place in the folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class Deadly(Folder):
    """Kills the process before or after a file gets its name, the way a power cut would."""

    def __init__(self, path: Path, *, lives: int) -> None:
        super().__init__(path)
        self._lives = lives

    def put(self, unfinished: Path, file: Path) -> None:
        self._step()
        super().put(unfinished, file)
        self._step()

    def _step(self) -> None:
        self._lives -= 1
        if self._lives == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(database: str, home: str, folder: str, lives: str) -> None:
    """Export until killed."""
    with open_world(database, Path(home)) as world:
        services = world.services
        services.follower.catch_up()
        made = Deadly(Path(folder), lives=int(lives))
        exporter(services).add(made, wanted(services, views=True, part_events=AT_ONCE))


if __name__ == "__main__":
    main(*sys.argv[1:])
