"""Vendors having a bad day: the contract servers over real HTTP, with faults drawn by lot."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from tests.vendors import resend_server, smtp_server, stripe_server, zoho_server
from tests.vendors.loopback import HTML, Answer, Asked, Fault
from tests.vendors.resend_server import ResendServer
from tests.vendors.smtp_server import SmtpServer
from tests.vendors.stripe_server import StripeServer
from tests.vendors.weather import Weather
from tests.vendors.zoho_server import ZohoServer
from tests.world import Clock

TIMEOUT_SECONDS = 0.5
_PAUSE = {"Retry-After": "7"}


def _results(status: int, code: str) -> Answer:
    """An answer whose only record was not written."""
    error = {"code": code, "details": {}, "message": "busy", "status": "error"}
    return zoho_server.answer(status, {"data": [error]})


_EXPIRED = Fault()  # stands for a token that runs out in the middle of everything
_PARTIAL = Fault(answer=_results(207, "RECORD_LOCKED"))
ZOHO_FAULTS: Mapping[str, tuple[int, Fault]] = {
    "429": (30, Fault(answer=Answer(429, b"{}"))),
    "429, later": (30, Fault(answer=Answer(429, b"{}", _PAUSE))),
    "500": (45, Fault(answer=zoho_server.answer(500, {"code": "INTERNAL_ERROR"}))),
    "500, accepted": (30, Fault(accept=True, answer=zoho_server.answer(500, {"code": "INTERNAL_ERROR"}))),
    "502": (30, Fault(answer=Answer(502, HTML, {"Content-Type": "text/html"}))),
    "207": (30, _PARTIAL),
    "silence": (6, Fault(hang=True)),
    "silence, accepted": (6, Fault(hang=True, accept=True)),
    "broken": (45, Fault()),
    "broken, accepted": (45, Fault(accept=True)),
    "expired": (1, _EXPIRED),
}
RESEND_FAULTS: Mapping[str, tuple[int, resend_server.Fault]] = {
    "429": (10, resend_server.Fault(429)),
    "429, later": (10, resend_server.Fault(429, headers=_PAUSE)),
    "409": (5, resend_server.Fault(409, "concurrent_idempotent_requests")),
    "500": (15, resend_server.Fault(500)),
    "500, accepted": (10, resend_server.Fault(500, accept=True)),
    "502": (10, resend_server.Fault(502, html=True)),
    "silence": (2, resend_server.Fault(hang=True)),
    "silence, accepted": (2, resend_server.Fault(hang=True, accept=True)),
    "broken": (15, resend_server.Fault()),
    "broken, accepted": (15, resend_server.Fault(accept=True)),
}
STRIPE_FAULTS: Mapping[str, tuple[int, stripe_server.Fault]] = {
    "429": (10, stripe_server.Fault(429)),
    "429, later": (10, stripe_server.Fault(429, headers=_PAUSE)),
    "500": (15, stripe_server.Fault(500)),
    "502": (10, stripe_server.Fault(502, html=True)),
    "silence": (2, stripe_server.Fault(hang=True)),
    "silence, accepted": (2, stripe_server.Fault(hang=True, accept=True)),
    "broken": (15, stripe_server.Fault()),
    "broken, accepted": (15, stripe_server.Fault(accept=True)),
}
SMTP_FAULTS: Mapping[str, tuple[int, smtp_server.Fault]] = {
    "421": (10, smtp_server.Fault("421 4.3.2 Closing")),
    "451": (10, smtp_server.Fault("451 4.3.0 Try again")),
    "broken": (10, smtp_server.Fault()),
}
SMTP_MOMENTS = ("GREETING", "MAIL", "RCPT", "DATA", "TEXT")


class BadVendors:
    """The servers and their weather; a mail server in place of Resend when `smtp` is wanted."""

    def __init__(self, seed: int, *, share: float, clock: Clock, stack: ExitStack, smtp: bool) -> None:
        self.zoho: ZohoServer = stack.enter_context(zoho_server.zoho_server())
        self.resend: ResendServer = stack.enter_context(resend_server.resend_server())
        self.stripe: StripeServer = stack.enter_context(stripe_server.stripe_server(clock.now))
        self.smtp: SmtpServer | None = stack.enter_context(smtp_server.running(SmtpServer())) if smtp else None
        self._zoho = Weather(seed, share=share, faults=ZOHO_FAULTS)
        self._resend = Weather(seed + 1, share=share, faults=RESEND_FAULTS)
        self._stripe = Weather(seed + 2, share=share, faults=STRIPE_FAULTS)
        self._smtp = Weather(seed + 3, share=share / len(SMTP_MOMENTS), faults=SMTP_FAULTS)
        self._lost = Weather(seed + 4, share=share / 4, faults={"accepted": (1, smtp_server.Fault())})
        self.zoho.web.weather = self._at_zoho
        self.resend.weather, self.stripe.weather = self._resend.draw, self._stripe.draw
        if self.smtp is not None:
            self.smtp.weather = self._at_smtp

    def settings(self) -> dict[str, str]:
        """Daybook's settings for them, without the prefix."""
        mail = {"RESEND_API_KEY": resend_server.API_KEY, "RESEND_API_BASE": self.resend.url}
        if self.smtp is not None:
            mail = {"SMTP_URL": f"smtp://127.0.0.1:{self.smtp.port}"}
        return mail | {
            "ZOHO_CLIENT_ID": zoho_server.CLIENT_ID,
            "ZOHO_CLIENT_SECRET": zoho_server.CLIENT_SECRET,
            "ZOHO_REFRESH_TOKEN": zoho_server.REFRESH_TOKEN,
            "ZOHO_ACCOUNTS_BASE": self.zoho.url,
            "ZOHO_API_BASE": self.zoho.url,
            "STRIPE_SECRET_KEY": stripe_server.SECRET_KEY,
            "STRIPE_API_BASE": self.stripe.url,
            "VENDOR_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
        }

    @contextmanager
    def down(self) -> Iterator[None]:
        """The CRM answers nothing but errors, and the mail provider nothing at all."""
        unavailable = Fault("/crm/", answer=Answer(503, HTML, {"Content-Type": "text/html"}))
        self.zoho.web.weather = lambda asked: unavailable
        self.resend.weather = lambda: resend_server.Fault()
        yield
        self.zoho.web.weather, self.resend.weather = self._at_zoho, self._resend.draw

    def befallen(self) -> dict[str, int]:
        """How often each fault has come."""
        counts = {
            "zoho": self._zoho.befallen,
            "resend": self._resend.befallen,
            "stripe": self._stripe.befallen,
            "smtp": self._smtp.befallen + self._lost.befallen,
        }
        return {f"{name} {fault}": number for name, count in counts.items() for fault, number in count.items()}

    @property
    def lost_thanks(self) -> int:
        """How many mails the mail server took without being able to say so."""
        return self._lost.befallen["accepted"]

    def _at_zoho(self, asked: Asked) -> Fault | None:
        fault = self._zoho.draw()
        if fault is _PARTIAL and (asked.method == "GET" or not asked.path.startswith("/crm/")):
            return None  # only writes are answered in part
        if fault is not _EXPIRED:
            return fault
        self.zoho.expire_tokens()
        return None

    def _at_smtp(self, verb: str) -> smtp_server.Fault | None:
        if verb == "ACCEPTED":
            return self._lost.draw()
        return self._smtp.draw() if verb in SMTP_MOMENTS else None
