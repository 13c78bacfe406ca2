from __future__ import annotations

from typing import Any

import pytest

from controlroom.wire import SENSOR_TYPES, SensorSpec
from simulator.specification import BadSpec, interval_ms, limits_of, unit_of


def spec(sensor_type: str = "temperature", **fields: Any) -> SensorSpec:
    return SensorSpec(sensor_id="s", sensor_type=sensor_type, **fields)


@pytest.mark.parametrize("name", sorted(SENSOR_TYPES))
def test_what_is_not_said_is_usual_for_the_type(name: str) -> None:
    kind, limits = SENSOR_TYPES[name], limits_of(spec(name))
    assert (limits.base, limits.warning, limits.critical) == (kind.base, kind.warning, kind.critical)
    assert (limits.low, limits.high) == (kind.low, kind.high)
    assert unit_of(spec(name)) == kind.unit
    assert interval_ms(spec(name)) == kind.interval * 1000


def test_a_base_of_its_own_moves_the_usual_limits() -> None:
    limits = limits_of(spec(base=60))
    assert (limits.warning, limits.critical) == (70, 75)


def test_an_instrument_reaches_what_it_is_said_to_measure() -> None:
    furnace = limits_of(spec(base=900, warning=1000, critical=1100))
    assert furnace.low < 900
    assert furnace.high > 1100


def test_low_values_may_be_the_dangerous_ones() -> None:
    limits = limits_of(spec("pressure", base=1013, warning=990, critical=980))
    assert limits.span < 0
    assert limits.level(985) == 1


def test_a_close_warning_limit_makes_a_quieter_sensor() -> None:
    assert limits_of(spec(base=25, warning=27, critical=40)).span == pytest.approx(2 / 0.6)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sensor_type": "flux"}, "unknown sensor type 'flux'; known: temperature"),
        ({"base": 50.0, "warning": 40.0, "critical": 60.0}, "not in order"),
        ({"base": 25.0, "warning": 40.0, "critical": 40.0}, "not in order"),
        ({"base": 35.0, "warning": 35.0, "critical": 40.0}, "not in order"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadSpec, match=reason):
        limits_of(spec(**fields))


@pytest.mark.parametrize(("seconds", "ms"), [(0.01, 10), (0.3333, 333), (1.5, 1500), (86_400, 86_400_000)])
def test_intervals_are_whole_milliseconds(seconds: float, ms: int) -> None:
    assert interval_ms(spec(interval=seconds)) == ms
