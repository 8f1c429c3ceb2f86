"""What gives a vendor's message away as one about a person, where nothing on the ledger says so."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_plus

import msgspec

from domain.documents.call_facts import CallFacts
from domain.documents.call_lead import CallLead
from domain.documents.calls import SOURCE as CALLS
from domain.documents.order import Order
from domain.shared.phone import phone_key
from domain.shared.receipt import Receipt

TOKEN = re.compile(r"[^\s\"'<>,;:()\[\]{}=&?/\\]+")
EDGES = ".!*_~`|"
NUMBERS = re.compile(r"\d[\d\s()./+-]{8,}\d")
DIGITS = 10


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """`words` are ids and e-mails in lower case, `phones` the last ten digits, `leads` the vendor's ids of calls."""

    words: frozenset[str]
    phones: frozenset[str]
    leads: frozenset[str]


def marks_of(subjects: Iterable[Order | CallLead], *, shared: frozenset[str]) -> Marks:
    """The marks of these orders and leads; a number or e-mail whose digest is `shared` by others gives nobody away."""
    words: set[str] = set()
    phones: set[str] = set()
    leads: set[str] = set()
    for one in subjects:
        words.update((str(one.id), (one.crm_record or "").casefold()))
        if isinstance(one, CallLead):
            leads.update(one.calls.by_id)
        else:
            words.add((one.tracking_id or "").casefold())
        for phone, email in () if one.erased else _addresses(one, shared):
            phones.add(phone_key(phone or "") or "")
            words.add((email or "").casefold())
    return Marks(words=frozenset(words - {""}), phones=frozenset(phones - {""}), leads=frozenset(leads))


def marks_typed(*, emails: Iterable[str] = (), phones: Iterable[str] = ()) -> Marks:
    """The marks of addresses and numbers as somebody typed them."""
    words = frozenset(text.strip().casefold() for text in emails)
    return Marks(words=words, phones=frozenset(phone_key(text) or "" for text in phones) - {""}, leads=frozenset())


def _addresses(subject: Order | CallLead, shared: frozenset[str]) -> Iterator[tuple[str | None, str | None]]:
    """(phone, e-mail), None where it is shared."""
    if isinstance(subject, Order):
        contact = subject.contact.open()
        known = [(subject.phone_hash, contact.phone, subject.email_hash, contact.email)]
    else:
        known = [_address(call.facts) for call in subject.calls.by_id.values()]
    for phone_hash, phone, email_hash, email in known:
        yield None if phone_hash in shared else phone, None if email_hash in shared else email


def _address(call: CallFacts) -> tuple[str | None, str, str | None, str]:
    details, words = call.details, call.words
    return details.phone_hash, words.contact_phone or "", details.email_hash, words.contact_email or ""


def speaks_of(receipt: Receipt, marks: Marks) -> bool:
    """Whether a message has one of the marks; opens its body. Raises `Erased`."""
    if receipt.source == CALLS and receipt.vendor_id.partition(":")[0] in marks.leads:
        return True
    text = unquote_plus(receipt.body.open().decode(errors="replace")).casefold()
    tokens = TOKEN.findall(text)
    if not marks.words.isdisjoint(tokens) or not marks.words.isdisjoint(token.strip(EDGES) for token in tokens):
        return True
    return not marks.phones.isdisjoint(_numbers(text))


def _numbers(text: str) -> Iterator[str]:
    """Every ten digits in a row: where one number ends and the next one begins, free text does not say."""
    for run in NUMBERS.findall(text):
        digits = re.sub(r"\D", "", run)
        yield from (digits[start : start + DIGITS] for start in range(len(digits) - DIGITS + 1))
