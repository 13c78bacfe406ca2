"""How a sensor is watched: what its readings say of it, what the plant says of its type, and what is usual for that."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlroom.core.alarms.definitions import Definition, Definitions, Limits
from controlroom.core.records import SensorFacts
from controlroom.errors import ConfigError
from controlroom.wire import SENSOR_TYPES
from detectors import registry
from detectors.profile import Profile, profile_of

LIMIT_KIND = "limit"
"""The kind of alarm whose definition says where the limits are."""

_LIMITS = ("warning_low", "critical_low", "warning_high", "critical_high")
#: Keys that are in the type's unit: they say nothing of a sensor that measures in another one.
_IN_UNIT = frozenset({*_LIMITS, "deadband", "range_low", "range_high", "rate_limit"})
_MOST_KNOWN = 4096

_Given = tuple[float | None, float | None, float | None, float | None]
_Key = tuple[str, str, float | None, float | None, _Given, float | None, float | None]


@dataclass(slots=True)
class Profiles:
    """What is set for each type of sensor: tables of `detectors.profile.Profile`'s fields, by type.

    Limits come from the alarm definitions, else from the sensor's own readings, else from these tables; all else from
    these tables, else from what is usual for the type.
    """

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _known: dict[_Key, Profile] = field(default_factory=dict)

    def of(self, facts: SensorFacts, definition: Definition | None = None) -> Profile:
        """The profile of a sensor; `definition` is that of its limit alarm."""
        limits, band, band_abs = _NO_LIMITS, None, None
        if definition is not None:
            limits, band, band_abs = definition.limits, definition.deadband, definition.deadband_abs
        given = (limits.warning_low, limits.critical_low, limits.warning_high, limits.critical_high)
        return self._find((facts.sensor_type, facts.unit, facts.warning, facts.critical, given, band, band_abs))

    def of_type(self, sensor_type: str) -> Profile:
        """The profile of a sensor of this type that says nothing of itself."""
        usual = SENSOR_TYPES.get(sensor_type)
        unit = str(self.tables.get(sensor_type, {}).get("unit", usual.unit if usual is not None else ""))
        return self._find((sensor_type, unit, None, None, (None, None, None, None), None, None))

    def _find(self, key: _Key) -> Profile:
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
        band: float | None,
        band_abs: float | None,
    ) -> Profile:
        usual = SENSOR_TYPES.get(sensor_type)
        settings: dict[str, Any] = {}
        if usual is not None and usual.unit == unit:
            settings = {"range_low": usual.low, "range_high": usual.high, "interval": usual.interval}
        table = self.tables.get(sensor_type, {})
        same_unit = table.get("unit", unit) == unit
        settings |= {name: value for name, value in table.items() if same_unit or name not in _IN_UNIT}
        settings["unit"] = unit
        told: _Given = tuple(settings.get(name) for name in _LIMITS)  # type: ignore[assignment]
        if warning is not None or critical is not None:
            # A sensor's own limits hold as they are: mixed with the type's they could stand in the wrong order.
            # A critical limit below the warning limit guards the low side: a tank's level, an air pressure.
            low = warning is not None and critical is not None and critical < warning
            told = (warning, critical, None, None) if low else (None, None, warning, critical)
        limits = (*_side(given[:2], told[:2], -1.0), *_side(given[2:], told[2:], 1.0))
        settings |= dict(zip(_LIMITS, limits, strict=True))
        if band_abs is not None:
            settings["deadband"] = band_abs
        elif band is not None and settings.get("deadband") is None:
            # Of the outermost limit that there is: on a scale that begins anywhere else than at 0 say deadband_abs.
            settings["deadband"] = band * max((abs(at) for at in limits if at is not None), default=0.0)
        return profile_of(sensor_type, settings)


def profiles_of(definitions: Definitions, profiles: Profiles | None = None) -> Callable[[SensorFacts], Profile]:
    """Finds the profile of a sensor by what the definitions say at the moment."""
    found = profiles or _NOTHING_SET
    return lambda facts: found.of(facts, definitions.resolve(facts.sensor_id, facts.sensor_type, LIMIT_KIND))


def profile_for(facts: SensorFacts, definition: Definition | None = None) -> Profile:
    """The profile of a sensor of a plant that has set nothing for its types.

    A limit that the definition of its limit alarm names stands before the one that its readings carry.
    """
    return _NOTHING_SET.of(facts, definition)


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
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{whence}: {name}: a table per sensor type is wanted, as [{name}]")
        try:
            profile_of(name, table)
            for plug_in in Profiles(tables).of_type(name).extra:
                registry.create(plug_in)
        except (ValueError, ImportError) as error:
            prefix = "" if str(error).startswith("[") else f"[{name}] extra: "
            raise ConfigError(f"{whence}: {prefix}{error}") from None
    return Profiles(tables)


def _side(
    given: tuple[float | None, ...], told: tuple[float | None, ...], outward: float
) -> tuple[float | None, float | None]:
    """Warning and critical limit of one side: as given, else as told; what is told never contradicts what is given."""
    warning, critical = (g if g is not None else t for g, t in zip(given, told, strict=True))
    if warning is not None and critical is not None and (critical - warning) * outward < 0:
        return given[0], given[1]
    return warning, critical


_NO_LIMITS = Limits()
_NOTHING_SET = Profiles()
