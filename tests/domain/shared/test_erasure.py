"""Forgetting: once, for good, and together with what was still to be done."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from domain.ledger import Aggregate, Ledger
from domain.sealed import Erased
from domain.shared import inbox
from domain.shared.effect import Effect, Outcome
from domain.shared.erasure import ERASED, erase_all, named_cause
from domain.shared.errors import Invalid
from domain.shared.inbox import Inbox
from domain.shared.receipt import Receipt, Verdict, receipt_id, receive
from tests.memory_log import MemoryLog
from tests.sample_trees import NOW, gardening, tree_id

CAUSE = "asked_by_customer"


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def ledger(log: MemoryLog) -> Ledger:
    return Ledger(log, policies={Receipt: inbox.effects})


@pytest.fixture(autouse=True)
def act() -> Iterator[None]:
    with gardening():
        yield


def arrive(ledger: Ledger, number: int = 1, body: bytes = b"{}") -> tuple[Receipt, bool]:
    return receive(ledger, source="stripe", vendor_id=f"evt_{number}", body=body, headers={})


def names(log: MemoryLog) -> list[str]:
    return [event.stored_name for event in log.events]


def judge(ledger: Ledger, receipt: Receipt, found: Verdict | Exception, *, about: UUID | None = None) -> Outcome:
    """Carry the judging out as the runner does."""

    def decide(_: Receipt) -> Verdict:
        if isinstance(found, Exception):
            raise found
        return found

    judges = Inbox(ledger, {"stripe": decide}, now=lambda: NOW, concerns={"stripe": lambda _: about})
    effect = ledger.load(Effect, ledger.open_effects(receipt.id)[0])
    outcome = judges.judge(effect)
    effect.finish(proof=outcome.proof)
    ledger.record(effect, *outcome.learnt)
    return outcome


def test_what_is_forgotten_loses_its_key_and_is_not_handed_out_again(ledger: Ledger, log: MemoryLog) -> None:
    receipt, _ = arrive(ledger)
    erase_all(ledger, [receipt], reason=CAUSE)
    assert log.destroyed == {receipt.id}
    assert ledger.is_erased(receipt.id)
    with pytest.raises(Erased):
        ledger.load(Receipt, receipt.id)
    assert ledger.load(Receipt, receipt.id, even_erased=True).erased
    assert not ledger.load(Receipt, receipt.id, even_erased=True, version=1).erased


def test_nothing_happens_to_it_after_that(ledger: Ledger) -> None:
    receipt, _ = arrive(ledger)
    erase_all(ledger, [receipt], reason=CAUSE)
    with pytest.raises(Erased):
        receipt.ignore("late")
    assert receipt.pending == []


def test_what_is_not_forgotten_is_not(ledger: Ledger) -> None:
    one, _ = arrive(ledger, 1)
    two, _ = arrive(ledger, 2)
    erase_all(ledger, [one], reason=CAUSE)
    assert not ledger.is_erased(two.id)
    assert not ledger.is_erased(tree_id(7))
    assert not ledger.load(Receipt, two.id).erased


def test_effects_still_open_are_given_up_in_the_same_append(ledger: Ledger, log: MemoryLog) -> None:
    receipt, _ = arrive(ledger)
    [effect] = erase_all(ledger, [receipt], reason=CAUSE)
    assert ledger.load(Effect, effect.id).given_up == ERASED
    assert [entry.event.stored_name for entry in log.appends[-1]] == ["effect.GivenUp", "receipt.Erased"]
    assert ledger.open_effects(receipt.id) == []


def test_forgetting_twice_says_nothing_more(ledger: Ledger, log: MemoryLog) -> None:
    receipt, _ = arrive(ledger)
    for _ in range(2):
        erase_all(ledger, [ledger.load(Receipt, receipt.id, even_erased=True)], reason=CAUSE)
    assert names(log).count("receipt.Erased") == 1


def test_a_forgotten_message_that_comes_again_changes_nothing(ledger: Ledger, log: MemoryLog) -> None:
    receipt, _ = arrive(ledger)
    erase_all(ledger, [receipt], reason=CAUSE)
    before = names(log)
    again, is_new = arrive(ledger, body=b"another")
    assert (again.erased, is_new) == (True, False)
    assert names(log) == before


def test_a_message_about_somebody_forgotten_is_ignored_and_forgotten_itself(ledger: Ledger, log: MemoryLog) -> None:
    receipt, _ = arrive(ledger)
    assert judge(ledger, receipt, Erased()).proof == ERASED
    known = ledger.load(Receipt, receipt.id, even_erased=True)
    assert (known.verdict, known.reason, known.erased) == ("ignored", ERASED, True)
    assert log.destroyed == {receipt.id}


@pytest.mark.parametrize("word", ["ignored", "refused", "acted_on"])
def test_a_verdict_remembers_whom_it_was_about(ledger: Ledger, log: MemoryLog, word: str) -> None:
    receipt, _ = arrive(ledger)
    judge(ledger, receipt, Verdict(word, "no_change"), about=tree_id(3))  # type: ignore[arg-type]
    verdict = log.events[-1]
    assert isinstance(verdict, Receipt.Ignored | Receipt.Refused | Receipt.ActedOn)
    assert verdict.about == tree_id(3)


def test_a_verdict_is_about_what_it_changed_where_that_is_known_only_then(ledger: Ledger, log: MemoryLog) -> None:
    receipt, _ = arrive(ledger)
    changed: Aggregate = arrive(ledger, 2)[0]
    judge(ledger, receipt, Verdict("acted_on", changed=(changed,)))
    [verdict] = [event for event in log.events if isinstance(event, Receipt.ActedOn)]
    assert verdict.about == changed.id == receipt_id("stripe", "evt_2")


@pytest.mark.parametrize(
    ("text", "cause"),
    [("asked by customer", CAUSE), (" Asked  by Customer ", CAUSE), (CAUSE, CAUSE), ("retention", "retention")],
)
def test_a_reason_is_kept_as_a_named_cause(text: str, cause: str) -> None:
    assert named_cause(text) == cause


@pytest.mark.parametrize("text", ["", "  ", "ann@example.com", "call 5551234567", "x" * 61, "Zoë", "a\nb@c", "__"])
def test_a_reason_with_an_address_a_number_or_nothing_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        named_cause(text)
