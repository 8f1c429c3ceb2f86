"""WhatConverts' Leads API, from which calls are read whose webhooks never came."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec
from requests.auth import HTTPBasicAuth

from adapters.http import Session, pause_asked
from domain.shared.errors import Declined, Unreachable

LEADS_PER_PAGE = 250
MOST_PAGES = 40


class _Page(msgspec.Struct):
    """What is read of one page; a lead stays as it was written."""

    leads: list[dict[str, Any]]
    total_pages: int = 1


class LeadsApi:
    """Reads leads with one profile's token and secret."""

    def __init__(self, session: Session, *, api_base: str, token: str, secret: str) -> None:
        self._session, self._url = session, f"{api_base.rstrip('/')}/leads"
        self._auth = HTTPBasicAuth(token, secret)

    def phone_calls(self, first: date, last: date) -> Iterator[Mapping[str, Any]]:
        """The phone calls of these days, oldest first; raises `Declined` or `Unreachable`."""
        wanted = {"lead_type": "phone_call", "start_date": first.isoformat(), "end_date": last.isoformat()}
        for number in range(1, MOST_PAGES + 1):
            page = self._page({**wanted, "order": "asc", "leads_per_page": LEADS_PER_PAGE, "page_number": number})
            yield from page.leads
            if number >= page.total_pages:
                return

    def _page(self, query: Mapping[str, Any]) -> _Page:
        answer = self._session.request("GET", self._url, params=query, auth=self._auth)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unreachable(f"HTTP {answer.status_code}", retry_after=pause_asked(answer))
        if answer.status_code != 200:
            raise Declined(f"HTTP {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=_Page)
        except msgspec.MsgspecError:
            raise Unreachable("an answer that cannot be read") from None
