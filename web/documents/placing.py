"""From the body of a form to an order: judge it, keep its files, place it."""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import uuid4

from domain.documents import tracking_id
from domain.documents.catalogue import Kind
from domain.documents.commands import Request, Wish, find_order, order_values, place_order
from domain.documents.files import Candidate, CheckedFile, StoredFile, check_files, draw_token, folder_key
from domain.documents.order import Order
from domain.documents.order_facts import request_claim
from domain.documents.price_list import PriceList, current_prices
from domain.ledger import Doubtful
from domain.shared.attribution import read_attribution
from domain.shared.contact import Contact
from domain.shared.errors import Invalid
from web.documents.forms import BLANK, Offer, OrderForm
from web.documents.reading import FormBody, Upload, fingerprint
from web.metrics import count_refusal
from web.services import acting_as, now, services


def new_form(
    kind: Kind, *, prices: PriceList | None, earlier: Order | None = None, has_files: bool = False
) -> OrderForm:
    """The form as it is to be judged: today, or as it was when the same request came first."""
    packages, shipping = (set(prices.packages), set(prices.shipping)) if prices else (set(), set())
    if earlier is not None and (quote := earlier.quote):
        packages, shipping = packages | {quote.package_code or ""}, shipping | {quote.shipping_code}
    offer = Offer(packages=frozenset(packages), shipping=frozenset(shipping))
    at = earlier.placed_at if earlier is not None else now()
    return BLANK[kind.code].at(at, offer=offer, office=services().office.zone, has_files=has_files)


def place(kind: Kind, body: FormBody) -> tuple[Order, bool]:
    """Place the order a body asks for; True when the same request had placed it before.

    Raises `Invalid` with everything that is wrong, `PriceChanged`, `IdempotencyKeyReused`.
    """
    ours = services()
    digest = request_digest(kind.path, body.idempotency_key) if body.idempotency_key else None
    prices = current_prices(ours.ledger) if kind.paid else None
    checked, problems = check_files(
        Candidate(file.name, file.size, ours.files.media_type(file.content)) for file in body.files
    )
    values, earlier = _judged(kind, body, digest, problems=problems, prices=prices)
    files: tuple[StoredFile, ...] = ()
    try:
        if earlier is None:
            files = _keep(body.files, checked)
        with acting_as("customer", via="form"):
            order, replayed = place_order(
                ours.ledger,
                id=uuid4(),
                wish=_wish(kind, body, values, files, tuple(file.name for file in checked)),
                draw_tracking_id=lambda: tracking_id.draw(os.urandom),
                request=Request(digest, fingerprint(values, body.files)) if digest else None,
                prices=prices,
                match_window_days=ours.office.match_window_days,
            )
    except Doubtful:
        raise  # the order may stand and need its files; if it does not, the daily sweep takes them
    except BaseException:
        _discard(files)
        raise
    if replayed:
        _discard(files)
    return order, replayed


def _judged(
    kind: Kind, body: FormBody, digest: str | None, *, problems: Mapping[str, Sequence[str]], prices: PriceList | None
) -> tuple[dict[str, Any], Order | None]:
    """The values of a body, and the order of a repeat where it had to be looked up; raises `Invalid`.

    Most bodies are no repeats and are good, so it is looked up only for one that is not good now but may have been in
    its time, and for one with files, which are not to be stored again.
    """
    has_files = bool(body.files)
    earlier = _placed_before(digest) if has_files else None
    if earlier is None:
        try:
            return new_form(kind, prices=prices, has_files=has_files).read(body.fields, problems=problems), None
        except Invalid:
            earlier = _placed_before(digest)
            if earlier is None:
                raise
    form = new_form(kind, prices=prices, earlier=earlier, has_files=has_files)
    return form.read(body.fields, problems=problems), earlier


def _placed_before(digest: str | None) -> Order | None:
    """The order that the same request has placed already; raises `OrderNotFound` when its person has been erased."""
    owner = services().ledger.owner(request_claim(digest)) if digest else None
    return find_order(services().ledger, owner) if owner else None


def request_digest(path: str, key: str) -> str:
    """How an idempotency key is remembered: only as a digest, and only for its own address."""
    return sha256(f"{path}\0{key}".encode()).hexdigest()


def _keep(uploads: Sequence[Upload], checked: Sequence[CheckedFile]) -> tuple[StoredFile, ...]:
    """Write the files before the order that names them; none is kept when one cannot be written."""
    kept: list[StoredFile] = []
    try:
        for upload, file in zip(uploads, checked, strict=True):
            token = draw_token(os.urandom)
            kept.append(StoredFile(str(uuid4()), file.media_type, file.size, upload.sha256, folder_key(token)))
            services().files.save(token, file.name, upload.content)
    except BaseException:
        _discard(kept)
        raise
    return tuple(kept)


def _discard(files: Sequence[StoredFile]) -> None:
    for file in files:
        services().files.delete(file.key)


def _wish(
    kind: Kind, body: FormBody, values: dict[str, Any], files: tuple[StoredFile, ...], names: tuple[str, ...]
) -> Wish:
    attribution, links, reasons = read_attribution(body.attribution, extra=body.extra)
    for reason in reasons:
        count_refusal(kind.path, "attribution", reason)
    choices, answers = order_values(values)
    return Wish(
        kind=kind.code,
        contact=Contact(values["name"], values["email"], values["phone"], values.get("company")),
        choices=choices,
        answers=answers,
        files=files,
        file_names=names if files else (),
        attribution=attribution,
        links=links,
        package=values.get("package"),
        count=values.get("count"),
        shipping=values.get("shipping"),
        quoted_cents=values.get("quoted_total_cents"),
    )
