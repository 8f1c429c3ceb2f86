"""The auditor: compares the ledger with what the vendors hold, and with the order in which they took it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from email import message_from_bytes, message_from_string
from email.policy import SMTP
from itertools import combinations
from typing import TypeVar
from uuid import UUID

from adapters.wiring import Services
from domain.documents.call_crm import LEAD_STATUS
from domain.documents.order import Order
from domain.documents.stages import CALL_STAGE
from domain.ledger import NOBODY
from domain.shared.effect import Effect
from tests.journeys.bad_vendors import BadVendors
from tests.journeys.crowd import Buyer

CONTACTS, ATTRIBUTION, LEDGER_ID = "Contacts", "Lead_Attribution_Record", "Ledger_Id"
SUPERSEDED = "superseded"  # the one thing that is given up for good: news of a stage that a later mail has overtaken
T = TypeVar("T")
Step = tuple[UUID, str]  # an order or a call, and what was done for it


class Auditor:
    """Reads the whole log once; each check raises AssertionError with what does not agree."""

    def __init__(self, services: Services, vendors: BadVendors, crowd: Sequence[Buyer]) -> None:
        self._services, self._vendors, self._crowd = services, vendors, crowd
        self.effects: dict[UUID, Effect] = {}
        self.rung: set[UUID] = set()
        for _, name, data in services.log.read(0, 10_000_000):
            event = services.log.decode(name, data)
            if isinstance(event, Effect.Requested):
                self.effects[event.effect] = services.ledger.load(Effect, event.effect)
            elif isinstance(event, Effect.RungAgain):
                self.rung.add(event.effect)
        self.of_order: defaultdict[UUID, list[Effect]] = defaultdict(list)
        for effect in self.effects.values():
            self.of_order[effect.subject].append(effect)

    def check(self, *, rung_in_order: bool = False) -> None:
        """Everything. What was given up and rung again stands behind what came after it, so its order says nothing
        unless all of it was given up and rung again: `rung_in_order`."""
        self._rung_in_order = rung_in_order
        self.every_effect_is_done()
        self.every_order_is_on_the_ledger()
        self.the_crm_holds_each_thing_once()
        self.each_mail_was_taken_once()
        self.no_checkout_is_doubled()
        self.the_crm_took_things_in_order()
        self.the_mails_went_in_order()

    def every_effect_is_done(self) -> None:
        assert self._services.log.open_work() == (0, None)
        left = Counter(effect.given_up for effect in self.effects.values() if effect.proof is None)
        assert left.keys() <= {SUPERSEDED}, left
        assert left[SUPERSEDED] <= len(self.rung)

    def every_order_is_on_the_ledger(self) -> None:
        orders = [buyer.order for buyer in self._crowd]
        assert len({order.id for order in orders}) == len(self._crowd)
        assert {buyer.number for buyer, order in zip(self._crowd, orders, strict=True) if order.worked_on} == {
            buyer.number for buyer in self._crowd
        }
        matched = {buyer.number for buyer, order in zip(self._crowd, orders, strict=True) if order.matched_call}
        assert matched == {buyer.number for buyer in self._crowd if buyer.called}

    def the_crm_holds_each_thing_once(self) -> None:
        zoho, buyers = self._vendors.zoho, self._crowd
        contacts = Counter(record["Email"] for record in zoho.records(CONTACTS))
        _same(contacts, Counter({buyer.email for buyer in buyers if buyer.kind.code != "quote"}))
        orders = Counter(
            (module, record[LEDGER_ID])
            for module in {buyer.kind.module for buyer in buyers}
            for record in zoho.records(module)
        )
        _same(orders, Counter((buyer.kind.module, str(buyer.order_id)) for buyer in buyers))
        origins = Counter(record[LEDGER_ID] for record in zoho.records(ATTRIBUTION))
        wanted = {str(buyer.lead_id or buyer.order_id) for buyer in buyers if buyer.has_ad or buyer.called}
        _same(origins, Counter(wanted))
        for buyer in buyers:
            record = zoho.modules[buyer.kind.module][buyer.order.crm_record or ""]
            assert (record[LEDGER_ID], record["Phone"]) == (str(buyer.order_id), buyer.phone)
            _same(Counter(name for _, name, _, _ in zoho.files.get(record["id"], [])), Counter(buyer.files))
            if buyer.has_ad:
                origin = zoho.modules[ATTRIBUTION][record["Attribution_Record"]]
                assert origin["Attribution_Record"] == record["id"]

    def each_mail_was_taken_once(self) -> None:
        """As many as the customer's story has; SMTP may repeat a mail whose thanks were lost, under one id."""
        taken, wanted = Counter(self.mails_taken()), set[UUID]()
        for buyer in self._crowd:
            mails = [effect for effect in self.of_order[buyer.order_id] if effect.channel == "mail"]
            assert Counter(effect.kind for effect in mails) == buyer.mails(), buyer.number
            wanted |= {effect.id for effect in mails if effect.proof}
        assert taken.keys() >= wanted
        assert all(self.effects[id].given_up == SUPERSEDED for id in taken.keys() - wanted)
        assert taken.total() == len(taken) + self._vendors.lost_thanks

    def mails_taken(self) -> list[UUID]:
        """The effects of all mails, as the provider took them."""
        if self._vendors.smtp is None:
            return [UUID(sent.key) for sent in self._vendors.resend.sent]
        mails = {
            str(message_from_string(effect.content.open(), policy=SMTP)["Message-ID"]): effect.id
            for effect in self.effects.values()
            if effect.content is not None
        }
        ids = (message_from_bytes(mail.content, policy=SMTP)["Message-ID"] for mail in self._vendors.smtp.mails)
        return [mails[str(id)] for id in ids]

    def no_checkout_is_doubled(self) -> None:
        sessions = Counter(session["metadata"]["order_id"] for session in self._vendors.stripe.sessions.values())
        _same(sessions, Counter(str(buyer.order_id) for buyer in self._crowd if buyer.kind.paid))

    def the_mails_went_in_order(self) -> None:
        """Per order as asked for, the welcome before all news of stages."""
        self._in_order("mail", ((self.effects[id].subject, str(id)) for id in self.mails_taken()), lambda e: str(e.id))

    def the_crm_took_things_in_order(self) -> None:
        """Per order and call as asked for."""
        self._in_order("zoho", self._steps(), self._step_of)

    def _in_order(self, channel: str, taken: Iterable[Step], step_of: Callable[[Effect], str]) -> None:
        first = {step: nth for nth, step in reversed(list(enumerate(taken)))}
        compared = 0
        for subject, effects in self.of_order.items():
            lane = [effect for effect in effects if effect.channel == channel and (subject, step_of(effect)) in first]
            lane = list({step_of(effect): effect for effect in reversed(lane)}.values())[::-1]
            for before, after in combinations(lane, 2):
                if before.id not in self.rung or (self._rung_in_order and after.id in self.rung):
                    compared += 1
                    early, late = first[subject, step_of(before)], first[subject, step_of(after)]
                    assert early < late, (subject, before.kind, after.kind)
        assert compared

    def _steps(self) -> Iterator[Step]:
        """What the CRM took, as steps of an order or a call; what only links two records is part of another step."""
        orders = {str(buyer.order_id): buyer for buyer in self._crowd}
        phones = {buyer.phone: buyer for buyer in self._crowd}
        leads = {str(buyer.lead_id): buyer.lead_id for buyer in self._crowd if buyer.lead_id}
        records = {buyer.order.crm_record: buyer for buyer in self._crowd}
        for done in self._vendors.zoho.accepted:
            owner = str(done.fields.get(LEDGER_ID))
            if done.module == CONTACTS:
                yield phones[done.fields["Phone"]].order_id, "enter_contact"
            elif done.file:
                yield records[done.record_id].order_id, done.file
            elif done.module == ATTRIBUTION:
                subject = leads.get(owner) or orders[owner].order_id
                yield subject, "enter_call_attribution" if owner in leads else "enter_attribution"
            elif done.fields.get(LEAD_STATUS) == CALL_STAGE:
                yield records[done.record_id].lead_id or NOBODY, "enter_call"
            elif owner in orders:
                yield orders[owner].order_id, "enter_order"
            elif done.fields.get("Payment_Status") == "Pending":
                yield records[done.record_id].order_id, "upgrade_record"

    def _step_of(self, effect: Effect) -> str:
        if effect.kind != "attach_file":
            return effect.kind
        order = self._services.ledger.load(Order, effect.subject)
        files = zip(order.files, order.file_names.open() if order.file_names else (), strict=True)
        return next(name for file, name in files if file.file_id == effect.about["file_id"])


def _same(found: Counter[T], wanted: Counter[T]) -> None:
    assert found == wanted, f"missing {wanted - found}, too many {found - wanted}"
