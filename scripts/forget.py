"""`daybook forget`: a customer or caller is forgotten; amounts, stages and dates stay."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from adapters.erasure_check import ErasureCheck
from adapters.erasure_receipt import ErasureReceipt, Mark, asked_for, receipt_of
from adapters.forgetting import Found, People
from adapters.person_archive import new_file
from adapters.proof.keeper import BrokenChain
from adapters.wiring import Services
from domain.documents.erasure import Erasure
from domain.shared.effect import NotYet
from domain.shared.erasure import Forgotten, named_cause
from scripts.console import (
    by_option,
    database_option,
    deciding,
    find_stream,
    json_option,
    opened,
    print_json,
)
from scripts.forget_shown import names_of, show_asked, show_found, tell, warn

TYPED = "-"


@click.command()
@click.argument("subject", metavar="[ID|TRACKING_ID]", required=False)
@click.option("--subject", "--also", "also", metavar="ID", multiple=True, help="An order or call; may be repeated.")
@click.option("--email", metavar="ADDRESS", multiple=True, help="Whatever has this address; - asks for it.")
@click.option("--phone", metavar="NUMBER", multiple=True, help="Whatever has this number; - asks for it.")
@click.option("--everyone", is_flag=True, help="Take all that has the number, though several addresses go with it.")
@click.option("--reason", help="Why, in a few words that name nobody; it stands in the history.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--reveal", is_flag=True, help="Show the names of those who were found.")
@click.option("--receipt", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed receipt here.")
@click.option("--check", type=click.Path(path_type=Path, dir_okay=False), help="Check that a receipt still holds.")
@by_option
@database_option
@json_option
def forget(
    subject: str | None,
    also: tuple[str, ...],
    email: tuple[str, ...],
    phone: tuple[str, ...],
    everyone: bool,
    reason: str | None,
    yes: bool,
    reveal: bool,
    receipt: Path | None,
    check: Path | None,
    by: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Forget a person: destroy the keys of orders and calls, remove files, drop rows, and ask vendors to delete.

    Shows first what would go, what else may be the same person's, and what vendors keep; it cannot be taken back. A
    number that several e-mail addresses go with takes nobody by itself. With --json nothing is asked: without --yes it
    only shows. --receipt writes what was done, without naming anybody; --check FILE tells later whether it has stayed
    so, and what vendors have answered by now, and ends with 1 if it has not.
    """
    if check is not None:
        _check(check, database, as_json=as_json)
        return
    named = [text for text in (subject, *also) if text]
    if not (named or email or phone):
        raise click.UsageError("Name somebody: an id, --email, --phone or --subject.")
    if reason is None:
        raise click.UsageError("Missing option '--reason'.")
    emails, phones = _typed(email, "E-mail address"), _typed(phone, "Telephone number")
    with opened(database) as services, _kept(receipt) as file:
        ids = [find_stream(services, text) for text in named]
        with _patience(), deciding(services):
            named_cause(reason)
            people = services.forgetting.find(emails=emails, phones=phones, subjects=ids, everyone=everyone)
            found = _look(services, people)
        names = names_of(services, found, reveal=reveal)
        if not as_json:
            show_found(found, names, shared=bool(people.others))
        warn(people)
        agreed = yes or (not as_json and _agrees(found))
        done = _forget(services, people, found, reason, by) if agreed and (_something(found) or found.gone) else None
        if file is not None and done is not None:
            file.write(msgspec.json.format(msgspec.json.encode(done[1]), indent=1) + b"\n")
    if as_json:
        told = {"erased": done[0] if done and _something(found) else None, "receipt": done[1] if done else None}
        print_json({"found": found, **told, **({"names": names} if reveal else {})})
    elif done is not None and _something(found):
        tell(*done)
    else:
        click.echo("Nothing was changed." if _something(found) else "Nothing is left to forget.")


def _typed(texts: tuple[str, ...], what: str) -> list[str]:
    """What was given, or is typed now: that stands in no list of processes and in no shell's history."""
    return [click.prompt(what, err=True) if text == TYPED else text for text in texts]


@contextmanager
def _kept(path: Path | None) -> Iterator[BinaryIO | None]:
    """The receipt's file, found to be a new one that can be written before anybody is forgotten; it stays if it was."""
    if path is None:
        yield None
        return
    with new_file(path) as file:
        yield file
        unused = file.tell() == 0
    if unused:
        path.unlink()


def _agrees(found: Found) -> bool:
    """Those who are gone already were agreed to before."""
    return click.confirm("Forget all this for good?", err=True) if _something(found) else bool(found.gone)


@contextmanager
def _patience() -> Iterator[None]:
    """Views that are behind the log are a sentence."""
    try:
        yield
    except NotYet as wait:
        raise click.ClickException(f"The views are behind the log ({wait.reason}); try again in a moment.") from None


def _look(services: Services, people: People) -> Found:
    found = services.forgetting.look(people.subjects, receipts=people.receipts)
    return msgspec.structs.replace(found, others=tuple(dict.fromkeys([*people.others, *found.others])))


def _forget(
    services: Services, people: People, found: Found, reason: str, by: str | None
) -> tuple[Erasure, ErasureReceipt]:
    with _patience(), deciding(services, by):
        before = services.forgetting.gone(found.gone)
        done = services.forgetting.forget(people.subjects, receipts=people.receipts, reason=reason)
    whole = done.joined(before)
    for asked in asked_for(services.ledger, (*whole.orders, *whole.calls)):
        services.runner.run_at_once(asked.effect)
    services.follower.catch_up()
    ending = services.ledger.events((*done.subjects, *before.subjects)[0])[-1]
    checkpoint = _checkpoint(services)
    return done, receipt_of(
        whole,
        found.copies,
        ledger=services.ledger,
        seal=services.keeper.seal,
        at=ending.at,
        by=ending.by,
        reason=ending.reason if isinstance(ending, Forgotten) else named_cause(reason),
        position=services.log.last_position(),
        checkpoint=checkpoint,
    )


def _checkpoint(services: Services) -> Mark | None:
    """One that covers the forgetting; a broken chain keeps nobody from being forgotten."""
    with suppress(BrokenChain):
        services.keeper.extend(all=True)
    with services.keeper.tables.snapshot() as snapshot:
        last = snapshot.checkpoint_upto(snapshot.last_position())
    return Mark(last.position, last.hash.hex()) if last else None


def _something(found: Found) -> bool:
    return bool(found.orders or found.calls or found.receipts)


def _check(path: Path, database: str | None, *, as_json: bool) -> None:
    try:
        receipt = msgspec.json.decode(path.read_bytes(), type=ErasureReceipt)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be used: {error.strerror}.") from None
    except msgspec.MsgspecError:
        raise click.ClickException(f"{path} is no receipt of a forgetting.") from None
    with opened(database) as services:
        services.follower.catch_up()
        checking = ErasureCheck(
            ledger=services.ledger,
            keyring=services.log.keyring,
            home=services.home,
            views=services.views,
            files=services.files,
            seal=services.keeper.seal,
        )
        faults, asked = list(checking.faults(receipt)), list(asked_for(services.ledger, receipt.subjects))
    if as_json:
        print_json({"holds": not faults, "faults": faults, "asked": asked})
    else:
        show_asked(asked)
        click.echo("\n".join(faults) if faults else f"{len(receipt.subjects)} subjects are forgotten still.")
    if faults:
        raise SystemExit(1)
