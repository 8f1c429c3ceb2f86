"""How each effect of an order is carried out, through ports."""

from collections.abc import Callable, Mapping

from domain.documents import crm as fields
from domain.documents.files import file_key
from domain.documents.letters import staff_notice, welcome
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Ledger
from domain.shared.effect import Effect, Outcome
from domain.shared.errors import Declined
from domain.shared.letter import Letter
from domain.shared.ports import Crm, Files, Mailer


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
        """Make or update the order's own record; our id in it keeps a repeat from making a second one."""
        order, office = self._order(effect), self._office
        module = fields.module_of(order, office)
        known = self._crm.find(module.name, office.ledger_field, str(order.id))
        wanted = fields.order_fields(order, office, known)
        record_id = self._crm.upsert(module.name, wanted, unique=office.ledger_field)
        order.entered_in_crm(module=module.name, record_id=record_id)
        return Outcome(record_id, (order,))

    def enter_attribution(self, effect: Effect) -> Outcome:
        """Write where the order came from, and let the two records name each other."""
        order, office = self._order(effect), self._office
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
        names = order.placed.file_names.open() if order.placed.file_names else ()
        file, name = next(
            (file, name)
            for file, name in zip(order.placed.files, names, strict=True)
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
        return self._mail(effect, staff_notice)

    def mail_welcome(self, effect: Effect) -> Outcome:
        """Tell the customer where to look."""
        return self._mail(effect, welcome)

    def _mail(self, effect: Effect, write: Callable[[Order, Office], Letter]) -> Outcome:
        """Render once, keep the bytes, and send the same bytes on every attempt."""
        if effect.content is None:
            effect.prepare(self._render(write(self._order(effect), self._office), effect))
            self._ledger.record(effect)
        if effect.content is None:
            raise RuntimeError("A prepared effect has content.")
        return Outcome(self._mailer.send(effect.content.open().encode(), key=str(effect.id)))
