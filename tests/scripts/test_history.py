"""`daybook history`: everything that happened to one subject."""

from hashlib import sha256
from uuid import UUID, uuid4

from domain.documents import tracking_id
from domain.documents.commands import place_order
from domain.documents.order import Order
from domain.ledger import acting
from tests.scripts.conftest import Command
from tests.store_samples import sql
from tests.wishes import wish
from tests.world import World


def visit(world: World, correlation: str) -> UUID:
    """Place an order in a request of its own."""
    number = sha256(correlation.encode()).digest()
    with acting(by="customer", via="form", at=world.clock.now(), correlation=correlation):
        order, _ = place_order(
            world.ledger,
            id=uuid4(),
            wish=wish("embassy"),
            draw_tracking_id=lambda: tracking_id.draw(lambda size: number[:size]),
        )
    return order.id


def test_an_order_and_its_effects_are_shown_in_the_order_of_the_log(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    world.run_effects()

    told = daybook.json("history", str(order.id))

    assert told["subject"] == str(order.id)
    positions = [event["position"] for event in told["events"]]
    assert positions == sorted(positions)
    names = [(event["event"], event["work"]) for event in told["events"]]
    assert names[0] == ("documents.order.Placed", None)
    assert ("effect.Requested", "mail welcome") in names
    assert ("effect.Done", "zoho enter_order") in names
    assert names.index(("effect.Requested", "mail welcome")) < names.index(("effect.Done", "mail welcome"))


def test_events_come_with_who_did_it_through_what_and_why(world: World, daybook: Command) -> None:
    order = world.place("embassy")

    placed, asked, *_ = daybook.json("history", str(order.id))["events"]

    assert (placed["by"], placed["via"], placed["cause"]) == ("customer", "form", None)
    assert asked["cause"] == f"documents.order.Placed/{order.id}/1"
    assert placed["at"] == "2026-02-09T20:30:00Z"


def test_other_orders_are_left_out(world: World, daybook: Command) -> None:
    order, other = world.place("embassy"), world.place("apostille")

    assert str(other.id) not in daybook.prints("history", str(order.id), "--json")


def test_a_tracking_id_is_read_in_any_spelling(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    assert order.tracking_id
    spelt = order.tracking_id.lower().replace("0", "o")

    assert daybook.json("history", f"{spelt[:10]}-{spelt[10:]}")["subject"] == str(order.id)


def test_an_effect_is_shown_alone(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    effect = world.effects(order.id)["welcome"]
    world.run_effects()

    told = daybook.json("history", str(effect.id))["events"]

    assert [event["event"] for event in told] == ["effect.Requested", "effect.Prepared", "effect.Done"]
    assert all(event["position"] for event in told)


def test_personal_data_stays_sealed(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    world.run_effects()

    assert daybook.json("history", str(order.id))["events"][0]["fields"]["contact"] == {"sealed": True}
    for printed in (daybook.prints("history", str(order.id)), daybook.prints("history", str(order.id), "--json")):
        assert "John" not in printed
        assert "john@example.com" not in printed
    assert "contact: (sealed)" in daybook.prints("history", str(order.id))


def test_personal_data_is_opened_when_asked(world: World, daybook: Command) -> None:
    order = world.place("embassy")

    fields = daybook.json("history", str(order.id), "--reveal")["events"][0]["fields"]

    assert fields["contact"]["name"] == "John Doe"
    assert "John Doe" in " ".join(daybook.prints("history", str(order.id), "--reveal").split())


def test_erased_personal_data_says_so(world: World, daybook: Command) -> None:
    order = world.place("embassy")
    sql(world.services.settings.database_url, "UPDATE keys SET wrapped = NULL WHERE subject = ?", order.id)

    fields = daybook.json("history", str(order.id), "--reveal")["events"][0]["fields"]

    assert fields["contact"] == {"erased": True}
    assert "contact: (erased)" in daybook.prints("history", str(order.id), "--reveal")
    assert "contact: (erased)" in daybook.prints("history", str(order.id))
    assert "(erased)" in daybook.prints("explain", str(order.id), "contact")
    assert daybook.json("show", str(order.id))["state"]["contact"] == {"erased": True}


def test_all_that_one_request_led_to_is_shown_whoever_it_concerns(world: World, daybook: Command) -> None:
    first = visit(world, "visit-1")
    visit(world, "visit-2")
    world.run_effects()

    told = daybook.json("history", "--correlation", "visit-1")

    assert told["correlation"] == "visit-1"
    assert {event["correlation"] for event in told["events"]} == {"visit-1"}
    positions = [event["position"] for event in told["events"]]
    assert positions == sorted(positions)
    names = [(event["event"], event["work"]) for event in told["events"]]
    assert names[0] == ("documents.order.Placed", None)
    assert ("effect.Done", "zoho enter_order") in names
    assert "mail welcome" in daybook.prints("history", "--correlation", "visit-1")
    assert {event["stream"] for event in told["events"]} > {str(first)}


def test_a_correlation_can_be_taken_from_what_is_printed(world: World, daybook: Command) -> None:
    order = visit(world, "visit-1")
    visit(world, "visit-2")
    told = daybook.prints("history", str(order), "--tree")
    assert told.splitlines()[0].endswith("customer via form  correlation visit-1")
    assert "daybook history --correlation visit-1\n" in daybook.prints("explain", str(order), "kind")


def test_of_an_order_only_what_that_request_led_to_is_shown(world: World, daybook: Command) -> None:
    order = world.ledger.load(Order, visit(world, "visit-1"))
    with acting(by="zoho", via="zoho", at=world.clock.now(), correlation="hook-7"):
        order.entered_in_crm(module="Deals", record_id="4711")
    world.ledger.record(order)

    told = daybook.json("history", "--correlation", "hook-7")["events"]

    assert [(event["event"], event["stream"]) for event in told] == [("documents.order.EnteredInCrm", str(order.id))]


def test_an_id_or_a_correlation_is_wanted_and_not_both(world: World, daybook: Command) -> None:
    for arguments in (["history"], ["history", str(uuid4()), "--correlation", "visit-1"]):
        result = daybook(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Name an id or a --correlation, one of the two." in result.stderr
    assert daybook.complains("history", "--correlation", "nothing") == "Nothing in the ledger has this correlation."


def test_an_unknown_id_is_answered_with_a_sentence(world: World, daybook: Command) -> None:
    assert daybook.complains("history", str(uuid4())) == "Nothing in the ledger has this id."
    assert daybook.complains("history", "0123456789ABCDEFGHJK") == "No order has this tracking id."
    assert daybook.complains("history", "nonsense") == "This is neither an id nor a tracking id."
