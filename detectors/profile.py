"""What the bank is told about a sensor: its limits, its range and which detectors watch it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.kind import SIGNALS

OF_MESSAGES = ("dropout", "late", "clock", "duplicate", "order", "corrupt")
CHEAP = (*OF_MESSAGES, "rail", "limit", "rate", "stuck")
STATISTICAL = ("spike", "noise", "level", "drift", "anomaly")
DETECTORS = CHEAP + STATISTICAL


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sensor's (or sensor type's) settings; every field has a sensible default. Hashable: profiles can be shared.

    Attributes:
        unit: for explanations only.
        warning_high, critical_high, warning_low, critical_low: limits in the unit; None: no such limit.
        deadband: how far a value must come back over a limit before the limit's alarm ends, in the unit;
            None: a tenth of the distance between warning and critical, or 1 % of the limit.
        range_low, range_high: what the sensor can physically say. Beyond is ``corrupt``, held at an end is ``rail``.
        rate_limit: the fastest believable change, in the unit per second; None: no such limit.
        interval: expected seconds between readings; a prior only, the rhythm is learned. None: unknown.
        ahead_limit: seconds that a reading's time may be ahead of its arrival; further is ``clock``. None: any.
        detectors: the kinds of conditions that are watched for, of `DETECTORS`.
        extra: further detectors of the registry (plug-ins), raised as ``anomaly``.
        false_alarms_per_day: the budget that each statistical limit is calibrated to.
        warm_up: readings before statistical detectors may raise an alarm (limits and message faults always may).
        quiet: seconds without a repeat after which a transient condition has ended.
        signal: its kind, of `detectors.kind.SIGNALS`; None: found from the readings.
    """

    unit: str = ""
    warning_high: float | None = None
    critical_high: float | None = None
    warning_low: float | None = None
    critical_low: float | None = None
    deadband: float | None = None
    range_low: float | None = None
    range_high: float | None = None
    rate_limit: float | None = None
    interval: float | None = None
    ahead_limit: float | None = 60.0
    detectors: tuple[str, ...] = DETECTORS
    extra: tuple[str, ...] = ()
    false_alarms_per_day: float = 0.01
    warm_up: int = 300
    quiet: float = 60.0
    signal: str | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.detectors if name not in DETECTORS]
        if unknown:
            raise ValueError(f"no such kind of condition: {unknown[0]!r} (known: {', '.join(DETECTORS)})")
        if self.signal is not None and self.signal not in SIGNALS:
            raise ValueError(f"no such kind of signal: {self.signal!r} (known: {', '.join(SIGNALS)})")
        for low, high in (
            (self.warning_high, self.critical_high),
            (self.critical_low, self.warning_low),
            (self.range_low, self.range_high),
        ):
            if low is not None and high is not None and low > high:
                raise ValueError(f"limits in the wrong order: {low} > {high}")
        if self.warm_up < 1 or self.quiet <= 0 or self.false_alarms_per_day <= 0:
            raise ValueError("warm_up, quiet and false_alarms_per_day must be above zero")
        if self.interval is not None and self.interval <= 0:
            raise ValueError("interval must be above zero")
        if self.ahead_limit is not None and self.ahead_limit <= 0:
            raise ValueError("ahead_limit must be above zero")


def profiles_from_toml(text: str, base: Mapping[str, Profile] | None = None) -> dict[str, Profile]:
    r"""Profiles by sensor type from TOML: one table per type, over the defaults of that type.

    Raises ValueError, whose message names the type and the key.

    >>> profiles_from_toml('[temperature]\nunit = "°C"\nwarning_high = 35\n')["temperature"].warning_high
    35.0
    """
    found: dict[str, Profile] = dict(base or {})
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ValueError(f"{name}: a table per sensor type is wanted, as [{name}]")
        known: dict[str, Any] = msgspec.structs.asdict(found[name]) if name in found else {}
        found[name] = profile_of(name, {**known, **table})
    return found


def profile_of(name: str, settings: Mapping[str, Any]) -> Profile:
    """The profile of a sensor type from its settings.

    Raises ValueError, whose message names the type and the key.

    >>> profile_of("press", {"warning_high": "much"})
    Traceback (most recent call last):
    ...
    ValueError: [press] warning_high: Expected `float | null`, got `str`
    """
    for key in settings:
        if key not in Profile.__struct_fields__:
            raise ValueError(f"[{name}] {key}: there is no such key (known: {', '.join(Profile.__struct_fields__)})")
    try:
        return msgspec.convert(dict(settings), Profile)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        raise ValueError(f"[{name}] {path.rstrip('`')}: {text}" if path else f"[{name}] {text}") from None
