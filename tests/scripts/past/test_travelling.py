"""`daybook show`, `diff` and `explain`: a subject as it was, what changed, and why a value is what it is."""

import pytest

from domain.documents.order import Order
from domain.shared.travel import state_of
from projections.documents.orders import OrderDesk
from scripts.shown import shown
from tests.scripts.conftest import Command
from tests.scripts.past.conftest import Story
from tests.store_samples import sql

BEFORE_PAYING = "2026-02-09T15:34:30"  # the office's time, five hours behind


def test_a_subject_is_shown_as_it_is(story: Story, daybook: Command) -> None:
    told = daybook.json("show", story.id)
    assert (told["kind"], told["version"], told["versions"]) == ("documents.order", 11, 11)
    assert (told["state"]["stage"], told["state"]["kind"], told["state"]["contact"]) == (
        "delivered", "fbi", {"sealed": True},
    )  # fmt: skip
    assert "Ann" not in daybook.prints("show", story.id)
    assert "Ann Lee" in daybook.prints("show", story.id, "--reveal")


def test_a_subject_is_shown_after_any_of_its_events(story: Story, daybook: Command) -> None:
    for version in range(1, 12):
        told = daybook.json("show", story.id, "--version", str(version))
        order = story.services.ledger.load(Order, story.order.id, version=version)
        expected = shown(state_of(order), reveal=False)
        assert (told["version"], told["state"]["stage"], told["state"]["paid"]) == (
            version, expected["stage"], expected["paid"],
        )  # fmt: skip


def test_a_time_without_a_zone_is_the_office_s_and_a_day_its_beginning(story: Story, daybook: Command) -> None:
    assert daybook.json("show", story.id, "--at", BEFORE_PAYING)["version"] == 6
    assert daybook.json("show", story.id, "--at", "2026-02-09T20:34:30Z")["version"] == 6
    assert daybook.json("show", story.id, "--at", "2026-02-10")["version"] == 11
    assert "office's zone" in " ".join(daybook.prints("show", "--help").split())


def test_the_other_clock_goes_by_when_it_happened(story: Story, daybook: Command) -> None:
    for moment, recorded, happened in (
        ("T16:00", "delivered", "document_received"),
        ("T17:00", "delivered", "submitted"),
    ):
        then = ["show", story.id, "--at", f"2026-02-09{moment}"]
        assert daybook.json(*then)["state"]["stage"] == recorded
        assert daybook.json(*then, "--happened")["state"]["stage"] == happened


def test_a_row_is_folded_as_it_was(story: Story, daybook: Command) -> None:
    told = daybook.json("show", "--view", "orders", story.id, "--at", BEFORE_PAYING)
    assert (told["view"], told["key"], told["state"]["payment"]) == ("orders", story.id, "requested")
    assert told["state"]["contact"] == {"sealed": True}
    live = story.services.home.row(OrderDesk.live.select())
    assert live is not None
    now = daybook.json("show", "--view", "orders", story.id, "--reveal")["state"]
    assert {name: now[name] for name in ("payment", "stage", "choices", "paid_cents")} == {
        name: live[name] for name in ("payment", "stage", "choices", "paid_cents")
    }
    assert now["contact"]["name"] == "Ann Lee"


def test_what_cannot_be_shown_is_a_sentence(story: Story, daybook: Command) -> None:
    assert daybook.complains("show", story.id, "--at", "2026-02-09") == (
        "It did not exist then: it begins at 2026-02-09 20:33:03Z."
    )
    assert daybook.complains("show", story.id, "--version", "12") == "It has only come to version 11."
    assert daybook.complains("show", story.id, "--at", "yesterday").startswith("yesterday is not a time.")
    assert daybook.complains("show", "00000000-0000-0000-0000-000000000001") == "Nothing in the ledger has this id."
    assert daybook.complains("show", story.id, "--view", "nothing").startswith("There is no view nothing.")
    assert daybook.complains("show", story.id, "--view", "audit_trail").startswith("The view audit_trail is a journal")
    assert daybook.complains("show", story.id, "--view", "call_leads") == "The view call_leads had no row of it then."
    assert daybook("show", story.id, "--at", "2026-02-09", "--version", "1").exit_code == 2


def test_an_erased_customer_s_order_is_shown_without_them(story: Story, daybook: Command) -> None:
    url = story.services.settings.database_url
    sql(url, "UPDATE keys SET wrapped = NULL WHERE subject = ?", story.order.id)
    told = daybook.json("show", story.id, "--reveal")["state"]
    assert (told["contact"], told["stage"]) == ({"erased": True}, "delivered")
    assert daybook.json("diff", story.id, "--from", "0", "--reveal")["changes"]


