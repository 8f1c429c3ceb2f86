"""`python -m tests.corpus`: what changed in the results of old histories; with `--write`, declare it."""

import sys
import tempfile
from pathlib import Path

import click

from tests.corpus.replaying import replay
from tests.corpus.shelf import ForgottenVersion, Shelf, differences
from tests.corpus.stories import STORIES
from tests.corpus.telling import tell


@click.command()
@click.option("--write", is_flag=True, help="Declare today's results, and add histories of new events.")
def main(write: bool) -> None:
    """Replay the old histories and show what is not as declared.

    With --write today's results are declared; the difference is then in the commit. A story that leaves events, or
    versions of events, which its newest history does not have is kept as another history. Histories that are there stay
    as they are, and a view whose rows changed needs a raised `version` first.
    """
    shelf = Shelf()
    if write:
        add_histories(shelf)
    changed = [line for name in shelf.names() for line in _renew(shelf, name, write=write)]
    click.echo("\n".join(changed) if changed else "Everything is as declared.")
    if changed and not write:
        sys.exit(1)


def add_histories(shelf: Shelf) -> None:
    """Add another history of each story that leaves events which its newest one does not have."""
    for name, story in STORIES.items():
        number, newest = shelf.newest(name)
        with tempfile.TemporaryDirectory() as folder:
            told = tell(story, Path(folder))
        if newest is None or told.names - newest.names:
            shelf.add(f"{name}-{number + 1}", told)


def _renew(shelf: Shelf, name: str, *, write: bool) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        found = replay(shelf.history(name), Path(folder))
    changed = list(differences(shelf.declared(name) or {}, {"history": shelf.digest(name), **found}, name))
    if write:
        try:
            shelf.declare(name, found)
        except ForgottenVersion as error:
            raise click.ClickException(str(error)) from None
    return changed


if __name__ == "__main__":
    main()
