"""The two lines at the top: what plant, how many alarms, what time; the screens, and how much comes in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controlroom.core.alarm_view import AlarmView
from controlroom.core.health_views import FeedHealth
from controlroom.ports import SessionReplay
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, spread
from controlroom.ui.render.numbers import UNKNOWN, clock_text, count_text, date_text

#: the narrowest screen with room for the date
_DATE_FROM = 100
#: a rate of less than this is of a reading or two
_LEAST_S = 2.0


@dataclass(frozen=True, slots=True)
class AlarmCounts:
    """Live alarms, by what they ask of an operator."""

    critical: int = 0
    warning: int = 0
    unacked: int = 0

    @classmethod
    def of(cls, alarms: Iterable[AlarmView]) -> AlarmCounts:
        """Of these alarms; one that went away by itself counts as un-acked alone."""
        alarms = list(alarms)
        active = [alarm for alarm in alarms if alarm.active]
        return cls(
            critical=sum(alarm.severity == 2 for alarm in active),
            warning=sum(alarm.severity == 1 for alarm in active),
            unacked=sum(alarm.unacked for alarm in alarms),
        )


def title_line(
    banner: str,
    counts: AlarmCounts | None,
    width: int,
    glyphs: Glyphs,
    *,
    read_only: bool,
    replay: SessionReplay | None = None,
) -> Line:
    """Name, plant, alarms (None: not known yet)."""
    if replay is not None:
        start = replay_tag(replay)  # in place of the name: at 80 columns there is not room for both
    else:
        start = [(" CONTROLROOM ", Role.TITLE_STRONG), *([(" READ ONLY ", Role.TITLE)] if read_only else [])]
    start.append((f" {banner}", Role.TITLE_DIM))
    end: Line = [(" ", Role.TITLE), *(_alarms(counts, glyphs) if counts else [("alarms ?  ", Role.TITLE_DIM)])]
    return spread(start, end, width, Role.TITLE)


def replay_tag(replay: SessionReplay) -> Line:
    """That this is the past, where in it, and how quick it goes."""
    if replay.seeking:
        how = "seeking"
    elif replay.ended:
        how = "cut off here" if replay.cut_off else "end"
    else:
        how = "paused" if replay.paused else f"x{replay.speed:g}"
    whole = int(replay.position_s)
    return [
        (f" REPLAY {whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} ", Role.TITLE_SIM),
        (f" {how} ", Role.TITLE),
    ]


def clock_line(now: float, screen_width: int) -> Line:
    """The time, with the date where there is room for it."""
    return [(f"{date_text(now) if screen_width >= _DATE_FROM else clock_text(now)} UTC ", Role.TITLE)]


def _alarms(counts: AlarmCounts, glyphs: Glyphs) -> Line:
    end: Line = []
    if counts.critical:
        end.append((f"{glyphs.critical} {counts.critical} CRIT", Role.TITLE_CRIT))
        end.append(("  ", Role.TITLE))
    if counts.warning:
        end.append((f"{glyphs.warning} {counts.warning} WARN", Role.TITLE_WARN))
        end.append(("  ", Role.TITLE))
    if counts.unacked:
        end.append((f"{counts.unacked} un-acked", Role.TITLE))
        end.append(("  ", Role.TITLE))
    if not (counts.critical or counts.warning or counts.unacked):
        end.append(("no alarm  ", Role.TITLE_DIM))
    return end


def tabs_line(tabs: Sequence[tuple[str, str]], current: str) -> Line:
    """`tabs` are (key, name); the current one stands out by weight and a mark, the others are quiet."""
    line: Line = []
    for key, name in tabs:
        line += [(f" {key} ", Role.DIM), (name, Role.TAB if name == current else Role.DIM), (" ", Role.TEXT)]
    return line


def rate_line(
    sensors: int, rate: float | None, width: int, health: FeedHealth | None = None, glyphs: Glyphs | None = None
) -> Line:
    """How many sensors there are, and how much comes in; how old what is shown is, where it is older than it should be.

    >>> line = rate_line(1000, 250.0, 32, FeedHealth(age_s=7))
    >>> "".join(text for text, _ in line).strip()
    '1000 sensors  7 s old'
    """
    speed = UNKNOWN if rate is None else count_text(rate) if rate >= 10 else f"{rate:.1f}"
    line: Line = [(f"{count_text(sensors)} ", Role.TEXT), ("sensor " if sensors == 1 else "sensors", Role.DIM)]
    if health is not None and (health.age_s or health.skipping):
        mark = f"{glyphs.warning} " if glyphs is not None else ""
        line.append((f"  {mark}{f'{health.age_s} s old' if health.age_s else 'readings skipped'} ", Role.WARN))
    else:
        line += [(f"  {speed}", Role.TEXT), (" readings/s ", Role.DIM)]
    return spread([], line, width)


class RateMeter:
    """Readings a second over the last moments, from a growing total.

    >>> meter = RateMeter(span_s=10.0)
    >>> [meter.rate(now, total) for now, total in ((0.0, 100), (5.0, 150), (20.0, 180))]
    [None, 10.0, 2.0]

    Sensors may be slow: that nothing comes in is known when nothing has come for the whole span.

    >>> meter = RateMeter(span_s=10.0)
    >>> [meter.rate(now, total) for now, total in ((0.0, None), (1.0, 0), (5.0, 0), (11.0, 0), (12.0, None))]
    [None, None, None, 0.0, None]
    """

    def __init__(self, span_s: float = 10.0) -> None:
        self._span = span_s
        self._samples: list[tuple[float, int]] = []

    def rate(self, now: float, total: int | None) -> float | None:
        """The rate; None until two seconds have been seen, and where the total is not known."""
        samples = self._samples
        if total is None:
            samples.clear()
            return None
        if samples and (now < samples[-1][0] or total < samples[-1][1]):
            samples.clear()  # a recording went back
        if not samples or now - samples[-1][0] >= 1.0:
            samples.append((now, total))
        while len(samples) > 2 and now - samples[1][0] >= self._span:
            samples.pop(0)
        began, before = samples[0]
        seen = now - began
        if seen < _LEAST_S or (total == before and seen < self._span):
            return None
        return max(0.0, (total - before) / seen)
