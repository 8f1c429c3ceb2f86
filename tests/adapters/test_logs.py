"""Logs: fields for machines and people, and nothing that could name anybody."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from adapters import logs
from tests.wishes import acts


class Terminal(io.StringIO):
    """A terminal that keeps what it shows."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave the logging of the test process as it was."""
    root, ours = logging.getLogger(), logging.getLogger(logs.OURS)
    before = root.handlers, root.level, ours.level
    yield
    root.handlers, root.level, ours.level = before
    structlog.reset_defaults()


@pytest.fixture
def written() -> io.StringIO:
    """Where logs go, configured."""
    stream = io.StringIO()
    logs.configure(level="info", stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_message_is_one_json_line(written: io.StringIO) -> None:
    logging.getLogger("daybook.effects").warning("effect %s will be taken again", "e1")

    [line] = lines(written)
    assert line["event"] == "effect e1 will be taken again"
    assert (line["level"], line["logger"]) == ("warning", "daybook.effects")
    assert line["at"].endswith("Z")


def test_structlog_writes_the_same_lines(written: io.StringIO) -> None:
    structlog.get_logger("daybook.web").info("answered", status=201, seconds=0.02)

    [line] = lines(written)
    assert (line["event"], line["status"], line["seconds"], line["logger"]) == ("answered", 201, 0.02, "daybook.web")


def test_only_known_keys_are_kept(written: io.StringIO) -> None:
    logging.getLogger("daybook.web").info("answered", extra={"status": 422, "email": "ada@example.com"})
    structlog.get_logger("daybook.web").info("answered", status=422, name="Ada")

    assert [line["status"] for line in lines(written)] == [422, 422]
    assert "ada" not in written.getvalue().lower()


def test_a_line_says_what_it_belongs_to(written: io.StringIO) -> None:
    ours = logging.getLogger("daybook.effects")
    with structlog.contextvars.bound_contextvars(correlation="visit-1"):
        ours.info("of the request")
        with acts():
            ours.info("of the act, which may be another's")
            ours.info("as it says itself", extra={"correlation": "said"})
    ours.info("of nothing")

    told = [line.get("correlation") for line in lines(written)]
    assert told == ["visit-1", "request-1", "said", None]


def test_of_an_exception_the_types_and_the_way_are_kept(written: io.StringIO) -> None:
    try:
        try:
            int("Ada Lovelace")
        except ValueError as error:
            raise RuntimeError("cannot read Ada") from error
    except RuntimeError:
        logging.getLogger("daybook.web").exception("request failed")

    [line] = lines(written)
    assert line["error"] == "RuntimeError from ValueError"
    assert "test_of_an_exception_the_types_and_the_way_are_kept" in line["where"][-1]
    assert "Ada" not in written.getvalue()


def test_of_a_librarys_message_the_values_are_left_out(written: io.StringIO) -> None:
    logging.getLogger("somebody.else").warning("could not send to %s", "ada@example.com")

    [line] = lines(written)
    assert line["event"] == "could not send to %s"


def test_the_level_is_for_our_own_logs(written: io.StringIO) -> None:
    logging.getLogger("daybook.web").info("ours")
    logging.getLogger("daybook.web").debug("too quiet")
    logging.getLogger("somebody.else").info("theirs")

    assert [line["event"] for line in lines(written)] == ["ours"]


def test_a_terminal_gets_keys_and_values() -> None:
    terminal = Terminal()
    logs.configure(level="info", stream=terminal)

    logging.getLogger("daybook.web").info("answered", extra={"status": 201})

    assert "answered" in terminal.getvalue()
    assert "status" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
