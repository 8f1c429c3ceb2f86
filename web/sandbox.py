"""Pages of the sandbox vendors: what they were sent. Never there in production."""

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from domain.documents.catalogue import KINDS
from domain.shared.errors import NotFound
from web.services import now, services

bp = Blueprint("sandbox", __name__, url_prefix="/sandbox")
SHOWN_HEADERS = ("Message-ID", "In-Reply-To", "References", "Date", "Auto-Submitted")
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@bp.get("/mailbox/")
def mailbox() -> str:
    """All mails, by thread."""
    threads = [
        {
            "subject": str(mails[0].message["Subject"]),
            "to": str(mails[0].message["To"]),
            "count": len(mails),
            "last_at": mails[-1].sent_at,
            "mails": [_line(mail) for mail in mails],
        }
        for mails in services().sandbox.mailer.threads()
    ]
    return render_template("sandbox/mailbox.html", threads=threads)


def _line(mail: Any) -> dict[str, Any]:
    message = mail.message
    return {
        "id": mail.id,
        "subject": str(message["Subject"]),
        "to": str(message["To"]),
        "from": str(message["From"]),
        "at": mail.sent_at,
        "kind": "",
    }


def _mail(id: str) -> Any:
    mail = services().sandbox.mailer.mail(id)
    if mail is None:
        raise NotFound
    return mail


@bp.get("/mailbox/<id>/")
def show_mail(id: str) -> str:
    """One mail: both parts and the headers that thread it."""
    mail = _mail(id)
    headers = [(name, str(mail.message[name])) for name in SHOWN_HEADERS if mail.message[name]]
    shown = _line(mail) | {
        "headers": headers,
        "text": mail.part("plain"),
        "html_href": url_for("sandbox.show_html", id=id),
    }
    return render_template("sandbox/mail.html", mail=shown)


@bp.get("/mailbox/<id>/html")
def show_html(id: str) -> Response:
    """The HTML part alone, under a policy that lets it do nothing but look."""
    response = make_response(_mail(id).part("html"))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@bp.get("/crm/")
def crm() -> str:
    """All records, by module."""
    modules: dict[str, list[dict[str, Any]]] = {}
    for record in services().sandbox.crm.records():
        shown = {
            "id": record.id,
            "name": record.fields.get("Name") or record.fields.get("Last_Name") or record.id,
            "stage": record.fields.get("Stage"),
            "updated_at": record.updated_at,
        }
        modules.setdefault(record.module, []).insert(0, shown)
    listed = [{"name": name, "count": len(records), "records": records} for name, records in sorted(modules.items())]
    return render_template("sandbox/crm.html", modules=listed)


@bp.get("/crm/<record_id>/")
def show_record(record_id: str) -> str:
    """One record, its links and its files."""
    sandbox = services().sandbox
    record = sandbox.crm.record(record_id)
    if record is None:
        raise NotFound
    linked = str(record.fields.get("Attribution_Record", ""))
    links = [("Linked record", url_for("sandbox.show_record", record_id=linked))] if linked else []
    if tid := record.fields.get("Tracking_ID"):
        links.append(("Tracking page", url_for("tracking.show", tid=tid)))
    shown = {
        "id": record.id,
        "module": record.module,
        "fields": sorted(record.fields.items()),
        "links": links,
        "attachments": sandbox.crm.attachments(record.module, record.id),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "stage": record.fields.get("Stage"),
        "stages": _stages(record.module) if record.fields.get("Tracking_ID") else (),
    }
    return render_template("sandbox/record.html", record=shown)


def _stages(module: str) -> list[str]:
    kind = next((kind for kind in KINDS.values() if services().office.modules[kind.code].name == module), None)
    return [stage.label for stage in kind.stages] if kind else []


@bp.post("/crm/<record_id>/stage/")
def move_stage(record_id: str) -> ResponseReturnValue:
    """Set a record's stage as staff would, and tell our own webhook of it."""
    ours = services()
    record = ours.sandbox.crm.record(record_id)
    stage = request.form.get("stage", "")
    if record is None or stage not in _stages(record.module):
        raise NotFound
    ours.sandbox.crm.update(record.module, record_id, {"Stage": stage})
    ours.sandbox.tell_stage(
        {
            "tid": str(record.fields.get("Tracking_ID", "")),
            "zoho_record_id": record_id,
            "stage": stage,
            "modified_time": now().isoformat(),
            "correction": request.form.get("correction", "false"),
        }
    )
    return redirect(url_for("sandbox.show_record", record_id=record_id), 303)
