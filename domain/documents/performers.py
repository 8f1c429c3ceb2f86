"""How each effect of an order is carried out, through ports."""

from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

from domain.documents import crm as fields
from domain.documents.call_crm import adopted_fields
from domain.documents.crm_records import CrmRecords
from domain.documents.files import file_key
from domain.documents.letters import Thread, payment_alert, payment_confirmation, staff_notice, stage_update, welcome
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Event, Ledger
from domain.shared.effect import Effect, Outcome, effect_id
from domain.shared.errors import Declined
from domain.shared.letter import Letter
from domain.shared.money import decimal_text
from domain.shared.ports import Crm, Files, Mailer


def what_is_odd(event: Event) -> str:
    """A payment event in words, for the office."""
    match event:
        case Order.PaymentMismatched(expected_cents=expected, got_cents=got, currency=currency):
            wanted, paid = decimal_text(expected), decimal_text(got)
            return f"{paid} {currency.upper()} came where {wanted} was asked for. The order does not count as paid."
        case Order.PaidAgain(amount_cents=got, currency=currency):
            return f"A second payment of {decimal_text(got)} {currency.upper()} came through another checkout."
        case Order.Refunded(refunded_cents_total=total, full=full):
            return f"{decimal_text(total)} has been refunded, {'all' if full else 'a part'} of the payment."
        case _:
            return "Please look at the payments of this order."


