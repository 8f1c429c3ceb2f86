"""Uploaded documents: the link is the permission."""

from flask import Blueprint, Response, send_file

from domain.documents.commands import find_order
from domain.documents.files import file_key, folder_key
from domain.documents.order import Order
from domain.shared.errors import NotFound
from web.services import services

bp = Blueprint("media", __name__)


@bp.get("/media/orders/<token>/<name>")
def show_file(token: str, name: str) -> Response:
    """The file as it was sent, to be saved and never run."""
    ours = services()
    folder = folder_key(token)
    owner = ours.ledger.owner(f"file:{folder}")
    media_type = _media_type(find_order(ours.ledger, owner), folder, name) if owner else None
    if media_type is None:
        raise NotFound
    try:
        content = ours.files.open(file_key(folder, name))
    except FileNotFoundError:
        raise NotFound from None
    response = send_file(content, mimetype=media_type, as_attachment=True, download_name=name, etag=False)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


def _media_type(order: Order, folder: str, name: str) -> str | None:
    """None unless the order's file in this folder has exactly this name; an erased order has no names."""
    names = order.file_names.open() if order.file_names else ()
    kept = {file.key: (known, file.media_type) for file, known in zip(order.files, names, strict=True)}
    known, media_type = kept[folder]
    return media_type if known == name else None
