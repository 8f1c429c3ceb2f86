"""Stored events outlive the classes that wrote them: versions, former names, and a corpus of old lines."""

import json
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import msgspec
import pytest

from adapters.store.keys import Keyring, WrappedKey
from adapters.store.mapper import Mapper, Sealing, UnknownEvent, event_names, stored_name
from domain.ledger import Aggregate, Entry, Event
from domain.sealed import Sealed
from domain.shared.effect import Effect
from domain.shared.receipt import Receipt
from tests.sample_trees import NOW, Tree, new_tree, tree_id
from tests.store_samples import MASTER_KEY

SHARED = (Effect, Receipt)
CORPUS = [
    (line["name"], json.dumps(line["data"]))
    for path in sorted((Path(__file__).parents[2] / "corpus").glob("*.json"))
    for line in json.loads(path.read_text())
]


class Visit(Aggregate, name="sample.visit"):
    """Its one event has been changed twice and renamed once."""

    class Counted(Event, frozen=True):
        adults: int
        children: int
        guide: Sealed[str] | None = None

        class_version: ClassVar[int] = 3
        formerly: ClassVar[tuple[str, ...]] = ("sample.tour.Counted",)

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> dict[str, Any]:
            """Version 1 counted heads."""
            return {key: value for key, value in state.items() if key != "heads"} | {"people": state["heads"]}

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> dict[str, Any]:
            """Version 2 did not tell adults from children."""
            return state | {"adults": state["people"], "children": 0}


class Keys:
    """A table of keys in memory."""

    def __init__(self) -> None:
        self.rows: dict[UUID, WrappedKey] = {}
        self.keyring = Keyring(MASTER_KEY, self.rows.get)

    def store(self, sealing: Sealing) -> None:
        self.rows.update(sealing.new_keys)
        sealing.keep(self.keyring)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def mapper(keys: Keys) -> Mapper:
    return Mapper([Tree, Visit, *SHARED], keys.keyring)


def line(**fields: object) -> str:
    return json.dumps({"stream": str(tree_id(1)), "version": 1, "at": NOW.isoformat(), **fields})


def counted(**fields: object) -> Event:
    return Visit.Counted(stream=tree_id(1), version=1, at=NOW, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["sample.visit.Counted", "sample.tour.Counted"])
def test_every_version_is_read_as_todays_under_every_name_it_had(mapper: Mapper, name: str) -> None:
    assert mapper.decode(name, line(heads=7)) == counted(adults=7, children=0)
    assert mapper.decode(f"{name}@2", line(people=7)) == counted(adults=7, children=0)
    assert mapper.decode(f"{name}@3", line(adults=4, children=3)) == counted(adults=4, children=3)


def test_new_events_are_stored_under_todays_name_and_version(mapper: Mapper) -> None:
    name, data = mapper.encode(Entry(counted(adults=4, children=3), tree_id(1)), Sealing(set()))
    assert name == mapper.name_of(Visit.Counted) == "sample.visit.Counted@3"
    assert mapper.decode(name, data) == counted(adults=4, children=3)


def test_the_first_version_is_stored_under_the_bare_name() -> None:
    assert [stored_name("sample.tree.Grew", version) for version in (1, 2)] == [
        "sample.tree.Grew",
        "sample.tree.Grew@2",
    ]


def test_all_names_of_a_class_can_be_asked_for(mapper: Mapper) -> None:
    names = [f"sample.{old}.Counted{version}" for old in ("tour", "visit") for version in ("", "@2", "@3")]
    assert mapper.readable_as([Visit.Counted]) == names
    assert set(names) <= mapper.names


def test_a_sealed_field_survives_an_upcast(mapper: Mapper, keys: Keys) -> None:
    sealing = Sealing({tree_id(1)})
    event = counted(adults=4, children=3, guide=Sealed("Ada"))
    _, data = mapper.encode(Entry(event, tree_id(1)), sealing)
    keys.store(sealing)
    old = json.loads(data) | {"heads": 7}
    read = mapper.decode("sample.visit.Counted", json.dumps(old))
    assert isinstance(read, Visit.Counted)
    assert read.guide is not None
    assert read.guide.open() == "Ada"


def test_an_unknown_name_says_so(mapper: Mapper) -> None:
    for name in ("sample.tree.Burnt", "sample.tree.Grew@2", "sample.visit.Counted@4"):
        with pytest.raises(UnknownEvent, match=name):
            mapper.decode(name, line())


def test_a_line_that_does_not_fit_its_class_is_refused(mapper: Mapper) -> None:
    with pytest.raises(msgspec.ValidationError):
        mapper.decode("sample.tree.Grew", line(by_cm="five"))


def test_a_field_that_is_no_longer_known_is_passed_over(mapper: Mapper) -> None:
    grew = mapper.decode("sample.tree.Grew", line(by_cm=5, colour="green"))
    assert grew == Tree.Grew(stream=tree_id(1), version=1, at=NOW, by_cm=5)


def test_the_present_names_are_listed_in_the_order_they_were_declared(mapper: Mapper) -> None:
    assert list(event_names(mapper))[:6] == [
        *(f"sample.tree.{name}" for name in ("Planted", "Grew", "Noted", "Relabelled", "Felled")),
        "sample.visit.Counted@3",
    ]


def test_a_key_is_used_by_nobody_else_until_it_is_stored(mapper: Mapper, keys: Keys) -> None:
    [planted] = new_tree(1).pending
    mapper.encode(Entry(planted, tree_id(1)), Sealing({tree_id(1)}))
    meanwhile = Sealing(set())
    mapper.encode(Entry(Tree.Noted(stream=tree_id(1), version=2, note=Sealed("tall")), tree_id(1)), meanwhile)
    assert set(meanwhile.new_keys) == {tree_id(1)}
    assert keys.keyring.cipher(tree_id(1)) is None


def test_one_append_makes_one_key_for_each_subject(mapper: Mapper, keys: Keys) -> None:
    sealing = Sealing({tree_id(1)})
    events = [Tree.Noted(stream=tree_id(1), version=nth, note=Sealed(f"note {nth}")) for nth in (1, 2)]
    lines = [mapper.encode(Entry(event, tree_id(1)), sealing) for event in events]
    keys.store(sealing)
    read = [mapper.decode(name, data) for name, data in lines]
    assert [event.note.open() for event in read if isinstance(event, Tree.Noted) and event.note] == ["note 1", "note 2"]


@pytest.mark.parametrize(("name", "data"), CORPUS, ids=[f"{nth}-{name}" for nth, (name, _) in enumerate(CORPUS)])
def test_an_old_line_is_read_by_todays_classes(mapper: Mapper, name: str, data: str) -> None:
    event = mapper.decode(name, data)
    assert event.stream != UUID(int=0)
    if name == mapper.name_of(type(event)):
        written = msgspec.json.encode(event, enc_hook=lambda sealed: sealed.token)
        assert json.loads(written) == json.loads(data)


@pytest.mark.parametrize("event_class", [event for aggregate in SHARED for event in aggregate.events])
def test_every_shared_event_has_a_line_in_the_corpus(mapper: Mapper, event_class: type[Event]) -> None:
    assert mapper.name_of(event_class) in {name for name, _ in CORPUS}
