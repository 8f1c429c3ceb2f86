"""Where Zoho's token lies: in this process, or in Redis for all of them."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from adapters.zoho.tokens import Token
from domain.shared.errors import Unreachable

WAIT_SECONDS = 15.0
LOCK_SECONDS = 30.0  # longer than the token server may take to answer
KEPT_SECONDS = 3600
REDIS_SECONDS = 1.0
BUSY = "the CRM's token is being renewed elsewhere"


class MemoryTokenStore:
    """For the threads of one process."""

    def __init__(self) -> None:
        self._token: Token | None = None
        self._one_at_a_time = threading.Lock()

    def get(self) -> Token | None:
        return self._token

    def put(self, token: Token) -> None:
        self._token = token

    @contextmanager
    def lock(self) -> Iterator[None]:
        if not self._one_at_a_time.acquire(timeout=WAIT_SECONDS):
            raise Unreachable(BUSY)
        try:
            yield
        finally:
            self._one_at_a_time.release()


class RedisTokenStore:
    """For all processes with the same credentials; while Redis is silent each process keeps a token of its own."""

    def __init__(self, url: str, *, client_id: str, refresh_token: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS)
        self._own = MemoryTokenStore()
        account = hashlib.sha256(f"{client_id}\0{refresh_token}".encode()).hexdigest()[:16]
        self.key = f"daybook:zoho:{account}"

    def get(self) -> Token | None:
        try:
            kept = self._redis.get(self.key)
            return msgspec.json.decode(kept, type=Token) if isinstance(kept, bytes | str) else self._own.get()
        except (RedisError, msgspec.MsgspecError):
            return self._own.get()

    def put(self, token: Token) -> None:
        self._own.put(token)
        with suppress(RedisError):
            self._redis.set(self.key, msgspec.json.encode(token), ex=KEPT_SECONDS)

    @contextmanager
    def lock(self) -> Iterator[None]:
        shared = self._redis.lock(f"{self.key}:lock", timeout=LOCK_SECONDS, blocking_timeout=WAIT_SECONDS, sleep=0.05)
        with self._own.lock():
            try:
                mine = shared.acquire()
            except RedisError:
                yield
                return
            if not mine:
                raise Unreachable(BUSY)
            try:
                yield
            finally:
                with suppress(RedisError):
                    shared.release()
