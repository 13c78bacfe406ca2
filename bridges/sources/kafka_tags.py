"""From a record to sensors: by its topic, key, headers and the fields of its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bridges.json_path import MISSING, JsonPath
from bridges.mapping import SensorTable, Tag, Target, holes_of
from bridges.name_template import NameTemplate
from bridges.payload import Refusal, Refused, document_of
from bridges.sources.kafka_table import FIELD, HEADER, KafkaTagTable
from bridges.tags import Refusals
from bridges.values import Draft

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Where one tag meets only so many topics: a topic that no longer comes is met anew.
_MOST_TOPICS = 10_000


class Record(NamedTuple):
    """What is read of a record. The names are aiokafka's."""

    topic: str
    partition: int
    offset: int
    #: milliseconds since 1970: when it was made, or when the broker got it, as the topic is set; negative: none
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class _RecordTag(Tag):
    """A tag, and where its templates find what they name."""

    def __init__(self, table: KafkaTagTable) -> None:
        super().__init__(table)
        self.key = NameTemplate(table.key) if table.key is not None else None
        used = {} if self.is_reading else dict.fromkeys(holes_of(table))
        self.wants_key = "key" in used or self.key is not None
        self.headers = tuple(name for name in used if name.startswith(HEADER))
        self.fields = tuple((name, JsonPath(name.removeprefix(FIELD))) for name in used if name.startswith(FIELD))
        #: what a record becomes, by what it names
        self.targets: dict[tuple[str, ...], Target | None] = {}

    def names(self, record: Record, of_topic: Mapping[str, str]) -> dict[str, str] | None:
        """What the record names; None: its key does not belong to this tag.

        Raises:
            Refused: something is not there, or is no name.
        """
        names = {"topic": record.topic, **of_topic}
        if self.wants_key:
            key = names["key"] = _text(record.key, "key")
            if self.key is not None:
                of_key = self.key.match(key)
                if of_key is None:
                    return None
                names |= of_key
        for name in self.headers:
            wanted = name.removeprefix(HEADER)
            # Of several with one name the last counts, as Kafka has it.
            found = next((value for key, value in reversed(record.headers) if key == wanted), None)
            names[name] = _text(found, f"header {wanted!r}")
        if self.fields:
            document = document_of(record.value or b"")
            for name, path in self.fields:
                names[name] = _name_of(path.of(document), path)
        return names


class RecordTags:
    """A source's tags. They may be replaced while it runs (`adopt`)."""

    def __init__(self, source: str, most: int, most_bytes: int) -> None:
        self.refusals = Refusals(source)
        self._most = most
        self._most_bytes = most_bytes
        self.adopt((), {})

    def adopt(self, tables: Sequence[KafkaTagTable], sensors: Mapping[str, SensorTable]) -> None:
        """Map by these from the next record on."""
        self._mapping = _Mapping([_RecordTag(table) for table in tables], sensors)

    @property
    def filters(self) -> list[str]:
        """Regular expressions of the topics."""
        return list(dict.fromkeys(tag.template.filter for tag in self._mapping.tags))

    @property
    def plain_topics(self) -> list[str]:
        """Topics that are called by their full name: they ought to be there."""
        found = (tag.table.topic for tag in self._mapping.tags)
        return list(dict.fromkeys(topic for topic in found if not set("{*") & set(topic)))

    @property
    def known(self) -> int:
        """Sensors that were met."""
        return len(self._mapping.sensors_met)

    def drafts(self, record: Record, now: datetime) -> list[Draft]:
        """The readings in a record; what cannot be taken is counted. It never raises for any input."""
        value = record.value
        if value is None:
            self.refusals.counts[Refusal.TOMBSTONE.value] += 1
            return []
        try:
            if len(value) > self._most_bytes:
                detail = f"{len(value)} bytes, at most {self._most_bytes} are read (max_payload)"
                raise Refused(Refusal.TOO_LARGE, detail)
            at = _time_of(record, now)
        except Refused as refused:
            self.refusals.add(record.topic, refused)
            return []
        mapping = self._mapping
        drafts: list[Draft] = []
        missing: Refused | None = None
        matched = False
        for tag, of_topic in mapping.tags_of(record.topic):
            try:
                names = tag.names(record, of_topic)
                if names is None:
                    continue
                matched = True
                target = mapping.target(tag, names, self._most)
                if target is None:
                    continue
                draft = target.draft(value, at)
                if tag.is_reading:
                    mapping.meet(draft.sensor.sensor_id, tag, record.topic, self._most)
                drafts.append(draft)
            except Refused as refused:
                matched = True
                # Several tags may read one topic, each a part of what its records hold now and then.
                if refused.reason is Refusal.NO_VALUE:
                    missing = refused
                else:
                    self.refusals.add(record.topic, refused)
        if not matched:
            self.refusals.add(record.topic, Refused(Refusal.NO_TAG, "no tag of the file has this topic and key"))
        elif missing is not None and not drafts:
            self.refusals.add(record.topic, missing)
        return drafts