class Performers:
    """The effects of document services. `render` turns a letter into MIME text."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        crm: Crm,
        mailer: Mailer,
        files: Files,
        office: Office,
        render: Callable[[Letter, Effect], str],
    ) -> None:
        self._ledger, self._crm, self._mailer, self._files = ledger, crm, mailer, files
        self._office, self._render = office, render
        self._records = CrmRecords(ledger, office)

    @property
    def by_kind(self) -> Mapping[tuple[str, str], Callable[[Effect], Outcome]]:
        """(channel, kind) to what carries it out."""
        return {
            ("zoho", "enter_contact"): self.enter_contact,
            ("zoho", "enter_order"): self.enter_order,
            ("zoho", "enter_attribution"): self.enter_attribution,
            ("zoho", "attach_file"): self.attach_file,
            ("mail", "staff_notice"): self.mail_staff_notice,
            ("mail", "welcome"): self.mail_welcome,
            ("mail", "stage_update"): self.mail_stage_update,
            ("mail", "payment_confirmation"): self.mail_payment_confirmation,
            ("mail", "payment_alert"): self.mail_payment_alert,
            ("zoho", "write_tracking_id"): self.write_tracking_id,
            ("zoho", "update_payment"): self.update_payment,
            ("files", "remove_files"): self.remove_files,
        }

    def _order(self, effect: Effect) -> Order:
        return self._ledger.load(Order, effect.subject)

    def enter_contact(self, effect: Effect) -> Outcome:
        """Find the person by e-mail and fill only what is empty there; make a new contact otherwise."""
        wanted, module = fields.contact_fields(self._order(effect)), self._office.contact_module
        known = self._crm.find(module, "Email", str(wanted["Email"]))
        if known is None:
            # Another order of the same person may be entering it at this moment.
            return Outcome(self._crm.upsert(module, wanted, unique="Email"))
        missing = {name: value for name, value in wanted.items() if not known.fields.get(name)}
        return Outcome(self._crm.update(module, known.id, missing) if missing else known.id)

    def enter_order(self, effect: Effect) -> Outcome:
        """Make or update the order's record, which may be that of an earlier call.

        Our id in a record of its own keeps a repeat from making a second one. A call's record that has been deleted is
        replaced by one of its own when staff ring again.
        """
        order, office = self._order(effect), self._office
        module = fields.module_of(order, office)
        adopted = self._records.of_order(order, effect) or self._records.lost_record(self._crm, order)
        own = self._crm.find(module.name, office.ledger_field, str(order.id))
        known = self._crm.find(module.name, "id", adopted) if adopted is not None and own is None else own
        made_before_matching = own is not None and own.id != adopted  # without our learning of it
        if made_before_matching or (known is None and effect.rung_again):
            adopted = None
        if adopted is not None:
            record_id = self._crm.update(module.name, adopted, adopted_fields(order, office, known))
        else:
            record_id = self._crm.upsert(
                module.name, fields.order_fields(order, office, known), unique=office.ledger_field
            )
        order.entered_in_crm(module=module.name, record_id=record_id, adopted=adopted is not None)
        return Outcome(record_id, (order, *self._records.shared(order, module=module.name, record_id=record_id)))

    def enter_attribution(self, effect: Effect) -> Outcome:
        """Write where the order came from, and let the two records name each other."""
        order, office = self._order(effect), self._office
        if order.matched_call is not None:
            return Outcome("the call's")  # its record says where the order came from
        record_id = self._record_of(order)
        wanted = fields.attribution_fields(order, office)
        attribution_id = self._crm.upsert(office.attribution_module, wanted, unique=office.ledger_field)
        link: dict[str, str] = {fields.ATTRIBUTION_LINK: attribution_id}
        self._crm.update(fields.module_of(order, office).name, record_id, link)
        order.attribution_entered_in_crm(record_id=attribution_id)
        return Outcome(attribution_id, (order,))

    def attach_file(self, effect: Effect) -> Outcome:
        """Hang one file on the order's record, unless a file of that name and size hangs there already."""
        order = self._order(effect)
        record_id, module = self._record_of(order), fields.module_of(order, self._office).name
        names = order.file_names.open() if order.file_names else ()
        file, name = next(
            (file, name)
            for file, name in zip(order.files, names, strict=True)
            if file.file_id == effect.about["file_id"]
        )
        for known in self._crm.attachments(module, record_id):
            if (known.name, known.size) == (name, file.size):
                return Outcome(known.id)
        try:
            content = self._files.open(file_key(file.key, name))
        except FileNotFoundError:
            raise Declined("the file is no longer stored") from None
        with content:
            return Outcome(self._crm.attach(module, record_id, name=name, media_type=file.media_type, content=content))

    def _record_of(self, order: Order) -> str:
        if order.crm_record is None:
            raise Declined("the order has no record in the CRM")
        return order.crm_record

    def mail_staff_notice(self, effect: Effect) -> Outcome:
        """Tell the office."""
        calls = self._records.calls_of(self._order(effect))
        return self._mail(effect, lambda order, office: staff_notice(order, office, calls=calls))

    def mail_welcome(self, effect: Effect) -> Outcome:
        """Tell the customer where to look."""
        return self._mail(effect, welcome)

    def write_tracking_id(self, effect: Effect) -> Outcome:
        """Tell the CRM the tracking id of an order that it knew before."""
        order = self._order(effect)
        wanted: dict[str, str] = {"Tracking_ID": order.tracking_id or ""}
        return Outcome(self._crm.update(self._module_of(order), self._record_of(order), wanted))

    def update_payment(self, effect: Effect) -> Outcome:
        """Tell the CRM what has become of the payment."""
        order = self._order(effect)
        wanted: dict[str, str] = {"Payment_Status": fields.payment_status(order)}
        return Outcome(self._crm.update(self._module_of(order), self._record_of(order), wanted))

    def remove_files(self, effect: Effect) -> Outcome:
        """Take the files of a forgotten customer out of the store."""
        order = self._ledger.load(Order, effect.subject, even_erased=True)
        for file in order.files:
            self._files.delete(file.key)
        return Outcome(f"{len(order.files)} removed")

    def _module_of(self, order: Order) -> str:
        return order.crm_module or fields.module_of(order, self._office).name

    def mail_payment_confirmation(self, effect: Effect) -> Outcome:
        """Tell the customer that the money has come."""
        known = self._thread(self._order(effect))
        return self._mail(effect, lambda order, office: payment_confirmation(order, office, known=known))

    def mail_payment_alert(self, effect: Effect) -> Outcome:
        """Tell the office what is odd about a payment."""
        event = self._cause(effect)
        return self._mail(
            effect, lambda order, office: payment_alert(order, office, what=what_is_odd(event), version=event.version)
        )

    def mail_stage_update(self, effect: Effect) -> Outcome:
        """Tell the customer of a stage; not of one that a later mail has overtaken."""
        event, order = self._cause(effect), self._order(effect)
        if effect.rung_again and any(mail.proof for mail in self._stage_mails(order, after=event.version)):
            raise Declined("superseded")
        match event:
            case Order.StageReached(stage=stage) | Order.StageCorrected(stage=stage):
                corrected = isinstance(event, Order.StageCorrected)
                return self._mail(
                    effect,
                    lambda order, office: stage_update(
                        order,
                        office,
                        stage=stage,
                        version=event.version,
                        corrected=corrected,
                        known=self._thread(order),
                    ),
                )
            case _:
                raise Declined("no stage to tell of")

    def _thread(self, order: Order) -> Thread:
        """The ids that this order's earlier mails to the customer really went out under."""
        welcome, paid = effect_id(order.id, kind="welcome"), effect_id(order.id, kind="payment_confirmation")
        first, *others = (mail.wire_id if mail else None for mail in (self._asked(welcome), self._asked(paid)))
        others += [mail.wire_id for mail in self._stage_mails(order)]
        return Thread(first, tuple(id for id in (first, *others) if id))

    def _stage_mails(self, order: Order, *, after: int = 0) -> Iterator[Effect]:
        """The mails asked for by the stages reached after this version of the order, oldest first."""
        for event in self._ledger.events(order.id)[after:]:
            if isinstance(event, Order.StageReached | Order.StageCorrected):
                mail = self._asked(effect_id(order.id, kind="stage_update", key=str(event.version)))
                if mail is not None:
                    yield mail

    def _asked(self, id: UUID) -> Effect | None:
        events = self._ledger.events(id)
        return Effect.of(id, events) if events else None

    def _cause(self, effect: Effect) -> Event:
        """The event of the order that asked for this effect."""
        return self._ledger.events(effect.subject)[int(effect.about["version"]) - 1]

    def _mail(self, effect: Effect, write: Callable[[Order, Office], Letter]) -> Outcome:
        """Render once, keep the bytes, and send the same bytes on every attempt."""
        if effect.content is None:
            effect.prepare(self._render(write(self._order(effect), self._office), effect))
            self._ledger.record(effect)
        if effect.content is None:
            raise RuntimeError("A prepared effect has content.")
        return Outcome(self._mailer.send(effect.content.open().encode(), key=str(effect.id)))
