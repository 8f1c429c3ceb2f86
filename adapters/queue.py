"""The doorbell over Redis: Dramatiq messages that carry an effect's id and nothing else.

Losing every message loses nothing: the runner's sweep finds what is due in the log.
"""

import logging
from uuid import UUID

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, ShutdownNotifications, TimeLimit
from redis import Redis
from redis.exceptions import RedisError

from adapters.effects import EffectRunner

QUEUE = "effects"
TIME_LIMIT_MS = 55_000  # less than a lease
ANSWER_SECONDS = 2  # a form does not wait longer for a silent Redis

log = logging.getLogger("daybook.queue")


class RedisDoorbell:
    """Rings by sending one message per effect, and answers in this process's worker threads."""

    def __init__(self, url: str, runner: EffectRunner) -> None:
        middleware = [AgeLimit(max_age=600_000), TimeLimit(time_limit=TIME_LIMIT_MS), ShutdownNotifications()]
        client = Redis.from_url(url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS)
        self._broker: dramatiq.Broker = RedisBroker(  # type: ignore[no-untyped-call]
            client=client, middleware=middleware, namespace="daybook"
        )
        self._runner = runner
        ringing = dramatiq.actor(broker=self._broker, queue_name=QUEUE, actor_name="perform")
        self._actor = ringing(self._answer)
        self._worker: dramatiq.Worker | None = None

    def ring(self, effects: list[UUID]) -> None:
        """Never fails the caller: without Redis the sweep does the work."""
        try:
            for effect in effects:
                self._actor.send(str(effect))
        except (RedisError, dramatiq.errors.DramatiqError):
            log.warning("Redis does not answer; the sweep will find %d effects", len(effects))
            self._runner.wake()

    def _answer(self, effect: str) -> None:
        self._runner.run_one(UUID(effect))

    def start(self, *, threads: int) -> None:
        """Answer in worker threads of this process."""
        self._worker = dramatiq.Worker(self._broker, worker_threads=threads)
        self._worker.start()

    def stop(self) -> None:
        """Finish what is in hand and stop answering."""
        if self._worker is not None:
            self._worker.stop()
        self._broker.close()
