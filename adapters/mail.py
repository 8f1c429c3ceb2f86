"""Letters to MIME: a text and an HTML part from a pair of templates, with the headers that keep a thread together."""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from domain.shared.letter import Letter

TEMPLATES = Path(__file__).parent / "templates" / "mail"


class MailRenderer:
    """Renders a letter once; the result is stored and sent byte for byte on every attempt."""

    def __init__(self, *, sender: str, company: Mapping[str, str]) -> None:
        self._sender, self._company = sender, company
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, letter: Letter, *, at: datetime) -> str:
        """The whole message as text, headers included; `at` is its date."""
        values = {"company": self._company, **letter.values}
        # Names of hosts have an ASCII form that any server takes; what stands before the @ has none.
        user, _, host = letter.to.rpartition("@")
        message = EmailMessage(policy=SMTP if user.isascii() else SMTPUTF8)
        message["From"] = self._sender
        message["To"] = f"{user}@{host.encode('idna').decode()}"
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = letter.message_id
        if letter.in_reply_to:
            message["In-Reply-To"] = letter.in_reply_to
        if letter.references:
            message["References"] = " ".join(letter.references)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._templates.get_template(f"{letter.template}.txt").render(values))
        html = self._templates.get_template(f"{letter.template}.html").render(values)
        message.add_alternative(html, subtype="html")
        return message.as_string()
