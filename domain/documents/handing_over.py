"""Handing a customer or caller what is kept of them: that it was done, by whom and why, stands in each history."""

from collections.abc import Collection
from uuid import UUID

from domain.documents.erasure import find_subject
from domain.ledger import Ledger, repeatable
from domain.shared.erasure import named_cause


@repeatable
def hand_over(ledger: Ledger, *, subjects: Collection[UUID], reason: str) -> None:
    """Record that an archive of these orders and calls was made; those forgotten are passed over.

    Raises `SubjectNotFound`, and `Invalid` for a reason that is no named cause.
    """
    cause = named_cause(reason)
    living = [one for one in (find_subject(ledger, id) for id in dict.fromkeys(subjects)) if not one.erased]
    for one in living:
        one.happened(one.HandedOver(reason=cause))
    ledger.record(*living)
