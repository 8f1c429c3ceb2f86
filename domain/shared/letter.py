"""A mail before it is rendered."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said to whom, in which thread: `template` names the pair of HTML and text, `values` fill it.

    The provider replaces Message-IDs, so `references` begins with an anchor id that every mail of a thread names.
    """

    template: str
    to: str
    subject: str
    values: Mapping[str, Any]
    message_id: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
