"""The tracking page kept with the `eventsourcing` library's `ProjectionRunner`, as its documentation shows projections.

Its events carry less than ours and its table has fewer columns, both in its favour; each event is one UPDATE.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL, Identifier

STAGES = ("document_received", "submitted", "in_progress", "delivered")
ORDERS_PER_SAVE = 100
PATIENCE = 600  # seconds


class Order(Aggregate):
    """An order with what its page shows."""

    class Placed(Aggregate.Created):
        kind: str
        contact: str
        shipping: str | None
        by: str
        via: str
        correlation: str

    class TrackingIdGiven(Aggregate.Event):
        tracking_id: str
        by: str
        via: str
        correlation: str

    class StageReached(Aggregate.Event):
        stage: str
        skipped: list[str]
        by: str
        via: str
        correlation: str

    @event(Placed)
    def __init__(self, kind: str, contact: str, shipping: str | None, by: str, via: str, correlation: str) -> None:
        self.stage = ""

    @event(TrackingIdGiven)
    def give_tracking_id(self, tracking_id: str, by: str, via: str, correlation: str) -> None:
        self.tracking_id = tracking_id

    @event(StageReached)
    def reach(self, stage: str, skipped: list[str], by: str, via: str, correlation: str) -> None:
        self.stage = stage


class Orders(Application[UUID]):
    """Where the orders are recorded."""

    def place(self, orders: int) -> None:
        """Record this many orders with all their stages, many in one transaction."""
        act = {"by": "customer", "via": "form", "correlation": "bench"}
        for start in range(0, orders, ORDERS_PER_SAVE):
            placed = []
            for number in range(start, min(start + ORDERS_PER_SAVE, orders)):
                order = Order(kind="apostille", contact="sealed" * 40, shipping=None, **act)
                order.give_tracking_id(tracking_id=f"{number:020}", **act)
                for stage in STAGES:
                    order.reach(stage=stage, skipped=[], **act)
                placed.append(order)
            self.save(*placed)


class PageTable(PostgresTrackingRecorder):
    """The materialised view; rows and tracking are written in one transaction."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.table = SQL("{}.{}").format(Identifier(self.datastore.schema), Identifier("tracking_page"))
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {} (order_id uuid PRIMARY KEY, tracking_id text, kind text, contact text,"
                " shipping text, stage text, reached jsonb NOT NULL, created_at timestamptz, updated_at timestamptz)"
            ).format(self.table)
        )

    def run(self, statement: str, parameters: Sequence[object], tracking: Tracking) -> None:
        """Execute one statement and note how far the view has come."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(SQL(statement).format(self.table), parameters, prepare=True)


class TrackingPages(Projection[PageTable]):
    """The same fold as our tracking page's."""

    name = "pages"
    topics = (get_topic(Order.Placed), get_topic(Order.TrackingIdGiven), get_topic(Order.StageReached))

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Every topic asked for has a method below."""

    @process_event.register
    def placed(self, domain_event: Order.Placed, tracking: Tracking) -> None:
        at = domain_event.timestamp
        self.view.run(
            "INSERT INTO {} VALUES (%s, NULL, %s, %s, %s, NULL, '[]', %s, %s)",
            (domain_event.originator_id, domain_event.kind, domain_event.contact, domain_event.shipping, at, at),
            tracking,
        )

    @process_event.register
    def tracking_id_given(self, domain_event: Order.TrackingIdGiven, tracking: Tracking) -> None:
        self.view.run(
            "UPDATE {} SET tracking_id = %s, updated_at = %s WHERE order_id = %s",
            (domain_event.tracking_id, domain_event.timestamp, domain_event.originator_id),
            tracking,
        )

    @process_event.register
    def stage_reached(self, domain_event: Order.StageReached, tracking: Tracking) -> None:
        self.view.run(
            "UPDATE {} SET stage = %s, reached = reached || jsonb_build_array(jsonb_build_array(%s::text, %s::text)),"
            " updated_at = %s WHERE order_id = %s",
            (
                domain_event.stage,
                domain_event.stage,
                domain_event.timestamp.isoformat(),
                domain_event.timestamp,
                domain_event.originator_id,
            ),
            tracking,
        )


def settings(url: str) -> dict[str, str]:
    """What the library calls the database of a `postgresql://user@/name?host=...` URL."""
    parts = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0],
        "POSTGRES_PORT": str(parts.port or 5432),
        "POSTGRES_USER": parts.username or "postgres",
        "POSTGRES_PASSWORD": parts.password or "",
    }


def record(url: str, *, orders: int) -> int:
    """Record this many orders in the database; returns the last notification's id."""
    application = Orders(settings(url))
    application.place(orders)
    last = application.recorder.max_notification_id()
    application.close()
    return last or 0


def project(url: str, last: int) -> float:
    """Run the projection from the first event until it has come to the notification `last`; returns the seconds."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS public.tracking_page, public.pages_tracking")
    started = perf_counter()
    with ProjectionRunner(
        application_class=Orders, projection_class=TrackingPages, view_class=PageTable, env=settings(url)
    ) as runner:
        runner.wait(last, timeout=PATIENCE)
        return perf_counter() - started
