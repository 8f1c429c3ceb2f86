"""Zoho's access tokens: one, shared by all threads and processes, renewed by one of them."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from requests import Response

from adapters.http import Session, pause_asked
from domain.shared.errors import Declined, Unreachable

LIFE = timedelta(minutes=50)  # of the hour that Zoho gives it
EARLY = timedelta(seconds=60)
WINDOW = timedelta(minutes=10)
MOST_IN_WINDOW = 10  # one more, and Zoho gives out none for the rest of the window
PASSING = frozenset({"general_error", "server_error", "temporarily_unavailable"})

_OAUTH_WORD = re.compile(r"[a-z_]{1,40}")


class Token(msgspec.Struct, frozen=True):
    """An access token, where it is good for, and when tokens were asked for lately."""

    access: str = ""
    api_domain: str = ""
    expires_at: datetime | None = None
    asked_at: tuple[datetime, ...] = ()

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at!r})"

    def good(self, *, at: datetime) -> bool:
        """Whether it may be used at that moment."""
        return self.expires_at is not None and at < self.expires_at


class TokenStore(Protocol):
    """Where the token lies for everybody who uses it."""

    def get(self) -> Token | None:
        """The token as it was put last."""

    def put(self, token: Token) -> None:
        """Replace the token."""

    def lock(self) -> AbstractContextManager[None]:
        """Only one thread of one process at a time; raises `Unreachable` after a long wait."""


class _Given(msgspec.Struct, frozen=True):
    access_token: str = ""
    api_domain: str = "https://www.zohoapis.com"
    expires_in: int = 3600
    error: str = ""


class Tokens:
    """Gives the current token and renews it when it is old or refused."""

    def __init__(
        self,
        session: Session,
        *,
        accounts_base: str,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        store: TokenStore,
        now: Callable[[], datetime],
    ) -> None:
        self._session, self._store, self._now = session, store, now
        self._url = accounts_base.rstrip("/") + "/oauth/v2/token"
        self._form = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
        }

    def current(self, *, refused: Token | None = None) -> Token:
        """A token to use now; another one than `refused`, which the CRM would not take."""
        if token := self._held(refused):
            return token
        with self._store.lock():
            return self._held(refused) or self._renewed()

    def _held(self, refused: Token | None) -> Token | None:
        token = self._store.get()
        if token is None or not token.good(at=self._now()):
            return None
        return None if refused and token.access == refused.access else token

    def _renewed(self) -> Token:
        asked_at = self._note_asking()
        answer = self._session.post(self._url, data=self._form)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unreachable(f"the token server answers {answer.status_code}", retry_after=pause_asked(answer))
        given = _given(answer)
        if not answer.ok or not given.access_token:
            raise self._refusal(given.error)
        life = min(LIFE, timedelta(seconds=given.expires_in) - EARLY)
        token = Token(given.access_token, given.api_domain, self._now() + life, asked_at)
        self._store.put(token)
        return token

    def _note_asking(self) -> tuple[datetime, ...]:
        """Count the asking before it is done: Zoho may make a token whose answer never arrives."""
        now, token = self._now(), self._store.get() or Token()
        recent = tuple(at for at in token.asked_at if at > now - WINDOW)
        if len(recent) >= MOST_IN_WINDOW:
            pause = (recent[0] + WINDOW - now).total_seconds()
            raise Unreachable("too many tokens were asked for", retry_after=pause)
        self._store.put(msgspec.structs.replace(token, asked_at=(*recent, now)))
        return (*recent, now)

    def _refusal(self, error: str) -> Declined | Unreachable:
        if not error or error in PASSING:
            return Unreachable("the token server gives no token")
        if _OAUTH_WORD.fullmatch(error):
            return Declined(f"the CRM refuses our credentials: {error}")
        # A phrase, in the account's language, where a word of OAuth belongs: Zoho has closed the window.
        token = self._store.get() or Token()
        self._store.put(msgspec.structs.replace(token, asked_at=(self._now(),) * MOST_IN_WINDOW))
        return Unreachable("the CRM gives out no more tokens for now", retry_after=WINDOW.total_seconds())


def _given(answer: Response) -> _Given:
    try:
        return msgspec.json.decode(answer.content, type=_Given, strict=False)
    except msgspec.MsgspecError:
        raise Unreachable("the token server answers something that cannot be read") from None
