"""The sandbox vendors: they keep what a real one would, and answer a repeat as a real one would."""

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from adapters.sandbox.crm import SandboxCrm
from adapters.sandbox.mail import SandboxMailer
from adapters.sandbox.store import SandboxStore
from domain.documents.letters import staff_notice, welcome
from domain.documents.office import Office
from domain.shared.errors import Declined
from tests.domain.documents.placed import placed
from tests.world import Clock, renderer

OFFICE = Office()
MODULE, CONTACTS = "Embassy_Legalization", "Contacts"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SandboxStore]:
    store = SandboxStore(tmp_path / "vendors" / "sandbox.sqlite")
    yield store
    store.close()


@pytest.fixture
def crm(store: SandboxStore, clock: Clock) -> SandboxCrm:
    return SandboxCrm(store, now=clock.now)


@pytest.fixture
def mailer(store: SandboxStore, clock: Clock) -> SandboxMailer:
    return SandboxMailer(store, now=clock.now)


def message(kind: str, number: int = 1) -> bytes:
    letter = staff_notice(placed(kind, number=number), OFFICE)
    return renderer(OFFICE).render(letter, at=Clock().now()).encode()


def test_the_same_key_again_is_the_same_mail(mailer: SandboxMailer) -> None:
    first = mailer.send(message("embassy"), key="k1")
    assert mailer.send(message("embassy"), key="k1") == first
    assert mailer.send(message("embassy"), key="k2") != first
    assert [mail.key for mail in mailer.mails()] == ["k1", "k2"]


def test_a_kept_mail_can_be_read(mailer: SandboxMailer, clock: Clock) -> None:
    id = mailer.send(message("embassy"), key="k1")
    mail = mailer.mail(id)
    assert mail is not None
    assert (mail.sent_at, mail.message["Subject"]) == (clock.now(), "📄 New Embassy Order — 2026-02-09")
    assert "Power of attorney" in mail.part("plain")
    assert mail.part("html").startswith("<!doctype html>")
    assert mailer.mail("nothing") is None


def test_mails_are_shown_in_threads_the_newest_first(mailer: SandboxMailer, clock: Clock) -> None:
    for key, kind, number in (("1", "embassy", 1), ("2", "i9", 2), ("3", "embassy", 3)):
        mailer.send(message(kind, number), key=key)
        clock.move(60)
    letter = welcome(placed("i9"), OFFICE)
    mailer.send(renderer(OFFICE).render(letter, at=clock.now()).encode(), key="4")
    assert [[mail.key for mail in thread] for thread in mailer.threads()] == [["4"], ["1", "3"], ["2"]]


def test_an_upsert_makes_a_record_once_and_then_updates_it(crm: SandboxCrm, clock: Clock) -> None:
    made = crm.upsert(MODULE, {"Ledger_Id": "o1", "Stage": "Order Received", "Notarization": True}, unique="Ledger_Id")
    clock.move(60)
    assert crm.upsert(MODULE, {"Ledger_Id": "o1", "Country": "Qatar"}, unique="Ledger_Id") == made
    [record] = crm.records()
    assert record.fields == {"Ledger_Id": "o1", "Stage": "Order Received", "Notarization": True, "Country": "Qatar"}
    assert (record.updated_at - record.created_at).total_seconds() == 60
    assert crm.upsert("Deals", {"Ledger_Id": "o1"}, unique="Ledger_Id") != made


def test_upserts_of_one_record_at_the_same_time_make_one_record(crm: SandboxCrm) -> None:
    start, made = threading.Barrier(8, timeout=10), set()

    def upsert() -> None:
        start.wait()
        made.add(crm.upsert(MODULE, {"Ledger_Id": "o1"}, unique="Ledger_Id"))

    threads = [threading.Thread(target=upsert) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == len(crm.records()) == 1


def test_a_record_is_found_by_a_field_of_its_own_module_whatever_the_case(crm: SandboxCrm) -> None:
    id = crm.create(CONTACTS, {"Email": "John@Example.com", "Last_Name": "Doe"})
    found = crm.find(CONTACTS, "Email", "john@example.com")
    assert found is not None
    assert (found.id, found.fields["Last_Name"]) == (id, "Doe")
    assert crm.find("Leads", "Email", "john@example.com") is None
    assert crm.find(CONTACTS, "Email", "jo%") is None


def test_files_hang_on_a_record_with_name_and_size(crm: SandboxCrm) -> None:
    id = crm.create(MODULE, {"Ledger_Id": "o1"})
    crm.attach(MODULE, id, name="scan.pdf", media_type="application/pdf", content=BytesIO(b"%PDF-1.7\n"))
    [file] = crm.attachments(MODULE, id)
    assert (file.name, file.size) == ("scan.pdf", 9)
    assert crm.attachments(MODULE, crm.create(MODULE, {"Ledger_Id": "o2"})) == []


@pytest.mark.parametrize("id", ["5725767000000000099", "abc", "", "1"])
def test_what_is_not_there_is_declined(crm: SandboxCrm, id: str) -> None:
    assert crm.record(id) is None
    with pytest.raises(Declined, match="does not exist"):
        crm.update(MODULE, id, {"Stage": "New"})
    with pytest.raises(Declined, match="does not exist"):
        crm.attach(MODULE, id, name="scan.pdf", media_type="application/pdf", content=BytesIO(b"x"))


def test_a_record_of_another_module_is_not_updated(crm: SandboxCrm) -> None:
    id = crm.create(CONTACTS, {"Last_Name": "Doe"})
    with pytest.raises(Declined):
        crm.update(MODULE, id, {"Stage": "New"})


def test_the_vendors_remember_after_a_restart(store: SandboxStore, tmp_path: Path, clock: Clock) -> None:
    SandboxMailer(store, now=clock.now).send(message("i9"), key="k1")
    id = SandboxCrm(store, now=clock.now).create(MODULE, {"Ledger_Id": "o1"})
    again = SandboxStore(tmp_path / "vendors" / "sandbox.sqlite")
    try:
        assert [mail.key for mail in SandboxMailer(again, now=clock.now).mails()] == ["k1"]
        assert SandboxCrm(again, now=clock.now).record(id) is not None
    finally:
        again.close()


def test_a_deleted_record_goes_with_its_files_and_others_stay(crm: SandboxCrm, store: SandboxStore) -> None:
    gone, kept = (crm.create(MODULE, {"Name": name}) for name in ("Zqgone", "Zqkept"))
    for record in (gone, kept):
        crm.attach(MODULE, record, name=f"{record}.pdf", media_type="application/pdf", content=BytesIO(b"%PDF-1.7"))
    for _ in range(2):
        assert crm.delete(MODULE, gone) == gone
    assert [record.id for record in crm.records()] == [kept]
    assert (crm.attachments(MODULE, gone), len(crm.attachments(MODULE, kept))) == ([], 1)


def test_what_was_deleted_is_not_in_the_file_any_more(
    crm: SandboxCrm, mailer: SandboxMailer, store: SandboxStore, tmp_path: Path
) -> None:
    record = crm.create(MODULE, {"Name": "Zqgone"})
    crm.update(MODULE, record, {"Name": "Zqrenamed"})
    id = mailer.send(b"Subject: Zqmail\r\n\r\n" + b"Zqtext " * 2000, key="k1")
    mailer.send(message("embassy"), key="k2")
    crm.delete(MODULE, record)
    mailer.delete(key="k1", id=id)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "vendors").iterdir())
    assert [word for word in (b"Zqgone", b"Zqrenamed", b"Zqmail", b"Zqtext") if word in kept] == []
    assert [mail.key for mail in mailer.mails()] == ["k2"]
