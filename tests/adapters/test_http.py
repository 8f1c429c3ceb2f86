"""The HTTP session all vendors share, over real connections."""

import gzip
import logging
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.http import Session, pause_asked
from domain.shared.errors import Unreachable
from tests.figures import counted
from tests.servers import free_port
from tests.vendors.loopback import Answer, Asked, Fault, Loopback, serving
from tests.wishes import acts

PLAIN = Answer(200, b'{"hello": "world"}')
SHORT = 0.2


def respond(asked: Asked) -> Answer:
    match asked.path:
        case "/moved":
            return Answer(302, b"", {"Location": "/plain"})
        case "/cookie":
            return Answer(200, b"{}", {"Set-Cookie": "session=1; Path=/"})
        case "/gzip":
            return Answer(200, gzip.compress(PLAIN.body * 1000), {"Content-Encoding": "gzip"})
        case "/nothing":
            return Answer(204)
        case "/cut":
            return Answer(200, b"{}", {"Content-Length": "100"})
        case _:
            return PLAIN


@pytest.fixture
def server() -> Iterator[Loopback]:
    loopback = Loopback(respond)
    with serving(loopback):
        yield loopback


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(timeout=SHORT) as session:
        session.trust_env = False  # whatever proxy this machine has is not asked for loopback
        yield session


def test_an_answer_arrives_whole(server: Loopback, session: Session) -> None:
    answer = session.get(f"{server.url}/plain")
    assert (answer.status_code, answer.json(), answer.content) == (200, {"hello": "world"}, PLAIN.body)
    assert server.asked[0].headers["User-Agent"] == "Daybook"


def test_a_compressed_answer_is_unpacked(server: Loopback, session: Session) -> None:
    assert session.get(f"{server.url}/gzip").content == PLAIN.body * 1000


def test_an_empty_answer_is_empty(server: Loopback, session: Session) -> None:
    assert session.get(f"{server.url}/nothing").content == b""


def test_an_error_status_is_an_answer(server: Loopback, session: Session) -> None:
    server.plan(Fault(answer=Answer(500, b"broken")))
    assert session.get(server.url).status_code == 500


def test_connections_are_kept_for_the_next_call(server: Loopback, session: Session) -> None:
    for _ in range(3):
        session.get(server.url)
    assert len({asked.peer for asked in server.asked}) == 1


def test_a_redirect_is_not_followed(server: Loopback, session: Session) -> None:
    assert session.get(f"{server.url}/moved", allow_redirects=True).status_code == 302
    assert server.paths() == ["GET /moved"]


def test_no_cookie_is_kept(server: Loopback, session: Session) -> None:
    session.get(f"{server.url}/cookie")
    session.get(f"{server.url}/plain")
    assert server.asked[1].headers["Cookie"] is None


def test_a_netrc_file_does_not_replace_the_vendors_authorization(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Session() as session:
        session.get(server.url, headers={"Authorization": "Bearer ours"})
    assert server.asked[0].headers["Authorization"] == "Bearer ours"


def test_a_server_that_is_not_there_is_unreachable(session: Session) -> None:
    with pytest.raises(Unreachable, match="the connection failed"):
        session.get(f"http://127.0.0.1:{free_port()}")


def test_a_silent_server_is_unreachable(server: Loopback, session: Session) -> None:
    server.plan(Fault(slow=True))
    with pytest.raises(Unreachable, match="no answer in time"):
        session.get(server.url)


def test_a_call_may_have_a_timeout_of_its_own(server: Loopback) -> None:
    server.plan(Fault(slow=True))
    with Session() as patient:
        patient.trust_env = False
        with pytest.raises(Unreachable, match="no answer in time"):
            patient.get(server.url, timeout=SHORT)


def test_an_answer_that_comes_drop_by_drop_is_not_waited_for(server: Loopback, session: Session) -> None:
    server.plan(Fault(answer=PLAIN, drip=True))
    began = time.monotonic()
    with pytest.raises(Unreachable, match="no answer in time"):
        session.get(server.url)
    assert time.monotonic() - began < 10 * SHORT


@pytest.mark.parametrize("accept", [False, True])
def test_a_broken_connection_is_unreachable_whether_or_not_it_was_accepted(
    server: Loopback, session: Session, accept: bool
) -> None:
    server.plan(Fault(accept=accept))
    with pytest.raises(Unreachable, match="the connection failed"):
        session.post(server.url, data=b"{}")
    assert len(server.asked) == 1


def test_an_answer_that_is_cut_off_is_unreachable(server: Loopback, session: Session) -> None:
    with pytest.raises(Unreachable):
        session.get(f"{server.url}/cut")


def test_after_a_fault_the_next_call_goes_through(server: Loopback, session: Session) -> None:
    server.plan(Fault(), Fault(slow=True))
    for _ in range(2):
        with pytest.raises(Unreachable):
            session.get(server.url)
    assert session.get(server.url).ok


def test_a_certificate_is_asked_for(server: Loopback, session: Session) -> None:
    with pytest.raises(Unreachable):
        session.get(server.url.replace("http://", "https://"))


def test_a_call_carries_what_it_belongs_to_and_only_inside_an_act(server: Loopback, session: Session) -> None:
    session.get(server.url)
    with acts():
        session.get(server.url)
    session.get(server.url)
    assert [asked.headers["X-Request-Id"] for asked in server.asked] == [None, "request-1", None]


def test_calls_are_counted_by_vendor_and_answer(server: Loopback) -> None:
    def calls(answer: str) -> float:
        return counted("daybook_vendor_call_seconds_count", vendor="sample", answer=answer)

    before = {answer: calls(answer) for answer in ("2xx", "5xx", "none")}
    server.plan(Fault(answer=Answer(503, b"")), Fault())
    with Session(timeout=SHORT, vendor="sample") as named:
        named.trust_env = False
        named.get(server.url)
        with pytest.raises(Unreachable):
            named.get(server.url)
        named.get(server.url)
    assert {answer: calls(answer) - number for answer, number in before.items()} == {"2xx": 1, "5xx": 1, "none": 1}


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("999999999", 86400.0),
        ("-1", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("٣", None),
    ],
)
def test_the_pause_a_vendor_asks_for_is_read(
    server: Loopback, session: Session, after: str, seconds: float | None
) -> None:
    server.plan(Fault(answer=Answer(429, b"", {"Retry-After": after.encode().decode("latin-1")})))
    assert pause_asked(session.get(server.url)) == seconds


def test_without_the_header_no_pause_is_asked_for(server: Loopback, session: Session) -> None:
    assert pause_asked(session.get(server.url)) is None


def test_nothing_of_a_call_is_told(server: Loopback, session: Session, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    query, header, body = ("-".join(("hush", word)) for word in ("query", "header", "body"))
    server.plan(Fault(), Fault(slow=True))
    errors = ""
    for _ in range(2):
        with pytest.raises(Unreachable) as caught:
            session.post(f"{server.url}/x?key={query}", headers={"Authorization": header}, data=body)
        errors += "".join(traceback.format_exception(caught.value))
    session.post(server.url, headers={"Authorization": header}, data=body)
    assert "hush-" not in caplog.text + errors
