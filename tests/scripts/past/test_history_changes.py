"""`daybook history`: every subject, what each event changed, and what led to what."""

from typing import Any

from domain.documents.price_list import PRICE_LIST_ID
from tests.scripts.conftest import Command
from tests.scripts.past.conftest import Story


def short(event: dict[str, Any]) -> str:
    return str(event["event"]).rpartition(".")[2]


def flat(branch: dict[str, Any], depth: int = 0) -> list[tuple[int, str, str | None]]:
    """Depth, name and work of every event of a tree."""
    own = (depth, short(branch["event"]), branch["event"]["about"])
    return [own, *(line for led in branch["led_to"] for line in flat(led, depth + 1))]


def test_each_event_tells_what_it_changed(story: Story, daybook: Command) -> None:
    events = daybook.json("history", story.id)["events"]
    reached = [event for event in events if short(event) == "StageReached"]
    assert [
        next(change for change in event["changes"] if change["field"] == "stage") for event in reached
    ] == [
        {"field": "stage", "was": None, "is": "document_received"},
        {"field": "stage", "was": "document_received", "is": "submitted"},
        {"field": "stage", "was": "submitted", "is": "delivered"},
    ]  # fmt: skip
    matched = next(event for event in events if short(event) == "MatchedWithCall")
    assert {"field": "attribution.source", "was": None, "is": "google"} in matched["changes"]
    assert "stage: submitted -> delivered" in " ".join(daybook.prints("history", story.id).split())


def test_both_clocks_are_told(story: Story, daybook: Command) -> None:
    events = daybook.json("history", story.id)["events"]
    submitted = [event for event in events if short(event) == "StageReached"][1]
    assert (submitted["at"], submitted["happened_at"]) == ("2026-02-09T20:38:08Z", "2026-02-09T21:30:00Z")
    assert "happened 2026-02-09 21:30:00Z" in " ".join(daybook.prints("history", story.id).split())


def test_a_subject_is_found_by_any_of_its_names(story: Story, daybook: Command) -> None:
    assert story.order.tracking_id
    names = {
        story.order.tracking_id: story.id,
        "700007": story.call,
        story.call: story.call,
        "prices": str(PRICE_LIST_ID),
    }
    for name, stream in names.items():
        assert daybook.json("history", name)["subject"] == stream
    [arrived, *_] = daybook.json("history", "stripe:evt_paid_7")["events"]
    assert (arrived["event"], arrived["about"]) == ("receipt.Arrived", "stripe evt_paid_7")
    assert daybook.complains("history", "stripe:evt_9") == "No such message of this vendor has arrived."


def test_sealed_values_stay_sealed_in_changes_and_are_opened_when_asked(story: Story, daybook: Command) -> None:
    placed = daybook.json("history", story.id)["events"][0]
    assert {"field": "contact", "was": None, "is": {"sealed": True}} in placed["changes"]
    for arguments in (["--json"], [], ["--tree"], ["--tree", "--json"]):
        printed = daybook.prints("history", story.id, *arguments)
        assert "Ann" not in printed
        assert story.order.contact.open().phone not in printed
    placed = daybook.json("history", story.id, "--reveal")["events"][0]
    contact = next(change["is"] for change in placed["changes"] if change["field"] == "contact")
    assert contact["name"] == "Ann Lee"


def test_a_correlation_is_a_tree_from_the_message_to_the_mail(story: Story, daybook: Command) -> None:
    events = daybook.json("history", story.id)["events"]
    correlation = [event for event in events if short(event) == "StageReached"][1]["correlation"]

    told = daybook.json("history", "--correlation", correlation)

    [root] = told["tree"]
    assert flat(root) == [
        (0, "Arrived", f"zoho_update {root['event']['about'].partition(' ')[2]}"),
        (1, "Requested", "inbox judge"),
        (2, "Done", None),
        (2, "ActedOn", None),
        (1, "StageReached", None),
        (2, "Requested", "mail stage_update"),
        (3, "Prepared", None),
        (3, "Done", None),
    ]
    assert "    └── effect.Requested 1: mail stage_update" in daybook.prints("history", "--correlation", correlation)


def test_an_order_s_tree_begins_with_forms_and_messages_in_the_order_they_came(story: Story, daybook: Command) -> None:
    tree = daybook.json("history", story.id, "--tree")["tree"]
    roots = [short(root["event"]) for root in tree]
    assert roots[:2] == ["Placed", "MatchedWithCall"]
    assert set(roots[-4:]) == {"Arrived"}
    paid = next(root for root in tree if root["event"]["about"] == "stripe evt_paid_7")
    assert [line for line in flat(paid) if line[1] in ("Arrived", "Paid") or line[2]] == [
        (0, "Arrived", "stripe evt_paid_7"),
        (1, "Paid", None),
        (2, "Requested", "zoho enter_contact"),
        (2, "Requested", "zoho enter_order"),
        (2, "Requested", "mail staff_notice"),
        (2, "Requested", "mail welcome"),
        (2, "Requested", "mail payment_confirmation"),
    ]
