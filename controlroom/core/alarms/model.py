"""One alarm: four independent axes, the latch, and the label that is derived from them.

Times are seconds since the epoch, UTC, as float. Two clocks are kept apart: *event time* (that of the readings;
delays run on it, so a replay gives the same alarms) and *wall-clock time* (shelves and re-alarms run on it).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = [
    "DELIVERY_KIND",
    "DROPPED_KIND",
    "GAP_KIND",
    "INTAKE_KINDS",
    "NO_DATA_KIND",
    "REJECTS_KIND",
    "SENSOR_LIMIT_KIND",
    "AckState",
    "Alarm",
    "Condition",
    "Detection",
    "Label",
    "OutOfServiceMark",
    "Priority",
    "Quality",
    "Severity",
    "Shelf",
    "decode_alarm",
    "encode_alarm",
    "new_alarm",
]

NO_DATA_KIND = "dropout"
"""The kind of the communication alarm: the sensor is silent. It is never suppressed by its own silence."""

DELIVERY_KIND = "delivery"
"""The kind of the alarm that a notification could not be delivered; its sensor id is ``receiver:NAME``."""

DROPPED_KIND = "spool-dropped"
"""The kind of the alarm that a bridge has given readings up; its sensor id is ``bridge:NAME``."""

GAP_KIND = "gap"
REJECTS_KIND = "rejects"
SENSOR_LIMIT_KIND = "sensor-limit"
INTAKE_KINDS = (GAP_KIND, REJECTS_KIND, SENSOR_LIMIT_KIND)
"""The kinds of what is wrong with a partition's records as a whole; their sensor id is ``partition:NUMBER``."""


class Condition(StrEnum):
    """What the process does, delays included."""

    NORMAL = "NORMAL"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    CLEARING = "CLEARING"


class AckState(StrEnum):
    """What the operator has done about the occurrence; NONE while there is no occurrence."""

    NONE = "NONE"
    UNACK = "UNACK"
    ACKED = "ACKED"


class Quality(StrEnum):
    """Whether the readings behind the alarm can be trusted; STALE is "no data"."""

    GOOD = "GOOD"
    STALE = "STALE"
    BAD = "BAD"


class Label(StrEnum):
    """The one word an operator reads, in the order of precedence."""

    OUT_OF_SERVICE = "OUT_OF_SERVICE"
    BY_DESIGN = "BY_DESIGN"
    SHELVED = "SHELVED"
    UNACK = "UNACK"
    LATCHED = "LATCHED"
    ACKED = "ACKED"
    RTN_UNACK = "RTN-UNACK"
    NORMAL = "NORMAL"


class Severity(StrEnum):
    """How bad the condition is. Compare by ``rank``: as strings, "critical" sorts before "warning"."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """1 for warning, 2 for critical: the detectors' level."""
        return 1 if self is Severity.WARNING else 2

    @classmethod
    def of_level(cls, level: int) -> Severity:
        """The severity of a detector's level (1 or 2); ValueError for anything else."""
        if level == 1:
            return cls.WARNING
        if level == 2:
            return cls.CRITICAL
        raise ValueError(f"no severity has level {level}")


class Priority(StrEnum):
    """How soon an operator must act; what the priority spread of the measures counts."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Detection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a detector saw, in the sensor's unit; ``offset`` is the reading's place in its partition."""

    at: float
    severity: Severity
    value: float | None = None
    limit: float | None = None
    expected: float | None = None
    score: float | None = None
    detector: str = ""
    message: str = ""
    offset: int | None = None
    simulated: bool = False
    fault_id: str = ""
    finding: str = ""
    """The kind of what was found, where several kinds may be one alarm; empty: the alarm's own."""


