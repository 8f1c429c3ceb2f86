"""Projections of one's own: the same rows from the ledger and from an export, and nothing personal in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from adapters.export.events import event_batches
from adapters.export.folding import NotAProjection, WouldNotFold, fold_all, load_projection
from adapters.export.hiding import LEFT_OUT, WITHHELD, Hiding
from adapters.export.restoring import OutOfSight, classes_of, events_from
from adapters.export.sources import exported_events, live_events
from adapters.wiring import AGGREGATES
from domain.documents.order import Order
from domain.ledger import Event
from domain.sealed import sealed_type
from projections.across.audit_trail import AUDIT_TRAIL
from projections.documents.orders import ORDER_DESK
from projections.view import Row, RowView, View
from tests.adapters.export.exports import export, three_months
from tests.adapters.export.own_kinds import Kinds
from tests.world import World

HERE = Path(__file__).parent
CLASSES = classes_of(AGGREGATES)
BLANKS: tuple[object, ...] = (LEFT_OUT, [], {})


def from_ledger(world: World, view: View) -> list[Row]:
    return list(fold_all(view, events_from(live_events(world.services.log, view.folds), CLASSES)))


def from_export(world: World, view: View, folder: Path) -> list[Row]:
    export(world, folder, part_events=40)
    return list(fold_all(view, events_from(exported_events(folder, view.folds), CLASSES)))


@pytest.mark.parametrize("view", [Kinds(), ORDER_DESK, AUDIT_TRAIL], ids=lambda view: str(view.name))
def test_ledger_and_export_lead_to_the_same_rows(world: World, tmp_path: Path, view: View) -> None:
    three_months(world)
    world.clock.move(-50 * 24 * 3600)  # another machine's clock: months lie between each other in the log
    world.place("i9")
    world.clock.move(50 * 24 * 3600)
    world.place("translation")
    rows = from_ledger(world, view)
    assert rows
    assert from_export(world, view, tmp_path / "export") == rows


def test_they_are_the_rows_that_the_product_has_but_for_what_is_personal(world: World) -> None:
    three_months(world)
    live = {row["order_id"]: row for row in world.services.home.rows(ORDER_DESK.live.select())}
    own = {row["order_id"]: row for row in from_ledger(world, ORDER_DESK)}
    differ = {name for id, row in own.items() for name, value in row.items() if live[id][name] != value}
    assert own.keys() == live.keys()
    assert differ == {"contact", "answers", "phone_hash", "email_hash", "tracking_id", "crm_record"}


def test_every_event_comes_back_as_it_was_but_for_what_is_left_out(world: World) -> None:
    three_months(world)
    log = world.services.log
    last = log.last_position()
    were = [(position, log.decode(name, data)) for position, name, data in log.scan(upto=last)]
    batches = (batch for _, batch in event_batches(log, Hiding(), upto=last))
    for (position, event), (at, was) in zip(events_from(batches, CLASSES), were, strict=True):
        assert (position, plain(event)) == (at, plain(was))


def plain(event: Event) -> tuple[str, dict[str, Any]]:
    return event.reference, Hiding().event(event)


class Nosy(RowView, name="nosy"):
    """Reads who it was."""

    key_column = "order_id"
    folds = (Order.Placed,)
    columns = Kinds.columns

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        assert isinstance(event, Order.Placed)
        return {"name": event.contact.open().name}


def test_a_fold_that_asks_for_personal_data_is_refused_it(world: World) -> None:
    three_months(world)
    with pytest.raises(WouldNotFold, match=r"position 2, documents\.order\.Placed: OutOfSight") as refused:
        from_ledger(world, Nosy())
    assert isinstance(refused.value.__cause__, OutOfSight)


def test_what_is_withheld_is_blank(world: World) -> None:
    world.place("fbi")
    [row] = from_ledger(world, ORDER_DESK)
    assert row["phone_hash"] == row["email_hash"] == LEFT_OUT
    assert "phone_hash" in WITHHELD


def test_what_a_payment_vendor_knows_a_payment_by_is_withheld_but_for_its_session() -> None:
    paid = Order.Paid(session_id="cs_1", payment_intent="pi_1", amount_cents=1, currency="USD")
    refunded = Order.Refunded(charge_id="ch_1", refunded_cents_total=1, full=True)
    told = Hiding().event(paid) | Hiding().event(refunded)
    assert (told["payment_intent"], told["charge_id"], told["session_id"]) == (LEFT_OUT, LEFT_OUT, "cs_1")


def structs_in(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """The value objects that a field may hold, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
        for field in msgspec.structs.fields(annotation):
            yield from structs_in(field.type)
    elif sealed_type(annotation) is None:
        for inner in get_args(annotation):
            yield from structs_in(inner)


@pytest.mark.parametrize("event", CLASSES.values(), ids=lambda event: str(event.stored_name))
def test_whatever_is_withheld_can_be_blank_when_the_event_is_read_again(event: type[Event]) -> None:
    for struct in structs_in(event):
        for field in msgspec.structs.fields(struct):
            if field.name in WITHHELD:
                assert any(fits(blank, field.type) for blank in BLANKS), f"{struct.__name__}.{field.name}"


def fits(blank: object, annotation: Any) -> bool:
    try:
        msgspec.convert(blank, annotation)
    except msgspec.ValidationError:
        return False
    return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def test_a_file_with_one_view_is_a_projection() -> None:
    assert load_projection(HERE / "own_kinds.py").name == "kinds"
    assert load_projection(HERE.parents[2] / "analysis/longest_wait.py").name == "longest_wait"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "one RowView or Journal"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("from projections.documents.orders import OrderDesk", "one RowView or Journal"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_file_without_one_is_not(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(NotAProjection, match=said):
        load_projection(file)
