"""Exporting with personal data: whole or not at all, and never added to."""

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from adapters.export.folder import Folder
from adapters.export.hiding import Hiding
from adapters.export.manifest import NotAnExport
from domain.documents.order import Order
from domain.shared.erasure import erase_all
from tests.adapters.export.exports import SECRETS, export, exporter, files, rows, three_months, wanted
from tests.wishes import acts
from tests.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "export"


def test_personal_data_is_opened_when_it_is_wanted_and_that_export_is_never_added_to(
    world: World, folder: Path
) -> None:
    three_months(world)
    services = world.services
    manifest = exporter(services).whole(folder, wanted(services, views=True), Hiding(services.reveal))
    placed = next(row for row in rows(folder, manifest) if row["event"] == "documents.order.Placed")
    assert msgspec.json.decode(placed["data"])["contact"]["email"] == "john@example.com"
    assert "john@example.com" in str(pq.read_table(folder / "views/orders.parquet").to_pylist())
    with pytest.raises(NotAnExport, match="personal data"):
        export(world, folder)
    with pytest.raises(NotAnExport, match="new folder"):
        exporter(services).whole(folder, wanted(services), Hiding(services.reveal))


class Full(Folder):
    """A disk that has room for just so many files."""

    def put(self, unfinished: Path, file: Path) -> None:
        super().put(unfinished, file)
        if file.name == "orders.parquet":
            raise OSError("No space left on device")


def test_an_export_with_personal_data_that_fails_leaves_nothing(world: World, folder: Path) -> None:
    three_months(world)
    services = world.services
    with pytest.raises(OSError, match="No space"):
        exporter(services).whole(folder, wanted(services, views=True), Hiding(services.reveal), Full)
    assert not list(folder.parent.glob("export*"))


def test_an_export_with_personal_data_that_was_killed_is_taken_away_by_the_next(world: World, folder: Path) -> None:
    three_months(world)
    left = Folder(folder.with_name("export.unfinished"))
    left.make()
    with left.locked():
        (left.path / "views").mkdir()
        (left.path / "views/gone.parquet").write_text("John Doe")
    services = world.services
    exporter(services).whole(folder, wanted(services), Hiding(services.reveal))
    assert not (folder / "views").exists()
    assert not left.path.exists()


def test_a_folder_that_just_has_that_name_is_not_taken_away(world: World, folder: Path) -> None:
    other = folder.with_name("export.unfinished")
    (other / "events").mkdir(parents=True)
    (other / "events/novel.txt").write_text("mine")
    services = world.services
    with pytest.raises(NotAnExport, match="other things"):
        exporter(services).whole(folder, wanted(services), Hiding(services.reveal))
    assert list(files(other)) == ["events/novel.txt"]


def test_a_forgotten_person_is_not_in_a_later_export_with_personal_data(world: World, folder: Path) -> None:
    order = world.place("embassy")
    world.run_effects()
    with acts(world.clock.now()):
        erase_all(world.ledger, [world.ledger.load(Order, order.id)], reason="asked_by_customer")
    services = world.services
    manifest = exporter(services).whole(folder, wanted(services), Hiding(services.reveal))
    told = str(rows(folder, manifest))
    assert not [secret for secret in SECRETS if secret in told]
