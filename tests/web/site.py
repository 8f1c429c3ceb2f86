"""A running Daybook as a visitor meets it: forms, answers, pages taken apart, and what they left in the log."""

import io
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from adapters.settings import read_settings
from adapters.store.sqlite import SQLiteLog
from adapters.wiring import Services
from domain.documents.catalogue import KINDS
from domain.ledger import Event
from domain.shared.effect import Effect
from tests.web.documents.bodies import LEAST
from tests.wishes import demo_prices
from tests.world import Clock

BASE_URL = "http://localhost:8000"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n%%EOF"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Accept": "application/json"}


@contextmanager
def open_services(database_url: str, folder: Path, clock: Clock, **more: str) -> Iterator[Services]:
    """Everything the web needs, on this database, with the demo prices and without limits worth the name."""
    settings = {
        "ENV": "test",
        "DATABASE_URL": database_url,
        "FILE_STORE_URL": str(folder / "media"),
        "SANDBOX_PATH": str(folder / "sandbox.sqlite"),
        "FORM_RATE": "100000/minute",
        "TRACKING_RATE": "100000/minute",
        **more,
    }
    services = Services(read_settings({f"DAYBOOK_{name}": value for name, value in settings.items()}), now=clock.now)
    try:
        demo_prices(services.ledger)
        yield services
    finally:
        services.stop()


def path_of(kind: str) -> str:
    """Where a kind's form is."""
    return KINDS[kind].path


def get(client: FlaskClient, path: str, headers: Mapping[str, str] = HTML) -> Any:
    """What a browser gets at this path."""
    return client.get(path, headers=headers)


def post(client: FlaskClient, kind: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
    """Post a form as JSON; its required fields when no body is given. `Some_Header` stands for `Some-Header`."""
    sent = LEAST[kind] if body is None else body
    return client.post(path_of(kind), json=sent, headers=[(name.replace("_", "-"), v) for name, v in headers.items()])


def post_files(
    client: FlaskClient, kind: str, *files: tuple[str, bytes], headers: Mapping[str, str] | None = None, **more: Any
) -> Any:
    """Post a form's required fields and these files (name, content) as multipart."""
    data: dict[str, Any] = LEAST[kind] | more
    data["files"] = [(io.BytesIO(content), name) for name, content in files]
    return client.post(path_of(kind), data=data, content_type="multipart/form-data", headers=headers)


def local(address: str) -> str:
    """The path of an absolute address of ours."""
    assert address.startswith(f"{BASE_URL}/")
    return address.removeprefix(BASE_URL)


def history(services: Services) -> list[Event]:
    """Everything recorded since the price list was opened, oldest first."""
    return [services.log.decode(name, data) for _, name, data in services.log.read(1, 100_000)]


def names(services: Services) -> list[str]:
    """The stored names of everything recorded, the work asked for left out."""
    return [event.stored_name for event in history(services) if event.stored_name != "effect.Requested"]


def asked(services: Services) -> list[tuple[str, str]]:
    """(channel, kind) of every effect that was asked for."""
    return [(event.channel, event.kind) for event in history(services) if isinstance(event, Effect.Requested)]


def stored_files(services: Services) -> list[Path]:
    """Whatever lies in the file store."""
    return [path for path in Path(services.settings.file_store_url).rglob("*") if path.is_file()]


def nothing_stored(services: Services) -> bool:
    """Neither an event nor a file nor anything to do."""
    return not history(services) and not stored_files(services) and services.log.open_work() == (0, None)


def settle(services: Services) -> None:
    """Carry out what is due and bring the views up."""
    services.runner.run_due()
    services.follower.catch_up()


def refused(kind: str, field: str, reason: str) -> float:
    """How often this was counted."""
    return (
        REGISTRY.get_sample_value(
            "daybook_refusals_total", {"endpoint": path_of(kind), "field": field, "reason": reason}
        )
        or 0.0
    )


@contextmanager
def locked(services: Services) -> Iterator[None]:
    """Another process holds the log's file and does not let go; this thread waits a moment, not five seconds."""
    assert isinstance(services.log, SQLiteLog)
    services.log._lock_wait_seconds = 0.05
    path = services.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        yield


class Element(NamedTuple):
    """A start tag and the text between it and its end."""

    tag: str
    attrs: dict[str, str]
    texts: list[str]

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


VOID = frozenset({"meta", "link", "input", "img", "br", "path", "rect", "hr"})


class Page(HTMLParser):
    """A page taken apart; what a browser would repair is an error here."""

    def __init__(self, answer: TestResponse) -> None:
        super().__init__()
        assert answer.mimetype == "text/html", answer.mimetype
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(answer.text)
        self.close()
        assert not self._open, f"never closed: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, [])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        opened = self._open.pop()
        assert opened.tag == tag, f"</{tag}> closes <{opened.tag}>"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def all(self, tag: str, **attrs: str) -> list[Element]:
        """Elements with this tag and these attributes; `_` stands for `-`, one at the end is dropped."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attrs.items()}
        return [e for e in self.elements if e.tag == tag and wanted.items() <= e.attrs.items()]

    def one(self, tag: str, **attrs: str) -> Element:
        """The only such element."""
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} of <{tag}> with {attrs}"
        return found[0]

    @property
    def text(self) -> str:
        return self.one("html").text

    @property
    def ids(self) -> list[str]:
        return [element.attrs["id"] for element in self.elements if "id" in element.attrs]