class Shelf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shelve. Wall-clock times; it always expires, also a one-shot one (which ends at the next return too)."""

    who: str
    reason: str
    since: float
    until: float
    warn_at: float
    one_shot: bool = False
    warned: bool = False


class OutOfServiceMark(msgspec.Struct, frozen=True, kw_only=True):
    """Who took the alarm out of service, when (wall-clock) and why. It has no expiry: maintenance ends it."""

    who: str
    reason: str
    since: float


class Alarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of the alarm ``(sensor_id, kind)``: there is never more than one.

    An occurrence is live while ``ack`` is not NONE. After its close the fields of the last occurrence stay
    readable until the next one begins. ``deadline`` is the end of the running on- or off-delay (event time).
    """

    sensor_id: str
    kind: str
    version: int = 0
    condition: Condition = Condition.NORMAL
    ack: AckState = AckState.NONE
    quality: Quality = Quality.GOOD
    latched: bool = False
    """The process is back, and the latch holds the alarm until it is reset."""
    shelf: Shelf | None = None
    by_design: tuple[str, ...] = ()
    """Causes of suppression by design, sorted; suppressed while there is one."""
    out_of_service: OutOfServiceMark | None = None

    occurrence_id: str = ""
    raised_at: float | None = None
    returned_at: float | None = None
    closed_at: float | None = None
    severity: Severity | None = None
    peak: Severity | None = None
    peak_version: int = 0
    """The version in which the peak was reached: an ack of an older screen is refused."""
    priority: Priority | None = None
    recurrences: int = 0
    announced: Severity | None = None
    """The highest severity that was annunciated in this occurrence; None if the operator was never told."""
    ring_due: bool = False
    """It must ring once more, for a reason that is not its severity, as soon as nothing suppresses it."""
    acked_by: str = ""
    acked_at: float | None = None
    realarm_at: float | None = None
    chatter: bool = False
    standing: bool = False
    """Active for longer than the definition's ``stale_s``."""
    standing_at: float | None = None
    marked_false: bool = False
    simulated: bool = False
    fault_id: str = ""
    parent: str = ""
    """Occurrence of the common-cause alarm this one is a child of."""
    detection: Detection | None = None
    """Of a disturbance that several kinds found: what the worst of them saw."""
    also: tuple[Detection, ...] = ()
    """What the other kinds saw, worst first."""

    holders: tuple[str, ...] = ()
    """Who holds the condition up, where several may; sorted."""
    deadline: float | None = None
    activations: tuple[float, ...] = ()
    """The latest activations (event time), as many as telling chatter needs."""
    newest_activation: float | None = None
    ordinal: int = 0
    """Tells occurrences apart that begin at the same event time."""

    @property
    def detections(self) -> tuple[Detection, ...]:
        """What each kind saw that found this disturbance, worst first; none before anything was found."""
        return (self.detection, *self.also) if self.detection is not None else ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that found this disturbance, worst first; its own alone where it stands for itself."""
        return tuple(seen.finding or self.kind for seen in self.detections) or (self.kind,)

    @property
    def live(self) -> bool:
        """Whether an occurrence is open: the alarm list shows it."""
        return self.ack is not AckState.NONE

    @property
    def suppressed(self) -> bool:
        """Whether anything suppresses the annunciation (never the evaluation)."""
        return self.shelf is not None or bool(self.by_design) or self.out_of_service is not None

    @property
    def suppression(self) -> frozenset[Label]:
        """The suppression axis as the set that it is."""
        return frozenset(
            label
            for label, on in (
                (Label.SHELVED, self.shelf is not None),
                (Label.BY_DESIGN, bool(self.by_design)),
                (Label.OUT_OF_SERVICE, self.out_of_service is not None),
            )
            if on
        )

    @property
    def active(self) -> bool:
        """Whether the process condition stands, a running off-delay included."""
        return self.condition in (Condition.ACTIVE, Condition.CLEARING)

    @property
    def label(self) -> Label:
        """The ISA-18.2 state, by precedence."""
        if self.out_of_service is not None:
            return Label.OUT_OF_SERVICE
        if self.by_design:
            return Label.BY_DESIGN
        if self.shelf is not None:
            return Label.SHELVED
        if self.active and self.ack is AckState.UNACK:
            return Label.UNACK
        if self.latched:
            return Label.LATCHED
        if self.ack is AckState.ACKED:
            return Label.ACKED
        return Label.RTN_UNACK if self.ack is AckState.UNACK else Label.NORMAL

    @property
    def needs_annunciation(self) -> bool:
        """Whether it stands un-acked and unsuppressed, and the operator has not been told, or not of this severity."""
        if self.ack is not AckState.UNACK or self.suppressed or self.peak is None:
            return False
        if self.condition is not Condition.ACTIVE and not self.latched:
            return False
        return self.ring_due or self.announced is None or self.peak.rank > self.announced.rank

    @property
    def next_event_time(self) -> float | None:
        """When ``TimePassed`` is next needed (event time); None while nothing runs or no data comes."""
        if self.quality is Quality.STALE:
            return None
        return min((t for t in (self.deadline, self.standing_at) if t is not None), default=None)

    @property
    def next_wall_time(self) -> float | None:
        """When ``WallClock`` is next needed (wall-clock time); None while nothing runs."""
        times: list[float] = []
        if self.shelf is not None:
            times.append(self.shelf.until if self.shelf.warned else self.shelf.warn_at)
        if self.realarm_at is not None and self._may_realarm:
            times.append(self.realarm_at)
        return min(times, default=None)

    @property
    def _may_realarm(self) -> bool:
        return self.ack is AckState.ACKED and self.condition is Condition.ACTIVE and not self.suppressed

    def realarm_due(self, at: float) -> bool:
        """Whether the re-alarm time has passed at the wall-clock time ``at``."""
        return self.realarm_at is not None and self.realarm_at <= at and self._may_realarm


def new_alarm(sensor_id: str, kind: str) -> Alarm:
    """An alarm that has never been raised: what a missing row means."""
    return Alarm(sensor_id=sensor_id, kind=kind)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alarm)


def encode_alarm(alarm: Alarm) -> bytes:
    """The alarm as a JSON document (UTF-8); ``decode_alarm`` gives an equal one back."""
    return _ENCODER.encode(alarm)


def decode_alarm(document: bytes | str) -> Alarm:
    """The alarm of a JSON document; raises ``msgspec.ValidationError`` when it is not one."""
    return _DECODER.decode(document)
