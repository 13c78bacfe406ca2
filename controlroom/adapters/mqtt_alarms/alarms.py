"""Publishes the alarms on MQTT brokers as PostgreSQL has them; done by the worker on duty alone.

The journal tells which sensors have changed. All sensors are read when the duty begins, and once a minute.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from bridges.status import Downtimes, Rates, short
from bridges.teller import Teller
from controlroom.adapters.files.followed_file import follow_file
from controlroom.adapters.mqtt_alarms.publisher import CLEARED, LEASE_S, AlarmPublisher
from controlroom.adapters.mqtt_alarms.table import AlarmBroker, MqttAlarmsFile, load_mqtt_alarms
from controlroom.adapters.postgres import rows
from controlroom.core.alarms.model import Alarm, Label, decode_alarm
from controlroom.core.bridges import ALARMS_OUT
from controlroom.core.records import SensorFacts, facts_of_group
from controlroom.core.standing_alarms import sensor_alarms
from controlroom.wire import BridgeReport, SourceReport
from controlroom.wire.bridge import ALARMS_KIND
from controlroom.wire.sensor_alarms import encode_sensor_alarms

#: All sensors are read so often, seconds.
ALL_S = 60.0
#: A line of the journal is seen at most so long after the time that it has, seconds: no transaction takes longer.
LATE_S = 30.0
_TELL_S = 1.0
#: Sensors whose messages are made before anyone else gets a turn of the loop.
_SLICE = 200

_CHANGED = """
SELECT event_id, sensor_id FROM alarm_events
WHERE recorded_at > clock_timestamp() - make_interval(secs => $1)"""

_STATES = """
SELECT a.sensor_id AS of_sensor, a.changed_at, CASE WHEN a.live AND a.state <> 'NORMAL' THEN a.doc END AS doc,
       s.sensor_id, s.sensor_type, s.unit, s.factory_section, s.machine_id, s.zone, s.warning, s.critical, s.simulated
