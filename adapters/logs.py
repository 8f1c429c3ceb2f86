"""Logs as fields: JSON lines for machines, key and value for a terminal, and nothing that could name a person."""

import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import structlog
from structlog.contextvars import get_contextvars
from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name, filter_by_level
from structlog.typing import EventDict, Processor, WrappedLogger

from domain.ledger import present_correlation

OURS = "daybook"
KEYS = frozenset(
    {
        *("at", "level", "logger", "event", "error", "where"),
        *("address", "channel", "correlation", "effect", "events", "kind", "lag_events", "method", "outcome"),
        *("position", "reference", "route", "rows", "seconds", "status", "stream", "version", "view", "worker"),
    }
)
"""The only keys a line may carry; whatever else is passed along is dropped."""


def configure(*, level: str, stream: TextIO | None = None) -> None:
    """Send every log of this process to `stream` (standard error); `level` is for our own, others need a warning."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(ProcessorFormatter(processors=[*_PROCESSORS, _renderer(target)]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    structlog.configure(
        processors=[filter_by_level, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _renderer(target: TextIO) -> Processor:
    if target.isatty():
        return ConsoleRenderer(timestamp_key="at", sort_keys=False)
    return JSONRenderer(ensure_ascii=False)


def _strangers_template(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Of a library's message keep what its author wrote, not the values filled in: those may be anybody's."""
    record: logging.LogRecord = line["_record"]
    if record.name.partition(".")[0] != OURS:
        line["event"] = str(record.msg)
    return line


def _correlation(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Say what the line belongs to: what it says itself, else the present act, else the request being answered."""
    if not line.get("correlation") and (told := present_correlation() or get_contextvars().get("correlation")):
        line["correlation"] = told
    return line


def _failure(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Of an exception keep its type and its way through the code: its message may quote what somebody typed."""
    given = line.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        chain = list(_causes(error))
        line["error"] = " from ".join(type(link).__name__ for link in chain)
        line["where"] = [_place(frame) for frame in traceback.extract_tb(chain[-1].__traceback__)]
    return line


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"


def _allowed(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    return {key: value for key, value in line.items() if key in KEYS}


_PROCESSORS: tuple[Processor, ...] = (
    ExtraAdder(),
    add_log_level,
    add_logger_name,
    TimeStamper(fmt="iso", utc=True, key="at"),
    _strangers_template,
    _correlation,
    _failure,
    _allowed,
)
