"""What the tests of Zoho share: a clock that is turned by hand and a CRM pointed at the server on loopback."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from adapters.http import Session
from adapters.zoho.crm import ZohoCrm
from adapters.zoho.token_stores import MemoryTokenStore
from adapters.zoho.tokens import TokenStore
from domain.shared.ports import Crm, Field
from tests.vendors.zoho_server import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer

ORDERS = "Apostille_Services"
ANN = {"Last_Name": "Lee", "First_Name": "Ann", "Email": "ann@example.com"}
ORDER: dict[str, Field] = {"Name": "Ann Lee", "Ledger_Id": "0190c0de", "Stage": "Order Received", "Total_Price": 125.5}
SHORT = 0.3


class Clock:
    """A time that passes only when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        """Turn it on, e.g. by `minutes=50`."""
        self.at += timedelta(**time)


@contextmanager
def zoho_crm(
    zoho: ZohoServer,
    *,
    clock: Clock,
    store: TokenStore | None = None,
    trigger: Sequence[str] | None = None,
    client_secret: str = CLIENT_SECRET,
    api_base: str | None = None,
    timeout: float = SHORT,
) -> Iterator[ZohoCrm]:
    """The adapter as one process has it."""
    with Session(timeout=timeout) as session:
        session.trust_env = False
        yield ZohoCrm(
            session,
            accounts_base=zoho.url,
            api_base=api_base,
            client_id=CLIENT_ID,
            client_secret=client_secret,
            refresh_token=REFRESH_TOKEN,
            token_store=store or MemoryTokenStore(),
            now=clock,
            trigger=trigger,
        )


def upsert(crm: Crm) -> str:
    """Enter the order."""
    return crm.upsert(ORDERS, ORDER, unique="Ledger_Id")


def attach(crm: Crm, record_id: str, name: str = "scan.pdf") -> str:
    """Hang a file of nine bytes on the order's record."""
    return crm.attach(ORDERS, record_id, name=name, media_type="application/pdf", content=io.BytesIO(b"%PDF-1.7\n"))
