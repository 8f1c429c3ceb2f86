"""The sandbox mailbox: every mail is kept once per key, and shown in its thread."""

from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from uuid import uuid5

import msgspec

from adapters.sandbox.store import SandboxStore
from domain.shared.effect import NAMESPACE


class Mail(msgspec.Struct, frozen=True):
    """A mail as it was sent."""

    id: str
    key: str
    sent_at: datetime
    message: EmailMessage

    @property
    def thread(self) -> str:
        """The anchor: the first id in References, or the mail's own."""
        references = str(self.message.get("References", "")).split()
        return references[0] if references else str(self.message["Message-ID"])

    def part(self, subtype: str) -> str:
        """The text of the `plain` or `html` part."""
        body = self.message.get_body((subtype,))
        return str(body.get_content()) if isinstance(body, EmailMessage) else ""


class SandboxMailer:
    """Answers the `Mailer` port. The same key again is the same mail: nothing is kept twice."""

    def __init__(self, store: SandboxStore, *, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    def send(self, message: bytes, *, key: str) -> str:
        id = str(uuid5(NAMESPACE, f"sandbox mail {key}"))
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO mails VALUES (?, ?, ?, ?)", (id, key, self._now().isoformat(), message)
            )
        return id

    def delete(self, *, key: str, id: str | None) -> str:
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM mails WHERE key = ?", (key,))
        self._store.scrub()
        return id or key

    def mails(self) -> list[Mail]:
        """Every mail, oldest first."""
        return [_mail(row) for row in self._store.query("SELECT * FROM mails ORDER BY sent_at, rowid")]

    def mail(self, id: str) -> Mail | None:
        """One mail."""
        rows = self._store.query("SELECT * FROM mails WHERE id = ?", id)
        return _mail(rows[0]) if rows else None

    def threads(self) -> list[list[Mail]]:
        """Mails by thread, each oldest first; the thread with the newest mail first."""
        threads: dict[str, list[Mail]] = {}
        for mail in self.mails():
            threads.setdefault(mail.thread, []).append(mail)
        return sorted(threads.values(), key=lambda mails: mails[-1].sent_at, reverse=True)


def _mail(row: tuple[object, ...]) -> Mail:
    id, key, sent_at, message = row
    parsed = message_from_bytes(bytes(message), policy=SMTP)  # type: ignore[call-overload]
    return Mail(str(id), str(key), datetime.fromisoformat(str(sent_at)), parsed)
