"""The doorbell over Redis: Dramatiq messages that carry an effect's id and nothing else.

Losing every message loses nothing: the runner's sweep finds what is due in the log.
"""

import logging
import threading
from queue import SimpleQueue
from uuid import UUID

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, ShutdownNotifications, TimeLimit
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from adapters.effects import EffectRunner
from adapters.leases import LONGEST_ATTEMPT
from adapters.metrics import RINGS

QUEUE = "effects"
TIME_LIMIT_MS = round(LONGEST_ATTEMPT.total_seconds() * 1000)  # the lease is renewed for as long
ANSWER_SECONDS = 2
LISTEN_MS = 40  # between two looks for rings on an idle queue; Dramatiq would let them grow to a second

log = logging.getLogger("daybook.queue")


class RedisDoorbell:
    """Rings by sending one message per effect, and answers in this process's worker threads.

    Ringing keeps nobody waiting: a thread of its own talks to Redis, and without Redis the sweep does the work.
    """

    def __init__(self, url: str, runner: EffectRunner) -> None:
        middleware = [AgeLimit(max_age=600_000), TimeLimit(time_limit=TIME_LIMIT_MS), ShutdownNotifications()]
        client = Redis.from_url(
            url,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._broker: dramatiq.Broker = RedisBroker(  # type: ignore[no-untyped-call]
            client=client, middleware=middleware, namespace="daybook"
        )
        self._runner = runner
        ringing = dramatiq.actor(broker=self._broker, queue_name=QUEUE, actor_name="perform")
        self._actor = ringing(self._answer)
        self._worker: dramatiq.Worker | None = None
        self._rings: SimpleQueue[UUID | None] = SimpleQueue()
        self._ringer = threading.Thread(target=self._ring_on, name="doorbell", daemon=True)
        self._ringer.start()

    def ring(self, effects: list[UUID]) -> None:
        """Returns at once."""
        for effect in effects:
            self._rings.put(effect)

    def _ring_on(self) -> None:
        while (effect := self._rings.get()) is not None:
            try:
                self._actor.send(str(effect))
                RINGS.labels("rung").inc()
            except (RedisError, dramatiq.errors.DramatiqError) as error:
                dropped = self._drop()
                RINGS.labels("lost").inc(dropped + 1)
                log.warning("Redis does not answer (%s); the sweep finds %d effects", type(error).__name__, dropped + 1)
                self._runner.wake()

    def _drop(self) -> int:
        """Forget what else was to be rung: a silent Redis is not asked once per effect."""
        dropped = 0
        while not self._rings.empty():
            if self._rings.get() is None:
                self._rings.put(None)
                break
            dropped += 1
        return dropped

    def _answer(self, effect: str) -> None:
        self._runner.run_one(UUID(effect))

    def start(self, *, threads: int) -> None:
        """Answer in worker threads of this process."""
        self._worker = dramatiq.Worker(self._broker, worker_threads=threads, worker_timeout=LISTEN_MS)
        self._worker.start()

    def stop(self, *, timeout: float = 10) -> bool:
        """Stop answering and finish what is in hand, within `timeout` seconds; False when that was not enough."""
        self._rings.put(None)
        self._ringer.join(2 * ANSWER_SECONDS)
        if self._worker is not None:
            self._worker.stop(timeout=round(timeout * 1000))
        self._broker.close()
        return self._worker is None or not any(thread.is_alive() for thread in self._worker.workers)
