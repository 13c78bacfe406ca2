"""Obeys commands and answers them: the sensors of one simulator between the tables of `follower` and the lanes out."""

from __future__ import annotations

import asyncio
from typing import Protocol

from controlroom.wire import BadMessage, SensorCommand, SensorSpec, SensorStatus, TopicNames
from controlroom.wire.command import encode_command
from controlroom.wire.status import encode_status
from simulator.clock import Clock
from simulator.engine import Engine, Refused
from simulator.follower import Desired, Follower
from simulator.outlet import Outlet
from simulator.publisher import Lane
from simulator.sensor import Headers, Send, Sensor, moment

#: Reason in the status of a sensor that `--fresh` took away.
CLEARED = "cleared by --fresh"
_CHUNK = 500


class Lanes(Protocol):
    """What the fleet needs of a publisher."""

    def lane(self, topic: str, key: bytes, *, gated: bool = False) -> Lane:
        """The lane for records with this key."""
        ...


class Fleet:
    """The sensors that run here.

    Args:
        engine: runs them.
        clock: simulated time.
        follower: the desired states and the last statuses.
        lanes: where readings, statuses and commands go.
        names: the topics.
        owner: who we are, in statuses.
        stamp: whether Kafka's time of each reading is the simulated one.
        outlet: where readings go; None: to the topic of readings.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        follower: Follower,
        lanes: Lanes,
        names: TopicNames,
        owner: str,
        *,
        stamp: bool = False,
        outlet: Outlet | None = None,
    ) -> None:
        self.engine = engine
        self._clock = clock
        self._follower = follower
        self._lanes = lanes
        self._names = names
        self._owner = owner
        self._stamp = stamp
        self._outlet = outlet

    def obey(self, sensor_id: str, *, now: int | None = None, count: int | None = None) -> None:
        """Do what the last command for a sensor says, and answer it.

        Args:
            sensor_id: the sensor.
            now: the simulated time to begin at; None: the clock's.
            count: its last sequence number; None: what its last status says.
        """
        desired = self._follower.desired[sensor_id]
        command = desired.command
        if command is None:
            # At a takeover old tombstones are read again: only one that arrives now is an order.
            self._remove(sensor_id, desired, ordered=now is None)
        elif isinstance(command, BadMessage):
            self._refuse(sensor_id, "", f"{command.reason}: {command.detail}")
        else:
            self._put(command, self._clock.now() if now is None else now, count)

    def report(self, sensor: Sensor, *, stopped: bool = False) -> None:
        """Send a sensor's status."""
        self._send_status(sensor.status(self._clock.now(), self._owner, stopped=stopped))

    def report_changed(self) -> None:
        """Send the statuses of sensors whose faults have ended by themselves."""
        changed, self.engine.changed = self.engine.changed, set()
        for sensor_id in changed:
            if (sensor := self.engine.sensors.get(sensor_id)) is not None:
                self.report(sensor)

    async def report_all(self, *, stopped: bool = False) -> None:
        """Send all statuses, without keeping the readings waiting."""
        for number, sensor in enumerate(tuple(self.engine.sensors.values()), 1):
            self.report(sensor, stopped=stopped)
            if number % _CHUNK == 0:
                await asyncio.sleep(0)

    def _put(self, command: SensorCommand, now: int, count: int | None) -> None:
        sensor_id = command.spec.sensor_id
        running = self.engine.sensors.get(sensor_id)
        if running is not None and running.command == command:
            self.report(running)
            return
        if count is None:
            known = self._follower.known.get(sensor_id)
            count = 0 if known is None else known.status.reading_count
        try:
            sensor = self.engine.put(command, self._sender(command.spec), now=now, count=count)
        except Refused as error:
            self._refuse(sensor_id, command.command_id, str(error))
        else:
            self.report(sensor)

    def _sender(self, spec: SensorSpec) -> Send:
        if self._outlet is not None:
            return self._outlet.sender(spec)
        lane = self._lanes.lane(self._names.data, spec.sensor_id.encode(), gated=True)
        if not self._stamp:
            return lane.add
        engine = self.engine

        def send(key: bytes, value: bytes, headers: Headers) -> None:
            lane.add(key, value, headers, engine.time)

        return send

    def _remove(self, sensor_id: str, desired: Desired, *, ordered: bool) -> None:
        sensor = self.engine.remove(sensor_id)
        known = self._follower.known.get(sensor_id)
        if sensor is not None:
            count = sensor.count
        elif known is not None and known.status.state != "removed":
            count = known.status.reading_count
        else:
            if ordered and known is None:
                self._refuse(sensor_id, "", "there is no sensor of this name")
            return
        self._send_status(
            SensorStatus(
                sensor_id=sensor_id,
                state="removed",
                timestamp=moment(self._clock.now()),
                owner=self._owner,
                reason=CLEARED if desired.fresh else "",
                # kept, so that a sensor of this name that comes later does not use a number twice
                reading_count=count,
            )
        )

    def _refuse(self, sensor_id: str, command_id: str, reason: str) -> None:
        """Answer with the reason. A sensor that runs goes on as it was, and the topic is made to say so again."""
        sensor = self.engine.sensors.get(sensor_id)
        known = self._follower.known.get(sensor_id)
        now = self._clock.now()
        self._send_status(
            SensorStatus(
                sensor_id=sensor_id,
                state="refused",
                timestamp=moment(now),
                owner=self._owner,
                command_id=command_id,
                reason=reason[:512].replace("\0", ""),
                reading_count=sensor.count if sensor else known.status.reading_count if known else 0,
                spec=sensor.command.spec if sensor else None,
                faults=sensor.fault_specs(now) if sensor else (),
            )
        )
        if sensor is not None:
            key = sensor_id.encode()
            self._lanes.lane(self._names.commands, key).add(key, encode_command(sensor.command))

    def _send_status(self, status: SensorStatus) -> None:
        key = status.sensor_id.encode()
        self._lanes.lane(self._names.status, key, gated=True).add(key, encode_status(status))
