"""Counters for operators; labels are words of ours, never a caller's."""

from prometheus_client import Counter

REFUSALS = Counter(
    "daybook_refusals_total", "Fields refused, by endpoint, field and reason.", ["endpoint", "field", "reason"]
)
UNKNOWN_FIELD = "(unknown)"


def count_refusal(endpoint: str, field: str, reason: str) -> None:
    """Count one refused field; nothing else of the body is kept."""
    REFUSALS.labels(endpoint, field, reason).inc()
