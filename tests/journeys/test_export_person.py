"""A customer asks what is kept of them: they get all of it, and nothing of anybody else."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import msgspec
import pytest
from click.testing import CliRunner, Result

from adapters.wiring import Services
from domain.documents.call_lead import CallLead
from domain.documents.order import Order
from scripts.daybook import main
from tests.journeys.person import Person, erase, names
from tests.web.documents.hooks import Vendors
from tests.web.site import open_services
from tests.world import Clock, all_logs
from web.app import create_app

REASON = ("--reason", "asked by customer", "--by", "Zqstaff")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Services]:
    with open_services(database_url, tmp_path, clock) as services:
        yield services


@pytest.fixture
def people(services: Services, clock: Clock) -> tuple[Person, Person]:
    """Two customers, each with a call, two orders, files, a payment, mails and messages."""
    vendors = Vendors(create_app(services), services, clock)
    both = Person(vendors, "Zqasker", 2601), Person(vendors, "Zqother", 2702)
    for person in both:
        person.live()
    return both


def export(services: Services, out: Path, *arguments: str) -> Result:
    settings = services.settings
    environment = {
        "DAYBOOK_ENV": "test",
        "DAYBOOK_DATABASE_URL": settings.database_url,
        "DAYBOOK_FILE_STORE_URL": settings.file_store_url,
        "DAYBOOK_SANDBOX_PATH": str(settings.sandbox_path),
    }
    command = ["export-person", "--out", str(out), *REASON, "--json", *arguments]
    return CliRunner().invoke(main, command, env=environment, obj=services.now)


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


def contents(out: Path) -> dict[str, bytes]:
    with ZipFile(out) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def in_folder(kept: Mapping[str, bytes], folder: str) -> str:
    """All that lies in a folder of the archive, in one text."""
    return "\n".join(content.decode() for name, content in kept.items() if name.startswith(f"{folder}/"))


def test_the_archive_has_all_that_is_theirs_and_nothing_of_anybody_else(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker, other = people
    out = tmp_path / "person.zip"
    told(export(services, tmp_path / "before.zip", "--email", asker.email))  # now staff stand in the histories
    with all_logs() as logged:
        result = export(services, out, "--email", asker.email)
    done, kept = told(result), contents(out)
    assert (done["orders"], done["calls"], done["files"], done["missing"], done["gone"]) == (2, 1, 2, 0, [])
    for folder in ("orders", "calls", "messages", "mails", "history"):
        assert asker.word in in_folder(kept, folder), folder
    page = kept["person.html"].decode()
    assert asker.word in page
    assert "<script" not in page
    assert f"{asker.word} wants two." in page
    assert f"{asker.word} deed" in page
    for path in [name for name in kept if name.startswith(("files/", "mails/", "messages/"))]:
        assert f'href="{path}"' in page
    assert [content for name, content in kept.items() if name.startswith("files/")] == [asker.content] * 2
    assert f"{asker.word} Doe" in kept[f"orders/{asker.paid}.json"].decode()
    assert str(asker.session) in in_folder(kept, "history")
    assert f"https://x.example/?for={asker.word}" in kept["attribution.json"].decode()
    assert set(msgspec.json.decode(kept["attribution.json"])) == set(map(str, asker.subjects))
    assert f"https://recordings.example/{asker.word}" in kept["attribution.json"].decode()
    vendors = {copy["kept by"] for copy in msgspec.json.decode(kept["copies.json"])}
    assert vendors == {"crm", "mail", "stripe", "whatconverts"}
    everything = b"\n".join([*kept.values(), *(name.encode() for name in kept)]).lower()
    for secret in (*other.secrets, *map(str, other.subjects), "zqstaff", f"told {asker.word}".lower()):
        assert secret.lower().encode() not in everything, secret
    for secret in asker.secrets:
        assert secret not in (logged.getvalue() + result.output).lower()


def test_the_history_says_that_it_was_done_by_whom_and_why_and_names_nobody(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker, other = people
    told(export(services, tmp_path / "person.zip", "--email", asker.email))
    for subject in asker.subjects:
        last = services.ledger.events(subject)[-1]
        assert isinstance(last, Order.HandedOver | CallLead.HandedOver)
        assert (last.by, last.via, last.reason) == ("operator:Zqstaff", "console", "asked_by_customer")
    assert not any(
        isinstance(event, Order.HandedOver | CallLead.HandedOver)
        for subject in other.subjects
        for event in services.ledger.events(subject)
    )
    services.follower.catch_up()


def test_what_staff_wrote_is_put_in_when_that_is_asked_for(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker, other = people
    told(export(services, tmp_path / "person.zip", "--email", asker.email, "--with-staff-notes"))
    kept = contents(tmp_path / "person.zip")
    assert f"Told {asker.word}" in in_folder(kept, "history")
    assert "No such stage" in in_folder(kept, "messages").replace("+", " ")
    assert other.word.lower().encode() not in b"".join(kept.values()).lower()


def test_one_order_alone_brings_nothing_of_a_call_that_is_not_named(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker, _ = people
    done = told(export(services, tmp_path / "person.zip", "--subject", str(asker.free)))
    assert (done["orders"], done["calls"]) == (1, 0)
    assert "wants two" not in contents(tmp_path / "person.zip")["person.html"].decode()


def test_a_call_alone_does_not_tell_what_was_typed_with_an_order(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker, _ = people
    told(export(services, tmp_path / "person.zip", "--subject", str(asker.lead)))
    everything = b"\n".join(contents(tmp_path / "person.zip").values()).decode()
    assert f"{asker.word} wants two." in everything
    assert f"{asker.word} Doe" not in everything


def test_the_file_is_its_owner_s_only_and_replaces_nothing(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    out = tmp_path / "person.zip"
    told(export(services, out, "--email", people[0].email))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    before, position = out.read_bytes(), services.log.last_position()
    again = export(services, out, "--email", people[0].email)
    assert (again.exit_code, again.stderr) == (1, f"Error: {out} is there already; an archive replaces nothing.\n")
    assert (out.read_bytes(), services.log.last_position()) == (before, position)


def test_a_failure_leaves_no_file_and_nothing_in_the_history(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker, position = people[0], services.log.last_position()
    folder = tmp_path / "out"
    folder.mkdir()
    [file, *_] = asker.order(asker.free).files
    broken = (
        Path(services.settings.file_store_url) / file.key.removeprefix("media/") / names(asker.order(asker.free))[0]
    )
    broken.unlink()
    broken.mkdir()  # there, and cannot be read
    result = export(services, folder / "person.zip", "--email", asker.email)
    assert (result.exit_code, list(folder.iterdir())) == (1, [])
    assert services.log.last_position() == position


def test_a_file_that_the_store_has_lost_is_named_in_the_archive(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker = people[0]
    order = asker.order(asker.free)
    services.files.delete(order.files[0].key)
    done = told(export(services, tmp_path / "person.zip", "--email", asker.email))
    assert (done["files"], done["missing"]) == (1, 1)
    assert f"{asker.word}.pdf" in contents(tmp_path / "person.zip")["README.txt"].decode()


def test_whoever_was_forgotten_gets_a_sentence_and_no_file(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker = people[0]
    erase(services, asker)
    result = export(services, tmp_path / "person.zip", "--subject", str(asker.free))
    assert (result.exit_code, result.stderr[:20]) == (1, "Error: Forgotten on ")
    by_mail = export(services, tmp_path / "person.zip", "--email", asker.email)
    assert (by_mail.exit_code, by_mail.stderr) == (1, "Error: Nothing is kept of anybody who goes by that.\n")
    assert not (tmp_path / "person.zip").exists()


def test_one_order_forgotten_before_is_named_by_its_id_alone(
    services: Services, people: tuple[Person, Person], tmp_path: Path
) -> None:
    asker = people[0]
    erase(services, asker, asker.free)
    both = ("--subject", str(asker.free), "--subject", str(asker.paid))
    done = told(export(services, tmp_path / "person.zip", *both))
    assert (done["orders"], done["gone"]) == (1, [str(asker.free)])
    assert f"{asker.free}, on 2026-" in contents(tmp_path / "person.zip")["README.txt"].decode()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--subject", str(UUID(int=9))], "Nothing in the ledger has this id."),
        (["--email", "nobody@planted.example"], "Nothing is kept of anybody who goes by that."),
        (["--email", "no address"], "email: "),
    ],
)
def test_nobody_is_a_sentence(services: Services, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = export(services, tmp_path / "person.zip", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {sentence}")
    assert list(tmp_path.glob("*.zip")) == []
