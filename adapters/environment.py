"""Reading `DAYBOOK_*` variables: typed, and every problem named in a full sentence."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

T = TypeVar("T")
WHOLE, POSITIVE = "a whole number, 0 or more", "a whole number, 1 or more"


class SettingsError(Exception):
    """The settings cannot be used; one sentence per problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Daybook cannot start.\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


class Reader:
    """Reads `DAYBOOK_*` variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        return self._environment.get(f"DAYBOOK_{name}", "").strip() or default

    def read(self, name: str, default: str, parse: Callable[[str], T], expected: str, fallback: T) -> T:
        try:
            return parse(self.text(name, default))
        except (ValueError, KeyError, OSError, ZoneInfoNotFoundError, msgspec.MsgspecError):
            self.problems.append(f"DAYBOOK_{name} must be {expected}.")
            return fallback


def named(names: Iterable[str]) -> str:
    return ", ".join(f"DAYBOOK_{name}" for name in names)


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


def words(text: str) -> tuple[str, ...]:
    """Several values, separated by blanks or commas."""
    return tuple(text.replace(",", " ").split())


def yes_or_no(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]


def names(text: str) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])


def count(text: str) -> int:
    if (number := int(text)) < 0:
        raise ValueError(number)
    return number


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(number)
    return number


def seconds(text: str) -> float:
    if not 0 < (number := float(text)) < 3600:
        raise ValueError(number)
    return number


def zone(text: str) -> str:
    return ZoneInfo(text).key


def web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError(text)
    return text.rstrip("/")
