"""What Zoho answers, and whether a no is for good."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from requests import Response

from adapters.http import pause_asked
from domain.shared.errors import Declined, Unreachable

MODIFIED_MEANWHILE = frozenset({"ALREADY_MODIFIED", "RECORD_MODIFIED"})
LATER = MODIFIED_MEANWHILE | {
    *("RECORD_LOCKED", "TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"),
    *("INTERNAL_ERROR", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"),
}
CREDITS_LEFT = "X-API-CREDITS-REMAINING"
CREDITS_PAUSE_SECONDS = 3600.0  # credits come back over a rolling day
UNREADABLE = "the CRM answers something that cannot be read"

T = TypeVar("T")
_WORD = re.compile(r"[A-Za-z0-9_$.]{1,64}")


class Duplicate(Declined):
    """Another record has the value of a unique field already."""

    def __init__(self, reason: str, *, record_id: str) -> None:
        super().__init__(reason)
        self.record_id = record_id


class Modified(Unreachable):
    """Somebody wrote the record between our reading and our writing."""


class Details(msgspec.Struct, frozen=True):
    """Which record and which field a result is about."""

    id: str | int | None = None
    api_name: str | None = None


class Result(msgspec.Struct, frozen=True):
    """The result of one record, or, outside of `data`, of the whole request."""

    code: str = ""
    details: Details = Details()


class Results(Result, frozen=True):
    """The answer to a write: one result per record sent, in their order; or one for all of them."""

    data: list[Result] = []


class Info(msgspec.Struct, frozen=True):
    """Where a list stands."""

    more_records: bool = False


class Rows(msgspec.Struct, frozen=True):
    """The answer to a read."""

    data: list[dict[str, Any]]
    info: Info = Info()


def written_id(answer: Response) -> str:
    """The id of the one record or file that was sent; raises what its result means.

    A 2xx does not mean that it was written: 202 and 207 carry results of their own.
    """
    results = _decoded(answer, Results)
    result = results.data[0] if results.data else results
    if answer.ok and result.code == "SUCCESS" and result.details.id is not None:
        return str(result.details.id)
    raise _refusal(answer, result)


def rows(answer: Response) -> Rows:
    """The records of a read; 204 is none."""
    if answer.status_code == 204:
        return Rows([])
    if answer.ok:
        return _decoded(answer, Rows)
    results = _decoded(answer, Results)
    raise _refusal(answer, results.data[0] if results.data else results)


def _decoded(answer: Response, shape: type[T]) -> T:
    if answer.status_code in {413, 415}:
        raise Declined("the CRM does not take a file of this size or type")
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _busy(answer)
    try:
        return msgspec.json.decode(answer.content, type=shape, strict=False)
    except msgspec.MsgspecError:
        raise Unreachable(UNREADABLE) from None


def _busy(answer: Response) -> Unreachable:
    if answer.status_code != 429:
        return Unreachable(f"the CRM answers {answer.status_code}", retry_after=pause_asked(answer))
    if answer.headers.get(CREDITS_LEFT, "").strip() == "0":
        return Unreachable("the CRM's credits are used up", retry_after=CREDITS_PAUSE_SECONDS)
    return Unreachable("the CRM is asked too often", retry_after=pause_asked(answer))


def _refusal(answer: Response, result: Result) -> Declined | Unreachable:
    reason = _reason(result)
    if result.code in MODIFIED_MEANWHILE or answer.status_code == 412:
        return Modified("the CRM's record was changed meanwhile")
    if result.code in LATER:
        return Unreachable(reason)
    if result.code == "DUPLICATE_DATA" and result.details.id is not None:
        return Duplicate(reason, record_id=str(result.details.id))
    if result.code in {"", "SUCCESS"}:
        return Unreachable(UNREADABLE)
    if answer.status_code == 401:
        return Declined(f"the CRM refuses our credentials: {reason}")
    return Declined(reason)


def _reason(result: Result) -> str:
    """The code and the field's name; messages and values may name a person and are left out."""
    code = result.code if _WORD.fullmatch(result.code) else "an unknown code"
    field = result.details.api_name
    return f"{code} at {field}" if field and _WORD.fullmatch(field) else code


def plain(fields: Mapping[str, Any]) -> dict[str, str | int | float | bool | list[str] | dict[str, str]]:
    """A record's fields as our ports know them: empty ones, subforms and other nests are left out."""
    return {name: value for name, value in fields.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(inner, str) for inner in value.values())
    if isinstance(value, list):
        return all(isinstance(inner, str) for inner in value)
    return isinstance(value, str | int | float)
