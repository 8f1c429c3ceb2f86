"""Who judges the messages of each vendor, with all that a judgement leans on."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from adapters.crm_lookups import CrmLookups
from adapters.mail_reports import judge_mail_report, mail_concern
from adapters.settings import Settings
from domain.documents import tracking_id
from domain.documents.calls import NOT_USED_YET, judge_call
from domain.documents.calls import SOURCE as CALLS
from domain.documents.concerns import concerns
from domain.documents.crm_messages import judge_create, judge_update
from domain.documents.landing import DEFAULT_PATTERNS, Site
from domain.documents.payments import judge_payment
from domain.ledger import Ledger
from domain.shared.inbox import Concern, Judge
from domain.shared.payments import read_stripe_event
from domain.shared.receipt import Receipt, Verdict
from projections.across.receipts import RECEIPTS, ignored_about
from projections.home import Home
from projections.view import View


class Judges:
    """`catch_up` brings a view to the newest event, or raises `NotYet`."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        home: Home,
        catch_up: Callable[[View], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._ledger, self._home = settings, ledger, home
        self._catch_up, self._now = catch_up, now
        self._crm_lookups = CrmLookups(ledger, home, catch_up=catch_up)

    @property
    def by_source(self) -> Mapping[str, Judge]:
        """Who judges the messages of each source."""
        return {
            "stripe": self._judge_stripe,
            "resend": lambda receipt: judge_mail_report(self._ledger, receipt),
            "whatconverts": self._judge_call,
            "zoho_create": self._judge_zoho_create,
            "zoho_update": lambda receipt: judge_update(self._ledger, receipt, office=self._settings.office),
        }

    @property
    def concerns(self) -> Mapping[str, Concern]:
        """Whom the messages of each source are about."""
        call_of_record = self._crm_lookups.call_of_record
        documents = concerns(self._ledger, office=self._settings.office, call_of_record=call_of_record)
        return {**documents, "resend": lambda receipt: mail_concern(self._ledger, receipt)}

    def _judge_stripe(self, receipt: Receipt) -> Verdict:
        try:
            event = read_stripe_event(receipt.body.open())
        except ValueError:
            return Verdict("refused", "unreadable")
        return judge_payment(self._ledger, event, livemode=self._settings.stripe_livemode)

    def _judge_zoho_create(self, receipt: Receipt) -> Verdict:
        return judge_create(
            self._ledger,
            receipt,
            office=self._settings.office,
            draw_tracking_id=lambda: tracking_id.draw(os.urandom),
            entry_under_way=self._crm_lookups.entry_under_way,
            call_of_record=self._crm_lookups.call_of_record,
        )

    def _judge_call(self, receipt: Receipt) -> Verdict:
        patterns = {**DEFAULT_PATTERNS, **self._settings.service_patterns}
        return judge_call(
            self._ledger,
            receipt,
            site=Site(patterns=patterns, hosts=frozenset(self._settings.site_hosts)),
            window_days=self._settings.office.match_window_days,
            now=self._now(),
            earlier=self._ignored_about,
        )

    def _ignored_about(self, call: str) -> Sequence[Receipt]:
        """The messages about a call that were ignored though they may still count; raises `NotYet`."""
        self._catch_up(RECEIPTS)
        rows = ignored_about(self._home, call, source=CALLS, reasons=NOT_USED_YET)
        found = (self._ledger.load(Receipt, UUID(row["receipt_id"]), even_erased=True) for row in rows)
        return [receipt for receipt in found if not receipt.erased]
