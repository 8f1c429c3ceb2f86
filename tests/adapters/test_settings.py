"""The environment read at the start: what is wrong is said in full sentences, all at once, and never by its value."""

import base64
import re
from collections.abc import Mapping

import pytest

from adapters.environment import SettingsError
from adapters.settings import DEMO_MASTER_KEY, read_settings
from domain.documents.catalogue import KINDS
from domain.documents.office import CrmModule

OWN_KEY = base64.b64encode(bytes(range(32))).decode()
BAD = {
    "ENV": "staging",
    "DATABASE_URL": "mysql://root:hunter2@db.example/daybook",
    "MASTER_KEY": "hunter2",
    "TRUSTED_PROXIES": "-1",
    "EFFECT_WORKERS": "none",
    "VENDOR_TIMEOUT_SECONDS": "0",
    "LOG_LEVEL": "loud",
    "PUBLIC_BASE_URL": "ftp://hunter2.example",
    "OFFICE_TIMEZONE": "America/Hunter2",
    "ZOHO_MODULES": '{"hunter2": "Deals"}',
}


def environment(**values: str) -> dict[str, str]:
    return {f"DAYBOOK_{name}": value for name, value in values.items()}


def problems(**values: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings(environment(**values))
    return refused.value.problems


def variables(problems: list[str]) -> list[str]:
    """The variable that each problem begins with."""
    return [problem.partition(" ")[0].rstrip(",:") for problem in problems]


def test_an_empty_environment_gives_a_demo_that_works() -> None:
    settings = read_settings({})
    assert (settings.env, settings.production, settings.redis_url) == ("development", False, None)
    assert settings.database_url == "sqlite:///var/daybook.sqlite"
    assert base64.b64encode(settings.master_key).decode() == DEMO_MASTER_KEY
    assert len(settings.master_key) == 32
    assert settings.master_key_second is None


def test_a_blank_value_is_no_value() -> None:
    blank = dict.fromkeys(environment(**dict.fromkeys(BAD, "")), "  ")
    assert read_settings(blank) == read_settings({})


def test_what_is_given_is_read_typed_and_trimmed() -> None:
    settings = read_settings(
        environment(
            ENV=" Test ",
            DATABASE_URL="postgresql://daybook@db.example/daybook",
            REDIS_URL="redis://cache.example/0",
            MASTER_KEY=OWN_KEY,
            MASTER_KEY_SECOND=DEMO_MASTER_KEY,
            FORM_ORIGINS="https://a.example, https://b.example",
            TRUSTED_PROXIES="2",
            EFFECT_WORKERS="8",
            LOG_LEVEL="DEBUG",
            PUBLIC_BASE_URL="https://orders.example/",
            OFFICE_TIMEZONE="Asia/Kathmandu",
            MAIL_DOMAIN="mail.example",
            ZOHO_LEDGER_FIELD="Daybook",
        )
    )
    assert (settings.env, settings.log_level, settings.trusted_proxies, settings.effect_workers) == (
        "test",
        "debug",
        2,
        8,
    )
    assert settings.master_key == bytes(range(32))
    assert settings.master_key_second == base64.b64decode(DEMO_MASTER_KEY)
    assert settings.form_origins == ("https://a.example", "https://b.example")
    office = settings.office
    assert (office.base_url, office.url("/x"), office.zone.key) == (
        "https://orders.example",
        "https://orders.example/x",
        "Asia/Kathmandu",
    )
    assert (office.mail_domain, office.ledger_field) == ("mail.example", "Daybook")


def test_a_crm_module_is_given_by_name_or_with_its_field_names_and_the_others_stay() -> None:
    modules = read_settings(
        environment(ZOHO_MODULES='{"fbi": "Deals", "i9": {"name": "I9", "stage_field": "Pipeline"}}')
    ).office.modules
    assert modules["fbi"] == CrmModule(name="Deals")
    assert modules["i9"] == CrmModule(name="I9", stage_field="Pipeline")
    assert modules["embassy"].name == KINDS["embassy"].module
    assert set(modules) == set(KINDS)


def test_every_problem_is_named_at_once_in_a_full_sentence_and_without_its_value() -> None:
    found = problems(**BAD)
    assert sorted(variables(found)) == sorted(environment(**BAD))
    for problem in found:
        assert re.fullmatch(r"DAYBOOK_[A-Z_]+ must be [^\n]+\.", problem)
    with pytest.raises(SettingsError) as refused:
        read_settings(environment(**BAD))
    assert str(refused.value).startswith("Daybook cannot start.\n  - DAYBOOK_")
    assert "hunter2" not in str(refused.value).lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MASTER_KEY", base64.b64encode(bytes(16)).decode()),
        ("MASTER_KEY", OWN_KEY + "!"),
        ("MASTER_KEY", "ключ"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "daybook.sqlite"),
        ("OFFICE_TIMEZONE", "America"),
        ("OFFICE_TIMEZONE", "../../etc/passwd"),
        ("ZOHO_MODULES", "[]"),
        ("ZOHO_MODULES", "{"),
        ("ZOHO_MODULES", '{"fbi": 5}'),
        ("ZOHO_MODULES", '{"fbi": {"stage_field": "x"}}'),
        ("EFFECT_WORKERS", "0"),
        ("EFFECT_WORKERS", "1.5"),
        ("PUBLIC_BASE_URL", "orders.example"),
    ],
)
def test_one_bad_value_is_one_problem(name: str, value: str) -> None:
    assert variables(problems(**{name: value})) == [f"DAYBOOK_{name}"]