def test_a_row_that_a_forgetting_took_away_is_a_sentence(story: Story, daybook: Command) -> None:
    daybook.prints("forget", story.id, "--reason", "asked by customer", "--yes")
    for command in (["show", story.id], ["explain", story.id, "stage"]):
        said = daybook.complains(*command, "--view", "orders")
        assert said.startswith("The view orders has no row of it then: documents.order.Erased took it away at ")
    assert daybook.json("show", story.id, "--view", "orders", "--at", BEFORE_PAYING)["state"]["payment"] == "requested"
    for command in (["show", story.id], ["history", story.id], ["explain", story.id, "contact"]):
        assert "(erased)" in daybook.prints(*command)


def test_what_a_record_leaves_open_takes_no_room_where_values_are_cut(story: Story, daybook: Command) -> None:
    assert None in daybook.json("show", story.id)["state"]["attribution"].values()
    assert "null" not in daybook.prints("show", story.id)


def test_a_difference_names_its_events(story: Story, daybook: Command) -> None:
    told = daybook.json("diff", story.id, "--from", BEFORE_PAYING, "--to", "2026-02-09T15:38:30")
    changes = {change["field"]: change for change in told["changes"]}
    assert changes["stage"] == {"field": "stage", "was": None, "is": "submitted", "by": [8, 10]}
    assert changes["refunded_cents"] == {"field": "refunded_cents", "was": 0, "is": 3000, "by": [9]}
    assert "tracking_id" not in changes
    assert (told["from"], told["to"], [event["version"] for event in told["events"]]) == (6, 10, [7, 8, 9, 10])
    assert "submitted" in daybook.prints("diff", story.id, "--from", "6", "--to", "10")


def test_a_row_s_difference_names_its_events(story: Story, daybook: Command) -> None:
    told = daybook.json("diff", story.id, "--from", "6", "--to", "10", "--view", "orders")
    changes = {change["field"]: (change["was"], change["is"], change["by"]) for change in told["changes"]}
    assert changes["payment"] == ("requested", "part_refunded", [7, 9])
    assert "contact" not in changes


def test_points_the_wrong_way_round_are_a_sentence(story: Story, daybook: Command) -> None:
    sentence = "The point in --from is later than the one in --to."
    assert daybook.complains("diff", story.id, "--from", "7", "--to", "3") == sentence
    assert daybook.json("diff", story.id, "--from", "3", "--to", "3")["changes"] == []
    assert daybook.prints("diff", story.id, "--from", "3", "--to", "3").endswith("Nothing changed.\n")


@pytest.mark.parametrize("view", [[], ["--view", "orders"]])
def test_a_value_is_explained_by_the_event_that_set_it_and_its_causes(
    story: Story, daybook: Command, view: list[str]
) -> None:
    told = daybook.json("explain", story.id, "stage", *view)
    assert (told["value"], told["set_by"]["event"], told["set_by"]["version"], told["set_by"]["by"]) == (
        "delivered", "documents.order.StageReached", 11, "zoho",
    )  # fmt: skip
    assert [cause["event"] for cause in told["why"]] == ["receipt.Arrived"]
    then = daybook.json("explain", story.id, "stage", "--at", "2026-02-09T15:35:30", *view)
    assert (then["value"], then["set_by"]["version"], then["why"][0]["about"]) == (
        "document_received", 8, "stripe evt_paid_7",
    )  # fmt: skip
    assert "It began with a message from zoho_update." in daybook.prints("explain", story.id, "stage", *view)


def test_a_value_inside_a_field_is_explained(story: Story, daybook: Command) -> None:
    told = daybook.json("explain", story.id, "attribution.source")
    assert (told["value"], told["set_by"]["version"], told["set_by"]["via"]) == ("google", 2, "form")
    assert "It began with a form, by customer." in daybook.prints("explain", story.id, "attribution.source")
    told = daybook.json("explain", story.id, "crm_record")
    assert [cause["about"] or cause["version"] for cause in told["why"]] == ["zoho upgrade_record", 2]


def test_a_value_that_nothing_has_set_and_a_field_there_is_not(story: Story, daybook: Command) -> None:
    assert daybook.json("explain", story.id, "pending_session")["set_by"] is None
    assert "as in the beginning" in daybook.prints("explain", story.id, "pending_session")
    assert daybook.complains("explain", story.id, "stages").startswith("There is no field stages at that point.")


def test_staff_who_changed_a_price_are_named(story: Story, daybook: Command) -> None:
    daybook.prints("prices", "base", "certificate", "30.00", "--reason", "dearer paper")
    told = daybook.json("explain", "prices", "per_cert_cents")
    assert (told["value"], told["set_by"]["via"], told["why"]) == (3000, "console", [])
    assert told["change"] == [{"field": "per_cert_cents", "was": 2500, "is": 3000}]
