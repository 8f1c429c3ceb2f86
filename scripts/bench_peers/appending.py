"""Two events saved with the `eventsourcing` library's stock PostgreSQL recorder, as its documentation shows it."""

from urllib.parse import parse_qs, urlsplit

from eventsourcing.application import Application

from scripts.bench_peers.stages import Staged


class Orders(Application):
    """Saves an aggregate with two events; claims are not the library's business, so it writes none."""

    def place(self) -> None:
        order = Staged()
        order.reach(stage="submitted", skipped=[], by="customer", via="form", correlation="bench")
        self.save(order)


def open_orders(url: str) -> Orders:
    """The application on the database of a `postgresql://user@/name?host=...` URL."""
    parts = urlsplit(url)
    return Orders(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parts.path.lstrip("/"),
            "POSTGRES_HOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0],
            "POSTGRES_PORT": str(parts.port or 5432),
            "POSTGRES_USER": parts.username or "postgres",
            "POSTGRES_PASSWORD": parts.password or "",
        }
    )
