"""Uploaded documents: the link is the permission."""

from flask import Blueprint, Response, send_file

from domain.documents.commands import find_order
from domain.documents.files import file_key, folder_key
from domain.shared.errors import NotFound
from web.services import services

bp = Blueprint("media", __name__)


@bp.get("/media/orders/<token>/<name>")
def show_file(token: str, name: str) -> Response:
    """The file as it was sent, to be saved and never run."""
    ours = services()
    folder = folder_key(token)
    owner = ours.ledger.owner(f"file:{folder}")
    if owner is None:
        raise NotFound
    media_type = next(file.media_type for file in find_order(ours.ledger, owner).placed.files if file.key == folder)
    try:
        content = ours.files.open(file_key(folder, name))
    except FileNotFoundError:
        raise NotFound from None
    response = send_file(content, mimetype=media_type, as_attachment=True, download_name=name, etag=False)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox"
    return response