class _Mapping:
    """One state of the file, and what was found by it."""

    def __init__(self, tags: Sequence[_RecordTag], sensors: Mapping[str, SensorTable]) -> None:
        self.tags = tags
        self._sensors = sensors
        self._topics: dict[str, list[tuple[_RecordTag, dict[str, str]]]] = {}
        #: sensor id -> the one tag and topic that it has
        self.sensors_met: dict[str, tuple[_RecordTag, str]] = {}

    def tags_of(self, topic: str) -> list[tuple[_RecordTag, dict[str, str]]]:
        """The tags of a topic, each with what the topic names."""
        found = self._topics.get(topic)
        if found is None:
            matches = [(tag, tag.template.match(topic)) for tag in self.tags]
            found = [(tag, names) for tag, names in matches if names is not None]
            if len(self._topics) < _MOST_TOPICS:
                self._topics[topic] = found
        return found

    def target(self, tag: _RecordTag, names: Mapping[str, str], most: int) -> Target | None:
        """What records of these names become; None: the file says to ignore it.

        Raises:
            Refused: its id or type cannot be one, or there are too many.
        """
        known = tuple(names.values())
        if known in tag.targets:
            return tag.targets[known]
        target = tag.target(names, self._sensors)
        if target is not None and not tag.is_reading:
            self.meet(target.sensor.sensor_id, tag, names["topic"], most)
        # A field that is never the same, such as a batch number in the place, is not remembered without end.
        if len(tag.targets) < 2 * most:
            tag.targets[known] = target
        return target

    def meet(self, sensor_id: str, tag: _RecordTag, topic: str, most: int) -> None:
        """A sensor has one topic and one tag: the numbers and the order of two would be mixed.

        Raises:
            Refused: it has another already, or there are too many sensors.
        """
        owner = self.sensors_met.get(sensor_id)
        if owner is None:
            if len(self.sensors_met) >= most:
                raise Refused(Refusal.TOO_MANY_TAGS, f"more than {most} sensors (max_tags)")
            self.sensors_met[sensor_id] = (tag, topic)
        elif owner != (tag, topic) and not tag.is_reading:
            detail = f"sensor id {sensor_id!r} is that of {owner[1]!r} already; give it another id"
            raise Refused(Refusal.ID_TAKEN, detail)


def _time_of(record: Record, now: datetime) -> datetime:
    """The record's own time.

    Raises:
        Refused: it is none that there is.
    """
    if record.timestamp < 0:
        return now
    try:
        return _EPOCH + timedelta(milliseconds=record.timestamp)
    except OverflowError:
        raise Refused(Refusal.BAD_TIME, f"its time is {record.timestamp} ms since 1970") from None


def _text(found: bytes | None, what: str) -> str:
    if found is None:
        raise Refused(Refusal.BAD_NAME, f"it has no {what}")
    try:
        text = found.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Refusal.NOT_UTF8, f"its {what}: byte {error.start} of {len(found)} is not UTF-8") from None
    if "\x00" in text:
        raise Refused(Refusal.BAD_NAME, f"its {what} has a NUL")
    return text


def _name_of(found: object, path: JsonPath) -> str:
    """A field as a part of a name: text, or a whole number."""
    if (isinstance(found, str) and "\x00" not in found) or (isinstance(found, int) and not isinstance(found, bool)):
        return str(found)
    what = "nothing" if found is MISSING or found is None else f"{str(found)[:40]!r}, which is no name,"
    raise Refused(Refusal.BAD_NAME, f"there is {what} at {path.text!r}")
