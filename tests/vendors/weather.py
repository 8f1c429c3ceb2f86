"""Faults drawn by lot from a seed: what befalls the requests of a run, one after the other."""

import threading
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Generic, TypeVar

F = TypeVar("F")


class Weather(Generic[F]):
    """Draws a fault for a share of all requests; `faults` names each one and how often it comes beside the others.

    A seed always gives the same faults in the same order; which request meets which is the threads' affair.
    """

    def __init__(self, seed: int, *, share: float, faults: Mapping[str, tuple[int, F]]) -> None:
        self.share, self.befallen = share, Counter[str]()
        self._chance, self._lock = Random(seed), threading.Lock()
        self._faults = {name: fault for name, (_, fault) in faults.items()}
        self._weights = [weight for weight, _ in faults.values()]

    def draw(self) -> F | None:
        """What befalls the next request; None leaves it in peace."""
        with self._lock:
            if self._chance.random() >= self.share:
                return None
            [name] = self._chance.choices(list(self._faults), self._weights)
            self.befallen[name] += 1
            return self._faults[name]
