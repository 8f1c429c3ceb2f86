"""A history as a tree: each event under what caused it."""

from collections.abc import Iterable, Mapping
from itertools import groupby

import msgspec
from rich.text import Text
from rich.tree import Tree

from domain.shared.causes import Node
from scripts.console import moment_text, terminal
from scripts.shown import EventLine, event_line, short


class Branch(msgspec.Struct, frozen=True):
    """An event and what it led to."""

    event: EventLine
    led_to: list["Branch"]


def branches(nodes: Iterable[Node]) -> list[Branch]:
    """The trees, ready to be printed."""
    return [Branch(event_line(node.event), branches(node.led_to)) for node in nodes]


def draw(roots: Iterable[Branch], told: Mapping[tuple[str, int], str]) -> None:
    """Print the trees, what began in one act under one heading; `told` is what each event says, by its place."""
    console = terminal()
    for heading, acted in groupby(roots, key=lambda root: _heading(root.event)):
        drawn = Tree(Text(heading), guide_style="dim")
        _grow(drawn, acted, told)
        console.print(drawn)


def _grow(tree: Tree, branches: Iterable[Branch], told: Mapping[tuple[str, int], str]) -> None:
    for branch in branches:
        _grow(tree.add(_label(branch.event, told)), branch.led_to, told)


def _label(line: EventLine, told: Mapping[tuple[str, int], str]) -> Text:
    says = told.get((line.stream, line.version), line.about or "")
    name = f"{line.event.removeprefix('documents.')} {line.version}"
    return Text(f"{name}{': ' if says else ''}{short(says)}")


def _heading(line: EventLine) -> str:
    who = line.by if line.by == line.via else f"{line.by} via {line.via}"
    correlation = f"  correlation {line.correlation}" if line.correlation else ""
    return f"{moment_text(line.at)}  {who}{correlation}"
