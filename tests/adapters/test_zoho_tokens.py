"""Zoho's access token: one for everybody, renewed once, never asked for too often."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from redis import Redis

from adapters.zoho.crm import ZohoCrm
from adapters.zoho.token_stores import MemoryTokenStore, RedisTokenStore
from adapters.zoho.tokens import Token
from domain.shared.errors import Declined, Unreachable
from tests.adapters.zoho_desk import Clock, zoho_crm
from tests.servers import free_port
from tests.vendors.zoho_server import REFRESH_TOKEN, ZohoServer, zoho_server

TOKEN_SERVER = "/oauth/"


@pytest.fixture
def zoho() -> Iterator[ZohoServer]:
    with zoho_server() as zoho:
        yield zoho


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(zoho: ZohoServer, clock: Clock) -> Iterator[ZohoCrm]:
    with zoho_crm(zoho, clock=clock, timeout=5) as crm:
        yield crm


def look(crm: ZohoCrm) -> None:
    assert crm.find("Contacts", "Email", "ann@example.com") is None


def test_a_token_is_used_for_fifty_minutes(zoho: ZohoServer, clock: Clock, crm: ZohoCrm) -> None:
    look(crm)
    clock.pass_by(minutes=49, seconds=59)
    look(crm)
    assert zoho.given == 1
    clock.pass_by(seconds=1)
    look(crm)
    assert zoho.given == 2


def test_a_token_of_a_shorter_life_is_renewed_a_minute_early(zoho: ZohoServer, clock: Clock, crm: ZohoCrm) -> None:
    zoho.tokens.append("brief")
    zoho.next(status=200, body={"access_token": "brief", "api_domain": zoho.url, "expires_in": 600}, on=TOKEN_SERVER)
    look(crm)
    clock.pass_by(minutes=9)
    look(crm)
    assert zoho.given == 1


def test_the_secrets_travel_in_the_form_and_not_in_the_address(zoho: ZohoServer, crm: ZohoCrm) -> None:
    look(crm)
    asked = zoho.web.asked[0]
    assert (asked.method, asked.path, asked.query) == ("POST", "/oauth/v2/token", {})
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_an_address_of_our_own_goes_before_the_one_that_comes_with_the_token(zoho: ZohoServer, clock: Clock) -> None:
    zoho.tokens.append("elsewhere")
    token = {"access_token": "elsewhere", "api_domain": f"http://127.0.0.1:{free_port()}", "expires_in": 3600}
    zoho.next(status=200, body=token, on=TOKEN_SERVER)
    with zoho_crm(zoho, clock=clock, api_base=f"{zoho.url}/") as crm:
        look(crm)


def test_a_refused_token_is_renewed_and_the_call_repeated_once(zoho: ZohoServer, crm: ZohoCrm) -> None:
    look(crm)
    zoho.expire_tokens()
    look(crm)
    assert zoho.given == 2
    assert zoho.web.paths()[2:] == ["POST /crm/v8/coql", "POST /oauth/v2/token", "POST /crm/v8/coql"]


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE", "OAUTH_SCOPE_MISMATCH"])
def test_a_new_token_that_is_refused_too_is_declined(zoho: ZohoServer, crm: ZohoCrm, code: str) -> None:
    look(crm)
    for _ in range(2):
        zoho.next_error(401, code)
    with pytest.raises(Declined, match=f"refuses our credentials: {code}"):
        look(crm)
    assert zoho.given == 2


@pytest.mark.parametrize("accept", [False, True])
def test_a_token_answer_that_was_lost_is_asked_for_again(zoho: ZohoServer, crm: ZohoCrm, accept: bool) -> None:
    zoho.next(on=TOKEN_SERVER, accept=accept)
    with pytest.raises(Unreachable):
        look(crm)
    look(crm)
    assert zoho.given == 1 + accept


def test_wrong_credentials_are_declined_without_naming_them(zoho: ZohoServer, clock: Clock) -> None:
    with (
        zoho_crm(zoho, clock=clock, client_secret="not-it") as crm,
        pytest.raises(Declined, match=r"refuses our credentials: invalid_client\.$"),
    ):
        look(crm)


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_revoked_refresh_token_is_declined_whatever_the_status(zoho: ZohoServer, crm: ZohoCrm, status: int) -> None:
    zoho.next(status=status, body={"error": "invalid_code"}, on=TOKEN_SERVER)
    with pytest.raises(Declined, match="refuses our credentials: invalid_code"):
        look(crm)


@pytest.mark.parametrize(
    ("status", "body"), [(200, {}), (429, {}), (500, {"error": "invalid_code"}), (200, {"error": "server_error"})]
)
def test_a_token_server_in_trouble_is_asked_again(
    zoho: ZohoServer, crm: ZohoCrm, status: int, body: dict[str, str]
) -> None:
    zoho.next(status=status, body=body, on=TOKEN_SERVER)
    with pytest.raises(Unreachable):
        look(crm)
    look(crm)


def test_a_token_answer_that_is_not_json_is_asked_for_again(zoho: ZohoServer, crm: ZohoCrm) -> None:
    zoho.next_html(200, on=TOKEN_SERVER)
    with pytest.raises(Unreachable, match="cannot be read"):
        look(crm)


def test_at_most_ten_tokens_are_asked_for_in_ten_minutes(zoho: ZohoServer, clock: Clock, crm: ZohoCrm) -> None:
    for _ in range(10):
        zoho.expire_tokens()
        look(crm)
        clock.pass_by(seconds=30)
    zoho.expire_tokens()
    with pytest.raises(Unreachable, match="too many tokens") as caught:
        look(crm)
    assert (zoho.given, caught.value.retry_after) == (10, 300)
    clock.pass_by(seconds=300)
    look(crm)
    assert zoho.given == 11


def test_tokens_whose_answer_was_lost_are_counted_too(zoho: ZohoServer, crm: ZohoCrm) -> None:
    for _ in range(10):
        zoho.next(on=TOKEN_SERVER, accept=True)
        with pytest.raises(Unreachable, match="the connection failed"):
            look(crm)
    with pytest.raises(Unreachable, match="too many tokens"):
        look(crm)
    assert zoho.given == 10


@pytest.mark.parametrize("phrase", ["Access Denied", "拒绝访问"])
def test_a_closed_window_is_waited_out(zoho: ZohoServer, clock: Clock, crm: ZohoCrm, phrase: str) -> None:
    zoho.next(status=400, body={"error": phrase, "status": "failure"}, on=TOKEN_SERVER)
    for _ in range(2):
        with pytest.raises(Unreachable) as caught:
            look(crm)
        assert caught.value.retry_after == 600
    assert len(zoho.web.asked) == 1
    clock.pass_by(minutes=10)
    look(crm)


def test_eight_threads_share_one_renewal(zoho: ZohoServer, crm: ZohoCrm) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: look(crm), range(32)))
        assert zoho.given == 1
        zoho.expire_tokens()
        list(pool.map(lambda _: look(crm), range(32)))
    assert zoho.given == 2


def test_a_token_does_not_show_itself() -> None:
    assert "hush" not in repr(Token("hush", "https://www.zohoapis.com")) + str([Token("hush")])


def redis_store(url: str, *, account: str) -> RedisTokenStore:
    return RedisTokenStore(url, client_id=account, refresh_token=REFRESH_TOKEN)


def test_processes_share_one_renewal_through_redis(zoho: ZohoServer, clock: Clock, redis_url: str) -> None:
    stores = [redis_store(redis_url, account="processes") for _ in range(4)]
    Redis.from_url(redis_url).delete(stores[0].key)

    def process(store: RedisTokenStore) -> None:
        with zoho_crm(zoho, clock=clock, store=store, timeout=5) as crm, ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: look(crm), range(8)))

    for renewals in (1, 2):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(process, stores))
        assert zoho.given == renewals
        zoho.expire_tokens()


def test_another_account_has_another_token(redis_url: str) -> None:
    ours, theirs = redis_store(redis_url, account="ours"), redis_store(redis_url, account="theirs")
    Redis.from_url(redis_url).delete(ours.key, theirs.key)
    ours.put(Token("x"))
    assert (ours.get(), theirs.get()) == (Token("x"), None)
    assert REFRESH_TOKEN not in ours.key
    assert "ours" not in ours.key


def test_a_token_outlives_redis_in_its_process(redis_url: str, clock: Clock) -> None:
    store = redis_store(redis_url, account="restarted")
    token = Token("x", "https://www.zohoapis.com", clock.at + timedelta(minutes=50), (clock.at,))
    store.put(token)
    assert redis_store(redis_url, account="restarted").get() == token
    Redis.from_url(redis_url).set(store.key, "not a token")
    assert store.get() == token
    Redis.from_url(redis_url).delete(store.key)
    assert store.get() == token


def test_without_redis_each_process_keeps_its_own_token(zoho: ZohoServer, clock: Clock) -> None:
    store = redis_store(f"redis://127.0.0.1:{free_port()}/0", account="alone")
    with zoho_crm(zoho, clock=clock, store=store) as crm:
        look(crm)
        look(crm)
    assert zoho.given == 1


def test_a_lock_is_free_again_after_an_error() -> None:
    store = MemoryTokenStore()
    with pytest.raises(Unreachable), store.lock():
        raise Unreachable("for a moment")
    with store.lock():
        assert store.get() is None
