"""What a call lead says no to."""

from typing import ClassVar

from domain.shared.errors import NotFound, Refused


class CallLeadNotFound(NotFound):
    """No call lead has this id, or the person has been erased: callers cannot tell which."""


class AlreadyMatched(Refused):
    """A call belongs to one order at a time."""

    code: ClassVar[str] = "already_matched"
    sentence: ClassVar[str] = "This call is matched with another order."


class NotMatched(Refused):
    """There is no match to undo."""

    code: ClassVar[str] = "not_matched"
    sentence: ClassVar[str] = "This call is not matched with an order."


class NotForThisCall(Refused):
    """A closed lead takes no further call, and no lead takes an order that only looks like its own."""

    code: ClassVar[str] = "not_for_this_call"
    sentence: ClassVar[str] = "This does not belong to the call, unless somebody says so."
