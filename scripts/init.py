"""`daybook init`: makes the ledger's schema, or brings it up to this product."""

import click

from adapters.store.roles import grant
from adapters.store.schema import VERSION
from scripts.console import database_option, json_option, opened, print_json, shared_settings


@click.command()
@click.option("--app-role", metavar="NAME", help="An existing role of PostgreSQL that the processes will work as.")
@database_option
@json_option
def init(app_role: str | None, database: str | None, as_json: bool) -> None:
    """Make the ledger's schema and its views where they are missing; safe to repeat.

    A role named with --app-role may then do what the processes need and no more: it cannot change or remove an event,
    and it owns the views.
    """
    if app_role:
        shared_settings(database)
    with opened(database, create=True) as services:
        last = services.log.last_position()
        if app_role:
            grant(services.settings.database_url, app_role)
    if as_json:
        print_json({"version": VERSION, "last_position": last, "app_role": app_role})
    else:
        click.echo(f"The ledger is of version {VERSION} and ends at {last}.")
        if app_role:
            click.echo(f"The role {app_role} may work on it.")
