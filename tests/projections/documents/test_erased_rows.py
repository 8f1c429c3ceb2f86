"""What each view makes of a forgotten person: a row that is gone, or one that counts and names nobody."""

from uuid import UUID

import pytest

from domain.documents import call_events as calls
from domain.documents import order_facts as orders
from domain.documents.call_facts import CallDetails, Told
from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt
from projections.across.effects import EFFECTS
from projections.across.receipts import RECEIPTS
from projections.documents.attribution_report import ATTRIBUTION_REPORT
from projections.documents.call_leads import CALL_LEADS
from projections.documents.match_queue import MATCH_QUEUE
from projections.documents.orders import ORDER_DESK
from projections.documents.payment_queue import PAYMENT_QUEUE
from projections.documents.stage_queue import STAGE_QUEUE
from projections.documents.tracking_page import TRACKING_PAGE
from projections.view import RowView, fold
from tests.domain.documents.placed import story
from tests.wishes import NOW

CAUSE = "asked_by_customer"
ORDER, CALL, RECEIPT = (kind(reason=CAUSE) for kind in (orders.Erased, calls.Erased, Receipt.Erased))
RECEIVED = calls.CallReceived(
    lead_id="204417",
    told=Told(NOW, 1),
    changed=("source",),
    words=Sealed.closed("token"),
    details=CallDetails(source="google", phone_hash="p" * 32),
)
SUGGESTED = calls.MatchSuggested(order_id=UUID(int=2), order_type="fbi", evidence=("phone",), confidence=0.5)
TWO_RECORDS = calls.TwoRecordsFound(module="FBI_Apostille", orders="1", calls="2")
ARRIVED = Receipt.Arrived(source="stripe", vendor_id="evt_1", digest="", body=Sealed.closed("token"))
MISMATCHED = orders.PaymentMismatched(
    session_id="cs_1", payment_intent=None, expected_cents=2, got_cents=1, currency="usd"
)


def placed(kind: str) -> tuple[Event, ...]:
    events = story(kind)
    for event in events:
        for name in ("contact", "answers"):
            if sealed := getattr(event, name, None):
                sealed.token = "token"
    return tuple(events)


@pytest.mark.parametrize(
    ("view", "events", "erased"),
    [
        (ORDER_DESK, placed("embassy"), ORDER),
        (TRACKING_PAGE, placed("embassy"), ORDER),
        (PAYMENT_QUEUE, (MISMATCHED,), ORDER),
        (STAGE_QUEUE, (orders.StageReached(stage="notarized", skipped=("under_review",)),), ORDER),
        (STAGE_QUEUE, (Receipt.Refused(reason="unknown_stage"),), RECEIPT),
        (RECEIPTS, (ARRIVED,), RECEIPT),
        (CALL_LEADS, (RECEIVED,), CALL),
        (MATCH_QUEUE, (SUGGESTED, TWO_RECORDS), CALL),
    ],
)
def test_the_row_goes(view: RowView, events: tuple[Event, ...], erased: Event) -> None:
    before = fold(view, events)
    assert before is not None
    assert fold(view, (erased,), before) is None


@pytest.mark.parametrize(("events", "erased"), [(placed("embassy"), ORDER), ((RECEIVED,), CALL)])
def test_the_attribution_report_counts_as_before(events: tuple[Event, ...], erased: Event) -> None:
    before = fold(ATTRIBUTION_REPORT, events)
    assert before is not None
    assert fold(ATTRIBUTION_REPORT, (erased,), before) == before | {"first_call": None}


def test_an_effect_given_up_with_its_person_is_not_dead_but_erased() -> None:
    asked = Effect.Requested(effect=UUID(int=1), subject=UUID(int=2), channel="mail", kind="welcome")
    states = {
        reason: fold(EFFECTS, (asked, Effect.GivenUp(effect=UUID(int=1), reason=reason)))
        for reason in ("erased", "blocked")
    }
    assert {reason: row and row["state"] for reason, row in states.items()} == {"erased": "erased", "blocked": "dead"}


def test_a_message_keeps_whom_it_is_about_through_later_verdicts() -> None:
    about = UUID(int=7)
    events = (ARRIVED, Receipt.PutOff(waiting_for="paid:7", about=about), Receipt.Refused(reason="waited_in_vain"))
    row = fold(RECEIPTS, events)
    assert row is not None
    assert row["subject"] == str(about)
