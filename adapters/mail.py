"""Letters to MIME: a text and an HTML part from a pair of templates, with the headers that keep a thread together."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from domain.documents.letters import Letter, company
from domain.documents.office import Office

TEMPLATES = Path(__file__).parent / "templates" / "mail"


class MailRenderer:
    """Renders a letter once; the result is stored and sent byte for byte on every attempt."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, letter: Letter, *, at: datetime) -> str:
        """The whole message as text, headers included; `at` is its date."""
        values = {"company": company(self._office), **letter.values}
        message = EmailMessage(policy=SMTP)
        message["From"] = self._office.mail_from
        message["To"] = letter.to
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
