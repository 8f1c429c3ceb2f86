"""How much one caller may send: whole bodies, and forms by address and by key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits import parse_many
from limits.storage import RedisStorage
from werkzeug.exceptions import TooManyRequests

from adapters.wiring import Services
from tests.servers import free_port
from tests.web.documents.bodies import LEAST
from tests.web.site import nothing_stored, open_services, path_of
from tests.world import Clock
from web.app import create_app
from web.counters import Counters
from web.limits import AGAIN_SECONDS, Limits

MEGABYTE = 1024 * 1024
KEYED = {"X-Webhook-Key": "sandbox"}
WEBHOOKS = {
    "/webhook/stripe/": ("application/json", {400}),
    "/webhook/resend/": ("application/json", {400}),
    "/webhook/whatconverts/": ("application/json", {200}),
    "/tracking/crm/create/": ("application/json", {200}),
    "/tracking/crm/update/": ("application/json", {200}),
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Limits stand before any database."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


def send(client: FlaskClient, path: str, body: bytes, *, chunked: bool = False) -> Any:
    """A webhook's body, with or without its length."""
    kind = {"content_type": WEBHOOKS[path][0], "headers": KEYED}
    if not chunked:
        return client.post(path, data=body, **kind)
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post(path, data=body, content_length=None, environ_overrides=environ, **kind)


@pytest.mark.parametrize("path", WEBHOOKS)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_webhook_of_more_than_a_megabyte_is_refused(
    client: FlaskClient, services: Services, path: str, chunked: bool
) -> None:
    answer = send(client, path, b" " * (MEGABYTE + 1), chunked=chunked)
    assert (answer.status_code, answer.json["error"]) == (413, "too_large")
    assert nothing_stored(services)


@pytest.mark.parametrize("path", WEBHOOKS)
def test_a_webhook_of_a_megabyte_is_read(client: FlaskClient, path: str) -> None:
    assert send(client, path, b" " * MEGABYTE).status_code in WEBHOOKS[path][1]


def form(client: FlaskClient, kind: str, *, address: str, key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(
        path_of(kind), json=LEAST[kind], headers=headers, environ_overrides={"REMOTE_ADDR": address}
    ).status_code


@pytest.fixture
def strict(database_url: str, tmp_path: Path, clock: Clock) -> Any:
    """A site that takes two forms a minute."""
    with open_services(database_url, tmp_path, clock, FORM_RATE="2/minute") as services:
        yield create_app(services).test_client()


def test_one_key_from_many_addresses_is_asked_to_wait(strict: FlaskClient) -> None:
    answers = [form(strict, "embassy", address=f"192.0.2.{number}", key="K") for number in range(3)]
    assert answers == [201, 201, 429]
    answer = strict.post(path_of("embassy"), json=LEAST["embassy"], headers={"Idempotency-Key": "K"})
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def test_a_key_counts_for_its_form_alone_and_with_or_without_the_last_slash(strict: FlaskClient) -> None:
    assert [form(strict, "embassy", address=f"192.0.2.{number}", key="K") for number in range(2)] == [201, 201]
    assert form(strict, "quote", address="192.0.2.7", key="K") == 201
    assert form(strict, "embassy", address="192.0.2.8", key="L") == 201
    answer = strict.post(path_of("embassy").rstrip("/"), json=LEAST["embassy"], headers={"Idempotency-Key": "K"})
    assert answer.status_code == 429


def test_addresses_without_keys_do_not_count_for_each_other(strict: FlaskClient) -> None:
    assert [form(strict, "embassy", address=f"192.0.2.{number}") for number in range(4)] == [201] * 4
    assert [form(strict, "embassy", address="192.0.2.9") for _ in range(3)] == [201, 201, 429]


def test_a_key_is_not_kept_as_it_is_sent(database_url: str, tmp_path: Path, clock: Clock) -> None:
    with open_services(database_url, tmp_path, clock) as services:
        app = create_app(services)
        form(app.test_client(), "embassy", address="192.0.2.1", key="john@example.com")
        counted = app.extensions["daybook-limits"].own.storage
        assert counted
        assert not [name for name in counted if "john" in name]


def test_vendors_are_never_asked_to_slow_down(strict: FlaskClient) -> None:
    answers = {send(strict, "/webhook/whatconverts/", b"{}").status_code for _ in range(9)}
    assert answers == {200}


class Silent(ConnectionError):
    """What counters fail with that are shared by all webs."""


class Shared(Counters):
    """Counters of all webs, which fail for as long as `fails` says so, at the method that it names."""

    def __init__(self) -> None:
        super().__init__()
        self.fails, self.asked = "", 0

    @property
    def base_exceptions(self) -> type[Exception]:
        return Silent

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        self._fail("incr")
        return super().incr(key, expiry, amount)

    def get_expiry(self, key: str) -> float:
        self._fail("get_expiry")
        return super().get_expiry(key)

    def _fail(self, method: str) -> None:
        if self.fails == method:
            raise Silent


TWICE = parse_many("2/minute")


def taken(limits: Limits, times: int) -> list[bool]:
    """Whether each of so many hits by one caller is within the limit."""

    def within(hit: Callable[..., None]) -> bool:
        try:
            hit(TWICE, "forms", "192.0.2.1")
        except TooManyRequests:
            return False
        return True

    return [within(limits.hit) for _ in range(times)]


def test_webs_with_one_redis_count_together(redis_url: str) -> None:
    webs = [Limits(RedisStorage(redis_url)) for _ in range(2)]
    who = "a caller of this test"
    for web in webs:
        web.hit(TWICE, "together", who)
    with pytest.raises(TooManyRequests) as refused:
        webs[0].hit(TWICE, "together", who)
    assert 1 <= int(dict(refused.value.get_headers())["Retry-After"]) <= 61


@pytest.mark.parametrize("method", ["incr", "get_expiry"])
def test_each_web_counts_for_itself_while_the_shared_counters_fail(method: str) -> None:
    shared = Shared()
    limits = Limits(shared, clock=lambda: 0.0)
    assert taken(limits, 2) == [True, True]
    shared.fails = method
    assert taken(limits, 4) == [True, True, False, False]


def test_shared_counters_that_failed_are_asked_again_after_a_while() -> None:
    shared, seconds = Shared(), [0.0]
    limits = Limits(shared, clock=lambda: seconds[0])
    shared.fails = "incr"
    taken(limits, 3)
    assert shared.asked == 1
    shared.fails, seconds[0] = "", AGAIN_SECONDS
    assert taken(limits, 3) == [True, True, False]
    assert shared.asked == 4


def test_forms_are_taken_and_limited_without_the_redis_that_is_set(
    database_url: str, tmp_path: Path, clock: Clock
) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    with open_services(database_url, tmp_path, clock, FORM_RATE="2/minute", REDIS_URL=nobody) as services:
        client = create_app(services).test_client()
        assert [form(client, "embassy", address="192.0.2.1") for _ in range(3)] == [201, 201, 429]
