"""Further detectors by name: those that come with this package, and those that a plant adds in a package of its own.

A plug-in is a callable without arguments that makes a `SeriesDetector`; its package names it under the entry-point
group `controlroom.detectors`::

    [project.entry-points."controlroom.detectors"]
    my_detector = "my_package.my_module:MyDetector"

A sensor type uses it by `extra = ["my_detector"]` in its profile; what it finds is raised as ``anomaly``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol

GROUP = "controlroom.detectors"
BUILT_IN = {"half_space_trees": "detectors.forest:HalfSpaceTrees"}


class SeriesDetector(Protocol):
    """What a plug-in must be: one reading at a time, causal, bounded, the same readings always the same scores."""

    def update(self, t: float, x: float) -> float:
        """Take a reading (event time in seconds, value); its anomaly score, 0 to 1."""

    @property
    def threshold(self) -> float:
        """The score from which an alarm is raised."""

    def dump(self) -> bytes:
        """The state, from which `load` goes on bit for bit."""

    def load(self, data: bytes) -> None:
        """Take over a dumped state."""


def names() -> list[str]:
    """All names that `create` knows, sorted."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def create(name: str) -> SeriesDetector:
    """Make the detector of that name.

    Raises:
        ValueError: there is no such detector.
        ImportError: it needs a package that is not installed.

    >>> create("no_such")
    Traceback (most recent call last):
    ...
    ValueError: no such detector: 'no_such' (known: half_space_trees)
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        factory: Callable[[], SeriesDetector] = getattr(import_module(module), attribute)
        return factory()
    for point in entry_points(group=GROUP, name=name):
        factory = point.load()
        return factory()
    raise ValueError(f"no such detector: {name!r} (known: {', '.join(names())})")
