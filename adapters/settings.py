"""The environment, read once at the start: typed, and complaining in full sentences."""

import base64
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from domain.documents.catalogue import KINDS
from domain.documents.office import CrmModule, Office, default_modules

T = TypeVar("T")
DEMO_MASTER_KEY = base64.b64encode(b"a demo key: not for real people!").decode()
DEMO_WEBHOOK_SECRET = "whsec_sandbox"
DEMO_WEBHOOK_KEY = "sandbox"
VENDOR_CREDENTIALS = {
    "payment provider": ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
    "CRM": ("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "ZOHO_WEBHOOK_KEY"),
}


class SettingsError(Exception):
    """The settings cannot be used; one sentence per problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Daybook cannot start.\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


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


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set; see `.env.example`. `master_key` is 32 bytes."""

    env: str
    database_url: str
    redis_url: str | None
    master_key: bytes
    file_store_url: str
    sandbox_path: Path
    form_origins: tuple[str, ...]
    form_rate: str
    tracking_rate: str
    trusted_proxies: int
    effect_workers: int
    effect_lease_seconds: int
    vendor_timeout_seconds: float
    log_level: str
    metrics_token: str | None
    checkout_return_hosts: tuple[str, ...]
    stripe_secret_key: str | None
    stripe_api_base: str
    stripe_webhook_secrets: tuple[str, ...]
    stripe_livemode: bool
    zoho: "ZohoCredentials | None"
    zoho_webhook_keys: tuple[str, ...]
    whatconverts_webhook_keys: tuple[str, ...]
    whatconverts: "WhatConvertsCredentials | None"
    site_hosts: tuple[str, ...]
    service_patterns: Mapping[str, str]
    resend_api_key: str | None
    resend_api_base: str
    resend_webhook_secrets: str
    smtp_url: str | None
    office: Office

    @property
    def production(self) -> bool:
        """Real customers: no sandbox vendors, no demo secrets."""
        return self.env == "production"

    def summary(self) -> dict[str, str]:
        """What may be shown at the start: no secret, no personal data."""
        return {
            "environment": self.env,
            "database": self.database_url.partition("://")[0],
            "doorbell": "redis" if self.redis_url else "in process",
            "public address": self.office.base_url,
        }


class _Reader:
    """Reads `DAYBOOK_*` variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self._environment.get(f"DAYBOOK_{name}", "").strip() or default

    def read(self, name: str, default: str, parse: Callable[[str], T], expected: str, fallback: T) -> T:
        try:
            return parse(self.text(name, default))
        except (ValueError, KeyError, OSError, ZoneInfoNotFoundError, msgspec.MsgspecError):
            self.problems.append(f"DAYBOOK_{name} must be {expected}.")
            return fallback


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises `SettingsError` naming every problem at once, never a value."""
    reader = _Reader(environment)
    env = reader.read("ENV", "development", _one_of("development", "production", "test"), ENV_WORDS, "development")
    settings = Settings(
        env=env,
        database_url=reader.read("DATABASE_URL", "sqlite:///var/daybook.sqlite", _database, DATABASE_WORDS, ""),
        redis_url=reader.text("REDIS_URL") or None,
        master_key=reader.read("MASTER_KEY", DEMO_MASTER_KEY, _key, "32 random bytes in Base64", b""),
        file_store_url=reader.text("FILE_STORE_URL", "var/media"),
        sandbox_path=Path(reader.text("SANDBOX_PATH", "var/sandbox.sqlite")),
        form_origins=tuple(reader.text("FORM_ORIGINS").replace(",", " ").split()),
        form_rate=reader.text("FORM_RATE", "30/minute"),
        tracking_rate=reader.text("TRACKING_RATE", "60/minute"),
        trusted_proxies=reader.read("TRUSTED_PROXIES", "0", _count, "a whole number, 0 or more", 0),
        effect_workers=reader.read("EFFECT_WORKERS", "4", _positive, "a whole number, 1 or more", 1),
        effect_lease_seconds=reader.read("EFFECT_LEASE_SECONDS", "60", _positive, "a whole number, 1 or more", 1),
        vendor_timeout_seconds=reader.read("VENDOR_TIMEOUT_SECONDS", "10", _seconds, "a number of seconds", 10.0),
        log_level=reader.read("LOG_LEVEL", "info", _one_of(*LEVELS), f"one of {', '.join(LEVELS)}", "info"),
        metrics_token=reader.text("METRICS_TOKEN") or None,
        checkout_return_hosts=_words(reader.text("CHECKOUT_RETURN_HOSTS")),
        stripe_secret_key=reader.text("STRIPE_SECRET_KEY") or None,
        stripe_api_base=reader.text("STRIPE_API_BASE", "https://api.stripe.com"),
        stripe_webhook_secrets=_words(reader.text("STRIPE_WEBHOOK_SECRET", DEMO_WEBHOOK_SECRET)),
        stripe_livemode=reader.read("STRIPE_LIVEMODE", "false", _yes_or_no, "true or false", False),
        zoho=_zoho(reader),
        zoho_webhook_keys=_words(reader.text("ZOHO_WEBHOOK_KEY", DEMO_WEBHOOK_KEY)),
        whatconverts_webhook_keys=_words(reader.text("WHATCONVERTS_WEBHOOK_KEY", DEMO_WEBHOOK_KEY)),
        whatconverts=_whatconverts(reader),
        site_hosts=_words(reader.text("SITE_HOSTS")),
        service_patterns=reader.read("SERVICE_PATTERNS", "{}", _names, "a JSON object of pattern to kind", {}),
        resend_api_key=reader.text("RESEND_API_KEY") or None,
        resend_api_base=reader.text("RESEND_API_BASE", "https://api.resend.com"),
        resend_webhook_secrets=reader.text("RESEND_WEBHOOK_SECRET"),
        smtp_url=reader.text("SMTP_URL") or None,
        office=_office(reader),
    )
    problems = reader.problems + _vendor_problems(reader, settings)
    if problems:
        raise SettingsError(problems)
    return settings


LEVELS = ("debug", "info", "warning", "error")
ENV_WORDS = "development, production or test"
DATABASE_WORDS = "sqlite:///<path> or postgresql://<user>:<password>@<host>/<database>"


def _office(reader: _Reader) -> Office:
    demo = Office()
    return Office(
        name=reader.text("OFFICE_NAME", demo.name),
        address=reader.text("OFFICE_ADDRESS", demo.address),
        phone=reader.text("OFFICE_PHONE", demo.phone),
        base_url=reader.read("PUBLIC_BASE_URL", demo.base_url, _web_address, "an http(s) address", demo.base_url),
        timezone=reader.read("OFFICE_TIMEZONE", demo.timezone, _zone, "a time zone such as America/New_York", "UTC"),
        mail_domain=reader.text("MAIL_DOMAIN", demo.mail_domain),
        mail_from=reader.text("EMAIL_FROM", demo.mail_from),
        mail_receiver=reader.text("EMAIL_OFFICE_RECEIVER", demo.mail_receiver),
        modules=reader.read("ZOHO_MODULES", "{}", _modules, "a JSON object of kind to module", default_modules()),
        attribution_module=reader.text("ZOHO_ATTRIBUTION_MODULE", demo.attribution_module),
        ledger_field=reader.text("ZOHO_LEDGER_FIELD", demo.ledger_field),
        reply_subject=reader.read("TRACKING_SUBJECT", "source", _one_of("source", "reply"), "source or reply", "source")
        == "reply",
        stage_aliases=reader.read("ZOHO_STAGE_ALIASES", "{}", _aliases, "a JSON object by service", {}),
        match_window_days=reader.read("MATCH_WINDOW_DAYS", "90", _positive, "a whole number, 1 or more", 90),
    )


def _zoho(reader: _Reader) -> ZohoCredentials | None:
    given = {name: reader.text(name) for name in VENDOR_CREDENTIALS["CRM"][:3]}
    accounts_base = reader.text("ZOHO_ACCOUNTS_BASE", "https://accounts.zoho.com")
    api_base = reader.text("ZOHO_API_BASE") or None
    if not all(given.values()):
        if any(given.values()):
            reader.problems.append(f"{_named(given)} must be set together.")
        return None
    return ZohoCredentials(
        client_id=given["ZOHO_CLIENT_ID"],
        client_secret=given["ZOHO_CLIENT_SECRET"],
        refresh_token=given["ZOHO_REFRESH_TOKEN"],
        accounts_base=accounts_base,
        api_base=api_base,
    )


def _whatconverts(reader: _Reader) -> WhatConvertsCredentials | None:
    given = {name: reader.text(name) for name in ("WHATCONVERTS_TOKEN", "WHATCONVERTS_SECRET")}
    api_base = reader.text("WHATCONVERTS_API_BASE", "https://app.whatconverts.com/api/v1")
    if not all(given.values()):
        if any(given.values()):
            reader.problems.append(f"{_named(given)} must be set together.")
        return None
    return WhatConvertsCredentials(
        token=given["WHATCONVERTS_TOKEN"],
        secret=given["WHATCONVERTS_SECRET"],
        api_base=api_base,
    )


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"DAYBOOK_{name}" for name in names)


