"""The way in for vendors: keep the message, judge it at once, answer with the verdict."""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, ClassVar

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from domain.shared.effect import effect_id
from domain.shared.errors import Refused
from domain.shared.inbox import told
from domain.shared.receipt import Receipt, receive
from web.metrics import count_refusal
from web.services import acting_as, services

LARGEST_BYTES = 1024 * 1024
KEPT_HEADERS = ("Content-Type", "User-Agent", "Svix-Id")


class BadSecret(Refused):
    """The shared secret is missing or wrong."""

    code: ClassVar[str] = "bad_secret"
    status: ClassVar[int] = 401
    sentence: ClassVar[str] = "The secret is missing or wrong."


def sent_secret() -> str:
    """The shared secret of a vendor who cannot sign: in a header, or in the query."""
    return request.headers.get("X-Webhook-Key") or request.args.get("key") or ""


def check_secret(given: str, secrets: Iterable[str]) -> None:
    """Constant time; several secrets may be valid while they are changed, and none means that all is refused."""
    if not any(hmac.compare_digest(given.encode(), secret.encode()) for secret in secrets):
        count_refusal(str(request.url_rule), "key", BadSecret.code)
        raise BadSecret


def raw_body() -> bytes:
    """The body byte for byte, up to a megabyte."""
    # A body of unknown length is cut at the limit without a word: one byte more tells that it was.
    request.max_content_length = LARGEST_BYTES + 1
    body = request.get_data(cache=True)
    if len(body) > LARGEST_BYTES:
        raise RequestEntityTooLarge
    return body


def take_in(
    source: str, vendor_id: str, body: bytes, *, content_type: str | None = None, named_by_content: bool = False
) -> tuple[Receipt, bool]:
    """Store a message and judge it; True when it had come before. Once this returns, the vendor gets a 2xx.

    `content_type` is what `body` is where that is not what the request says; `named_by_content` as in `receive`.
    """
    ours = services()
    headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    if content_type is not None:
        headers["Content-Type"] = content_type
    with acting_as(source, via=source):
        receipt, new = receive(
            ours.ledger,
            source=source,
            vendor_id=vendor_id,
            body=body,
            headers=headers,
            named_by_content=named_by_content,
        )
    if not receipt.judged:
        ours.runner.run_at_once(effect_id(receipt.id, kind="judge"))
        receipt = ours.ledger.load(Receipt, receipt.id, even_erased=True)
    return receipt, not new


def answer(receipt: Receipt, *, repeat: bool, **more: Any) -> Mapping[str, Any]:
    """The body of a webhook's answer."""
    said = told(receipt, **more)
    return {**said, "status": "repeat"} if repeat and receipt.judged else said


def digest_of(body: bytes) -> str:
    """The id of a message that brings none of its own."""
    return sha256(body).hexdigest()
