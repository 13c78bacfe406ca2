"""The bridges of a plant as they tell it themselves, and what is known to be lost because of it.

A bridge tells how it is each second. One that tells nothing any more is lost; what its sensors do then, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.model import DROPPED_KIND
from controlroom.core.sanitise import sanitise
from controlroom.wire import BridgeReport, SourceReport
from controlroom.wire.bridge import ALARMS_KIND, PART_KINDS

#: A bridge that has told nothing for so long is lost, seconds.
LOST_S = 10.0
#: One that has told nothing for so long explains the silence of its sensors: no sensor is called silent sooner.
DOUBTED_S = 3.0
#: A source that has been down for so long is an alarm, also if none of its sensors is silent yet.
DOWN_S = 5.0
#: The alarm of dropped readings stands for so long after the last one.
DROPPED_S = 600.0
#: The name under which the worker on duty tells how the publishing of alarms goes.
ALARMS_OUT = "alarms-to-mqtt"
#: Whatever writes to the topic: so many bridges are followed.
MOST_BRIDGES = 1000

#: of a bridge: it runs, has told nothing for LOST_S, or has ended in order
BridgeState = Literal["runs", "lost", "stopped"]


def bridge_group(bridge: str) -> str:
    """The name of the group of a bridge's sensors."""
    return f"bridge:{bridge}"


def source_group(source: str) -> str:
    """The name of the group of a source's sensors; `source` is `BRIDGE/SOURCE`, as readings have it."""
    return f"source:{source}"


def source_groups(source: str) -> list[str]:
    """The groups of a sensor whose readings name this source, the smallest first.

    >>> source_groups("b/mqtt"), source_groups("b/sparkplug/plant/node 1")[:2]
    (['source:b/mqtt', 'bridge:b'], ['source:b/sparkplug/plant/node 1', 'source:b/sparkplug'])

    A source may have parts that are lost by themselves: edge nodes (`B/SOURCE/GROUP/NODE`) and their devices.
    """
    parts = source.split("/")
    # A node is named by its group and its own name: the group alone is nothing that is lost.
    whole = [n for n in (5, 4, 2) if n <= len(parts)] or [len(parts)]
    return [*(source_group("/".join(parts[:n])) for n in whole), bridge_group(parts[0])]


def is_part(group: str) -> bool:
    """Whether a group is a part of a source: an edge node or a device.

    >>> is_part("source:b/sparkplug/plant/node"), is_part("source:b/mqtt")
    (True, False)
    """
    return group.startswith("source:") and group.count("/") > 1


@dataclass(frozen=True, slots=True)
class BridgeView:
    """One bridge: its last report, and how it is."""

    report: BridgeReport
    state: BridgeState

    @property
    def name(self) -> str:
        """Its name, as it may be shown."""
        return _shown(self.report.name)

    @property
    def down(self) -> tuple[SourceReport, ...]:
        """The sources that are down, of a bridge that runs."""
        return _down_of(self.report) if self.state == "runs" else ()

    @property
    def well(self) -> bool:
        """Whether nothing is amiss; a bridge that was stopped is well."""
        return self.state == "stopped" or (self.state == "runs" and self.report.well)


@dataclass(frozen=True, slots=True)
class BridgesView:
    """All bridges, by name, as they were when they could last be heard (seconds since 1970)."""

    checked_at: float
    bridges: tuple[BridgeView, ...] = ()


def troubles(views: Iterable[BridgeView]) -> list[str]:
    """What is amiss with bridges and sources, one line each."""
    found: list[str] = []
    for view in views:
        report = view.report
        if view.state == "lost":
            found.append(_silent(report))
        if view.state != "runs":
            continue
        found += [_down(report, source) for source in view.down]
        if report.kafka_since is None:
            found.append(f"bridge {view.name} cannot send: Kafka does not confirm its readings")
        if report.spool_error:
            found.append(f"bridge {view.name} cannot write its spool: {sanitise(report.spool_error)}")
    return found


