"""After the form: the mails and the tracking page."""

from uuid import UUID

from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.order import Order
from domain.ledger import acting
from domain.shared.effect import Effect, effect_id
from domain.shared.errors import Declined, Unreachable
from tests.web.site import HTML, JSON, Page, get, post, settle
from tests.world import Clock, World, sandbox

TID = "0123456789ABCDEFGHJK"
PERSONAL = ("John", "Doe", "john@example.com", "123-4567")


def unpaid_with_tracking_id(client: FlaskClient, services: Services, clock: Clock) -> str:
    """An fbi order as it is once its checkout has been requested; returns its id."""
    order_id: str = post(client, "fbi").json["order_id"]
    order = services.ledger.load(Order, UUID(order_id))
    with acting(by="customer", via="form", at=clock.now()):
        order.give_tracking_id(TID, reason="checkout")
    services.ledger.record(order)
    services.follower.catch_up()
    return order_id


def test_scenario_57_a_welcome_mail_is_tried_six_times_with_the_same_bytes(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    world = World(services, clock)
    order = world.place("embassy")
    world.runner.run_one(effect_id(order.id, kind="staff_notice"))
    world.mailer.fail(*[Unreachable("HTTP 500")] * 5)
    for pause in (0, 3, 6, 12, 24, 48):
        assert len(world.mailbox.mails()) == 1
        clock.move(pause)
        world.run_effects()
    _, *tries = world.mailer.attempts
    assert len(tries) == 6
    assert len(set(tries)) == 1
    assert world.subjects()[1:] == ["Your Order Status - Embassy Legalization"]


def test_scenario_57_a_declined_welcome_mail_is_given_up_and_the_page_is_fine(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    world = World(services, clock)
    order = world.place("embassy")
    world.runner.run_one(effect_id(order.id, kind="staff_notice"))
    world.mailer.fail(Declined("HTTP 422"))
    world.run_effects()
    assert services.ledger.load(Effect, effect_id(order.id, kind="welcome")).given_up == "HTTP 422"
    assert get(client, f"/tracking/{order.tracking_id}/").status_code == 200


def test_scenario_58_staff_mails_of_one_kind_and_office_day_share_a_thread(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    post(client, "embassy")
    clock.move(8 * 3600)  # half past eleven in the evening at the office, the next day in UTC
    post(client, "embassy")
    clock.move(3600)
    post(client, "embassy")
    settle(services)
    notices = [m.message for m in sandbox(services).mailer.mails() if "New Embassy Order" in str(m.message["Subject"])]
    days = ["2026-02-09", "2026-02-09", "2026-02-10"]
    assert [str(mail["References"]) for mail in notices] == [f"<embassy-{day}@documents.example>" for day in days]
    assert [str(mail["In-Reply-To"]) for mail in notices] == [f"<embassy-{day}@documents.example>" for day in days]
    assert [str(mail["Subject"]) for mail in notices] == [f"📄 New Embassy Order — {day}" for day in days]
    assert len({str(mail["Message-ID"]) for mail in notices}) == 3


def test_scenario_59_the_tracking_page_shows_no_personal_data(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    order_id = unpaid_with_tracking_id(client, services, clock)
    page, facts = get(client, f"/tracking/{TID}/"), get(client, f"/tracking/{TID}/", JSON)
    assert facts.json["name"] == "J*** D***"
    assert facts.json["shipping"] == "UPS"
    assert "J*** D***" in Page(page).text
    for answer in (page, facts):
        assert not [word for word in (*PERSONAL, order_id) if word in answer.text]
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_scenario_60_a_tracking_id_may_be_written_as_people_do(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    tid = World(services, clock).place("embassy").tracking_id or ""
    services.follower.catch_up()
    assert tid == "0" * 19 + "1"
    for typed in ("oooo-Oooo-0000-0000-000l", "0000 0000 0000 0000 000i", tid.lower()):
        answer = get(client, f"/tracking/{typed}/", JSON)
        assert (answer.status_code, answer.json["tid"]) == (200, tid)


def test_scenario_60_one_wrong_character_is_answered_like_an_unknown_id(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    World(services, clock).place("embassy")
    services.follower.catch_up()
    for accept in (JSON, HTML):
        answers = [
            get(client, f"/tracking/{wrong}/", accept)
            for wrong in ("0" * 19 + "2", "0" * 19 + "U", "0" * 19, "0" * 5000, "Z" * 20, "ö" * 20, "a/b")
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.data for answer in answers}) == 1


def test_scenario_60_an_unpaid_orders_page_awaits_the_payment(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    unpaid_with_tracking_id(client, services, clock)
    facts = get(client, f"/tracking/{TID}/?format=json").json
    assert (facts["current_stage"], facts["stage_label"]) == ("awaiting_payment", "Awaiting Payment")
    assert {step["state"] for step in facts["timeline"]} == {"upcoming"}
    page = Page(get(client, f"/tracking/{TID}/"))
    assert page.one("h2", id="status").text == "Awaiting Payment"
    assert not page.all("li", aria_current="step")
