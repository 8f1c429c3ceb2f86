"""What the code base promises of itself, held by going through all of it."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest

import adapters
import domain
import projections
import scripts
import web
from adapters.wiring import AGGREGATES, POLICIES, VIEWS
from domain.documents import farewell
from domain.documents.order import Order
from domain.documents.price_list import PriceList
from domain.ledger import ENVELOPE, Aggregate, Event
from domain.shared.effect import Effect
from domain.shared.errors import Refused
from domain.shared.export import Export
from projections.across.audit_trail import AUDIT_TRAIL
from projections.view import View
from scripts.events import markdown_table
from tests.world import World, open_world

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
PACKAGES: tuple[ModuleType, ...] = (domain, projections, adapters, web, scripts)
EVENTS = [event for aggregate in AGGREGATES for event in aggregate.events]

UNSEEN: dict[type[Event], str] = {
    Order.MatchSuggested: "the match queue shows the same from the call's side",
    Order.CrmFieldsNoted: "kept for the history; staff read them in the CRM itself",
    Effect.Prepared: "what is sent is between us and the vendor; the mailbox shows it",
    Export.PersonalDataTaken: "asked for seldom, by who looks through the audit trail",
    **dict.fromkeys(PriceList.events, "prices are read from the price list itself, history included"),
}
"""Events that no view but the audit trail folds, each with the reason."""


def modules() -> Iterator[str]:
    for package in PACKAGES:
        yield package.__name__
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith("scripts.bench"):  # their peers are an extra
                yield found.name


def subclasses(root: type[T]) -> list[type[T]]:
    """All of ours by name, however deep; tests have some of their own."""
    for name in modules():
        importlib.import_module(name)
    found: set[type[T]] = set()
    waiting = [root]
    while waiting:
        below = waiting.pop().__subclasses__()
        found.update(below)
        waiting += below
    ours = {package.__name__ for package in PACKAGES}
    return sorted((cls for cls in found if cls.__module__.partition(".")[0] in ours), key=lambda cls: cls.__name__)


def of_the_domain(root: type[T]) -> list[type[T]]:
    """Those that are the product's own and not a benchmark's."""
    return [cls for cls in subclasses(root) if cls.__module__.startswith("domain.")]


def asked_for(policy: ModuleType) -> Iterator[str]:
    """The kind of every effect that a policy's code asks for, itself or through a helper of its own."""
    tree = ast.parse(inspect.getsource(policy))
    helpers = {statement.name for statement in tree.body if isinstance(statement, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Effect.request":
            yield from literals(keyword.value for keyword in node.keywords if keyword.arg == "kind")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in helpers:
            yield from literals(node.args)


def literals(expressions: Iterable[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            yield expression.value


@pytest.mark.parametrize("name", list(modules()))
def test_every_module_can_be_imported_and_says_what_it_is(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert module.__doc__.strip().endswith(".")


def test_every_aggregate_of_the_domain_is_known_to_the_log() -> None:
    named = {aggregate for aggregate in of_the_domain(Aggregate) if hasattr(aggregate, "stream_name")}
    assert named == set(AGGREGATES)


def test_every_event_that_can_happen_belongs_to_an_aggregate() -> None:
    assert {event for event in of_the_domain(Event) if not event.__subclasses__()} == set(EVENTS)


def test_stored_names_are_unique_and_begin_with_their_aggregates() -> None:
    names = [name for event in EVENTS for name in (event.stored_name, *event.formerly)]
    assert len(names) == len(set(names))
    for aggregate in AGGREGATES:
        assert {event.stored_name.rpartition(".")[0] for event in aggregate.events} == {aggregate.stream_name}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.stored_name))
def test_no_event_field_shadows_the_envelope(event: type[Event]) -> None:
    own = {name for base in event.__mro__[: event.__mro__.index(Event)] for name in base.__annotations__}
    assert not own & ENVELOPE


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.stored_name))
def test_every_event_is_seen_by_a_view_or_deliberately_by_none(event: type[Event]) -> None:
    folded = any(event in view.folds for view in VIEWS if view is not AUDIT_TRAIL)
    assert folded != (event in UNSEEN)
    assert event in AUDIT_TRAIL.folds


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: str(view.name))
def test_every_view_folds_known_events_and_says_what_it_shows(view: View) -> None:
    assert set(view.folds) <= set(EVENTS)
    assert type(view).__doc__


def test_views_have_names_of_their_own() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path) as world:
        yield world


def test_every_effect_that_a_policy_asks_for_can_be_carried_out_and_no_other(world: World) -> None:
    policies = {farewell, *(inspect.getmodule(policy) for policy in POLICIES.values())}
    asked = {kind for policy in policies if policy is not None for kind in asked_for(policy)}
    assert asked == {kind for _, kind in world.services.runner.kinds}


def test_every_refusal_is_a_sentence_with_a_code_and_a_status() -> None:
    for refused in subclasses(Refused):
        assert re.fullmatch(r"[A-Z].*[^.]\.", refused.sentence), refused
        assert re.fullmatch(r"[a-z_]+", refused.code), refused
        assert refused.status in {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 429, 502, 503}, refused
        assert refused.__doc__, refused


def test_the_readme_lists_today_s_events() -> None:
    readme = (ROOT / "README.md").read_text()
    assert markdown_table() in readme, "run `daybook events --write`"


def test_a_newcomer_walks_one_order_in_under_five_hundred_lines() -> None:
    walk = re.search(r"\*\*A walk of ten minutes\*\*:(.*?)To go on", (ROOT / "README.md").read_text(), re.DOTALL)
    assert walk is not None
    files = re.findall(r"`([\w/]+\.py)`", walk[1])
    assert len(files) == 5
    assert sum(len((ROOT / file).read_text().splitlines()) for file in files) < 500
