"""Exporting: each event once, in whole files, and nothing that leads to a person."""

import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from adapters.export.events import MOMENT, Span
from adapters.export.exporting import Exporter, Wanted
from adapters.export.folder import Folder
from adapters.export.hiding import LEFT_OUT
from adapters.export.manifest import NAME, NotAnExport
from adapters.export.rows import ViewBehind
from domain.documents.order import Order
from domain.ledger import Aggregate
from domain.shared.erasure import erase_all
from projections.documents.orders import OrderDesk
from projections.home import POSITIONS
from tests.adapters.export.exports import (
    AT_ONCE,
    SECRETS,
    export,
    exporter,
    files,
    rows,
    three_months,
    wanted,
)
from tests.wishes import acts
from tests.world import World

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "export"


def stored(world: World) -> list[tuple[int, str, int]]:
    """Position, stream and version of all events of the log."""
    log = world.services.log
    found = [(position, log.decode(name, data)) for position, name, data in log.scan(upto=log.last_position())]
    return [(position, str(event.stream), event.version) for position, event in found]


def told(folder: Path, world: World, **changes: object) -> list[tuple[int, str, int]]:
    return [(row["position"], row["stream"], row["version"]) for row in rows(folder, export(world, folder, **changes))]


def test_every_event_is_there_once_in_the_file_of_its_month(world: World, folder: Path) -> None:
    three_months(world)
    assert told(folder, world) == stored(world)
    manifest = Folder(folder).manifest()
    assert manifest is not None
    assert {Path(part.file).parent.name for part in manifest.parts} == {
        "month=2026-02", "month=2026-03", "month=2026-04", "month=2026-05",
    }  # fmt: skip
    for part in manifest.parts:
        months = {f"{row['recorded_at']:%Y-%m}" for row in pq.read_table(folder / part.file).to_pylist()}
        assert months == {part.file.partition("month=")[2][:7]}


def test_the_manifest_tells_the_hash_of_every_file(world: World, folder: Path) -> None:
    three_months(world)
    manifest = export(world, folder, views=True)
    parts = {part.file: part.sha256 for part in manifest.parts}
    listed = parts | {view.file: view.sha256 for view in manifest.views}
    there = {name: sha256(text).hexdigest() for name, text in files(folder).items() if name.endswith(".parquet")}
    assert listed == there


def test_the_next_run_adds_just_what_is_new(world: World, folder: Path) -> None:
    three_months(world)
    first = export(world, folder)
    before = files(folder)
    world.place("i9")

    second = export(world, folder)

    assert second.parts[: len(first.parts)] == first.parts
    assert {name: text for name, text in files(folder).items() if name in before and name != NAME} == {
        name: text for name, text in before.items() if name != NAME
    }
    assert [row["position"] for row in rows(folder, second)] == [position for position, _, _ in stored(world)]


def test_a_file_holds_no_more_events_than_it_may(world: World, folder: Path) -> None:
    three_months(world)
    manifest = export(world, folder, part_events=5)
    assert max(part.rows for part in manifest.parts) <= 5
    assert [row["position"] for row in rows(folder, manifest)] == [position for position, _, _ in stored(world)]


def test_money_is_whole_cents_and_times_are_utc(world: World, folder: Path) -> None:
    three_months(world)
    manifest = export(world, folder, views=True)
    events = pq.read_table(folder / manifest.parts[0].file).schema
    orders = pq.read_table(folder / "views/orders.parquet").schema
    assert (events.field("amount_cents").type, orders.field("total_cents").type) == (pa.int64(), pa.int64())
    assert {events.field("recorded_at").type, orders.field("placed_at").type} == {MOMENT}


def test_nothing_in_it_names_or_leads_to_a_person(world: World, folder: Path) -> None:
    three_months(world)
    manifest = export(world, folder, views=True)
    order = world.services.home.row(select(OrderDesk.live).where(OrderDesk.live.c.crm_record.is_not(None)))
    assert order is not None
    secrets = [*SECRETS, order["phone_hash"], order["email_hash"], order["tracking_id"], order["contact"]]
    secrets.append(order["crm_record"])
    names = [*(part.file for part in manifest.parts), *(view.file for view in manifest.views)]
    texts = [str(pq.read_table(folder / name).to_pylist()) for name in names]
    assert not [(name, secret) for name, text in zip(names, texts, strict=True) for secret in secrets if secret in text]
    assert LEFT_OUT in texts[0]


def test_only_the_time_that_is_wanted_is_exported(world: World, folder: Path) -> None:
    start = world.clock.now()
    three_months(world)
    span = Span(since=start.replace(month=3, day=1), until=start.replace(month=4, day=1))
    manifest = export(world, folder, span=span)
    assert {f"{row['recorded_at']:%Y-%m}" for row in rows(folder, manifest)} == {"2026-03"}
    assert manifest.position == world.services.log.last_position()
    with pytest.raises(NotAnExport, match="another --since"):
        export(world, folder)


def test_views_are_written_whole_each_time(world: World, folder: Path) -> None:
    three_months(world)
    export(world, folder, views=True)
    world.place("i9")
    manifest = export(world, folder, views=True)
    written = {file.view: file.rows for file in manifest.views}
    assert written["orders"] == pq.read_table(folder / "views/orders.parquet").num_rows == 4
    assert written.keys() == {view.name for view in world.services.views}


