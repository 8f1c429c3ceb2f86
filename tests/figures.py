"""Figures as a test reads them: what was counted so far, and what a scrape shows."""

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families


def counted(name: str, **labels: str) -> float:
    """What this test process has counted so far; tests compare two readings."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Scrape:
    """What `/metrics` told, by name and labels."""

    def __init__(self, text: bytes | str) -> None:
        told = text.decode() if isinstance(text, bytes) else text
        self.families = {family.name: family for family in text_string_to_metric_families(told)}
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The value of a series, None when it is not told."""
        return self._values.get((name, frozenset(labels.items())))

    def names(self) -> set[str]:
        """Every name that a query may use."""
        return {name for name, _ in self._values}
