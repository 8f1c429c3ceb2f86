"""One leader at a time, another when it goes, and a leader that has lost its session stops."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from adapters.store.leader import LEADER_LOCK, Leader
from adapters.store.options import DatabaseOptions

PATIENCE = 30
END_LEADER = """SELECT pg_terminate_backend(pid, 10000) FROM pg_locks
    WHERE locktype = 'advisory' AND objid = %s AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class Candidate:
    """Campaigns in a thread; `leading` is set while it leads."""

    def __init__(self, url: str) -> None:
        self.leader = Leader(url, DatabaseOptions())
        self.stopping, self.leading, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.terms = 0
        self.thread = threading.Thread(target=self.leader.campaign, args=(self.stopping, self._lead))

    def _lead(self, over: threading.Event) -> None:
        self.terms += 1
        self.ended.clear()
        self.leading.set()
        over.wait(PATIENCE)
        self.leading.clear()
        self.ended.set()


@contextmanager
def candidate(url: str) -> Iterator[Candidate]:
    made = Candidate(url)
    made.thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        made.thread.join(PATIENCE)
        assert not made.thread.is_alive()


def test_one_leads_and_another_takes_over_when_it_stops(postgres_database: str) -> None:
    with candidate(postgres_database) as second:
        assert second.leading.wait(PATIENCE)
        with candidate(postgres_database) as first:
            second.stopping.set()
            assert second.ended.wait(PATIENCE)
            assert first.leading.wait(PATIENCE)
    assert (second.terms, first.terms) == (1, 1)


def test_never_two_of_many(postgres_database: str) -> None:
    with ExitStack() as stack:
        candidates = [stack.enter_context(candidate(postgres_database)) for _ in range(4)]
        for _ in candidates:
            [leading] = waited_for(candidates)
            leading.stopping.set()
            assert leading.ended.wait(PATIENCE)
    assert [candidate.terms for candidate in candidates] == [1, 1, 1, 1]


def waited_for(candidates: list[Candidate]) -> list[Candidate]:
    pause = threading.Event()
    for _ in range(PATIENCE * 20):
        if leading := [candidate for candidate in candidates if candidate.leading.is_set()]:
            return leading
        pause.wait(0.05)
    pytest.fail("nobody leads")


def test_a_leader_whose_session_is_ended_stops_and_may_lead_again(postgres_database: str) -> None:
    with candidate(postgres_database) as only, psycopg.connect(postgres_database, autocommit=True) as admin:
        assert only.leading.wait(PATIENCE)
        assert admin.execute(END_LEADER, (LEADER_LOCK,)).fetchall() == [(True,)]
        assert only.ended.wait(PATIENCE)
        assert only.leading.wait(PATIENCE)
        assert only.terms == 2


def test_a_leader_whose_work_ends_by_itself_campaigns_again(postgres_database: str) -> None:
    stopping, terms = threading.Event(), []

    def lead(over: threading.Event) -> None:
        terms.append(over)
        if len(terms) == 2:
            stopping.set()

    Leader(postgres_database, DatabaseOptions()).campaign(stopping, lead)
    assert len(terms) == 2
    assert all(over.is_set() for over in terms)
