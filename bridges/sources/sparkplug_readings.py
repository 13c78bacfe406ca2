"""From the metrics of a message to packets with one draft each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bridges.payload import Refusal, Refused, in_range, number_of
from bridges.sources.sparkplug_node import Definition, EdgeNode, Message, update
from bridges.sources.sparkplug_table import SparkplugTag, path_of
from bridges.tags import Tags
from bridges.values import Current, Draft, Packet, Receiver, Sensor
from bridges.window import fingerprint
from controlroom.wire.sparkplug import BIRTH_DEATH, QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE, Metric, as_type

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: As OPC has it, on which Sparkplug's quality codes stand: from here on a code is uncertain, from there good.
_UNCERTAIN = 64
#: What is no value of the process: commands, what the node says of itself.
_NOT_MEASURED = ("Node Control/", "Device Control/", "Properties/", "Node Info/", "Device Info/")
#: An alarm's id has so many characters at the most.
_LONGEST = 128


class Readings:
    """Makes packets of one source's messages.

    Args:
        source: whose packets they are.
        tags: what becomes of metrics.
        room: characters that the name of a part may have (`part_of`).
    """

    def __init__(self, source: Receiver, tags: Tags, room: int) -> None:
        self._source = source
        self._tags = tags
        self._room = room
        #: last value of each sensor, which a null or a stale mark is about
        self._last: dict[str, float] = {}
        #: parts by group, node and device
        self._parts: dict[tuple[str, str, str], str] = {}

    def part(self, group: str, node: str, device: str) -> str:
        """What a node or a device is called in its sensors' readings."""
        key = group, node, device
        if (found := self._parts.get(key)) is None:
            found = self._parts[key] = part_of(key, self._room)
        return found

    def packets(self, group: str, name: str, node: EdgeNode, message: Message, now: datetime) -> Iterator[Packet]:
        """The values in a message that is due. The last packet has its token."""
        drafts: list[Packet] = []
        if message.kind.endswith(("BIRTH", "DATA")) and node.born and not _unborn(node, message):
            birth = message.kind.endswith("BIRTH")
            for metric in message.payload.metrics:
                if metric.name == BIRTH_DEATH or metric.name.startswith(_NOT_MEASURED):
                    continue
                definition = node.definition(message.device, metric)
                if definition is not None:
                    update(definition, metric)
                    drafts += self._of(group, name, definition, message, metric, birth=birth, now=now)
        if message.token is not None:
            drafts.append(Packet(self._source, message.token, None, look_up=False, drafts=()))
        return iter(drafts)

    def _of(
        self, group: str, node: str, definition: Definition, message: Message, metric: Metric,
        *, birth: bool, now: datetime,
    ) -> Iterator[Packet]:  # fmt: skip
        path = path_of(group, node, definition.device, definition.name)
        for target in self._tags.targets(path):
            sensor = target.sensor
            quality = quality_of(definition.quality)
            try:
                value: float | None
                if metric.null:
                    value, quality = self._last.get(sensor.sensor_id), 0.0
                    if value is None:
                        raise Refused(Refusal.NO_VALUE, "it is null, and there was no value before")
                elif not definition.is_number:
                    raise Refused(Refusal.NOT_A_NUMBER, f"its data type is {definition.datatype}, which is no number")
                elif metric.value is None:
                    raise Refused(Refusal.NO_VALUE, "it has no value")
                else:
                    raw = number_of(_no_text(as_type(metric.value, definition.datatype)))
                    value = in_range(raw * target.scale + target.offset)
                told = metric.at_ms if metric.at_ms is not None else message.payload.at_ms
                at = now if told is None else _time(told)
            except Refused as refused:
                self._tags.refusals.add(path, refused)
                continue
            tag = target.tag.table
            assert isinstance(tag, SparkplugTag)
            sensor = _with_metadata(sensor, definition, tag, target.scale, target.offset)
            part = self.part(group, node, definition.device)
            draft = Draft(sensor, at, value, quality, part=part)
            mark = fingerprint(0, sensor.sensor_id, f"{value!r} {told} {quality}".encode())
            current = None
            if not metric.historical:
                self._last[sensor.sensor_id] = value
                current = Current(sensor.sensor_id, mark, look_up=birth and told is not None)
            yield Packet(self._source, None, mark if told is not None else None, told is not None, [draft], current)


def part_of(names: tuple[str, str, str], room: int) -> str:
    """A node or a device as part of a source; names that are too long are cut, and keep apart by a hash.

    >>> part_of(("plant", "node", ""), 60), part_of(("plant", "node", "press"), 60)
    ('plant/node', 'plant/node/press')
    >>> len(part_of(("g" * 60, "n" * 60, "d" * 60), 60)) <= 60
    True
    """
    given = [name for name in names if name]
    whole = "/".join(given)
    if len(whole) <= room:
        return whole
    most = max(8, room // len(given) - 1)
    return "/".join(one if len(one) <= most else f"{one[: most - 7]}~{_short(one)}" for one in given)


def room_of(bridge: str, source: str) -> int:
    """How many characters a part's name may have, so that its alarm can have a name."""
    return max(27, _LONGEST - len(f"source:{bridge}/{source}/"))


def quality_of(code: object) -> float:
    """The quality that a property says.

    >>> [quality_of(code) for code in (None, 192, 64, 0, 500, "x")]
    [1.0, 1.0, 0.5, 0.0, 0.0, 0.5]
    """
    if code is None:
        return 1.0
    if not isinstance(code, int) or isinstance(code, bool):
        return 0.5
    if code in {QUALITY_STALE, QUALITY_BAD}:
        return 0.0
    if code > 255:
        return 0.0
    return 1.0 if code >= QUALITY_GOOD else 0.5 if code >= _UNCERTAIN else 0.0


def _with_metadata(sensor: Sensor, definition: Definition, tag: SparkplugTag, scale: float, offset: float) -> Sensor:
    plain = (scale, offset) == (1.0, 0.0)
    # A value that the file scales has another unit than the node's.
    if not sensor.unit and plain and definition.unit and len(definition.unit) <= 32 and "\x00" not in definition.unit:
        sensor = sensor._replace(unit=definition.unit)
    wanted = tag.limits == "range" and sensor.warning is None and sensor.critical is None
    if wanted and definition.low is not None and definition.high is not None:
        sensor = sensor._replace(critical=max(end * scale + offset for end in (definition.low, definition.high)))
    return sensor


def _unborn(node: EdgeNode, message: Message) -> bool:
    """Data of a device that is not there."""
    device = node.devices.get(message.device)
    if message.kind != "DDATA" or (device is not None and device.alive):
        return False
    node.refused.append((Refusal.BEFORE_BIRTH, "DDATA before the birth of its device"))
    node.wants_birth = node.wants_birth or "a device's birth was not seen"
    return True


def _no_text(value: object) -> object:
    if isinstance(value, str):
        raise Refused(Refusal.NOT_A_NUMBER, "a text, where its data type is a number")
    return value


def _time(ms: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        raise Refused(Refusal.BAD_TIME, f"{ms} is no time in ms") from None


def _short(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=3).hexdigest()
