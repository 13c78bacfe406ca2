"""`controlroom` commands in the test's own process: arguments, input and environment in, output and exit code out.

A process of its own takes 0.4 to 0.8 seconds of a core until it has imported what it needs. That is worth it where a
test is about the process: signals, a terminal, pipes, what is imported, what happens at exit. Where a test is about
what a command says and does, `run_here` gives the same: it goes through the same `main`, to the same exit codes.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest import mock

from controlroom.__main__ import main
from controlroom.logs import format_kept

#: Loggers that the program sets levels of.
_LOGGERS = ("", "controlroom", "simulator", "bridges", "aiokafka")
#: Streams belong to the process: one command at a time.
_ALONE = threading.Lock()


def run_here(*words: str, stdin: str = "", **environment: str) -> CompletedProcess[str]:
    """Run `controlroom WORDS` and wait for it; the test's own loop, should it have one, stands still meanwhile.

    An error that the program does not know ends the test with its traceback, where a process would print it.

    Args:
        words: the arguments.
        stdin: what the command reads.
        environment: variables that the command sees besides those of the test.
    """
    if _in_a_loop():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run_here, *words, stdin=stdin, **environment).result()
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    code: object = 0
    with (
        _ALONE,
        _as_it_was(),
        mock.patch.dict(os.environ, environment),
        mock.patch("sys.stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main(list(words))
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return CompletedProcess(list(words), code, *said)


async def run_beside(*words: str, stdin: str = "", **environment: str) -> CompletedProcess[str]:
    """`run_here`, while the test's own loop goes on."""
    return await asyncio.to_thread(run_here, *words, stdin=stdin, **environment)


def _in_a_loop() -> bool:
    """Whether this thread runs an event loop: a command starts its own, which must have another thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Give back what a command may leave changed in its process: where logs go, and who hears signals."""
    root = logging.getLogger()
    handlers, levels = root.handlers, {name: logging.getLogger(name).level for name in _LOGGERS}
    root.handlers = []
    hearing = {}
    if threading.current_thread() is threading.main_thread():
        hearing = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with format_kept():
            yield
    finally:
        root.handlers = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for number, hears in hearing.items():
            signal.signal(number, hears)
