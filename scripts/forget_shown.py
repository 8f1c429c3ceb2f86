"""What `daybook forget` prints: who was found, what goes, and what vendors answered."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

import click
import msgspec

from adapters.erasure_receipt import Asked, ErasureReceipt
from adapters.forgetting import Found, People
from adapters.wiring import Services
from domain.documents.erasure import Copy, Erasure, find_subject
from domain.documents.matching import called_at
from domain.documents.order import Order
from domain.sealed import Erased
from domain.shared.contact import redacted_name
from scripts.console import moment_text, table, terminal


class Name(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who one of those found is; first letters only, unless names were asked for."""

    what: str
    since: str
    name: str
    email: str | None = None
    phone: str | None = None


def names_of(services: Services, found: Found, *, reveal: bool) -> Mapping[str, Name]:
    """By id, of those that would go and of those that may be others."""
    named: dict[str, Name] = {}
    for id in (*found.orders, *found.calls, *found.others):
        with suppress(Erased):
            named[str(id)] = _name(services, id, reveal=reveal)
    return named


def _name(services: Services, id: UUID, *, reveal: bool) -> Name:
    subject = find_subject(services.ledger, id)
    if isinstance(subject, Order):
        what, since, contact = subject.kind.code, subject.placed_at, subject.contact.open()
    else:
        what, since, contact = "call", called_at(subject), subject.contact
    since_text = moment_text(since)
    if not reveal:
        return Name(what=what, since=since_text, name=redacted_name(contact.name))
    return Name(what=what, since=since_text, name=contact.name, email=contact.email, phone=contact.phone)


def show_found(found: Found, names: Mapping[str, Name], *, shared: bool) -> None:
    """What would go, who may be somebody else, and what vendors keep; `shared` when a number found several people."""
    for what, ids in (("order", found.orders), ("call", found.calls), ("forgotten", found.gone)):
        for id in ids:
            click.echo(f"{what:<9} {id}{_words(names.get(str(id)))}")
    click.echo(f"With them go {found.files} files, {len(found.receipts)} messages, {len(found.effects)} open effects.")
    if shared:
        click.echo("Several e-mail addresses go with the number; --email or --subject says whom to forget too.")
    if found.others:
        click.echo("The same person's perhaps, or somebody else's; name them with --subject to forget them too:")
        for id in found.others:
            click.echo(f"  {id}{_words(names.get(str(id)))}")
    if found.copies:
        click.echo("Vendors keep these, and are asked to delete them where they can:")
        _show_copies(found.copies)


def warn(people: People) -> None:
    """On the error stream, where a program that reads the JSON leaves it to be seen."""
    if people.unseen:
        click.echo(
            f"Events are set aside in {', '.join(people.unseen)}: who is only in those is not found by an address or a "
            "number. `daybook views` shows them; name their orders with --subject.",
            err=True,
        )


def _words(name: Name | None) -> str:
    if name is None:
        return ""
    told = (name.what, name.since, name.name, name.email, name.phone)
    return "  " + "  ".join(text for text in told if text)


def _show_copies(copies: Sequence[Copy]) -> None:
    listed = table("vendor", "what", "id", "of")
    for copy in copies:
        listed.add_row(copy.vendor, copy.what, copy.id, str(copy.subject))
    terminal().print(listed)


def tell(done: Erasure, receipt: ErasureReceipt) -> None:
    """What was done, what vendors answered, and what is left to do by hand."""
    click.echo(
        f"Forgotten: {len(done.orders)} orders, {len(done.calls)} calls, {len(done.receipts)} messages, "
        f"{done.files} files; {len(done.effects)} effects were given up."
    )
    show_asked(receipt.asked)
    if receipt.by_hand:
        click.echo("Left to do by hand:")
        listed = table("vendor", "what", "id", "do")
        for copy in receipt.by_hand:
            listed.add_row(copy.vendor, copy.what, copy.id, copy.do)
        terminal().print(listed)
    checkpoint = receipt.checkpoint.hash if receipt.checkpoint else "none"
    click.echo(f"At position {receipt.position} of the ledger, checkpoint {checkpoint}.")


def show_asked(asked: Sequence[Asked]) -> None:
    """What vendors were asked to delete, and what has become of it."""
    if asked:
        listed = table("vendor", "state", "answer", "effect")
        for one in asked:
            listed.add_row(one.vendor, one.state, one.answer or "", str(one.effect))
        terminal().print(listed)
