"""Mail sent through Resend's API."""

import base64
import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTP
from typing import Any
from urllib.parse import quote

import msgspec
from requests import Response

from adapters.http import Session, pause_asked
from domain.shared.errors import Declined, Unreachable
from domain.shared.ports import CannotDelete

PASSED_ON = ("In-Reply-To", "References", "Auto-Submitted")
KEY_TAG = "key"
TAG_VALUE = re.compile(r"[A-Za-z0-9_-]{1,256}")
ERROR_NAME = re.compile(r"[a-z_]{1,64}")
MESSAGE_ID = re.compile(r"<?([^<>\s@]+@[^<>\s@]+)>?")

BUSY = frozenset({"concurrent_idempotent_requests", "resource_locked"})
BUSY_SECONDS = 1.0
QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
QUOTA_SECONDS = 3600.0  # nobody says when the window ends; one look an hour is no load


class ResendMailer:
    """Answers the `Mailer` port.

    Resend remembers a key for 24 hours: the same key with the same mail is not sent again within that time, and the
    same key with another mail is declined.
    """

    def __init__(self, session: Session, *, api_base: str, api_key: str) -> None:
        self._session, self._base = session, api_base.rstrip("/")
        self._authorization = f"Bearer {api_key}"

    def send(self, message: bytes, *, key: str) -> str:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        answer = _good(self._call("POST", "/emails", headers=headers, body=mail_body(message, key=key)))
        id = answer.get("id")
        if not isinstance(id, str) or not id:
            # It may have been accepted; the same key finds out without sending again.
            raise Unreachable("the answer has no id")
        return id

    def delete(self, *, key: str, id: str | None) -> str:
        raise CannotDelete("Resend deletes no single mail; it keeps each for as long as the plan says")

    def message_id(self, provider_id: str) -> str | None:
        """The Message-ID the mail travels under, which replaces ours; None while Resend does not name it."""
        response = self._call("GET", f"/emails/{quote(provider_id, safe='')}")
        return None if response.status_code == 404 else wire_id(_good(response).get("message_id"))

    def _call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Response:
        all_headers = {"Authorization": self._authorization, "Accept": "application/json", **(headers or {})}
        return self._session.request(method, self._base + path, headers=all_headers, data=body)


def mail_body(message: bytes, *, key: str) -> bytes:
    """MIME as Resend's JSON: the same bytes for the same mail and key, else a repeat would count as another mail.

    The key is also a tag, which comes back with every event, so an event finds its mail without Resend's id.
    """
    mail = message_from_bytes(message, policy=SMTP)
    # Reading bytes takes headers for ASCII, and an address may be UTF-8.
    headers = Parser(policy=SMTP).parsestr(message.decode(errors="replace"), headersonly=True)
    body = {
        "from": str(headers["From"]),
        "to": _addresses(headers, "To"),
        "cc": _addresses(headers, "Cc"),
        "reply_to": _addresses(headers, "Reply-To"),
        "subject": str(headers["Subject"]),
        "html": _part(mail, "html"),
        "text": _part(mail, "plain"),
        "headers": {name: str(headers[name]) for name in PASSED_ON if name in headers},
        "attachments": list(_attachments(mail)),
        "tags": [{"name": KEY_TAG, "value": key}] if TAG_VALUE.fullmatch(key) else [],
    }
    return msgspec.json.encode({name: value for name, value in body.items() if value})


def wire_id(text: object) -> str | None:
    """A Message-ID with its brackets; what is not of the form left@right matches nothing later, so it is dropped."""
    found = MESSAGE_ID.fullmatch(text.strip()) if isinstance(text, str) else None
    return f"<{found[1]}>" if found else None


def _addresses(mail: EmailMessage, header: str) -> list[str]:
    return [str(address) for address in mail[header].addresses] if header in mail else []


def _part(mail: EmailMessage, subtype: str) -> str | None:
    part = mail.get_body((subtype,))
    return str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else None


def _attachments(mail: EmailMessage) -> Iterator[dict[str, str]]:
    for part in mail.iter_attachments():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            encoded = base64.b64encode(content).decode()
            yield {"filename": part.get_filename("file"), "content": encoded, "content_type": part.get_content_type()}


def _good(response: Response) -> Mapping[str, Any]:
    """The body of a 2xx; raises for everything else. Vendor messages may quote addresses, so only names are told."""
    status, body = response.status_code, _json(response)
    if 200 <= status < 300:
        return body
    name = str(body.get("name", ""))
    if not ERROR_NAME.fullmatch(name):
        name = ""
    reason, wait = f"{name or 'HTTP'} {status}", pause_asked(response)
    if name in QUOTAS:
        raise Unreachable(reason, retry_after=max(wait or 0, QUOTA_SECONDS))
    if name in BUSY:
        raise Unreachable(reason, retry_after=wait or BUSY_SECONDS)
    if status in (408, 429) or not 400 <= status < 500:
        raise Unreachable(reason, retry_after=wait)
    raise Declined(reason)


def _json(response: Response) -> Mapping[str, Any]:
    """Empty unless it is a JSON object: a proxy in between answers HTML, and then only the status counts."""
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return {}
    return body if isinstance(body, dict) else {}
