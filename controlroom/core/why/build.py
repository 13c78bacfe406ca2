"""Why an alarm was raised, put together from what is stored: its journal, and the readings about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from controlroom.core.alarms.model import Alarm
from controlroom.core.backtest.series import Sample
from controlroom.core.why.model import Occurrence, Past, Why
from controlroom.core.why.rerun import (
    USUAL,
    Range,
    Rerun,
    curve_of,
    evidence_of,
    limits_of,
    rerun,
    usual_range,
)
from controlroom.core.why.span import SLOW, interval_of, near_of, span_of
from detectors import Profile, evidence

#: a band of the detectors is drawn when it is known for so large a share of the readings
ENOUGH = 0.5
#: readings whose numbers are usually so far apart are a sample of all
SAMPLED = 2


@dataclass(frozen=True, slots=True)
class Place:
    """When an alarm was, and what of that time is shown."""

    occurrence: Occurrence
    #: when its condition was over; while it stands, the sensor's newest reading
    ended: float
    interval: float
    start: float
    end: float

    @property
    def window(self) -> Range:
        """The time of the disturbance that the alarm belongs to."""
        return self.occurrence.began - near_of(self.interval), self.ended


def occurrence_of(alarm: Alarm, known: Sequence[Occurrence]) -> Occurrence | None:
    """The alarm's latest occurrence: as its journal has it, else as the alarm itself says."""
    for one in known:
        if one.occurrence_id == alarm.occurrence_id:
            return one
    if alarm.raised_at is None:
        return None
    one = Occurrence(
        alarm.occurrence_id,
        alarm.raised_at,
        alarm.returned_at if alarm.returned_at is not None else alarm.closed_at,
        str(alarm.peak or ""),
        acked_by=alarm.acked_by,
        false_by="?" if alarm.marked_false else "",
        simulated=alarm.simulated,
    )
    seen = alarm.detection
    if seen is None:
        return one
    return replace(
        one,
        value=seen.value,
        expected=seen.expected,
        limit=seen.limit,
        score=seen.score,
        detector=seen.detector,
        message=seen.message,
    )


def place_of(this: Occurrence, kind: str, times: Sequence[float], newest: float | None) -> Place:
    """Where to look: `times` are of readings before the alarm, `newest` is that of the sensor's last one."""
    interval = interval_of(times)
    ended = this.ended if this.ended is not None else max(this.began, newest if newest is not None else this.began)
    # What is judged by means of minutes has begun long before.
    slow = kind in SLOW or this.detector in SLOW
    start, end = span_of(this.began, ended, interval, slow=slow)
    if newest is not None:
        end = min(end, max(newest, ended))
    return Place(this, ended, interval, start, max(end, this.began + interval))


def without_readings(alarm: Alarm, this: Occurrence | None, past: Past, note: str) -> Why:
    """Of an alarm of which there is no curve, for the reason that `note` gives."""
    at = this.began if this is not None else 0.0
    return Why(alarm.sensor_id, alarm.kind, this, at, at, notes=(note,), past=past)


def build(
    alarm: Alarm,
    place: Place,
    profile: Profile,
    before: Sequence[Sample],
    inside: Sequence[Sample],
    rang: Mapping[str, float],
    past: Past,
) -> Why:
    """All of it. Takes as long as the detectors take for the readings: some 10 µs each.

    Args:
        alarm: which.
        place: when it was, and what is shown.
        profile: how its sensor's detectors are set.
        before: stored readings before the span, oldest first; the detectors learn from them.
        inside: those of the span.
        rang: by kind, when alarms of the sensor were raised in the disturbance's time, as the journal has it.
        past: earlier occurrences.
    """
    this, axis = place.occurrence, (place.start, place.end)
    found = rerun(profile, before, inside, kind=alarm.kind, detector=this.detector, until=min(place.end, place.ended))
    bands, band, origin, source = _expected(found, before, inside, this, alarm.kind)
    why = Why(
        alarm.sensor_id,
        alarm.kind,
        this,
        *axis,
        unit=profile.unit,
        curve=curve_of(found, axis, bands),
        band=band,
        band_origin=origin,
        band_source=source,
        limits=limits_of(profile),
        evidence=evidence_of(found, axis, place.window, rang) if found.times else (),
        learned=found.learned,
        first=min(rang.items(), key=lambda item: item[1], default=None),
        past=past,
    )
    return replace(why, notes=tuple(_notes(why, place, profile, [*before, *inside])))


def _expected(
    found: Rerun, before: Sequence[Sample], inside: Sequence[Sample], this: Occurrence, kind: str
) -> tuple[list[Range | None], str, str, str]:
    """What was expected of each reading; what that is; how it was found, in two words and in a sentence."""
    known = sum(band is not None for band in found.bands)
    if known and known >= ENOUGH * len(found.bands):
        what, name = ("mean", "level") if evidence.of_means(kind) else ("reading", "spike")
        source = f"as `{name}` expects it, computed again after {found.learned} earlier readings"
        return found.bands, f"expected {what}", "computed again", source
    values = [sample.value for sample in (*before, *inside) if sample.value is not None and sample.t < this.began]
    usual = usual_range(values[-USUAL:])
    if usual is None:
        return [None] * len(found.times), "", "", ""
    of = len(values[-USUAL:])
    source = f"the middle 98 % of the {of} readings before: no detector tells what it expects here"
    return [usual] * len(found.times), "usual range", f"98 % of {of} before", source


def _notes(why: Why, place: Place, profile: Profile, samples: Sequence[Sample]) -> list[str]:
    """What is not there, or not as it was in the plant."""
    if not why.curve.times:
        return ["the readings of that time are not stored (any more)"]
    notes = []
    numbers = [sample.seq for sample in samples if sample.seq]
    if len(numbers) > 1 and median(after - one for one, after in pairwise(numbers)) >= SAMPLED:
        notes.append("not every reading is stored: evidence computed from those that are differs from the plant's")
    if why.learned < profile.warm_up:
        notes.append(f"only {why.learned} readings before are stored: too few for the detectors to learn from")
    elif why.own is not None and any(multiple for _, multiple in why.own.points) and why.own.over_at is None:
        notes.append(f"computed again, `{why.kind}` stays below its limit: the plant's may know more")
    if not why.band:
        notes.append("too few readings before the alarm to tell what was expected")
    if place.ended > place.end:
        notes.append("the alarm lasts longer than is shown")
    return notes
