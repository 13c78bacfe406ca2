"""Where the program's logs go: stderr where there is no screen, a file where there is one."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import time
from pathlib import Path

_FORMAT = "%(asctime)sZ %(levelname)-7s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%S"
_FILE_BYTES = 2_000_000


def log_to_stderr(*, verbose: bool) -> None:
    """Logs as lines on stderr: ours from INFO, the libraries' from WARNING; all of them with `verbose`."""
    _log_to(logging.StreamHandler(sys.stderr), verbose=verbose)


def log_to_file(path: Path) -> None:
    """Logs to a file of bounded size: a screen has no room for them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_FILE_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    _log_to(handler, verbose=False)


def _log_to(handler: logging.Handler, *, verbose: bool) -> None:
    formatter = logging.Formatter(_FORMAT, _TIME)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    if not verbose:
        handler.addFilter(_worth_telling)
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if verbose else logging.WARNING, force=True)
    if not verbose:
        logging.getLogger("controlroom").setLevel(logging.INFO)
        logging.getLogger("simulator").setLevel(logging.INFO)
        logging.getLogger("bridges").setLevel(logging.INFO)
        # It reports each retry of a lost broker as an error; what matters of it we report ourselves, once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Not what asyncpg leaves behind when a connection is given up while it is being made: nobody waits for it."""
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, ConnectionError) and str(error) == "unexpected connection_lost() call")
