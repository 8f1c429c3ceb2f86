"""What the commands share: the terminal, `--json`, and a sentence instead of a traceback."""

import getpass
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from adapters.environment import SettingsError
from adapters.settings import Settings, read_settings
from adapters.store.keys import NotOurs
from adapters.store.mapper import UnknownEvent
from adapters.store.roles import CannotGrant
from adapters.store.schema import WrongSchema
from adapters.store.sqlite import AlreadyServed
from adapters.wiring import Services, utc_now
from domain.documents import tracking_id
from domain.documents.order_facts import tracking_id_claim
from domain.ledger import Conflict, Unavailable, acting
from domain.sealed import Erased
from domain.shared.errors import Invalid, NotFound, Refused
from projections.fill import TooManySetbacks
from projections.home import Rebuilding
from projections.kept import Superseded
from projections.parallel import WorkerFailed

PLAIN_WIDTH = 200  # columns of a table that goes into a file or another program
SQLITE = "sqlite:///"
LONGEST_NAME = 60
NOTHING = "Nothing in the ledger has this id."

database_option = click.option(
    "--database", metavar="URL", help="The database to work on, in place of DAYBOOK_DATABASE_URL."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")
reason_option = click.option("--reason", required=True, help="Why, naming nobody; it stands in the history.")


def _name(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    name = given.strip()
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise click.BadParameter(f"A name has 1 to {LONGEST_NAME} characters on one line.", context, parameter)
    return name


by_option = click.option(
    "--by", metavar="NAME", callback=_name, help="Who decides this, when it is not the account you are logged in with."
)


def terminal(*, stderr: bool = False) -> Console:
    """Where to print: colours and the window's width on a terminal, plain text elsewhere."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def table(*columns: str, title: str | None = None) -> Table:
    """A table with these headings; long values are folded, never cut."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    return drawn


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_facts(facts: Mapping[str, Any]) -> None:
    """Print what is known, one fact to a line; what is not known is left out."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value not in (None, "", [], {}, ()):
            click.echo(f"{name:<{width}}  {_fact_text(value)}")


def _fact_text(value: Any) -> str:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def moment_text(moment: datetime | None) -> str:
    """A time as tables show it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else ""


def settings_for(database: str | None) -> Settings:
    """The environment's settings, at `database` if one is given."""
    given = {"DAYBOOK_DATABASE_URL": database} if database else {}
    with sentences():
        return read_settings({**os.environ, **given})


@contextmanager
def opened(database: str | None, *, create: bool = False, views: bool = True) -> Iterator[Services]:
    """The services, closed afterwards; a ledger that is not there yet is made only with `create`.

    Without `views` those are left as they are, or as they are not.
    """
    settings = settings_for(database)
    file = settings.database_url.removeprefix(SQLITE)
    if settings.database_url.startswith(SQLITE) and not create and not Path(file).exists():
        raise click.ClickException(f"There is no ledger at {file}; `daybook serve` makes one.")
    # The pool reports every attempt to connect; our one sentence says it all.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    with sentences():
        services = Services(settings, now=_clock(), install=create)
        try:
            if views and not create:
                services.home.install(services.views)
            yield services
        finally:
            services.stop()


def shared_settings(database: str | None) -> Settings:
    """The same, for a process that is one of several; complains about SQLite."""
    settings = settings_for(database)
    if settings.database_url.startswith(SQLITE):
        raise click.ClickException("One SQLite file has one server, `daybook serve`; more processes need PostgreSQL.")
    return settings


def _clock() -> Callable[[], datetime]:
    """The clock; a program that calls the commands may bring its own as the context's object."""
    context = click.get_current_context(silent=True)
    return (context and context.obj) or utc_now


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what an operator can put right into one sentence and exit code 1."""
    try:
        yield
    except (
        SettingsError,
        UnknownEvent,
        NotOurs,
        WrongSchema,
        CannotGrant,
        AlreadyServed,
        Rebuilding,
        Superseded,
        WorkerFailed,
        TooManySetbacks,
        Erased,
    ) as error:
        raise click.ClickException(str(error)) from None
    except msgspec.MsgspecError:
        raise click.ClickException("An event is not as it was stored; `daybook verify` says which.") from None
    except Unavailable as error:
        raise click.ClickException(f"The ledger does not answer. {error}") from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"The database of the views does not answer ({type(error).__name__}).") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'A file'} cannot be used: {error.strerror}.") from None


@contextmanager
def deciding(services: Services, by: str | None = None) -> Iterator[None]:
    """What is recorded inside is this person's act; a refusal becomes a sentence and exit code 1."""
    with acting(by=f"operator:{by or _login()}", via="console", at=services.now()):
        try:
            yield
        except Invalid as wrong:
            raise click.ClickException("; ".join(f"{name}: {said[0]}" for name, said in wrong.fields.items())) from None
        except NotFound:
            raise click.ClickException(NOTHING) from None
        except Refused as no:
            raise click.ClickException(str(no)) from None
        except Conflict:
            raise click.ClickException("Somebody else is changing the same just now; try again.") from None


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in many containers
        return str(os.getuid())


def find_stream(services: Services, text: str) -> UUID:
    """The id of a stream, or the owner of a tracking id in any spelling; complains when it is neither."""
    try:
        return UUID(text)
    except ValueError:
        tid = tracking_id.read(text)
    if tid is None:
        raise click.ClickException("This is neither an id nor a tracking id.")
    owner = services.ledger.owner(tracking_id_claim(tid))
    if owner is None:
        raise click.ClickException("No order has this tracking id.")
    return owner
