"""What the CRM tells us: a record that wants a tracking id, a stage that was reached."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

import msgspec

from domain.documents import order_facts as facts
from domain.documents.catalogue import KINDS, Kind, find_services
from domain.documents.commands import begin_tracking
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.order_facts import Choices, crm_record_claim, tracking_id_claim
from domain.documents.stages import find_stage, first_stage, is_call_stage
from domain.documents.tracking_id import read as read_tracking_id
from domain.ledger import Ledger, UnknownStream
from domain.sealed import Erased, Sealed
from domain.shared.contact import Contact, normal_email
from domain.shared.phone import phone_key
from domain.shared.receipt import Receipt, Verdict

CallOfRecord = Callable[[str], UUID | None]
"""The call lead whose record of the CRM this is; raises `NotYet`."""

NAMESPACE = UUID("b8a5cf5e-0d4b-5a53-9d0b-1a2f6f6f2f77")
TRUE = {"true", "1", "yes", "on"}
ALIASES = {
    "module": "service",
    "recordid": "zohorecordid",
    "id": "zohorecordid",
    "leadid": "zohorecordid",
    "dealid": "zohorecordid",
    "ledgerid": "orderid",
    "trackingid": "tid",
    "currentstage": "stage",
    "status": "stage",
}
OUR_NAMES = {
    "service",
    "zohorecordid",
    "orderid",
    "tid",
    "name",
    "email",
    "phone",
    "stage",
    "shipping",
    "translationr",
    "notify",
    "modifiedtime",
    "correction",
    "token",
    "key",
}
REFUSALS = {"unknown_stage", "awaiting_payment", "backward_without_correction"}
UNESCAPED_PLUS = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")
MOST_CUSTOM, LONGEST_CUSTOM, LONGEST_ID = 40, 500, 25


class CrmMessage(msgspec.Struct, frozen=True):
    """A body of either endpoint: our fields by folded name, and the others as they were called."""

    values: Mapping[str, str]
    custom: Mapping[str, str]

    def truthy(self, name: str, *, default: bool = False) -> bool:
        """A flag however it was written."""
        return self.values[name].casefold() in TRUE if name in self.values else default

    def moment(self, name: str) -> datetime | None:
        """A time with its offset, in UTC; None when absent or unreadable. The `+` of form data may be a blank."""
        try:
            at = datetime.fromisoformat(UNESCAPED_PLUS.sub(r"\1+\2", self.values.get(name, "")))
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None


def read_message(body: bytes, content_type: str) -> CrmMessage | None:
    """Read JSON or form data; None when it is neither. Names are read without case, spaces and underscores."""
    try:
        if content_type.partition(";")[0].strip() == "application/x-www-form-urlencoded":
            given: dict[str, Any] = dict(parse_qsl(body.decode()))
        else:
            given = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None
    values: dict[str, str] = {}
    custom: dict[str, str] = {}
    for name, value in given.items():
        text = "" if value is None or isinstance(value, dict | list) else str(value).strip()
        folded = re.sub(r"[\s_]", "", name).casefold()
        folded = ALIASES.get(folded, folded)
        if folded in OUR_NAMES:
            if text:
                values.setdefault(folded, text)
        elif text and len(custom) < MOST_CUSTOM:
            custom[name] = text[:LONGEST_CUSTOM]
    return CrmMessage(values, custom)


def judge_update(ledger: Ledger, receipt: Receipt, *, office: Office) -> Verdict:
    """A stage, or fields to keep, for an order we know."""
    message = read_message(receipt.body.open(), receipt.content_type)
    if message is None:
        return Verdict("refused", "unreadable")
    order = _known(ledger, message, office)
    if order is None:
        echo = is_call_stage(message.values.get("stage", ""))  # of a call that we entered and that has no order yet
        return Verdict("ignored", "call_stage") if echo else Verdict("refused", "unknown_tid")
    if "service" in message.values and order.kind not in _kinds_named(message, office):
        return Verdict("refused", "service_differs")
    _note(order, message)
    why = _move(order, message, office)
    changed = (order,) if order.pending else ()
    if why in REFUSALS:
        return Verdict("refused", why, changed=changed)
    return Verdict("acted_on", changed=changed) if changed else Verdict("ignored", why or "unchanged")


def _note(order: Order, message: CrmMessage) -> None:
    noted = dict(message.custom)
    if "shipping" in message.values and message.values["shipping"] != order.shipping:
        noted["shipping"] = message.values["shipping"]
    if "translationr" in message.values and message.truthy("translationr") != order.choices.translation_r:
        noted["translation_r"] = message.values["translationr"]
    order.note_crm_fields(noted)


def _move(order: Order, message: CrmMessage, office: Office) -> str | None:
    name = message.values.get("stage")
    if name is None:
        return None
    if is_call_stage(name):
        return "call_stage"
    service = order.kind.service
    stage = find_stage(service, name, aliases=office.stage_aliases.get(service, {}))
    if stage is None:
        return "unknown_stage"
    if not order.worked_on and order.crm_record is not None and stage == first_stage(service):
        return "unchanged"  # the echo of what we wrote when the call's record became the order's
    return order.move_to(
        stage.code, happened_at=message.moment("modifiedtime"), correction=message.truthy("correction")
    )


def judge_create(
    ledger: Ledger,
    receipt: Receipt,
    *,
    office: Office,
    draw_tracking_id: Callable[[], str],
    entry_under_way: Callable[[Kind, str | None, str | None], bool],
    call_of_record: CallOfRecord,
) -> Verdict:
    """A tracking id for a record of the CRM: of an order we know, or of one that begins there.

    `entry_under_way(kind, phone_hash, email_hash)` tells whether an order or call of this person is being entered in
    the CRM just now: then this message is the echo of our own writing, and is judged when that has ended.
    """
    message = read_message(receipt.body.open(), receipt.content_type)
    if message is None:
        return Verdict("refused", "unreadable")
    order = _known(ledger, message, office)
    notify = message.truthy("notify", default=True)
    if order is not None:
        if begin_tracking(order, draw_tracking_id(), reason="crm", notify=notify):
            return Verdict("acted_on", changed=(order,))
        return Verdict("ignored", "has_tracking_id")
    found = _wanted(message, office)
    if isinstance(found, Verdict):
        return found
    kind, contact = found
    digits = phone_key(contact.phone)
    phone_hash = ledger.blind(f"phone:{digits}") if digits else None
    email_hash = ledger.blind(f"email:{contact.email.casefold()}") if contact.email else None
    if entry_under_way(kind, phone_hash, email_hash):
        return Verdict("waiting", "entry_under_way")
    module, record_id = office.modules[kind.code].name, message.values["zohorecordid"]
    if "stage" not in message.values and call_of_record(record_id):
        return Verdict("ignored", "call_stage")
    taken = facts.TakenInCrm(
        kind=kind.code,
        module=module,
        record_id=record_id,
        contact=Sealed(contact),
        custom=Sealed(dict(message.custom)) if message.custom else None,
        shipping=message.values.get("shipping"),
        choices=Choices(translation_r=message.truthy("translationr")),
        phone_hash=phone_hash,
        email_hash=email_hash,
    )
    order = Order.place(uuid5(NAMESPACE, f"{module}/{record_id}"), taken)
    begin_tracking(order, draw_tracking_id(), reason="crm", notify=notify)
    return Verdict("acted_on", changed=(order,))


def _wanted(message: CrmMessage, office: Office) -> tuple[Kind, Contact] | Verdict:
    """The kind and the person of an order that begins in the CRM, or why there can be none."""
    kinds, record_id = _kinds_named(message, office), message.values.get("zohorecordid", "")
    if len(kinds) != 1 or kinds[0].code not in KINDS:
        return Verdict("refused", "unknown_service")
    [kind] = kinds
    if not (record_id.isdecimal() and len(record_id) <= LONGEST_ID):
        return Verdict("refused", "no_record_named")
    contact, name = _contact(message), message.values.get("stage")
    if contact is None:
        return Verdict("refused", "no_name")
    if name and is_call_stage(name):
        return Verdict("ignored", "call_stage")  # the echo of a call that we entered
    if name and find_stage(kind.service, name, aliases=office.stage_aliases.get(kind.service, {})) is None:
        return Verdict("refused", "unknown_stage")
    return kind, contact


def _contact(message: CrmMessage) -> Contact | None:
    name = message.values.get("name", "")[:120]
    if not name:
        return None
    try:
        email = normal_email(message.values.get("email", ""))
    except ValueError:
        email = ""
    return Contact(name, email, message.values.get("phone", "")[:40])


def find_told(ledger: Ledger, body: bytes, content_type: str, *, office: Office) -> Order | None:
    """The order a message is about, for the answer to it."""
    message = read_message(body, content_type)
    with suppress(Erased):
        return _known(ledger, message, office) if message else None
    return None


def crm_concern(ledger: Ledger, receipt: Receipt, *, office: Office, call_of_record: CallOfRecord) -> UUID | None:
    """The order a message is about, or the call whose record it names; raises `Erased`, `NotYet`."""
    message = read_message(receipt.body.open(), receipt.content_type)
    if message is None:
        return None
    order, record_id = _known(ledger, message, office), message.values.get("zohorecordid")
    if order is not None:
        return order.id
    return call_of_record(record_id) if record_id else None


def _kinds_named(message: CrmMessage, office: Office) -> tuple[Kind, ...]:
    modules = {code: module.name for code, module in office.modules.items()}
    return find_services(message.values.get("service", ""), modules)


def _known(ledger: Ledger, message: CrmMessage, office: Office) -> Order | None:
    """By order id, tracking id or record id, in this order."""
    owner: UUID | None = None
    if "orderid" in message.values:
        try:
            return ledger.load(Order, UUID(message.values["orderid"]))
        except (ValueError, UnknownStream):
            pass
    if tid := read_tracking_id(message.values.get("tid", "")):
        owner = ledger.owner(tracking_id_claim(tid))
    record_id = message.values.get("zohorecordid")
    if owner is None and record_id:
        named = [kind.code for kind in _kinds_named(message, office)]
        modules = {office.modules[code].name: None for code in named or office.modules if code in office.modules}
        owners = (ledger.owner(crm_record_claim(module, record_id)) for module in modules)
        owner = next((found for found in owners if found), None)
    return ledger.load(Order, owner) if owner else None
