"""All topics of a source that were met, and what each becomes; refusals are counted, the first of a kind is said."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bridges.mapping import SensorTable, Tag, TagTable, Target
from bridges.payload import Refusal, Refused
from bridges.values import Draft

log = logging.getLogger(__name__)

#: A refusal of one kind is said at most this often.
SAY_EVERY_S = 60.0


class Refusals:
    """Counts what was refused, by reason, and says the first of each once a minute."""

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        self._source = source
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}

    def add(self, topic: str, refused: Refused) -> None:
        """One more."""
        reason = refused.reason.value
        self.counts[reason] += 1
        at, counted = self._said.get(reason, (-SAY_EVERY_S, 0))
        if self._clock() - at >= SAY_EVERY_S:
            self._said[reason] = (self._clock(), self.counts[reason])
            more = self.counts[reason] - counted
            times = f" ({more} since it was last said)" if more > 1 else ""
            log.warning("%s: %s refused: %s%s", self._source, ascii(topic[:120]), refused, times)


class _Mapping:
    """One state of the file, and what was found by it."""

    def __init__(self, tables: Sequence[TagTable], sensors: Mapping[str, SensorTable]) -> None:
        self.tags = tuple(Tag(table) for table in tables)
        self.sensors = sensors
        #: topic -> what its values become
        self.targets: dict[str, tuple[Target, ...]] = {}
        #: sensor id -> the one topic and tag that it has
        self._owners: dict[str, tuple[str, Tag]] = {}
        #: sensors whose ids messages have told
        self.told: set[str] = set()

    def look_up(self, topic: str) -> tuple[Target, ...]:
        """Find a topic's targets.

        Raises:
            Refused: no tag has it, or what it would become cannot be.
        """
        found: list[Target] = []
        matched = False
        for tag in self.tags:
            names = tag.template.match(topic)
            if names is None:
                continue
            matched = True
            target = tag.target(names, self.sensors)
            if target is None:
                continue
            if not tag.is_reading:
                self._own(target, topic)
            found.append(target)
        if not matched:
            raise Refused(Refusal.NO_TAG, "no tag of the file has this topic")
        return tuple(found)

    def _own(self, target: Target, topic: str) -> None:
        """A sensor has one topic and one tag: the numbers of two would be mixed.

        Raises:
            Refused: it has another already.
        """
        name = target.sensor.sensor_id
        owner = self._owners.setdefault(name, (topic, target.tag))
        if owner != (topic, target.tag):
            raise Refused(Refusal.ID_TAKEN, f"sensor id {name!r} is that of {owner[0]!r} already; give it another id")


class Tags:
    """A source's tags. Its mapping may be replaced while it runs (`adopt`)."""

    def __init__(self, source: str, most: int) -> None:
        self.refusals = Refusals(source)
        self._most = most
        self._mapping = _Mapping((), {})

    def adopt(self, tables: Sequence[TagTable], sensors: Mapping[str, SensorTable]) -> None:
        """Map by these from the next message on."""
        self._mapping = _Mapping(tables, sensors)

    @property
    def filters(self) -> list[str]:
        """What to subscribe to."""
        return list(dict.fromkeys(tag.template.filter for tag in self._mapping.tags))

    @property
    def known(self) -> int:
        """Topics that were met."""
        return len(self._mapping.targets)

    def targets(self, topic: str) -> tuple[Target, ...]:
        """What a topic's values become; a topic that cannot be taken is counted, and has none."""
        mapping = self._mapping
        targets = mapping.targets.get(topic)
        if targets is None:
            try:
                if len(mapping.targets) >= self._most:
                    raise Refused(Refusal.TOO_MANY_TAGS, f"more than {self._most} topics (max_tags)")
                targets = mapping.targets[topic] = mapping.look_up(topic)
            except Refused as refused:
                self.refusals.add(topic, refused)
                return ()
        return targets

    def drafts(self, topic: str, payload: bytes, now: datetime) -> tuple[list[Draft], bool]:
        """The readings in a message, and whether each of them tells its own time.

        What cannot be taken is counted; it never raises for any input.
        """
        mapping = self._mapping
        targets = self.targets(topic)
        drafts: list[Draft] = []
        timed = True
        missing: Refused | None = None
        for target in targets:
            try:
                draft = target.draft(payload, now)
                if target.tag.is_reading:
                    self._bound(mapping.told, draft.sensor.sensor_id)
                drafts.append(draft)
                timed = timed and target.tag.timed
            except Refused as refused:
                # Several tags may read one topic, each a part of what its messages hold now and then.
                if refused.reason is Refusal.NO_VALUE:
                    missing = refused
                else:
                    self.refusals.add(topic, refused)
        if missing is not None and not drafts:
            self.refusals.add(topic, missing)
        return drafts, timed and bool(drafts)

    def _bound(self, told: set[str], sensor_id: str) -> None:
        """Ids that come in payloads are bounded as topics are.

        Raises:
            Refused: there are too many.
        """
        if sensor_id not in told:
            if len(told) >= self._most:
                raise Refused(Refusal.TOO_MANY_TAGS, f"more than {self._most} sensors in readings (max_tags)")
            told.add(sensor_id)
