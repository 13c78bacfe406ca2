"""How a sensor is watched, from what its readings say of it, what the plant says of its type, and what is usual."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from controlroom.core.alarms.definitions import Definition, Definitions
from controlroom.core.records import SensorFacts
from controlroom.errors import ConfigError
from controlroom.wire import SENSOR_TYPES
from detectors import registry
from detectors.profile import Profile, profile_of

#: Keys that are in the type's unit: they say nothing of a sensor that measures in another one.
_IN_UNIT = frozenset(
    {
        "warning_high",
        "critical_high",
        "warning_low",
        "critical_low",
        "deadband",
        "range_low",
        "range_high",
        "rate_limit",
    }
)
_LIMITS = ("warning_high", "critical_high", "warning_low", "critical_low")
_MOST_KNOWN = 4096

LIMIT_KIND = "limit"
"""The kind of alarm whose definition says where the limits are."""


class _Given(NamedTuple):
    """What the definition of a sensor's limit alarm gives; None: nothing."""

    warning_low: float | None = None
    critical_low: float | None = None
    warning_high: float | None = None
    critical_high: float | None = None
    band: float | None = None
    band_abs: float | None = None

    @classmethod
    def of(cls, definition: Definition) -> _Given:
        limits = definition.limits
        return cls(
            limits.warning_low, limits.critical_low, limits.warning_high, limits.critical_high,
            definition.deadband, definition.deadband_abs,
        )  # fmt: skip


_NOTHING = _Given()


@dataclass(slots=True)
class Profiles:
    """What is set for each type of sensor: tables of `detectors.profile.Profile`'s fields, by type.

    Limits come from the definition of the sensor's limit alarm, then from what the sensor says of itself, then from
    these tables; the rest from these tables, then from what is usual for its type.
    """

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _known: dict[tuple[str, str, float | None, float | None, _Given, bool], Profile] = field(default_factory=dict)

    def adopt(self, other: Profiles) -> bool:
        """Say from now on what `other` says; whoever holds these profiles goes on with the new ones.

        Returns:
            Whether that is something else.
        """
        if other.tables == self.tables:
            return False
        self.tables = other.tables
        self._known.clear()
        return True

    def of(self, facts: SensorFacts, definition: Definition | None = None) -> Profile:
        """The profile of a sensor; `definition` is that of its limit alarm."""
        given = _Given.of(definition) if definition is not None else _NOTHING
        return self._find(
            facts.sensor_type, facts.unit, facts.warning, facts.critical, given, simulated=facts.simulated
        )

    def of_type(
        self, sensor_type: str, unit: str | None = None, warning: float | None = None, critical: float | None = None
    ) -> Profile:
        """The profile of a sensor of this type with these limits of its own; `unit` None: it measures as is usual."""
        usual = SENSOR_TYPES.get(sensor_type)
        table = self.tables.get(sensor_type, {})
        if unit is None:
            unit = str(table.get("unit", usual.unit if usual is not None else ""))
        return self._find(sensor_type, unit, warning, critical, _NOTHING, simulated=False)

    def _find(
        self,
        sensor_type: str,
        unit: str,
        warning: float | None,
        critical: float | None,
        given: _Given,
        *,
        simulated: bool,
    ) -> Profile:
        key = (sensor_type, unit, warning, critical, given, simulated)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = self._make(*key)
        return found

    def _make(
        self,
        sensor_type: str,
        unit: str,
        warning: float | None,
        critical: float | None,
        given: _Given,
        simulated: bool,  # noqa: FBT001 - a part of the key
    ) -> Profile:
        usual = SENSOR_TYPES.get(sensor_type)
        settings: dict[str, Any] = {}
        if usual is not None and usual.unit == unit:
            settings = {"range_low": usual.low, "range_high": usual.high, "interval": usual.interval}
        table = self.tables.get(sensor_type, {})
        if table.get("unit", unit) == unit:
            settings |= table
        else:
            settings |= {name: value for name, value in table.items() if name not in _IN_UNIT}
        settings["unit"] = unit
        if simulated:
            # Simulated time may run faster than the brokers' clock.
            settings["ahead_limit"] = None
        if warning is not None or critical is not None:
            # A sensor's own limits hold as they are: mixed with the type's they could stand in the wrong order.
            settings |= dict.fromkeys(_LIMITS)
            # A critical limit below the warning limit guards the low side: a tank's level, an air pressure.
            side = "low" if warning is not None and critical is not None and critical < warning else "high"
            settings |= {f"warning_{side}": warning, f"critical_{side}": critical}
        return profile_of(sensor_type, _over(settings, given) if given != _NOTHING else settings)


def parse_profiles(text: str, whence: str) -> Profiles:
    r"""Profiles from TOML, one table per type of sensor; `whence` names the file in errors.

    Raises:
        ConfigError: it is wrong; names the type and the key.

    >>> parse_profiles("[press]\nwarning_high = 5.0\n", "detectors.toml").of_type("press").warning_high
    5.0
    >>> parse_profiles("[press]\nwarnin = 5.0\n", "detectors.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    controlroom.errors.ConfigError: detectors.toml: [press] warnin: there is no such key (known: unit, ...
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{whence}: not TOML: {error}") from None
    profiles = Profiles(tables)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{whence}: {name}: a table per sensor type is wanted, as [{name}]")
        try:
            profile_of(name, table)
            made = profiles.of_type(name)
            for plug_in in made.extra:
                registry.create(plug_in)
        except (ValueError, ImportError) as error:
            prefix = "" if str(error).startswith("[") else f"[{name}] extra: "
            raise ConfigError(f"{whence}: {prefix}{error}") from None
    return profiles


def profiles_of(definitions: Definitions, profiles: Profiles | None = None) -> Callable[[SensorFacts], Profile]:
    """Finds the profile of a sensor by what the definitions say at the moment, over what is set for its type."""
    tables = profiles or _NOTHING_SET
    return lambda facts: tables.of(facts, definitions.resolve(facts.sensor_id, facts.sensor_type, LIMIT_KIND))


def profile_for(facts: SensorFacts) -> Profile:
    """The profile of a sensor of a plant that has set nothing."""
    return _NOTHING_SET.of(facts)


_NOTHING_SET = Profiles()


def _over(settings: Mapping[str, Any], given: _Given) -> dict[str, Any]:
    """Settings with the limits and the deadband that a definition gives, where it gives any."""
    changed: dict[str, Any] = {}
    for side, outward, at in (("low", -1.0, (given.warning_low, given.critical_low)),
                              ("high", 1.0, (given.warning_high, given.critical_high))):  # fmt: skip
        warning, critical = (
            g if g is not None else settings.get(f"{level}_{side}")
            for level, g in zip(("warning", "critical"), at, strict=True)
        )
        if warning is not None and critical is not None and (critical - warning) * outward < 0:
            # What is told never contradicts what is given.
            warning, critical = at
        changed |= {f"warning_{side}": warning, f"critical_{side}": critical}
    if given.band_abs is not None:
        changed["deadband"] = given.band_abs
    elif given.band is not None:
        # Of the outermost limit that there is: on a scale that begins anywhere else than at 0 say deadband_abs.
        sizes = [abs(at) for at in (changed[name] for name in _LIMITS) if at is not None]
        changed["deadband"] = given.band * max(sizes, default=0.0)
    return {**settings, **changed}
