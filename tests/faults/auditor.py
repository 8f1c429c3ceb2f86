"""The whole audit: the ledger, its views and the vendors against what was answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.wiring import Services
from tests.faults import audit as ledgers
from tests.faults import audit_vendors as vendors
from tests.faults.audit import Fact, Findings
from tests.faults.extract import Extract


def audit(services: Services, memory: Mapping[str, Any], facts: Sequence[Fact], found: Findings) -> dict[str, Any]:
    """Add whatever does not hold to `found`; the figures. `memory` is what `tests/faults/vendors.py` tells."""
    events, ledger = ledgers.audit_log(services, found), Extract(services)
    ledgers.audit_answers(facts, found)
    ledgers.audit_orders(services, ledger, facts, found)
    ledgers.audit_receipts(ledger, facts, found)
    ledgers.audit_payments(ledger, facts, found)
    ledgers.audit_stages(ledger, facts, found)
    ledgers.audit_calls(services, facts, found)
    ledgers.audit_effects(services, ledger, found)
    vendors.audit_mails(ledger, memory["mails"], found)
    vendors.audit_records(ledger, memory["records"], found)
    vendors.audit_files(ledger, memory["files"], found)
    vendors.audit_sessions(memory["sessions"], facts, found)
    ledgers.audit_views(services, found)
    return {
        "facts": dict(Counter(fact["what"] for fact in facts)),
        "asked again, by what came instead of an answer": next(f["by"] for f in facts if f["what"] == "repeats"),
        "events": events,
        "effects": dict(Counter(f"{channel} {kind}" for channel, kind in ledger.requested.values())),
        "attempts that failed": ledger.counts["effect.AttemptFailed"],
        "effects given up": dict(ledger.given_up),
        "mails": len(memory["mails"]),
        "records": {module: len(rows) for module, rows in memory["records"].items()},
        "files": sum(map(len, memory["files"].values())),
        "checkouts": len(memory["sessions"]),
        "answers the vendors lost": memory["lost"],
    }