def test_rows_of_an_older_fold_are_not_exported(world: World, folder: Path) -> None:
    three_months(world)
    with world.services.home.engine.begin() as connection:
        connection.execute(POSITIONS.update().where(POSITIONS.c.view == "orders").values(version=1))
    with pytest.raises(ViewBehind, match="daybook rebuild orders"):
        exporter(world.services).add(Folder(folder), wanted(world.services, views=True))


def test_the_row_of_a_forgotten_person_is_gone_with_the_next_run(world: World, folder: Path) -> None:
    order = world.place("embassy")
    world.run_effects()
    export(world, folder, views=True)
    with acts(world.clock.now()):
        erase_all(world.ledger, [world.ledger.load(Order, order.id)], reason="asked_by_customer")
    export(world, folder, views=True)
    assert pq.read_table(folder / "views/orders.parquet").num_rows == 0


def test_an_export_is_for_its_owner_only(world: World, folder: Path) -> None:
    export(world, folder)
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_with_other_things_in_it_is_left_alone(world: World, folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(NotAnExport, match="other things"):
        export(world, folder)
    assert list(files(folder)) == ["thesis.txt"]


@pytest.mark.parametrize("anew", [True, False])
@pytest.mark.parametrize("file", ["events/mine.txt", "views/mine.parquet", "notes.unfinished"])
def test_a_folder_without_an_export_is_left_alone_whatever_its_names_are(
    world: World, folder: Path, file: str, anew: bool
) -> None:
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_text("mine")
    with pytest.raises(NotAnExport, match="other things"):
        exporter(world.services).add(Folder(folder), wanted(world.services), anew=anew)
    assert list(files(folder)) == [file]


def test_two_exports_into_one_folder_do_not_meet(world: World, folder: Path) -> None:
    made = Folder(folder)
    made.make()
    with made.locked(), pytest.raises(NotAnExport, match="at work"):
        export(world, folder)


def test_a_lost_file_is_noticed_and_everything_can_be_written_again(world: World, folder: Path) -> None:
    three_months(world)
    first = export(world, folder)
    (folder / first.parts[0].file).unlink()
    with pytest.raises(NotAnExport, match="--anew"):
        export(world, folder)
    again = exporter(world.services).add(Folder(folder), wanted(world.services), anew=True)
    assert [part.sha256 for part in again.parts] == [part.sha256 for part in first.parts]


def test_an_export_of_another_past_is_not_gone_on_with(world: World, folder: Path) -> None:
    three_months(world)
    manifest = export(world, folder)
    for changes, said in (
        ({"ledger": "0" * 32}, "another ledger"),
        ({"newest": "0" * 64}, "after a restore"),
        ({"position": manifest.position + 1}, "after a restore"),
        ({"shapes": manifest.shapes | {"documents.order.Paid": 99}}, "another shape"),
    ):
        Folder(folder).save(msgspec.structs.replace(manifest, **changes))
        with pytest.raises(NotAnExport, match=said):
            export(world, folder)


def test_events_of_a_kind_that_is_new_do_not_hold_up_an_old_export(world: World, folder: Path) -> None:
    fewer: list[type[Aggregate]] = [Order]
    services = world.services
    made = Exporter(services.log, services.home, fewer, now=services.now())
    made.add(Folder(folder), Wanted(upto=services.log.last_position()))
    assert export(world, folder).shapes.keys() > {event.stored_name for event in Order.events}


def test_what_no_manifest_knows_of_is_taken_away_but_nothing_that_is_not_ours(world: World, folder: Path) -> None:
    three_months(world)
    export(world, folder)
    before = files(folder)
    month = next(folder.glob("events/month=*"))
    for name in ("part-000000900-000000999.parquet", "part-000000900-000000999.parquet.unfinished", "notes.txt"):
        (month / name).write_text("left behind")
    (folder / "novel.unfinished").write_text("mine")
    export(world, folder)
    assert files(folder).keys() - before.keys() == {f"events/{month.name}/notes.txt", "novel.unfinished"}


def test_killed_at_any_moment_the_next_run_cleans_up_and_goes_on(world: World, tmp_path: Path) -> None:
    three_months(world)
    how = {"views": True, "part_events": AT_ONCE}
    export(world, tmp_path / "whole", **how)
    whole = parquet(tmp_path / "whole")
    for lives in (1, 2, 4, 2 * len(whole)):  # before and after a part gets its name, a manifest, and among the views
        folder = tmp_path / f"killed {lives}"
        export_until_killed(world, tmp_path, folder, lives=lives)
        export(world, folder, **how)
        assert parquet(folder) == whole
        assert not list(folder.rglob("*.unfinished"))


def export_until_killed(world: World, home: Path, folder: Path, *, lives: int) -> None:
    """Export in a process that kills itself after so many steps."""
    url = world.services.settings.database_url
    command = [sys.executable, "-m", "tests.adapters.export.exports", url, str(home), str(folder), str(lives)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def parquet(folder: Path) -> dict[str, bytes]:
    """What matters of an export."""
    return {name: text for name, text in files(folder).items() if name.endswith(".parquet")}
