"""Where the program's logs go, and how they are written: lines for people, or one JSON document a line."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

from controlroom.core.json_line import json_line

_FORMAT = "%(asctime)sZ %(levelname)-7s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%S"
_FILE_BYTES = 2_000_000


LogFormat = Literal["text", "json"]

#: what this process writes to stderr; the command line or the settings choose it, once, when the process starts
_format: LogFormat = "text"


def choose_format(chosen: LogFormat) -> None:
    """Everything on stderr is written so from now on, also an error that ends the program."""
    global _format
    _format = chosen
    if chosen == "json":
        sys.excepthook = _log_uncaught
    logging.captureWarnings(chosen == "json")


@contextmanager
def format_kept() -> Iterator[None]:
    """Put back at the end what is chosen in the block: for commands that are run in a process of others."""
    before, hook = _format, sys.excepthook
    try:
        yield
    finally:
        choose_format(before)
        sys.excepthook = hook


def writes_json() -> bool:
    """Whether stderr takes JSON documents alone."""
    return _format == "json"


def say(line: str, *, name: str = "controlroom", level: int = logging.INFO, text: str | None = None) -> None:
    """A line that is for stderr whether anything is logged there or not.

    Args:
        line: what is said.
        name: who says it, in JSON.
        level: how grave it is, in JSON.
        text: how it is written where lines are for people, if not as `line`.
    """
    if writes_json():
        record = logging.LogRecord(name, level, "", 0, line, None, None)
        _write(JsonFormatter().format(record))
    else:
        _write(line if text is None else text)


class JsonFormatter(logging.Formatter):
    r"""One JSON document a record; a traceback is one of its strings.

    >>> record = logging.LogRecord("controlroom.bridge", logging.WARNING, "", 0, "lost %s\nand found", ("it",), None)
    >>> record.created, record.process = 1770000000.5, 7
    >>> print(JsonFormatter().format(record))
    {"time":"2026-02-02T02:40:00.500Z","level":"WARNING","logger":"controlroom.bridge","pid":7,"message":"lost it\nand found"}
    """  # noqa: E501 - it is one line

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            document["stack"] = self.formatStack(record.stack_info)
        return json_line(document)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    record = logging.LogRecord(
        "controlroom", logging.CRITICAL, "", 0, f"{kind.__name__}: {error}", None, (kind, error, trace)
    )
    _write(JsonFormatter().format(record))


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def log_to_stderr(*, verbose: bool, log_format: LogFormat = "text") -> None:
    """Logs as lines on stderr: ours from INFO, the libraries' from WARNING; all of them with `verbose`."""
    choose_format(log_format)
    _log_to(logging.StreamHandler(sys.stderr), verbose=verbose)


def log_to_file(path: Path) -> None:
    """Logs to a file of bounded size: a screen has no room for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_FILE_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    _log_to(handler, verbose=False)


def _log_to(handler: logging.Handler, *, verbose: bool) -> None:
    handler.setFormatter(JsonFormatter() if writes_json() else _for_people())
    if not verbose:
        handler.addFilter(_worth_telling)
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if verbose else logging.WARNING, force=True)
    if not verbose:
        logging.getLogger("controlroom").setLevel(logging.INFO)
        logging.getLogger("simulator").setLevel(logging.INFO)
        logging.getLogger("bridges").setLevel(logging.INFO)
        # It reports each retry of a lost broker as an error; what matters of it we report ourselves, once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _for_people() -> logging.Formatter:
    formatter = logging.Formatter(_FORMAT, _TIME)
    formatter.converter = time.gmtime
    return formatter


def _worth_telling(record: logging.LogRecord) -> bool:
    """Not what asyncpg leaves behind when a connection is given up while it is being made: nobody waits for it."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, ConnectionError) and str(error) == "unexpected connection_lost() call")