class Bridges:
    """What all bridges have told.

    `now` and `at` are seconds of a clock that runs while we listen: who is not listened to is not lost.

    >>> Bridges().lost(now=0.0), Bridges().alarms(now=0.0)
    ({}, {})
    """

    def __init__(self) -> None:
        self._told: dict[str, tuple[BridgeReport, float]] = {}

    def hear(self, name: str, report: BridgeReport | None, at: float) -> None:
        """A bridge has told how it is; None: it is to be forgotten."""
        if report is None:
            self._told.pop(name, None)
        elif name == report.name and (name in self._told or len(self._told) < MOST_BRIDGES):
            self._told[name] = report, at

    def views(self, now: float) -> tuple[BridgeView, ...]:
        """All bridges, by name."""
        return tuple(BridgeView(report, _state(report, now - at)) for _, (report, at) in sorted(self._told.items()))

    def lost(self, now: float) -> dict[str, str]:
        """The groups of sensors from which nothing can come, each with the reason."""
        found: dict[str, str] = {}
        for report, at in list(self._told.values()):
            if report.stopped:
                found[bridge_group(report.name)] = f"bridge {_shown(report.name)} was stopped"
            elif now - at >= DOUBTED_S:
                found[bridge_group(report.name)] = _silent(report)
            else:
                for source in _down_of(report):
                    found[source_group(f"{report.name}/{source.name}")] = _down(report, source)
        return found

    def alarms(self, now: float) -> dict[tuple[str, str], str]:
        """(group, kind of alarm) -> message, of what is an alarm whatever sensors do."""
        found: dict[tuple[str, str], str] = {}
        for report, at in list(self._told.values()):
            view = BridgeView(report, _state(report, now - at))
            if view.state == "lost":
                found[bridge_group(report.name), GROUP_KIND] = _silent(report)
            for source in view.down:
                # A death was told: there is nothing to wait for.
                if source.kind in PART_KINDS or _down_for(report, source) >= DOWN_S:
                    found[source_group(f"{report.name}/{source.name}"), GROUP_KIND] = _down(report, source)
            if report.dropped_at is not None and report.at - report.dropped_at + now - at < DROPPED_S:
                text = (
                    f"bridge {_shown(report.name)} has dropped {report.dropped:,} readings:"
                    " its spool was full, or they had waited too long"
                )
                found[bridge_group(report.name), DROPPED_KIND] = text
        return found


def _state(report: BridgeReport, age: float) -> BridgeState:
    if report.stopped:
        return "stopped"
    return "lost" if age >= LOST_S else "runs"


def _down_of(report: BridgeReport) -> tuple[SourceReport, ...]:
    """The sources that are down; one that has just been started, and has met no obstacle yet, is not."""
    return tuple(
        source
        for source in report.sources
        if source.connected_since is None and (source.error or _down_for(report, source) >= DOWN_S)
    )


def _down_for(report: BridgeReport, source: SourceReport) -> float:
    """For how long a source is not connected, by the bridge's clock alone: ours may differ."""
    return report.at - source.down_since if source.down_since is not None else DOWN_S


# What an alarm says stays as it was when it was raised, so these say what happened and not how things are.


def _silent(report: BridgeReport) -> str:
    at = f"{datetime.fromtimestamp(report.at, UTC):%H:%M:%S}Z"
    what = "the publishing of alarms (MQTT)" if report.name == ALARMS_OUT else f"bridge {_shown(report.name)}"
    return f"{what} lost: nothing was heard of it after {at}"


def _down(report: BridgeReport, source: SourceReport) -> str:
    why = f": {sanitise(source.error, limit=200)}" if source.error else ""
    if source.kind == ALARMS_KIND:
        return f"alarms do not reach the MQTT broker {_shown(source.name)}{why}"
    return f"source {_shown(source.name)} of bridge {_shown(report.name)} went down{why}"


def _shown(name: str) -> str:
    return sanitise(name, limit=64)
