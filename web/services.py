"""What blueprints work with: the ledger, the views, the clock and whoever is asking."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Protocol, cast

from flask import current_app, g

from domain.documents.office import Office
from domain.ledger import Ledger, acting
from domain.shared.payments import Payments
from projections.home import Home
from projections.view import View
from web.answers import HTML, JSON, preferred

READ_BACK_SECONDS = 2.0


class FileStore(Protocol):
    """Uploaded documents."""

    def media_type(self, content: BinaryIO) -> str | None: ...

    def save(self, token: str, name: str, content: BinaryIO) -> None: ...

    def open(self, key: str) -> BinaryIO: ...

    def delete(self, key: str) -> None: ...


class Services(Protocol):
    """The product as the web sees it; `adapters.wiring` makes the real one."""

    ledger: Ledger
    home: Home
    views: Sequence[View]
    files: FileStore
    office: Office
    settings: Any
    log: Any
    runner: Any
    figures: Any
    payments: Payments
    sandbox: Any

    def now(self) -> datetime: ...

    def verify_resend(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None: ...

    def verify_stripe(self, header: str, body: bytes, *, now: datetime) -> None: ...

    def judge_waiting(self, what: str) -> None: ...

    def reveal(self, token: str, held: Any) -> Any: ...

    def reached(self, view: View, *, timeout: float) -> bool: ...

    def processes(self) -> Sequence[Any]: ...

    @property
    def running(self) -> dict[str, bool]: ...


def services() -> Services:
    """The services of the running app."""
    return cast(Services, current_app.extensions["daybook"])


def now() -> datetime:
    """When this request arrived: one reading of the clock for all of it."""
    return cast(datetime, g.now)


@contextmanager
def acting_as(by: str, *, via: str) -> Iterator[None]:
    """Everything recorded inside is this actor's, with the request's time and correlation."""
    with acting(by=by, via=via, at=now(), correlation=g.correlation):
        yield


def prefers_html() -> bool:
    """Whether the caller would rather have a page than JSON; a caller without a preference gets JSON."""
    return preferred(JSON, HTML) == HTML


def caught_up(view: View) -> bool:
    """Wait until a view has come to the newest event; False when it has not in two seconds."""
    return services().reached(view, timeout=READ_BACK_SECONDS)
