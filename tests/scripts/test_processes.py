"""`daybook web`, `work` and `follow`: together they are the product, and each may end at any moment."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from redis import Redis

from projections.documents.tracking_page import TRACKING_PAGE
from tests import servers
from tests.running import PATIENCE, Company, Started, company, same_after_rebuild, settled, until
from tests.scripts.conftest import Command

pytestmark = pytest.mark.slow


@pytest.fixture
def firm(tmp_path: Path, postgres_database: str) -> Iterator[Company]:
    """A ledger that any number of processes may work on."""
    with company(tmp_path, postgres_database) as firm:
        yield firm


def all_settled(firm: Company) -> bool:
    with firm.services() as services:
        return bool(until(lambda: settled(services)))


def follower_state(web: Started) -> str:
    found: str = web.ready()["follower"]["state"]
    return found


def test_an_order_goes_through_three_processes_and_its_page_is_there_at_once(firm: Company) -> None:
    web, work, follow = firm.web(workers=2), firm.start("work"), firm.start("follow")
    until(lambda: follower_state(web) == "quiet")
    for _ in range(8):
        assert web.page(web.post()) == 200
    assert all_settled(firm)
    until(lambda: web.ready()["status"] == "ready")
    assert [process.end() for process in (web, work, follow)] == [0, 0, 0]
    assert [process.log.read_text() for process in (web, work, follow)] == ["", "", ""]


def test_every_child_of_web_shows_its_own_figures(firm: Company) -> None:
    port = servers.free_ports(2)
    firm.start("web", "--port", "0", "--workers", "2", "--metrics-port", str(port))
    for number in (port, port + 1):
        figures = until(lambda: requests.get(f"http://127.0.0.1:{number}/metrics", timeout=PATIENCE).text)  # noqa: B023
        assert "daybook_up 1.0" in figures


def test_orders_are_taken_while_nobody_follows_or_works(firm: Company) -> None:
    web = firm.web()
    placed = web.post()
    assert (web.ready()["status"], follower_state(web)) == ("degraded", "dead")
    firm.start("follow")
    firm.start("work")
    assert all_settled(firm)
    assert web.page(placed) == 200


def test_a_killed_web_leaves_no_children(firm: Company) -> None:
    web = firm.web(workers=3)
    assert len(web.children()) == 3
    assert web.end(signal.SIGKILL) == -signal.SIGKILL  # and returns when the last of them has ended
    with pytest.raises(requests.ConnectionError):
        requests.get(web.address, timeout=PATIENCE)


def test_a_killed_child_of_web_is_made_anew(firm: Company) -> None:
    web = firm.web(workers=2)
    [gone, stays] = web.children()
    os.kill(gone, signal.SIGKILL)
    until(lambda: len(web.children()) == 2 and gone not in web.children())
    assert stays in web.children()
    until(lambda: web.ready()["database"] == "answers")
    assert web.end() == 0


def test_another_follower_takes_over_from_one_that_was_killed(firm: Company) -> None:
    web, first = firm.web(), firm.start("follow")
    firm.start("follow")
    assert until(lambda: web.page(web.post()) == 200)
    first.end(signal.SIGKILL)
    placed = web.post()
    until(lambda: web.page(placed) == 200)


def test_a_frozen_leader_is_replaced_and_does_no_harm_when_it_wakes_up(firm: Company) -> None:
    web, first = firm.web(), firm.start("follow")
    until(lambda: web.page(web.post()) == 200)
    firm.start("follow")
    first.tell(signal.SIGSTOP)
    placed = web.post()
    until(lambda: web.page(placed) == 200)
    first.tell(signal.SIGCONT)
    for _ in range(20):
        assert web.page(web.post()) == 200
    until(lambda: leading(firm) == 1)
    firm.start("work")
    assert all_settled(firm)
    with firm.services() as services:
        assert same_after_rebuild(services)


def leading(firm: Company) -> int:
    with firm.services() as services:
        return sum(process.state(services.now()) == "leading" for process in services.processes())


def test_views_that_were_dropped_come_back_by_themselves(firm: Company) -> None:
    web, _ = firm.web(), firm.start("follow")
    placed = web.post()
    until(lambda: web.page(placed) == 200)
    with firm.services() as services:
        with services.home.engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA daybook_views CASCADE")
        until(lambda: web.page(placed) == 200)
        until(lambda: services.positions()[TRACKING_PAGE.name] == services.log.last_position())
        with services.home.engine.begin() as connection:
            services.home.drop(connection, TRACKING_PAGE.name)
        until(lambda: web.page(placed) == 200)


@pytest.mark.postgres
@pytest.mark.parametrize("end", ["kill", "stop"])
def test_all_of_them_outlive_a_restart_of_postgres(tmp_path: Path, end: str) -> None:
    with (
        servers.postgres_server() as server,
        servers.fresh_database(server.url) as url,
        company(tmp_path, url) as firm,
    ):
        web, work, follow = firm.web(workers=2), firm.start("work"), firm.start("follow")
        placed = web.post()
        until(lambda: web.page(placed) == 200)
        getattr(server, end)()
        assert requests.get(f"{web.address}/health/ready", timeout=PATIENCE).status_code == 503
        assert requests.get(f"{web.address}/health/live", timeout=PATIENCE).status_code == 200
        server.start()
        until(lambda: web.page(placed) == 200)
        after = until(lambda: web.post())
        until(lambda: web.page(after) == 200)
        assert all_settled(firm)
        assert [process.end() for process in (web, work, follow)] == [0, 0, 0]


def test_redis_is_only_the_doorbell(tmp_path: Path, postgres_database: str) -> None:
    with servers.redis_server() as redis, company(tmp_path, postgres_database, DAYBOOK_REDIS_URL=redis.url) as firm:
        web = firm.web()
        firm.start("work")
        firm.start("follow")
        web.post()
        assert all_settled(firm)
        with Redis.from_url(redis.url) as client:
            web.post()
            client.flushall()
        assert all_settled(firm)
        redis.kill()
        web.post()
        assert all_settled(firm)
        redis.start()
        web.post()
        assert all_settled(firm)


def test_a_worker_that_is_told_to_stop_hands_back_what_does_not_end(tmp_path: Path, postgres_database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        smtp = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        with company(
            tmp_path,
            postgres_database,
            DAYBOOK_SMTP_URL=smtp,
            DAYBOOK_STOP_SECONDS="1",
            DAYBOOK_EFFECT_LEASE_SECONDS="600",
        ) as firm:
            web, work = firm.web(), firm.start("work")
            web.post()
            mail, _ = silent.accept()
            with mail:
                assert work.end() == 0
            with firm.services() as services:
                assert "staff_notice" in {
                    work.kind for work in services.runner.take(limit=20)
                }  # though leases are long


@pytest.mark.parametrize("name", ["web", "work", "follow"])
def test_several_processes_need_postgres(daybook: Command, name: str, tmp_path: Path) -> None:
    sentence = daybook.complains(name)
    assert sentence == "One SQLite file has one server, `daybook serve`; more processes need PostgreSQL."
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["web", "work", "follow", "status", "views"])
def test_nobody_but_init_makes_a_ledger(daybook: Command, name: str, postgres_database: str) -> None:
    sentence = daybook.complains(name, "--database", postgres_database)
    assert sentence == "There is no ledger in this database; `daybook init` makes one."