def _vendor_problems(reader: _Reader, settings: Settings) -> list[str]:
    problems: list[str] = []
    if settings.production and settings.master_key == base64.b64decode(DEMO_MASTER_KEY):
        problems.append("DAYBOOK_MASTER_KEY must be set in production: the demo key protects nobody.")
    if settings.production and settings.office.base_url.startswith("http://"):
        problems.append("DAYBOOK_PUBLIC_BASE_URL must begin with https:// in production.")
    if not settings.production:
        return problems
    for vendor, names in VENDOR_CREDENTIALS.items():
        if missing := [name for name in names if not reader.text(name)]:
            problems.append(f"{_named(missing)} must be set in production: the sandbox {vendor} is nobody's vendor.")
    if not (settings.resend_api_key or settings.smtp_url):
        problems.append(
            "DAYBOOK_RESEND_API_KEY or DAYBOOK_SMTP_URL must be set in production: sandbox mail goes nowhere."
        )
    return problems


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


def _database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql://")) or text == "sqlite:///":
        raise ValueError(text)
    return text


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError(len(key))
    return key


def _words(text: str) -> tuple[str, ...]:
    """Several values, separated by blanks or commas."""
    return tuple(text.replace(",", " ").split())


def _yes_or_no(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]


def _names(text: str) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])


def _aliases(text: str) -> dict[str, dict[str, str]]:
    return msgspec.json.decode(text, type=dict[str, dict[str, str]])


def _count(text: str) -> int:
    if (number := int(text)) < 0:
        raise ValueError(number)
    return number


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(number)
    return number


def _seconds(text: str) -> float:
    if not 0 < (seconds := float(text)) < 3600:
        raise ValueError(seconds)
    return seconds


def _zone(text: str) -> str:
    return ZoneInfo(text).key


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError(text)
    return text.rstrip("/")


def _modules(text: str) -> dict[str, CrmModule]:
    """`{"fbi": "Deals"}` or `{"fbi": {"name": "Deals", "name_field": "Deal_Name"}}`; kinds left out keep theirs."""
    modules = default_modules()
    given: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    for kind, module in given.items():
        if kind not in KINDS:
            raise ValueError(kind)
        modules[kind] = CrmModule(name=module) if isinstance(module, str) else msgspec.convert(module, CrmModule)
    return modules
