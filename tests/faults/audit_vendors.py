"""The auditor at the vendors: what they hold against what the ledger says was done, each once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.audit import Fact, Findings
from tests.faults.extract import Extract

CONTACTS, ATTRIBUTION = "Contacts", "Lead_Attribution_Record"


def audit_mails(ledger: Extract, mails: Sequence[tuple[str, str]], found: Findings) -> None:
    """One mail for each mail effect, under its id, with the provider's id as proof; and no other."""
    wanted = ((str(id), ledger.proofs.get(id)) for id, (channel, _) in ledger.requested.items() if channel == "mail")
    found.same("mails", map(tuple, mails), wanted)


def audit_records(ledger: Extract, records: Mapping[str, Sequence[Sequence[str | None]]], found: Findings) -> None:
    """The CRM holds the records that the ledger knows, no two with one id of ours, one contact per person."""
    proofs = {ledger.proofs[id] for id, what in ledger.requested.items() if what == ("zoho", "enter_contact")}
    contacts = records.get(CONTACTS, [])
    found.same("contacts", (id for id, _, _ in contacts), proofs)
    found.none("people with two contacts", _twice(str(email).lower() for _, _, email in contacts))
    attributed = records.get(ATTRIBUTION, [])
    found.same("attribution records", (id for id, _, _ in attributed), ledger.attributed)
    others = {module: rows for module, rows in records.items() if module not in (CONTACTS, ATTRIBUTION)}
    found.same("records", ((module, id) for module, rows in others.items() for id, _, _ in rows), ledger.entered)
    found.none("ids of ours on two records", _twice(ours for rows in others.values() for _, ours, _ in rows))


def audit_files(ledger: Extract, files: Mapping[str, list[list[Any]]], found: Findings) -> None:
    """Each file of an order the office works on hangs on its record once."""
    entered = {id: what for id, what in ledger.requested.items() if what == ("zoho", "attach_file")}
    have = sum(len(hanging) for hanging in files.values())
    found.same("files at the CRM", ["file"] * have, ["file"] * len(entered))
    found.none("files that hang twice", (id for id, hanging in files.items() if _twice(name for name, _ in hanging)))


def audit_sessions(sessions: Sequence[Sequence[str]], facts: Sequence[Fact], found: Findings) -> None:
    """One checkout for each order that was sent to pay: the one that was answered."""
    wanted = {(fact["session"], fact["order"]) for fact in facts if fact["what"] == "checkout"}
    found.same("checkouts", map(tuple, sessions), wanted)


def _twice(values: Any) -> list[Any]:
    return [value for value, number in Counter(values).items() if number > 1]
