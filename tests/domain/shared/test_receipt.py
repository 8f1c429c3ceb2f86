"""What a vendor sent: kept before it is judged, judged once, and able to be judged again."""

from collections.abc import Callable
from hashlib import sha256

import pytest

from domain.ledger import Ledger
from domain.shared.receipt import Receipt, receipt_id, receive
from tests.memory_log import MemoryLog
from tests.sample_trees import gardening, new_tree

BODY = b'{"id": "evt_1", "amount": 4200}'
OTHER = b'{"id": "evt_1", "amount": 1}'


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def ledger(log: MemoryLog) -> Ledger:
    return Ledger(log, policies={})


def arrive(ledger: Ledger, body: bytes = BODY, *, source: str = "stripe") -> tuple[Receipt, bool]:
    with gardening():
        return receive(
            ledger, source=source, vendor_id="evt_1", body=body, headers={"Content-Type": "application/json"}
        )


def names(log: MemoryLog) -> list[str]:
    return [type(event).__name__ for event in log.events]


def judge(ledger: Ledger, *verdicts: Callable[[Receipt], None]) -> Receipt:
    receipt, _ = arrive(ledger)
    with gardening():
        for verdict in verdicts:
            verdict(receipt)
    ledger.record(receipt)
    return ledger.load(Receipt, receipt.id)


def test_a_message_is_kept_as_it_came(ledger: Ledger) -> None:
    receipt, is_new = arrive(ledger)
    assert is_new
    assert receipt.id == receipt_id("stripe", "evt_1")
    assert (receipt.source, receipt.vendor_id) == ("stripe", "evt_1")
    assert receipt.body.open() == BODY
    assert receipt.digest == sha256(BODY).hexdigest()
    assert not receipt.judged


def test_a_repeat_is_seen_and_changes_nothing(ledger: Ledger, log: MemoryLog) -> None:
    arrive(ledger)
    receipt, is_new = arrive(ledger)
    assert not is_new
    assert receipt.version == 1
    assert names(log) == ["Arrived"]


def test_a_repeat_with_another_body_is_noted_once_per_body(ledger: Ledger, log: MemoryLog) -> None:
    for body in (BODY, OTHER, OTHER, BODY, OTHER):
        receipt, _ = arrive(ledger, body)
        assert receipt.body.open() == BODY
    assert names(log) == ["Arrived", "RepeatedDifferently"]
    arrive(ledger, b"a third body")
    assert names(log) == ["Arrived", "RepeatedDifferently", "RepeatedDifferently"]


def test_another_layout_of_a_message_named_by_its_content_is_no_other_message(ledger: Ledger, log: MemoryLog) -> None:
    for body in (BODY, OTHER):
        with gardening():
            receive(ledger, source="calls", vendor_id="1:digest", body=body, headers={}, named_by_content=True)
    assert names(log) == ["Arrived"]


def test_two_vendors_may_use_the_same_id(ledger: Ledger) -> None:
    assert [arrive(ledger, source=source)[1] for source in ("stripe", "zoho")] == [True, True]


def test_a_verdict_names_what_it_led_to(ledger: Ledger, log: MemoryLog) -> None:
    [planted] = new_tree(1).pending
    receipt = judge(ledger, lambda receipt: receipt.acted_on(planted))
    verdict = log.events[-1]
    assert isinstance(verdict, Receipt.ActedOn)
    assert verdict.events == (planted.reference,)
    assert (receipt.judged, receipt.verdict, receipt.reason) == (True, "acted_on", None)


@pytest.mark.parametrize("verdict", ["ignored", "refused"])
def test_a_verdict_against_a_message_has_a_reason(ledger: Ledger, verdict: str) -> None:
    def against(receipt: Receipt) -> None:
        receipt.ignore("unknown kind") if verdict == "ignored" else receipt.refuse("unknown kind")

    receipt = judge(ledger, against)
    assert (receipt.judged, receipt.verdict, receipt.reason) == (True, verdict, "unknown kind")


def test_the_first_verdict_stands(ledger: Ledger, log: MemoryLog) -> None:
    judge(
        ledger,
        lambda receipt: receipt.ignore("unknown kind"),
        lambda receipt: receipt.refuse("late"),
        lambda receipt: receipt.acted_on(),
        lambda receipt: receipt.put_off("the order"),
        lambda receipt: receipt.ignore("late"),
    )
    assert names(log) == ["Arrived", "Ignored"]


def test_waiting_is_not_a_verdict(ledger: Ledger, log: MemoryLog) -> None:
    receipt = judge(ledger, lambda receipt: receipt.put_off("the order"))
    assert (receipt.judged, receipt.verdict, receipt.reason) == (False, "waiting", "the order")
    with gardening():
        receipt.put_off("the order")
        receipt.put_off("the payment")
        receipt.acted_on()
    ledger.record(receipt)
    assert names(log) == ["Arrived", "PutOff", "PutOff", "ActedOn"]


@pytest.mark.parametrize("verdict", ["ignored", "refused"])
def test_what_was_turned_away_can_be_judged_again(ledger: Ledger, verdict: str) -> None:
    def against(receipt: Receipt) -> None:
        receipt.ignore("unknown kind") if verdict == "ignored" else receipt.refuse("unknown kind")

    receipt = judge(ledger, against, Receipt.run_again)
    assert (receipt.judged, receipt.verdict, receipt.reason) == (False, None, None)
    with gardening():
        receipt.acted_on()
    assert receipt.verdict == "acted_on"


def test_what_was_acted_on_is_not_acted_on_again(ledger: Ledger, log: MemoryLog) -> None:
    receipt = judge(ledger, lambda receipt: receipt.acted_on(), Receipt.run_again)
    assert receipt.judged
    assert names(log) == ["Arrived", "ActedOn"]