SAFE = {"ENV": "production", "MASTER_KEY": OWN_KEY, "PUBLIC_BASE_URL": "https://orders.example"}
CREDENTIALS = {
    "STRIPE_SECRET_KEY": "sk_hunter2",
    "STRIPE_WEBHOOK_SECRET": "whsec_hunter2",
    "ZOHO_CLIENT_ID": "hunter2",
    "ZOHO_CLIENT_SECRET": "hunter2",
    "ZOHO_REFRESH_TOKEN": "hunter2",
    "ZOHO_WEBHOOK_KEY": "hunter2",
    "RESEND_API_KEY": "re_hunter2",
}


def test_production_refuses_the_demo_key_the_sandbox_vendors_and_an_open_line() -> None:
    assert variables(problems(ENV="production")) == [
        "DAYBOOK_MASTER_KEY",
        "DAYBOOK_PUBLIC_BASE_URL",
        "DAYBOOK_STRIPE_SECRET_KEY",
        "DAYBOOK_ZOHO_CLIENT_ID",
        "DAYBOOK_RESEND_API_KEY",
    ]
    payments, crm, mail = problems(**SAFE)
    assert payments == (
        "DAYBOOK_STRIPE_SECRET_KEY, DAYBOOK_STRIPE_WEBHOOK_SECRET must be set in production: "
        "the sandbox payment provider is nobody's vendor."
    )
    assert "DAYBOOK_ZOHO_WEBHOOK_KEY" in crm
    assert mail.startswith("DAYBOOK_RESEND_API_KEY or DAYBOOK_SMTP_URL must be set in production")


@pytest.mark.parametrize("missing", CREDENTIALS)
def test_production_starts_with_every_credential_and_with_none_less(missing: str) -> None:
    assert read_settings(environment(**SAFE, **CREDENTIALS)).production
    found = "".join(problems(**SAFE, **{name: value for name, value in CREDENTIALS.items() if name != missing}))
    assert missing in found
    assert "hunter2" not in found


def test_a_mail_server_will_do_instead_of_the_mail_provider() -> None:
    mail = {"RESEND_API_KEY": "", "SMTP_URL": "smtp://mail.example:587"}
    assert read_settings(environment(**SAFE | CREDENTIALS | mail)).smtp_url == "smtp://mail.example:587"


@pytest.mark.parametrize("env", ["development", "production"])
def test_half_of_the_crm_s_credentials_is_a_problem_anywhere(env: str) -> None:
    given = SAFE | CREDENTIALS | {"ENV": env, "ZOHO_CLIENT_SECRET": ""}
    assert any("must be set together" in problem for problem in problems(**given))


def test_the_summary_shown_at_the_start_holds_no_secret() -> None:
    settings = read_settings(
        environment(
            DATABASE_URL="postgresql://daybook:hunter2@db.example/daybook",
            REDIS_URL="redis://:hunter2@cache.example/0",
            METRICS_TOKEN="hunter2",
        )
    )
    shown: Mapping[str, str] = settings.summary()
    assert shown == {
        "environment": "development",
        "database": "postgresql",
        "doorbell": "redis",
        "public address": "http://localhost:8000",
    }
