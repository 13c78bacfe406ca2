"""Simulated sensors from a shell: what every command that orders something of them has in common."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import brokers_option, dir_option, hush_clients, resolve_brokers
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import ActionRefused

if TYPE_CHECKING:
    from controlroom.adapters.kafka.simulated_sensors import Order, SimulatedSensors

json_option = click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the plant is, and whether answers are JSON."""
    for decorate in (json_option, brokers_option, dir_option):
        command = decorate(command)
    return command


def with_simulated(
    directory: Path | None, brokers: str | None, work: Callable[[SimulatedSensors], Awaitable[None]]
) -> None:
    """Connect, and do `work` until it is done or SIGTERM comes."""
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.adapters.kafka.simulated_sensors import SimulatedSensors
    from controlroom.services import operator

    hush_clients()
    addresses, settings = resolve_brokers(brokers, directory)

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        simulated = SimulatedSensors(KafkaConnection.of(addresses, settings), settings.topics, operator())
        async with simulated:
            await work(simulated)

    try:
        asyncio.run(run())
    except asyncio.CancelledError:
        return


async def give(simulated: SimulatedSensors, orders: Sequence[Order], done: str, *, as_json: bool) -> None:
    """Give the orders, print the answers, and fail if one was refused."""
    answers = await simulated.give(orders)
    refused = []
    for order in orders:
        status = answers[order.sensor_id]
        if status.state == "refused":
            refused.append(f"{status.sensor_id}: {status.reason}")
        if as_json:
            click.echo(json_line(status))
        elif status.state != "refused":
            click.echo(sanitise(f"{status.sensor_id}: {done}", limit=200))
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise ActionRefused(f"refused: {sanitise(refused[0], limit=400)}{more}")


def matching(simulated: SimulatedSensors, patterns: Iterable[str]) -> list[str]:
    """The simulated sensors that the names and patterns stand for.

    Raises:
        ActionRefused: there is none for one of them.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        matched = sorted(name for name in simulated.commands if name == pattern or fnmatchcase(name, pattern))
        if not matched:
            raise ActionRefused(f"there is no simulated sensor {pattern!r}", hint="`controlroom sensors list`")
        found |= dict.fromkeys(matched)
    return list(found)
