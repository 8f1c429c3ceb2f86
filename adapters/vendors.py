"""Which vendors there are: the real ones where credentials are set, stand-ins for the others."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
import requests

from adapters.http import Session
from adapters.resend import ResendMailer
from adapters.sandbox.crm import SandboxCrm
from adapters.sandbox.mail import SandboxMailer
from adapters.sandbox.payments import SandboxPayments
from adapters.sandbox.store import SandboxStore
from adapters.settings import Settings
from adapters.smtp import SmtpMailer
from adapters.stripe import StripePayments
from adapters.whatconverts import LeadsApi
from adapters.zoho.crm import ZohoCrm
from adapters.zoho.token_stores import MemoryTokenStore, RedisTokenStore
from adapters.zoho.tokens import TokenStore
from domain.shared.errors import Unreachable
from domain.shared.payments import Payments
from domain.shared.ports import Crm, Mailer

DELIVERY_SECONDS = 10


class Webhook:
    """Where a stand-in tells us something: our own address, over HTTP like the real vendor."""

    def __init__(self, url: str) -> None:
        self._url = url

    def post(self, body: bytes, **headers: str) -> None:
        """Raises `Unreachable` when we do not answer with a 2xx."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = requests.post(
                self._url, data=body, headers={"Content-Type": "application/json", **named}, timeout=DELIVERY_SECONDS
            )
        except requests.RequestException:
            raise Unreachable("the webhook does not answer") from None
        if not answer.ok:
            raise Unreachable(f"the webhook answered {answer.status_code}")


class Sandbox:
    """The stand-in vendors, for the pages that show what they were sent.

    `deliver` posts a payment event, `tell_stage` a stage of the CRM; tests put their own in their place.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        base_url = settings.office.base_url
        payments, stages = Webhook(f"{base_url}/webhook/stripe/"), Webhook(f"{base_url}/tracking/crm/update/")
        crm_key = settings.zoho_webhook_keys[0]
        self.deliver: Callable[[bytes, str], None] = lambda body, signature: payments.post(
            body, Stripe_Signature=signature
        )
        self.tell_stage: Callable[[Mapping[str, str]], None] = lambda told: stages.post(
            msgspec.json.encode(dict(told)), X_Webhook_Key=crm_key
        )
        self.store = SandboxStore(settings.sandbox_path)
        self.mailer = SandboxMailer(self.store, now=now)
        self.crm = SandboxCrm(self.store, now=now)
        self.payments = SandboxPayments(
            self.store,
            webhook_secret=settings.stripe_webhook_secrets[0],
            deliver=lambda body, signature: self.deliver(body, signature),
            now=now,
            base_url=base_url,
        )


class Vendors:
    """The ports' answers. `sandbox` is None in production."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self.sandbox = None if settings.production else Sandbox(settings, now=now)
        self.crm: Crm = _crm(settings, now) or self._stand_in().crm
        self.mailer: Mailer = _mailer(settings) or self._stand_in().mailer
        self.calls = _calls(settings)
        self.payments: Payments = _payments(settings) or self._stand_in().payments

    def _stand_in(self) -> Sandbox:
        if self.sandbox is None:
            raise RuntimeError("Settings let no production start without its vendors.")
        return self.sandbox

    def close(self) -> None:
        """Close the sandbox's file."""
        if self.sandbox is not None:
            self.sandbox.store.close()


def _crm(settings: Settings, now: Callable[[], datetime]) -> Crm | None:
    zoho = settings.zoho
    if zoho is None:
        return None
    tokens: TokenStore = MemoryTokenStore()
    if settings.redis_url:
        tokens = RedisTokenStore(settings.redis_url, client_id=zoho.client_id, refresh_token=zoho.refresh_token)
    return ZohoCrm(
        Session(vendor="zoho", timeout=settings.vendor_timeout_seconds),
        accounts_base=zoho.accounts_base,
        api_base=zoho.api_base,
        client_id=zoho.client_id,
        client_secret=zoho.client_secret,
        refresh_token=zoho.refresh_token,
        token_store=tokens,
        now=now,
    )


def _mailer(settings: Settings) -> Mailer | None:
    timeout = settings.vendor_timeout_seconds
    if settings.resend_api_key:
        session = Session(vendor="resend", timeout=timeout)
        return ResendMailer(session, api_base=settings.resend_api_base, api_key=settings.resend_api_key)
    return SmtpMailer(settings.smtp_url, timeout=timeout) if settings.smtp_url else None


def _calls(settings: Settings) -> LeadsApi | None:
    """Nobody stands in for the call tracking: its webhooks are enough without."""
    given = settings.whatconverts
    if given is None:
        return None
    session = Session(vendor="whatconverts", timeout=settings.vendor_timeout_seconds)
    return LeadsApi(session, api_base=given.api_base, token=given.token, secret=given.secret)


def _payments(settings: Settings) -> Payments | None:
    if not settings.stripe_secret_key:
        return None
    session = Session(vendor="stripe", timeout=settings.vendor_timeout_seconds)
    return StripePayments(session, api_base=settings.stripe_api_base, secret_key=settings.stripe_secret_key)
