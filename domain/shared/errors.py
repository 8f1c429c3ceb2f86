"""The three roots of everything that can go wrong: we refuse, a vendor declines, or nobody answers."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class Refused(Exception):
    """We say no. A concrete class names the state that forbids, and `str()` of it is one sentence.

    `code` is the word callers see in an error body, `status` the HTTP status it is answered with, and
    `sentence` what is said when the raiser says nothing more exact. None of them may carry personal data.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    sentence: ClassVar[str] = "This cannot be done now."

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.sentence)


class NotFound(Refused):
    """Unknown, malformed and erased things are answered alike, so that an answer reveals nothing."""

    code = "not_found"
    status = 404
    sentence = "There is nothing at this address."


class Invalid(Refused):
    """Input breaks the rules; `fields` maps each field's dotted name to its messages."""

    code = "invalid"
    status = 422
    sentence = "Some fields are not valid."

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {name: list(messages) for name, messages in fields.items()}


class BadSignature(Refused):
    """An inbound message that does not prove who sent it; nothing of it is stored."""

    code = "bad_signature"
    status = 400
    sentence = "The signature does not hold."


class Declined(Exception):
    """A vendor understood the request and said no; asking again would not help."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The vendor declined: {reason}.")
        self.reason = reason


class Unreachable(Exception):
    """No answer, or a temporary one; worth another try, after `retry_after` seconds if the vendor said so."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"The vendor could not be reached: {reason}.")
        self.reason = reason
        self.retry_after = retry_after
