"""`daybook events`: the catalogue of everything that can happen."""

import inspect
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
import msgspec

from adapters.wiring import AGGREGATES
from domain.ledger import ENVELOPE, Event
from domain.sealed import sealed_type
from scripts.console import json_option, print_json, table, terminal

README = Path("README.md")
BEGIN, END = "<!-- events -->", "<!-- /events -->"
COLUMNS = ("event", "fields", "what it says")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an event; a sealed one holds personal data."""

    name: str
    type: str
    sealed: bool


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored; `says` is its first line of documentation."""

    name: str
    version: int
    fields: list[Field]
    says: str


@click.command()
@click.option("--markdown", is_flag=True, help="Print the table of the README.")
@click.option("--write", is_flag=True, help="Put that table into README.md of this folder, between its markers.")
@json_option
def events(markdown: bool, write: bool, as_json: bool) -> None:
    """List every type of event: its stored name, its fields, and which of them are sealed."""
    if write:
        _write()
    elif as_json:
        print_json({"events": catalogue()})
    elif markdown:
        click.echo(markdown_table())
    else:
        _show()


def catalogue() -> list[EventType]:
    """All event types, aggregate by aggregate."""
    return [_event_type(event) for aggregate in AGGREGATES for event in aggregate.events]


def markdown_table() -> str:
    """The catalogue as a Markdown table, markers included."""
    rows = [(f"`{event.name}`", _fields(event, code="`"), event.says) for event in catalogue()]
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "\n".join([BEGIN, *(f"| {' | '.join(cells)} |" for cells in lines), END])


def _write() -> None:
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise click.ClickException(f"There is no {README} with the markers {BEGIN} and {END} in this folder.")
    README.write_text(before + markdown_table() + after, encoding="utf-8")
    click.echo(f"{README} lists {len(catalogue())} types of event.")


def _event_type(event: type[Event]) -> EventType:
    fields = [field for field in msgspec.structs.fields(event) if field.name not in ENVELOPE]
    says = inspect.cleandoc(vars(event).get("__doc__") or "").partition("\n\n")[0]
    return EventType(
        name=event.stored_name,
        version=event.class_version,
        fields=[
            Field(name=field.name, type=_type_name(field.type), sealed=sealed_type(field.type) is not None)
            for field in fields
        ],
        says=" ".join(says.split()),
    )


def _type_name(annotation: Any) -> str:
    """A type in words, such as `list of StoredFile` or `Quote or nothing`; a sealed one by what it holds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_type_name(argument) for argument in arguments)
    if (held := sealed_type(annotation)) is not None:
        return _type_name(held)
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if origin in (tuple, list):
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return f"{_type_name(arguments[0])} to {_type_name(arguments[1])}"
    return "nothing" if annotation is type(None) else str(annotation.__name__)


def _fields(event: EventType, *, code: str = "") -> str:
    return ", ".join(
        f"{code}{field.name}{code} {field.type}{' (sealed)' if field.sealed else ''}" for field in event.fields
    )


def _show() -> None:
    drawn = table(*COLUMNS)
    for event in catalogue():
        drawn.add_row(event.name, _fields(event), event.says)
    terminal().print(drawn)
