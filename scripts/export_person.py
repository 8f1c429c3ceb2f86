"""`daybook export-person`: everything that is kept of somebody, as an archive that they can read."""

from pathlib import Path
from uuid import UUID

import click
import msgspec

from adapters.forgetting import Found, People
from adapters.handing_over import Dossier, HandingOver
from adapters.person_archive import Archive, Made, new_file
from adapters.wiring import Services
from domain.documents.handing_over import hand_over
from domain.shared.effect import NotYet
from domain.shared.erasure import named_cause
from scripts.console import (
    by_option,
    database_option,
    deciding,
    find_stream,
    json_option,
    moment_text,
    opened,
    print_json,
)

TYPED = "-"


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the archive. `others` were left out: they may be somebody else's; `missing` files are lost."""

    file: str
    orders: int
    calls: int
    messages: int
    mails: int
    files: int
    missing: int
    gone: tuple[UUID, ...]
    others: tuple[UUID, ...]


@click.command("export-person")
@click.option("--email", metavar="ADDRESS", multiple=True, help="Whatever has this address; - asks for it.")
@click.option("--phone", metavar="NUMBER", multiple=True, help="Whatever has this number; - asks for it.")
@click.option("--subject", metavar="ID", multiple=True, help="An order or call; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ZIP file to write.")
@click.option("--with-staff-notes", is_flag=True, help="Put in what staff wrote in the CRM, and mails to the office.")
@click.option("--reason", required=True, help="Why, in a few words that name nobody; it stands in the history.")
@by_option
@database_option
@json_option
def export_person(
    email: tuple[str, ...],
    phone: tuple[str, ...],
    subject: tuple[str, ...],
    out: Path,
    with_staff_notes: bool,
    reason: str,
    by: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Write all that is kept of a person into a ZIP file, for them to read.

    That it was done, by whom and why is recorded with each of their orders and calls. A number that several e-mail
    addresses go with finds only what has one of the addresses given. The file is opened by its owner only and replaces
    nothing; where anything fails there is none.
    """
    if not (email or phone or subject):
        raise click.UsageError("Name somebody: --email, --phone or --subject.")
    emails, phones = _typed(email, "E-mail address"), _typed(phone, "Telephone number")
    if out.exists():
        raise click.ClickException(f"{out} is there already; an archive replaces nothing.")
    with opened(database) as services:
        ids = [find_stream(services, text) for text in subject]
        with deciding(services, by):
            named_cause(reason)
            people, found = _find(services, emails, phones, ids)
        if not (found.orders or found.calls):
            raise click.ClickException(_nothing(services, found, people))
        dossier = HandingOver(
            services.ledger, services.home, office=services.office.mail_receiver, with_staff=with_staff_notes
        ).gather(found)
        missing = _write(services, dossier, out, reason=reason, by=by)
    _tell(_summary(dossier, people, found, out, missing), as_json=as_json)


def _typed(texts: tuple[str, ...], what: str) -> list[str]:
    """What was given, or is typed now: that stands in no list of processes and in no shell's history."""
    return [click.prompt(what, err=True) if text == TYPED else text for text in texts]


def _find(services: Services, emails: list[str], phones: list[str], ids: list[UUID]) -> tuple[People, Found]:
    services.follower.catch_up()
    try:
        people = services.forgetting.find(emails=emails, phones=phones, subjects=ids)
        return people, services.forgetting.look(people.subjects, receipts=people.receipts)
    except NotYet as wait:
        raise click.ClickException(f"The views are behind the log ({wait.reason}); try again in a moment.") from None


def _nothing(services: Services, found: Found, people: People) -> str:
    if found.gone:
        on = moment_text(max(services.ledger.events(id)[-1].at for id in found.gone))
        return f"Forgotten on {on}: amounts, stages and dates are kept, and nothing that names anybody."
    if people.others:
        several = f"{len(people.others)} have this number, with several e-mail addresses"
        return f"{several}: add --email, or name each with --subject."
    return "Nothing is kept of anybody who goes by that."


def _write(services: Services, dossier: Dossier, out: Path, *, reason: str, by: str | None) -> int:
    """Record that it is handed over once all of it is written, and only then let it appear; how many files are lost."""
    with deciding(services, by), new_file(out) as target:
        made = Made(at=services.now(), reason=reason, company=services.office.name)
        archive = Archive(dossier, made=made, open_file=services.files.open)
        archive.write(target)
        hand_over(services.ledger, subjects=[*dossier.orders, *dossier.calls], reason=reason)
    services.follower.catch_up()
    return len(archive.missing)


def _summary(dossier: Dossier, people: People, found: Found, out: Path, missing: int) -> HandedOver:
    return HandedOver(
        file=str(out),
        orders=len(dossier.orders),
        calls=len(dossier.calls),
        messages=len(dossier.messages),
        mails=len(dossier.mails),
        files=len(dossier.uploads) - missing,
        missing=missing,
        gone=found.gone,
        others=people.others,
    )


def _tell(done: HandedOver, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    click.echo(
        f"{done.file}: {done.orders} orders, {done.calls} calls, {done.messages} messages, {done.mails} mails, "
        f"{done.files} files."
    )
    if done.missing:
        click.echo(f"{done.missing} files were sent and are no longer in the store.")
    if done.gone:
        click.echo(f"Forgotten before, and in it only by their ids: {', '.join(map(str, done.gone))}")
    if done.others:
        click.echo("These have the number too and may be somebody else's; they were left out:")
        for other in done.others:
            click.echo(f"  {other}")
