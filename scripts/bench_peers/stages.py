"""An aggregate of the `eventsourcing` library, as its documentation shows it."""

from eventsourcing.domain import Aggregate, event


class Staged(Aggregate):
    """The same event with the same envelope as ours."""

    @event("Placed")
    def __init__(self) -> None:
        self.stage = ""

    @event("StageReached")
    def reach(self, stage: str, skipped: list[str], by: str, via: str, correlation: str) -> None:
        self.stage = stage
