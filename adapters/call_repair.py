"""Calls whose webhooks never came are read from the vendor and put through the same judgement."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import msgspec

from domain.documents.calls import SOURCE, message_id
from domain.ledger import Ledger, Unavailable, acting
from domain.shared.errors import Declined, Unreachable
from domain.shared.receipt import receive

EVERY_SECONDS = 5 * 60
HEADERS = {"Content-Type": "application/json"}

log = logging.getLogger("daybook.calls")


class Calls(Protocol):
    """Who can be asked for the calls of some days."""

    def phone_calls(self, first: date, last: date) -> Iterable[Mapping[str, Any]]: ...


def read_calls(calls: Calls, ledger: Ledger, *, now: datetime) -> int:
    """Keep what today's and yesterday's calls say, to be judged like a webhook; returns how many said something new.

    Raises `Declined`, `Unreachable`, `Unavailable`.
    """
    today, new = now.date(), 0
    for found in calls.phone_calls(today - timedelta(days=1), today):
        body = msgspec.json.encode(found, order="sorted")
        with acting(by=SOURCE, via="poll", at=now):
            _, arrived = receive(
                ledger,
                source=SOURCE,
                vendor_id=message_id(body),
                body=body,
                headers=HEADERS,
                named_by_content=True,
            )
        new += arrived
    return new


def keep_calls(calls: Calls, ledger: Ledger, *, now: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
    """Read at the start and every five minutes; `wait(seconds)` returns True when it is time to stop."""
    while True:
        try:
            if new := read_calls(calls, ledger, now=now()):
                log.info("%d messages about calls had not been told by webhook", new)
        except (Declined, Unreachable, Unavailable) as error:
            log.warning("calls were not read: %s", type(error).__name__)
        if wait(EVERY_SECONDS):
            return
