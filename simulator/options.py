"""How to simulate."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.signals import Nature


@dataclass(frozen=True, slots=True)
class Options:
    """How to simulate; the defaults are a plant in real time."""

    #: None: signals follow the calendar; a number: the same values whenever it is run (see `Engine`)
    seed: int | None = None
    #: how many times faster than real time
    speed: float = 1.0
    #: simulated time to start at, milliseconds since 1970; None: now
    start: int | None = None
    nature: Nature = field(default_factory=Nature)
    #: first remove all sensors that are not declared, and bring the declared ones to what was declared
    fresh: bool = False
    #: end after so many simulated seconds
    duration: float | None = None
    #: end after so many readings
    readings: int | None = None
    #: how long to try to reach the brokers at first, seconds
    connect_timeout: float = 10.0
    #: Kafka's time of each reading is the simulated one: for topics with CreateTime, on which nothing else is sent
    stamp: bool = False
    #: consumer group that shares the sensors out; None: one per topic of commands
    group: str | None = None
