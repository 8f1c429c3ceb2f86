"""How often one caller may ask: fixed windows, counted for all webs together where there is a Redis."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, cast

from flask import request
from limits import RateLimitItem, parse_many
from limits.storage import Storage, storage_from_string
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.exceptions import TooManyRequests

from web.counters import Counters

# A form waits for no Redis.
SHORT_WAITS: dict[str, Any] = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 0.5,
    "retry": Retry(NoBackoff(), 0),
}
AGAIN_SECONDS = 5.0  # until a Redis that did not answer is asked again

log = logging.getLogger("daybook.web")


class Limits:
    """Counts who asks for what; while `shared` counters do not answer, this process counts for itself."""

    def __init__(self, shared: Storage | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.own, self._shared, self._clock = Counters(), shared, clock
        self._asked_again_at = -math.inf

    def hit(self, rates: Sequence[RateLimitItem], *who: str) -> None:
        """Count one more of `who`; raises `TooManyRequests`, with the seconds to wait, where that is over a rate."""
        if self._shared is not None and self._clock() >= self._asked_again_at:
            try:
                return _hit(self._shared, rates, who)
            except self._shared.base_exceptions as error:
                self._asked_again_at = self._clock() + AGAIN_SECONDS
                log.warning("limits are counted by this process alone: %s", type(error).__name__)
        return _hit(self.own, rates, who)


def _hit(storage: Storage, rates: Sequence[RateLimitItem], who: Sequence[str]) -> None:
    for rate in rates:
        key = rate.key_for(*who)
        if storage.incr(key, rate.get_expiry()) > rate.amount:
            wait = storage.get_expiry(key) - time.time()
            raise TooManyRequests(retry_after=max(1, math.ceil(wait)))


def open_limits(redis_url: str | None) -> Limits:
    """Limits over this Redis, or of this process alone."""
    return Limits(cast(Storage, storage_from_string(redis_url, **SHORT_WAITS)) if redis_url else None)


class Limit:
    """So many requests of one kind by one caller; `caller` returns None for one that is not counted."""

    def __init__(self, limits: Limits, rate: str, *, scope: str, caller: Callable[[], str | None]) -> None:
        self._limits, self._rates, self._scope, self._caller = limits, parse_many(rate), scope, caller

    def __call__(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """The view, for callers within the limit."""

        @wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            caller = self._caller()
            if caller is not None:
                self._limits.hit(self._rates, self._scope, caller)
            return view(*args, **kwargs)

        return limited


def address() -> str:
    """Who is calling, as far as an address tells."""
    return request.remote_addr or "127.0.0.1"
