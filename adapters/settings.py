"""The environment, read once at the start: typed, and complaining in full sentences."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.environment import (
    POSITIVE,
    WHOLE,
    Reader,
    SettingsError,
    count,
    names,
    one_of,
    positive,
    seconds,
    web_address,
    words,
    yes_or_no,
    zone,
)
from adapters.store.options import DatabaseOptions
from adapters.vendor_settings import (
    DEMO_WEBHOOK_KEY,
    DEMO_WEBHOOK_SECRET,
    WhatConvertsCredentials,
    ZohoCredentials,
    missing_in_production,
    read_whatconverts,
    read_zoho,
)
from domain.documents.catalogue import KINDS
from domain.documents.office import CrmModule, Office, default_modules

DEMO_MASTER_KEY = base64.b64encode(b"a demo key: not for real people!").decode()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set; see `.env.example`. A master key is 32 bytes."""

    env: str
    database_url: str
    database: DatabaseOptions
    redis_url: str | None
    master_key: bytes
    master_key_second: bytes | None
    file_store_url: str
    sandbox_path: Path
    form_origins: tuple[str, ...]
    form_rate: str
    tracking_rate: str
    trusted_proxies: int
    effect_workers: int
    effect_channel_workers: int
    effect_breaker_after: int
    effect_lease_seconds: int
    web_workers: int
    stop_seconds: int
    vendor_timeout_seconds: float
    log_level: str
    metrics_token: str | None
    checkout_return_hosts: tuple[str, ...]
    stripe_secret_key: str | None
    stripe_api_base: str
    stripe_webhook_secrets: tuple[str, ...]
    stripe_livemode: bool
    zoho: ZohoCredentials | None
    zoho_webhook_keys: tuple[str, ...]
    whatconverts_webhook_keys: tuple[str, ...]
    whatconverts: WhatConvertsCredentials | None
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

    @property
    def channel_workers(self) -> int:
        """How many effects of one channel are carried out at the same time; a slow vendor leaves threads to others."""
        return self.effect_channel_workers or max(1, self.effect_workers * 3 // 4)

    def summary(self) -> dict[str, str]:
        """What may be shown at the start: no secret, no personal data."""
        return {
            "environment": self.env,
            "database": self.database_url.partition("://")[0],
            "doorbell": "redis" if self.redis_url else "in process",
            "public address": self.office.base_url,
        }


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings; raises `SettingsError` naming every problem at once, never a value."""
    reader = Reader(environment)
    env = reader.read("ENV", "development", one_of("development", "production", "test"), ENV_WORDS, "development")
    settings = Settings(
        env=env,
        database_url=reader.read("DATABASE_URL", "sqlite:///var/daybook.sqlite", _database, DATABASE_WORDS, ""),
        database=_database_options(reader),
        redis_url=reader.text("REDIS_URL") or None,
        master_key=reader.read("MASTER_KEY", DEMO_MASTER_KEY, read_key, KEY_WORDS, b""),
        master_key_second=reader.read("MASTER_KEY_SECOND", "", _second_key, KEY_WORDS, None),
        file_store_url=reader.text("FILE_STORE_URL", "var/media"),
        sandbox_path=Path(reader.text("SANDBOX_PATH", "var/sandbox.sqlite")),
        form_origins=tuple(reader.text("FORM_ORIGINS").replace(",", " ").split()),
        form_rate=reader.text("FORM_RATE", "30/minute"),
        tracking_rate=reader.text("TRACKING_RATE", "60/minute"),
        trusted_proxies=reader.read("TRUSTED_PROXIES", "0", count, WHOLE, 0),
        effect_workers=reader.read("EFFECT_WORKERS", "4", positive, POSITIVE, 1),
        effect_channel_workers=reader.read("EFFECT_CHANNEL_WORKERS", "0", count, WHOLE, 0),
        effect_breaker_after=reader.read("EFFECT_BREAKER_AFTER", "5", positive, POSITIVE, 1),
        effect_lease_seconds=reader.read("EFFECT_LEASE_SECONDS", "60", positive, POSITIVE, 1),
        web_workers=reader.read("WEB_WORKERS", "2", positive, POSITIVE, 1),
        stop_seconds=reader.read("STOP_SECONDS", "20", positive, POSITIVE, 1),
        vendor_timeout_seconds=reader.read("VENDOR_TIMEOUT_SECONDS", "10", seconds, "a number of seconds", 10.0),
        log_level=reader.read("LOG_LEVEL", "info", one_of(*LEVELS), f"one of {', '.join(LEVELS)}", "info"),
        metrics_token=reader.text("METRICS_TOKEN") or None,
        checkout_return_hosts=words(reader.text("CHECKOUT_RETURN_HOSTS")),
        stripe_secret_key=reader.text("STRIPE_SECRET_KEY") or None,
        stripe_api_base=reader.text("STRIPE_API_BASE", "https://api.stripe.com"),
        stripe_webhook_secrets=words(reader.text("STRIPE_WEBHOOK_SECRET", DEMO_WEBHOOK_SECRET)),
        stripe_livemode=reader.read("STRIPE_LIVEMODE", "false", yes_or_no, "true or false", False),
        zoho=read_zoho(reader),
        zoho_webhook_keys=words(reader.text("ZOHO_WEBHOOK_KEY", DEMO_WEBHOOK_KEY)),
        whatconverts_webhook_keys=words(reader.text("WHATCONVERTS_WEBHOOK_KEY", DEMO_WEBHOOK_KEY)),
        whatconverts=read_whatconverts(reader),
        site_hosts=words(reader.text("SITE_HOSTS")),
        service_patterns=reader.read("SERVICE_PATTERNS", "{}", names, "a JSON object of pattern to kind", {}),
        resend_api_key=reader.text("RESEND_API_KEY") or None,
        resend_api_base=reader.text("RESEND_API_BASE", "https://api.resend.com"),
        resend_webhook_secrets=reader.text("RESEND_WEBHOOK_SECRET"),
        smtp_url=reader.text("SMTP_URL") or None,
        office=_office(reader),
    )
    problems = reader.problems + _production_problems(reader, settings)
    if problems:
        raise SettingsError(problems)
    return settings


LEVELS = ("debug", "info", "warning", "error")
KEY_WORDS = "32 random bytes in Base64"
ENV_WORDS = "development, production or test"
DATABASE_WORDS = "sqlite:///<path> or postgresql://<user>:<password>@<host>/<database>"


def _database_options(reader: Reader) -> DatabaseOptions:
    given = {
        field: reader.read(f"DB_{field.upper()}", str(default), positive, POSITIVE, default)
        for field, default in msgspec.structs.asdict(DatabaseOptions()).items()
    }
    return DatabaseOptions(**given)


def _office(reader: Reader) -> Office:
    demo = Office()
    return Office(
        name=reader.text("OFFICE_NAME", demo.name),
        address=reader.text("OFFICE_ADDRESS", demo.address),
        phone=reader.text("OFFICE_PHONE", demo.phone),
        base_url=reader.read("PUBLIC_BASE_URL", demo.base_url, web_address, "an http(s) address", demo.base_url),
        timezone=reader.read("OFFICE_TIMEZONE", demo.timezone, zone, "a time zone such as America/New_York", "UTC"),
        mail_domain=reader.text("MAIL_DOMAIN", demo.mail_domain),
        mail_from=reader.text("EMAIL_FROM", demo.mail_from),
        mail_receiver=reader.text("EMAIL_OFFICE_RECEIVER", demo.mail_receiver),
        modules=reader.read("ZOHO_MODULES", "{}", _modules, "a JSON object of kind to module", default_modules()),
        attribution_module=reader.text("ZOHO_ATTRIBUTION_MODULE", demo.attribution_module),
        ledger_field=reader.text("ZOHO_LEDGER_FIELD", demo.ledger_field),
        reply_subject=reader.read("TRACKING_SUBJECT", "source", one_of("source", "reply"), "source or reply", "source")
        == "reply",
        stage_aliases=reader.read("ZOHO_STAGE_ALIASES", "{}", _aliases, "a JSON object by service", {}),
        match_window_days=reader.read("MATCH_WINDOW_DAYS", "90", positive, POSITIVE, 90),
    )


def _production_problems(reader: Reader, settings: Settings) -> list[str]:
    problems: list[str] = []
    if not settings.production:
        return problems
    if settings.master_key == base64.b64decode(DEMO_MASTER_KEY):
        problems.append("DAYBOOK_MASTER_KEY must be set in production: the demo key protects nobody.")
    if settings.office.base_url.startswith("http://"):
        problems.append("DAYBOOK_PUBLIC_BASE_URL must begin with https:// in production.")
    return problems + missing_in_production(reader)


def _database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql://")) or text == "sqlite:///":
        raise ValueError(text)
    return text


def read_key(text: str) -> bytes:
    """A master key from its text; raises `ValueError`."""
    key = base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError(len(key))
    return key


def _second_key(text: str) -> bytes | None:
    return read_key(text) if text else None


def _aliases(text: str) -> dict[str, dict[str, str]]:
    return msgspec.json.decode(text, type=dict[str, dict[str, str]])


def _modules(text: str) -> dict[str, CrmModule]:
    """`{"fbi": "Deals"}` or `{"fbi": {"name": "Deals", "name_field": "Deal_Name"}}`; kinds left out keep theirs."""
    modules = default_modules()
    given: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    for kind, module in given.items():
        if kind not in KINDS:
            raise ValueError(kind)
        modules[kind] = CrmModule(name=module) if isinstance(module, str) else msgspec.convert(module, CrmModule)
    return modules
