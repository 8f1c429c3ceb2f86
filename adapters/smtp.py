"""Mail sent through any SMTP server, for those who do without a provider's API."""

import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import CannotDelete

DEFAULT_PORTS = {"smtp": 587, "smtps": 465}
STARTTLS = ("offered", "required", "never")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

log = logging.getLogger("daybook.smtp")


class SmtpMailer:
    """Answers the `Mailer` port over SMTP; the proof of a sent mail is its own Message-ID.

    SMTP knows no idempotency: `key` is not used, and when the connection breaks after the text was handed over, the
    mail may be sent twice, under the same Message-ID. A mail that one of its recipients may have counts as sent.
    """

    def __init__(self, url: str, *, timeout: float = 10) -> None:
        """`smtp://user:password@host:587?starttls=required` or `smtps://user:password@host:465`.

        `starttls` is `offered` (the default: encrypt when the server can), `required` or `never`; without encryption
        a password goes to this machine only, or anywhere after `never`. User and password are percent-encoded;
        `timeout` is in seconds, for each step. Raises ValueError for a URL of another form.
        """
        parts, port, self._starttls = _read(url)
        self._encrypted, self._timeout = parts.scheme == "smtps", timeout
        self._host, self._port = parts.hostname or "", port
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")

    def send(self, message: bytes, *, key: str) -> str:
        # Only the headers are read; as text, because an address may be UTF-8.
        mail = message_from_string(message.decode(errors="replace"), policy=SMTP)
        sender, recipients = _addresses(mail, "From")[0], _addresses(mail, "To", "Cc")
        with _in_our_words():
            server = self._connect(sender)
            try:
                self._log_in(server)
                options = ["BODY=8BITMIME"] if server.has_extn("8bitmime") and not message.isascii() else []
                if not all(address.isascii() for address in (sender, *recipients)):
                    options.append("SMTPUTF8")
                refused = server.sendmail(sender, recipients, message, options)
                with suppress(smtplib.SMTPException, OSError):  # the mail is accepted, whatever the goodbye
                    server.quit()
            finally:
                server.close()
        if refused:
            codes = sorted(code for code, _ in refused.values())
            log.warning("a mail was accepted, but not for %d of its recipients: %s", len(refused), codes)
        return str(mail["Message-ID"])

    def delete(self, *, key: str, id: str | None) -> str:
        raise CannotDelete("a mail server passes mails on, and none can be called back")

    def _connect(self, sender: str) -> smtplib.SMTP:
        # The sender's domain is our name: looking up this machine's own may take as long as a timeout.
        name = sender.rpartition("@")[2]
        if self._encrypted:
            tls = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, local_hostname=name, timeout=self._timeout, context=tls)
        return smtplib.SMTP(self._host, self._port, local_hostname=name, timeout=self._timeout)

    def _log_in(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        private = self._encrypted
        if not private and (
            self._starttls == "required" or (self._starttls == "offered" and server.has_extn("starttls"))
        ):
            server.starttls(context=ssl.create_default_context())
            private = True
        if self._user:
            if not private and self._starttls != "never" and self._host not in LOOPBACK:
                raise Declined("the mail server offers no encryption, so the password was not sent")
            server.login(self._user, self._password)


def _read(url: str) -> tuple[SplitResult, int, str]:
    """The URL's parts, its port, and what is wanted of STARTTLS."""
    try:
        parts = urlsplit(url)
        wishes = parse_qs(parts.query, strict_parsing=bool(parts.query))
        starttls = wishes.pop("starttls", [STARTTLS[0]])[-1]
        if wishes or not parts.hostname or starttls not in STARTTLS:
            raise ValueError
        return parts, parts.port or DEFAULT_PORTS[parts.scheme], starttls
    except (ValueError, KeyError):
        # From none: the parser's own words may repeat a piece of the password.
        raise ValueError("An SMTP URL looks like smtp://user:password@host:587?starttls=required.") from None


def _addresses(mail: EmailMessage, *headers: str) -> list[str]:
    """The bare addresses as SMTP commands take them, the domain in its encoded form, which any server understands."""
    found: list[Address] = [address for header in headers if header in mail for address in mail[header].addresses]
    try:
        return [Address(username=one.username, domain=one.domain.encode("idna").decode()).addr_spec for one in found]
    except ValueError:
        raise Declined("an address is not valid") from None


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Permanent refusals as `Declined`, all else as `Unreachable`; the server's own text may quote an address."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise _refusal(error.smtp_code, "the mail server refuses our credentials") from None
    except smtplib.SMTPRecipientsRefused as error:
        # One that may still be accepted is worth another try, so the mildest code decides.
        raise _refusal(min(code for code, _ in error.recipients.values()), "every recipient was refused") from None
    except smtplib.SMTPSenderRefused as error:
        raise _refusal(error.smtp_code, "the sender was refused") from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, "the mail was refused") from None
    except smtplib.SMTPNotSupportedError:
        raise Declined("the mail server lacks what this mail or our settings require") from None
    except (smtplib.SMTPException, OSError) as error:
        raise Unreachable(f"SMTP {type(error).__name__}") from None


def _refusal(code: int, what: str) -> Declined | Unreachable:
    reason = f"{what} ({code})"
    return Declined(reason) if 500 <= code < 600 else Unreachable(reason)
