"""The office: its addresses, its clock, and how its CRM is laid out. Settings fill it in."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from domain.documents.catalogue import KINDS


class CrmModule(msgspec.Struct, frozen=True, kw_only=True):
    """Where a kind's records live in the CRM, and what two of its fields are called."""

    name: str
    name_field: str = "Name"
    stage_field: str = "Stage"


def default_modules() -> dict[str, CrmModule]:
    """The catalogue's modules, by kind."""
    return {kind.code: CrmModule(name=kind.module) for kind in KINDS.values()}


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the company that orders, mails and CRM records mention."""

    name: str = "Document Services"
    address: str = "100 Demo Street, Washington, DC 20001"
    phone: str = "(202) 555-0100"
    base_url: str = "http://localhost:8000"
    timezone: str = "America/New_York"
    mail_domain: str = "documents.example"
    mail_from: str = "Document Services <orders@documents.example>"
    mail_receiver: str = "office@documents.example"
    modules: Mapping[str, CrmModule] = msgspec.field(default_factory=default_modules)
    contact_module: str = "Contacts"
    attribution_module: str = "Lead_Attribution_Record"
    ledger_field: str = "Ledger_Id"
    reply_subject: bool = False
    stage_aliases: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    match_window_days: int = 90

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone."""
        return ZoneInfo(self.timezone)

    def day(self, moment: datetime) -> date:
        """The office's date at a moment."""
        return moment.astimezone(self.zone).date()

    def url(self, path: str) -> str:
        """An absolute address on the public site; `path` begins with a slash."""
        return self.base_url.rstrip("/") + path
