"""Several detection workers of one group on one host: a process each, kept running, ended together.

A process each, because one Python process computes on one core. A worker that ends by itself, killed or stalled, is
started again after a pause that grows; its partitions are taken over by the others meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlroom.errors import ConfigError, ControlroomError

log = logging.getLogger(__name__)

PAUSE_FIRST_S = 1.0
PAUSE_MOST_S = 30.0
#: One that ran for so long had a good start: its next pause is short again.
GOOD_RUN_S = 60.0
STOP_S = 20.0
#: An alarm event is a few hundred bytes.
LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How worker `index` is started: arguments after `controlroom`, and what its environment has besides ours."""

    arguments: Callable[[int], Sequence[str]]
    environment: dict[str, str]


async def supervise(count: int, command: WorkerCommand, stop: asyncio.Event, on_line: Callable[[bytes], None]) -> None:
    """Run `count` workers until `stop`, or until each has ended by itself with success.

    `on_line` hears each line of a worker's stdout.

    Raises:
        ConfigError: a worker says that a setting is wrong; starting it again would not help.
    """
    async with asyncio.TaskGroup() as group:
        try:
            for index in range(count):
                group.create_task(_keep(index, command, stop, on_line))
        except BaseExceptionGroup:
            stop.set()
            raise


async def _keep(index: int, command: WorkerCommand, stop: asyncio.Event, on_line: Callable[[bytes], None]) -> None:
    pause = PAUSE_FIRST_S
    while not stop.is_set():
        began = time.monotonic()
        code = await _run_once(command.arguments(index), command.environment, stop, on_line)
        if code == 0 or stop.is_set():
            return
        if code == ConfigError.exit_code:
            stop.set()
            raise ConfigError("a worker cannot start", hint="its own message is above")
        pause = PAUSE_FIRST_S if time.monotonic() - began > GOOD_RUN_S else min(pause * 2, PAUSE_MOST_S)
        log.warning("worker %d ended with %d; started again in %.0f s", index, code, pause)
        await _wait(stop, pause)


async def _run_once(
    arguments: Sequence[str], environment: dict[str, str], stop: asyncio.Event, on_line: Callable[[bytes], None]
) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controlroom", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment},
        limit=LINE_BYTES, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    stdout = process.stdout

    async def forward() -> None:
        while line := await stdout.readline():
            on_line(line.rstrip(b"\n"))

    forwarding = asyncio.create_task(forward())
    ending = asyncio.create_task(process.wait())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([ending, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            process.terminate()
            await asyncio.wait([ending], timeout=STOP_S)
        if not ending.done():
            log.error("a worker did not end within %.0f s and is killed; its batch in flight is not lost", STOP_S)
            process.kill()
        code = await ending
        await forwarding
        return code
    except BaseException:
        if process.returncode is None:
            process.kill()
        raise
    finally:
        stopping.cancel()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error of ours in a group of them, for the one line that the user is told."""
    for error in group.exceptions:
        if isinstance(error, ControlroomError):
            return error
    return group.exceptions[0]
