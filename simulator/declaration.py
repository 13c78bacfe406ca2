"""Brings the topic of commands to what was declared: by a plant file, the environment, or the built-in plant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import uuid4

from controlroom.wire import SensorCommand, SensorSpec, TopicNames
from controlroom.wire.command import encode_command
from simulator.fleet import CLEARED, Lanes
from simulator.follower import HEADER_FRESH, Follower


def declare(
    specs: Iterable[SensorSpec], follower: Follower, lanes: Lanes, names: TopicNames, *, owner: str, fresh: bool
) -> list[str]:
    """Send a command for each declared sensor that is not as declared.

    What operators have done stays: a sensor that is paused or has faults keeps them, and one that an operator has
    removed is not brought back; a simulator that is killed and restarted resumes what was. With `fresh` nothing of
    that stays, and sensors that are not declared are removed.

    Returns:
        The ids of declared sensors that stay removed.
    """
    declared = {spec.sensor_id: spec for spec in specs}
    if fresh:
        for sensor_id, desired in follower.desired.items():
            if sensor_id not in declared and desired.command is not None:
                key = sensor_id.encode()
                lanes.lane(names.commands, key).add(key, None, [(HEADER_FRESH, b"1")])
    stay_removed = []
    for sensor_id, spec in declared.items():
        last = follower.desired.get(sensor_id)
        was = last.command if last is not None and isinstance(last.command, SensorCommand) else None
        if not fresh and _removed_by_operator(follower, sensor_id):
            stay_removed.append(sensor_id)
            continue
        paused, faults = (was.paused, was.faults) if was is not None and not fresh else (False, ())
        if was is not None and (was.spec, was.paused, was.faults) == (spec, paused, faults):
            continue
        command = SensorCommand(
            command_id=uuid4().hex,
            spec=spec,
            paused=paused,
            faults=faults,
            issued_by=owner,
            issued_at=datetime.now(UTC),
        )
        key = sensor_id.encode()
        lanes.lane(names.commands, key).add(key, encode_command(command))
    return stay_removed


def _removed_by_operator(follower: Follower, sensor_id: str) -> bool:
    last = follower.desired.get(sensor_id)
    if last is not None:
        return last.command is None and not last.fresh
    # The tombstone itself is compacted away after a day; the status stays.
    known = follower.known.get(sensor_id)
    return known is not None and known.status.state == "removed" and known.status.reason != CLEARED
