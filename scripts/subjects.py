"""Whose past a command is asked for: found by any name that staff know, as an aggregate or as a row of a view."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import click

from adapters.wiring import AGGREGATES, Services
from domain.documents import tracking_id
from domain.documents.call_events import lead_claim
from domain.documents.order_facts import tracking_id_claim
from domain.documents.price_list import PRICE_LIST_ID
from domain.ledger import Aggregate, Event
from domain.shared.causes import read_reference
from domain.shared.receipt import receipt_id
from domain.shared.travel import Clock, Point, Step, life, until
from projections.travel import row_life
from projections.view import RowView
from scripts.console import moment_text
from scripts.views import find_view

KIND_OF: dict[type[Event], type[Aggregate]] = {event: kind for kind in AGGREGATES for event in kind.events}

subject_argument = click.argument("subject", metavar="SUBJECT")
view_option = click.option("--view", metavar="VIEW", help="The row of this view instead of the subject itself.")


def find_subject(services: Services, text: str) -> UUID:
    """The stream that staff mean; complains when there is none. An id is taken as it is."""
    with suppress(ValueError):
        return UUID(text)
    if text == "prices":
        return PRICE_LIST_ID
    source, colon, vendor_id = text.partition(":")
    if colon:
        receipt = receipt_id(source, vendor_id)
        if not services.log.events_of(receipt, upto=1):
            raise click.ClickException("No such message of this vendor has arrived.")
        return receipt
    if call := services.ledger.owner(lead_claim(text)):
        return call
    if (tid := tracking_id.read(text)) is None:
        raise click.ClickException("This is neither an id nor a tracking id.")
    if (order := services.ledger.owner(tracking_id_claim(tid))) is None:
        raise click.ClickException("No order has this tracking id.")
    return order


class Subject:
    """The events of one stream, or of one row of a view, and what they made of it."""

    def __init__(self, services: Services, text: str, *, view: str | None = None) -> None:
        self._services, self.view = services, _row_view(services, view)
        if self.view is None or self.view.keyed_by_stream:
            self.key = str(find_subject(services, text))
            self.events: Sequence[Event] = services.log.events_of(UUID(self.key))
        else:
            self.key, self.events = text, list(_events_of_key(services, self.view, text))
        if not self.events:
            raise click.ClickException("Nothing in the ledger has this id.")

    @property
    def kind(self) -> str:
        """What it is: the aggregate's stored name, or the view's."""
        return self.view.name if self.view else KIND_OF[type(self.events[0])].stream_name

    def steps(self, point: Point | None = None, *, clock: Clock = "recorded") -> list[Step]:
        """Its life up to a point; empty when it had not begun then."""
        events = until(self.events, point, clock=clock)
        if self.view is not None:
            return list(row_life(self.view, events, self._services.reveal))
        return list(life(KIND_OF[type(self.events[0])], events))

    def check(self, point: Point | None) -> None:
        """Complain about a version that it has not come to."""
        if isinstance(point, int) and point > self.events[-1].version:
            raise click.ClickException(f"It has only come to version {self.events[-1].version}.")

    def last_step(self, point: Point | None, *, clock: Clock) -> Step:
        """How it was at a point; complains when it was not there."""
        self.check(point)
        if steps := self.steps(point, clock=clock):
            return steps[-1]
        if until(self.events, point, clock=clock):
            raise click.ClickException(f"The view {self.kind} had no row of it then.")
        first = self.events[0]
        began = (first.happened_at or first.at) if clock == "happened" else first.at
        raise click.ClickException(f"It did not exist then: it begins at {moment_text(began)}.")

    def standing(self, point: Point | None, *, clock: Clock) -> Step:
        """The same; complains also when the view's row had been taken away."""
        step = self.last_step(point, clock=clock)
        if self.view is not None and not step.state:
            away = f"{step.event.stored_name} took it away at {moment_text(step.event.at)}"
            raise click.ClickException(f"The view {self.kind} has no row of it then: {away}.")
        return step

    def told(self) -> dict[str, str]:
        """What it is called in JSON."""
        return {"view": self.view.name, "key": self.key} if self.view else {"subject": self.key, "kind": self.kind}


def _row_view(services: Services, name: str | None) -> RowView | None:
    if name is None:
        return None
    view = find_view(services, name)
    if not isinstance(view, RowView):
        raise click.ClickException(f"The view {name} is a journal: its rows never change. See `daybook views --as-of`.")
    return view


def _events_of_key(services: Services, view: RowView, key: str) -> Sequence[Event]:
    """Whatever the row of a key was made of, from several streams, in the order of the log."""
    log = services.log
    rows = log.scan(upto=log.last_position(), names=log.readable_as(view.folds))
    return [event for _, name, data in rows if view.key(event := log.decode(name, data)) == key]


def find_event(services: Services, reference: str) -> Event | None:
    """The event that another names as its cause; None where there is no such event."""
    with suppress(ValueError):
        name, stream, version = read_reference(reference)
        found = services.log.events_of(stream, upto=version)
        if found and found[-1].version == version and found[-1].stored_name == name:
            return found[-1]
    return None
