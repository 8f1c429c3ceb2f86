"""How vendors are reached: their credentials out of the environment, and what production needs of them."""

import msgspec

from adapters.environment import Reader, named

DEMO_WEBHOOK_SECRET = "whsec_sandbox"
DEMO_WEBHOOK_KEY = "sandbox"
VENDOR_CREDENTIALS = {
    "payment provider": ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
    "CRM": ("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "ZOHO_WEBHOOK_KEY"),
}


class ZohoCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach one organisation's CRM; `api_base` None means wherever the token says."""

    client_id: str
    client_secret: str
    refresh_token: str
    accounts_base: str
    api_base: str | None


class WhatConvertsCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """How to read calls from the call tracking's own list."""

    token: str
    secret: str
    api_base: str


def read_zoho(reader: Reader) -> ZohoCredentials | None:
    given = {name: reader.text(name) for name in VENDOR_CREDENTIALS["CRM"][:3]}
    accounts_base = reader.text("ZOHO_ACCOUNTS_BASE", "https://accounts.zoho.com")
    api_base = reader.text("ZOHO_API_BASE") or None
    if not all(given.values()):
        if any(given.values()):
            reader.problems.append(f"{named(given)} must be set together.")
        return None
    return ZohoCredentials(
        client_id=given["ZOHO_CLIENT_ID"],
        client_secret=given["ZOHO_CLIENT_SECRET"],
        refresh_token=given["ZOHO_REFRESH_TOKEN"],
        accounts_base=accounts_base,
        api_base=api_base,
    )


def read_whatconverts(reader: Reader) -> WhatConvertsCredentials | None:
    given = {name: reader.text(name) for name in ("WHATCONVERTS_TOKEN", "WHATCONVERTS_SECRET")}
    api_base = reader.text("WHATCONVERTS_API_BASE", "https://app.whatconverts.com/api/v1")
    if not all(given.values()):
        if any(given.values()):
            reader.problems.append(f"{named(given)} must be set together.")
        return None
    return WhatConvertsCredentials(
        token=given["WHATCONVERTS_TOKEN"],
        secret=given["WHATCONVERTS_SECRET"],
        api_base=api_base,
    )


def missing_in_production(reader: Reader) -> list[str]:
    """One sentence per vendor that production cannot do without."""
    problems: list[str] = []
    for vendor, names in VENDOR_CREDENTIALS.items():
        if missing := [name for name in names if not reader.text(name)]:
            problems.append(f"{named(missing)} must be set in production: the sandbox {vendor} is nobody's vendor.")
    if not (reader.text("RESEND_API_KEY") or reader.text("SMTP_URL")):
        problems.append(
            "DAYBOOK_RESEND_API_KEY or DAYBOOK_SMTP_URL must be set in production: sandbox mail goes nowhere."
        )
    return problems
