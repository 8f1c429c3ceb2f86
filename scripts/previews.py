"""What `daybook rebuild` shows of differences: previews, approvals, and one row folded anew."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Self

import click
import msgspec

from adapters.wiring import Services
from projections.only import Refolded
from projections.preview import SEALED, Example, Preview, with_events
from projections.rebuild import Rebuilt
from projections.view import View
from scripts.console import moment_text, table, terminal

LONGEST_VALUE = 60


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """A swap, beside what its preview said; `unexplained` rows differ that no event since the preview can explain."""

    view: str
    preview: Preview
    events_since: int
    unexplained: int
    rebuilt: Rebuilt

    @classmethod
    def of(cls, view: View, before: Preview | None, now: Preview, rebuilt: Rebuilt) -> Self:
        """Hold the last comparison against the one that was shown."""
        since = now.position - before.position if before else 0
        grown = now.differing - before.differing if before else 0
        return cls(view=view.name, preview=now, events_since=since, unexplained=max(0, grown - since), rebuilt=rebuilt)


def preview(services: Services, view: View, progress: Callable[[int], None], *, workers: int, fresh: bool) -> Preview:
    """Build a table beside the live one and compare; it is left waiting."""
    found = services.rebuild_of(view, progress, workers=workers, fresh=fresh).preview()
    return with_events(found, view, services.log)


def ask_for_approval(views: Sequence[View]) -> bool:
    """Whether to swap now, asked on a terminal; elsewhere says how."""
    names = " ".join(view.name for view in views)
    if sys.stdin.isatty() and sys.stdout.isatty():
        if click.confirm("Swap now?"):
            return True
        click.echo("Nothing was swapped.")
    click.echo(f"It waits: `daybook rebuild {names} --approve` swaps, `daybook rebuild {names} --discard` drops it.")
    return False


def show_previews(found: Sequence[Preview]) -> None:
    """Print how many rows would be added, removed and changed, then a few of them."""
    drawn = table("view", "rows now", "rows then", "added", "removed", "changed", "position")
    for one in found:
        counts = (one.rows_live, one.rows_next, one.added, one.removed, one.changed, one.position)
        drawn.add_row(one.view, *(f"{count:,}" for count in counts))
    terminal().print(drawn)
    for one in found:
        _show_columns(one)
        _show_examples(one)


def _show_columns(one: Preview) -> None:
    for words, names in (("New columns", one.columns_added), ("Columns that go", one.columns_removed)):
        if names:
            click.echo(f"{words} in {one.view}: {', '.join(names)}.")
    if one.rows_version != one.version:
        click.echo(
            f"The rows of {one.view} are of version {one.rows_version} of its fold, the new ones of {one.version}."
        )
    if one.columns:
        drawn = table("column", "rows that differ", title=f"\n{one.view}: changed")
        for column in one.columns:
            drawn.add_row(column.column, f"{column.rows:,}")
        terminal().print(drawn)


def _show_examples(one: Preview) -> None:
    lines = [("added", "", example) for example in one.examples_added]
    lines += [("removed", "", example) for example in one.examples_removed]
    lines += [("changed", column.column, example) for column in one.columns for example in column.examples]
    if not lines:
        return
    drawn = table("what", "key", "column", "before", "after", "events behind it", title=f"\n{one.view}: examples")
    for what, column, example in lines:
        drawn.add_row(what, _key(example.key), column, *_sides(example, shown=bool(column)), _behind(example))
    terminal().print(drawn)


def _sides(example: Example, *, shown: bool) -> tuple[str, str]:
    if not shown:
        return "", ""
    if example.before == example.after == SEALED:
        return "sealed, differs", "sealed, differs"
    return _value(example.before), _value(example.after)


def _behind(example: Example) -> str:
    return "; ".join(f"{event.position} {event.name} {moment_text(event.at)}" for event in example.events)


def _key(key: Sequence[str | int]) -> str:
    return "/".join(map(str, key))


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def show_approved(done: Sequence[Approved]) -> None:
    """Print what was swapped, and whether it was more than the preview had shown."""
    drawn = table("view", "rows", "added", "removed", "changed", "events since the preview")
    for one in done:
        counts = (one.rebuilt.rows, one.preview.added, one.preview.removed, one.preview.changed, one.events_since)
        drawn.add_row(one.view, *(f"{count:,}" for count in counts))
    terminal().print(drawn)
    for one in done:
        if one.unexplained:
            click.echo(
                f"{one.view}: {one.unexplained:,} more rows differ than the preview had shown and events explain. "
                f"`daybook rebuild {one.view} --back` puts the table of before back."
            )


def show_refolded(done: Refolded) -> None:
    """Print what was changed in one subject's rows."""
    click.echo(f"{done.view}: folded {done.id} up to position {done.position}.")
    if not (done.added or done.removed or done.changes):
        click.echo("It was right: nothing was changed.")
        return
    click.echo(f"Rows added: {done.added}, removed: {done.removed}; values changed: {len(done.changes)}.")
    if done.changes:
        drawn = table("key", "column", "before", "after")
        for one in done.changes:
            example = Example(key=one.key, before=one.before, after=one.after)
            drawn.add_row(_key(one.key), one.column, *_sides(example, shown=True))
        terminal().print(drawn)
