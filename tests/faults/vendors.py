"""The vendors, a process of their own that outlives every fault: they remember everything, and lose some answers."""

import json
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.vendors.loopback import Answer, Asked, Fault, Loopback, serving
from tests.vendors.resend_server import Answer as ResendAnswer
from tests.vendors.resend_server import Fault as ResendFault
from tests.vendors.resend_server import ResendServer, serving_resend
from tests.vendors.stripe_server import Fault as StripeFault
from tests.vendors.stripe_server import StripeServer, serving_stripe
from tests.vendors.zoho_server import QUERY, Body, Record, ZohoServer
from tests.vendors.zoho_server import answer as zoho_answer

LOST = 0.01  # of all answers: carried out, and then the connection breaks


class Forgetful(Loopback):
    """Keeps no requests, which would be too many, and loses some answers."""

    def __init__(self, respond: Callable[[Asked], Answer], chance: random.Random) -> None:
        super().__init__(respond)
        self._answer, self._chance = respond, chance
        self.lost = 0

    def handle(self, asked: Asked) -> tuple[Fault | None, Answer | None]:
        answer = self._answer(asked)
        if self._chance.random() < LOST:
            self.lost += 1
            return None, None
        return None, answer


class BigZoho(ZohoServer):
    """Looks values up by an index instead of reading every record."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.web = self.forgetful = Forgetful(self._respond, chance)
        self._index: dict[tuple[str, str, str], str] = {}

    def _write_one(self, module: str, fields: Record, record_id: str | None, checks: list[str]) -> Body:
        written = super()._write_one(module, fields, record_id, checks)
        if written["status"] == "success":
            for name in ("Ledger_Id", "Email"):
                if name in fields:
                    self._index[module, name, str(fields[name]).lower()] = written["details"]["id"]
        return written

    def _holder(self, module: str, field: str, fields: Record) -> str | None:
        value = str(fields.get(field) or "").lower()
        record_id = self._index.get((module, field, value)) if value else None
        if record_id is None or str(self.modules[module][record_id].get(field)).lower() != value:
            return None
        return record_id

    def _query(self, body: Body) -> Answer:
        parsed = QUERY.fullmatch(body["select_query"])
        if parsed is None or parsed[2] not in ("Ledger_Id", "Email"):
            return super()._query(body)
        found = self._holder(parsed[1], parsed[2], {parsed[2]: parsed[3].replace("''", "'")})
        return zoho_answer(200, {"data": [{"id": found}], "info": {"count": 1}}) if found else Answer(204)


class BigResend(ResendServer):
    """Keeps no bodies."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance, self.lost = chance, 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> ResendAnswer:
        answer = super().answer(method, path, headers, body)
        self.requests.clear()
        if self.sent:
            self.sent[-1].mail.pop("html", None)
            self.sent[-1].mail.pop("text", None)
        return answer

    def next_fault(self) -> ResendFault | None:
        if self._chance.random() >= LOST:
            return None
        self.lost += 1
        return ResendFault(accept=True)


class BigStripe(StripeServer):
    """Loses some answers."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(lambda: datetime.now(UTC))
        self._chance, self.lost = chance, 0

    def next_fault(self) -> StripeFault | None:
        self.requests.clear()
        if self._chance.random() >= LOST:
            return None
        self.lost += 1
        return StripeFault(accept=True)


def memory(zoho: BigZoho, resend: BigResend, stripe: BigStripe) -> dict[str, Any]:
    """All that the vendors would tell an auditor."""
    return {
        "mails": [[mail.key, mail.id] for mail in resend.sent],
        "records": {
            module: [[id, record.get("Ledger_Id"), record.get("Email")] for id, record in records.items()]
            for module, records in zoho.modules.items()
        },
        "files": {id: [[name, len(content)] for _, name, _, content in files] for id, files in zoho.files.items()},
        "sessions": [[id, session["client_reference_id"]] for id, session in stripe.sessions.items()],
        "lost": {"zoho": zoho.forgetful.lost, "resend": resend.lost, "stripe": stripe.lost},
    }


def main(seed: int) -> None:
    """Print the addresses; print the memory once for each line that is read; end with standard input."""
    zoho = BigZoho(random.Random(f"zoho-{seed}"))
    resend, stripe = BigResend(random.Random(f"resend-{seed}")), BigStripe(random.Random(f"stripe-{seed}"))
    with serving(zoho.web), serving_resend(resend), serving_stripe(stripe):
        print(json.dumps({"zoho": zoho.url, "resend": resend.url, "stripe": stripe.url}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(memory(zoho, resend, stripe)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
