"""Writing personal data into files that leave the ledger: who did it and why stays on record."""

from typing import Self
from uuid import UUID

from domain.ledger import Aggregate, Event
from domain.shared.errors import Invalid

LONGEST_REASON = 200


class Export(Aggregate, name="export"):
    """One export for analysts that holds personal data. One without holds nothing that would have to be recorded."""

    class PersonalDataTaken(Event, frozen=True, kw_only=True):
        """Recorded before the first file is written; `upto` is the position of the newest event in it, `views` are
        the views that go with it."""

        reason: str
        upto: int
        views: tuple[str, ...] = ()

    @classmethod
    def take(cls, id: UUID, *, reason: str, upto: int, views: tuple[str, ...]) -> Self:
        """Begin an export with personal data; raises `Invalid` for a reason that says nothing."""
        words = " ".join(reason.split())
        if not words or len(words) > LONGEST_REASON or not words.isprintable():
            raise Invalid({"reason": [f"1 to {LONGEST_REASON} characters that say why, naming nobody."]})
        export = cls(id)
        export.happened(cls.PersonalDataTaken(reason=words, upto=upto, views=views))
        return export

    def apply(self, event: Event) -> None:
        """Nothing is decided by what was taken before."""
