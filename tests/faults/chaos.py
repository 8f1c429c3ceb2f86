"""Faults by chance: what happens when is decided by a seed and by how many requests have been answered."""

import random
import signal
from collections import Counter, deque
from collections.abc import Callable, Collection

from redis import Redis
from redis.exceptions import RedisError

from tests.faults.cluster import ROLES, Cluster

# How often each of them is in a pack of faults; those that kill do it with SIGKILL.
PACK = {
    "kill web": 3,
    "kill work": 3,
    "kill follow": 3,
    "kill redis": 2,
    "kill postgres": 2,
    "stop web": 1,
    "stop work": 1,
    "stop follow": 1,
    "restart postgres": 1,
    "flush redis": 1,
    "freeze work": 1,
    "freeze follow": 1,
}
KILLS = frozenset(name for name in PACK if name.startswith("kill"))


def share_of_kills(only: Collection[str]) -> float:
    """How many of the faults kill, when only some kinds happen (all, when none is named)."""
    pack = {name: number for name, number in PACK.items() if not only or name in only}
    return sum(number for name, number in pack.items() if name in KILLS) / sum(pack.values())


class Chaos:
    """Does harm to a cluster. `every` is after how many answers, on average, the next thing of `only` these happens."""

    def __init__(self, cluster: Cluster, *, seed: int, every: int, only: Collection[str] = ()) -> None:
        self.happened: Counter[str] = Counter()
        self._cluster, self._every, self._chance = cluster, every, random.Random(seed)
        self._later: deque[tuple[int, Callable[[], None]]] = deque()
        self._only = frozenset(only or PACK)
        self._pack: list[str] = []

    @property
    def kills(self) -> int:
        """How often something was killed."""
        return sum(number for name, number in self.happened.items() if name in KILLS)

    def next_after(self, answered: int) -> int:
        """At how many answers the next fault is due."""
        return answered + self._chance.randrange(1, 2 * self._every)

    def strike(self, answered: int) -> str:
        """Do the next harm, and mend what an earlier one has left; says what was done."""
        while self._later and self._later[0][0] <= answered:
            self._later.popleft()[1]()
        what = self._draw()
        deed, _, whom = what.partition(" ")
        if whom in ROLES:
            self._process(deed, whom, answered)
        else:
            getattr(self, f"_{deed}_{whom}")(answered)
        self.happened[what] += 1
        return what

    def mend(self) -> None:
        """Whatever is still frozen or down goes on."""
        while self._later:
            self._later.popleft()[1]()

    def _draw(self) -> str:
        """From a pack that is shuffled anew when it is empty, so that a short run meets every kind."""
        if not self._pack:
            self._pack = [name for name, number in PACK.items() if name in self._only for _ in range(number)]
            self._chance.shuffle(self._pack)
        return self._pack.pop()

    def _process(self, deed: str, role: str, answered: int) -> None:
        kept = self._chance.choice(self._cluster.of(role))
        match deed:
            case "kill":
                kept.tell(signal.SIGKILL)
            case "stop" if kept.ready.is_set():
                kept.tell(signal.SIGCONT)
                kept.tell(signal.SIGTERM)
            case "freeze":
                kept.tell(signal.SIGSTOP)
                self._after(answered, lambda: kept.tell(signal.SIGCONT))

    def _kill_postgres(self, answered: int) -> None:
        self._cluster.postgres.kill()
        self._cluster.postgres.start()

    def _restart_postgres(self, answered: int) -> None:
        self._cluster.postgres.stop()
        self._cluster.postgres.start()

    def _kill_redis(self, answered: int) -> None:
        self._cluster.redis.kill()
        self._after(answered, self._start_redis)

    def _start_redis(self) -> None:
        if self._redis_answers():
            return
        self._cluster.redis.start()

    def _flush_redis(self, answered: int) -> None:
        self._redis_answers(flush=True)

    def _redis_answers(self, *, flush: bool = False) -> bool:
        try:
            with Redis.from_url(self._cluster.redis.url) as client:
                return bool(client.flushall() if flush else client.ping())
        except RedisError:
            return False

    def _after(self, answered: int, mend: Callable[[], None]) -> None:
        self._later.append((answered + 3 * self._every, mend))
