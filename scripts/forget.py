"""`daybook forget`: a customer or caller is forgotten; amounts, stages and dates stay."""

from typing import Any
from uuid import UUID

import click

from adapters.forgetting import Found
from adapters.wiring import Services
from domain.documents.erasure import Copy, Erasure
from domain.shared.effect import NotYet, effect_id
from domain.shared.erasure import named_cause
from scripts.console import (
    by_option,
    database_option,
    deciding,
    find_stream,
    json_option,
    opened,
    print_json,
    table,
    terminal,
)


@click.command()
@click.argument("subject", metavar="ID|TRACKING_ID")
@click.option("--also", metavar="ID", multiple=True, help="Another order or call of the same person; may be repeated.")
@click.option("--reason", required=True, help="Why, in a few words that name nobody; it stands in the history.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@by_option
@database_option
@json_option
def forget(
    subject: str, also: tuple[str, ...], reason: str, yes: bool, by: str | None, database: str | None, as_json: bool
) -> None:
    """Forget a person: destroy the keys of an order or call, remove its files, and drop its rows.

    Shows first what would go, what else may be the same person's, and what vendors keep; it cannot be taken back. With
    --json nothing is asked: without --yes it only shows.
    """
    with opened(database) as services:
        subjects = [find_stream(services, text) for text in (subject, *also)]
        found = _look(services, subjects, reason)
        if not as_json:
            _show(found)
        agreed = yes or (not as_json and _something(found) and click.confirm("Forget all this for good?", err=True))
        done = _forget(services, subjects, reason, by) if agreed and _something(found) else None
    if as_json:
        print_json({"found": found, "erased": done})
    elif done is not None:
        _tell(done)
    elif not _something(found):
        click.echo("Nothing is left to forget.")
    else:
        click.echo("Nothing was changed.")


def _look(services: Services, subjects: list[UUID], reason: str) -> Found:
    try:
        with deciding(services):
            named_cause(reason)
            return services.forgetting.look(subjects)
    except NotYet as wait:
        raise click.ClickException(f"The views are behind the log ({wait.reason}); try again in a moment.") from None


def _forget(services: Services, subjects: list[UUID], reason: str, by: str | None) -> Erasure:
    with deciding(services, by):
        done = services.forgetting.forget(subjects, reason=reason)
    for order in done.orders:
        services.runner.run_at_once(effect_id(order, kind="remove_files"))
    services.follower.catch_up()
    return done


def _something(found: Found) -> bool:
    return bool(found.orders or found.calls or found.receipts)


def _show(found: Found) -> None:
    for what, ids in _kinds(found):
        for id in ids:
            click.echo(f"{what:<9} {id}")
    click.echo(f"With them go {found.files} files, {len(found.receipts)} messages, {len(found.effects)} open effects.")
    if found.others:
        click.echo("The same person's, it seems; name them with --also to forget them too:")
        for other in found.others:
            click.echo(f"  {other}")
    if found.copies:
        click.echo("Vendors keep these; delete them there:")
        terminal().print(_copies(found.copies))


def _kinds(found: Found) -> list[tuple[str, tuple[UUID, ...]]]:
    return [("order", found.orders), ("call", found.calls), ("forgotten", found.gone)]


def _copies(copies: tuple[Copy, ...]) -> Any:
    listed = table("vendor", "what", "id", "of")
    for copy in copies:
        listed.add_row(copy.vendor, copy.what, copy.id, str(copy.subject))
    return listed


def _tell(done: Erasure) -> None:
    click.echo(
        f"Forgotten: {len(done.orders)} orders, {len(done.calls)} calls, {len(done.receipts)} messages, "
        f"{done.files} files; {len(done.effects)} effects were given up."
    )