FROM alarms a LEFT JOIN sensors s USING (sensor_id)
WHERE $1::text[] IS NULL OR a.sensor_id = ANY($1)
ORDER BY a.sensor_id, a.kind"""

#: A sensor, when an alarm of it last changed, and those that stand.
_Sensor = tuple[SensorFacts, datetime, list[Alarm]]


class MqttAlarms:
    """One turn after the other on the connection of the worker on duty; `run` tells the plant how it goes.

    Args:
        file: the brokers.
        options: arguments for aiokafka's clients.
        status_topic: where bridges tell how they are; this is listed among them.
    """

    def __init__(self, file: MqttAlarmsFile, options: Mapping[str, Any], status_topic: str) -> None:
        self._teller = Teller(options, status_topic)
        self._since = time.time()
        self._told_at = 0.0
        self._rates = Rates()
        self._downtimes = Downtimes()
        self._publishers: dict[str, AlarmPublisher] = {}
        #: broker -> sensor -> its topic
        self._topics: dict[str, dict[str, str]] = {}
        self._connection: asyncpg.Connection | None = None
        self._all_at = 0.0
        #: lines of the journal that were seen
        self._seen: set[str] = set()
        self.adopt(file)

    def adopt(self, file: MqttAlarmsFile) -> None:
        """Publish on these brokers from now on; what another one of ours holds is cleared there."""
        wanted = {broker.name: broker for broker in file.broker}
        before = dict(self._publishers)
        for name, publisher in list(self._publishers.items()):
            if publisher.table != wanted.get(name):
                del self._publishers[name]
                # It may take some seconds, and nothing waits for it.
                after = wanted.get(name)
                moved = after is None or (after.url, after.topic) != (publisher.table.url, publisher.table.topic)
                asyncio.get_running_loop().run_in_executor(None, partial(publisher.stop, clear=moved))
        for name, broker in wanted.items():
            if name not in self._publishers:
                self._publishers[name] = AlarmPublisher(broker, before.get(name))

    async def turn(self, connection: asyncpg.Connection) -> None:
        """Bring the brokers up to what is stored."""
        if not self._publishers:
            return
        for publisher in self._publishers.values():
            publisher.renew()
        every = connection is not self._connection or time.monotonic() - self._all_at > ALL_S
        every = every or not all(publisher.knows_all for publisher in self._publishers.values())
        # Looked up before the states are read: what changes in between is found the next time.
        window = {row["event_id"]: row["sensor_id"] for row in await connection.fetch(_CHANGED, LATE_S)}
        changed = {sensor for event, sensor in window.items() if event not in self._seen}
        if every:
            self._all_at = time.monotonic()
            await self._publish(await self._states(connection, None), all_of_it=True)
            self._connection = connection
        elif changed:
            await self._publish(await self._states(connection, sorted(changed)), all_of_it=False)
        self._seen = set(window)
        self._tell()

    async def run(self) -> None:
        """Tell how it goes until cancelled; nothing while there are no brokers."""
        while not self._publishers:  # noqa: ASYNC110 - a file that changes may name some, now or in a year
            await asyncio.sleep(_TELL_S)
        await self._teller.run()

    async def follow(self, path: Path | None) -> None:
        """Adopt what the file says whenever it changes, until cancelled."""
        await follow_file(path, load_mqtt_alarms, self.adopt, "the brokers that alarms go to")

    async def close(self) -> None:
        """End in order: MQTT brokers, and the plant, are told that nothing is published any more.

        `run` has ended before.
        """
        if self._told_at and time.monotonic() - self._told_at < LEASE_S:
            self._teller.tell(self.report(stopped=True))
            await self._teller.end(asyncio.create_task(self._teller.run()))
        await asyncio.gather(*(asyncio.to_thread(publisher.stop) for publisher in self._publishers.values()))

    def report(self, *, stopped: bool = False) -> BridgeReport:
        """How it is at the moment, as bridges report it."""
        return BridgeReport(
            name=ALARMS_OUT,
            pid=os.getpid(),
            host=socket.gethostname(),
            at=time.time(),
            since=self._since,
            topic="",
            kafka_since=self._since,
            kafka_reconnects=0,
            sent=sum(publisher.published for publisher in self._publishers.values()),
            buffered=sum(publisher.waiting for publisher in self._publishers.values()),
            buffered_bytes=0,
            oldest_at=None,
            dropped=0,
            spool_error="",
            stopped=stopped,
            sources=tuple(self._report_of(publisher) for publisher in self._publishers.values()),
        )

    def _report_of(self, publisher: AlarmPublisher) -> SourceReport:
        name, since = publisher.table.name, publisher.connected_since
        return SourceReport(
            name=name,
            kind=ALARMS_KIND,
            connected_since=since,
            down_since=self._downtimes.of(name, connected=since is not None),
            error=short(publisher.error),
            reconnects=max(0, publisher.connections - 1),
            messages=publisher.published,
            readings=publisher.published,
            rate=self._rates.of(name, publisher.published),
            repeated=0,
            retained=publisher.topics,
            refused={},
            last_at=publisher.published_at,
            skew_s=None,
            tags=publisher.topics,
        )

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_S * 0.9:
            self._told_at = now
            self._teller.tell(self.report())

    async def _states(self, connection: asyncpg.Connection, sensors: Sequence[str] | None) -> list[_Sensor]:
        """These sensors, or all that ever had an alarm; some of them may be gone."""
        found: dict[str, _Sensor] = {}
        for row in await connection.fetch(_STATES, sensors):
            sensor, changed_at = row["of_sensor"], row["changed_at"]
            before = found.get(sensor)
            if before is None:
                facts = rows.facts_of(row) if row["sensor_id"] is not None else facts_of_group(sensor)
                before = found[sensor] = facts, changed_at, []
            elif changed_at > before[1]:
                found[sensor] = before[0], changed_at, before[2]
            if row["doc"] is not None:
                before[2].append(decode_alarm(row["doc"]))
            if len(found) % _SLICE == 0:
                await asyncio.sleep(0)
        return list(found.values())

    async def _publish(self, sensors: Sequence[_Sensor], *, all_of_it: bool) -> None:
        for name, publisher in list(self._publishers.items()):
            broker = publisher.table
            before = self._topics.get(name, {})
            topics = {} if all_of_it else before
            messages: dict[str, bytes] = {}
            for number, sensor in enumerate(sensors):
                facts = sensor[0]
                topic = broker.topic_of(facts)
                if (old := before.get(facts.sensor_id)) is not None and old != topic:
                    messages[old] = CLEARED
                topics[facts.sensor_id] = topic
                messages[topic] = _message(broker, sensor)
                if number % _SLICE == _SLICE - 1:
                    await asyncio.sleep(0)
            self._topics[name] = topics
            publisher.want(messages, all_of_it=all_of_it)


def _message(broker: AlarmBroker, sensor: _Sensor) -> bytes:
    facts, changed_at, alarms = sensor
    found = sensor_alarms(facts, alarms, changed_at, broker.name)
    if found.state == Label.NORMAL and broker.normal == "clear":
        return CLEARED
    return encode_sensor_alarms(found)
