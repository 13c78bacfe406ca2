"""Who has the last word on how a sensor is watched."""

from __future__ import annotations

import pytest

from controlroom.core.profiles import Profiles, parse_profiles, profile_for
from controlroom.core.records import SensorFacts
from controlroom.errors import ConfigError
from controlroom.wire import Location

PLANT = parse_profiles(
    """
[temperature]
unit = "°C"
warning_high = 60.0
critical_high = 80.0
range_high = 300.0
rate_limit = 2.0
warm_up = 100
[flow]
unit = "l/s"
warning_low = 3.0
""",
    "detectors.toml",
)


def facts(
    kind: str = "temperature", unit: str = "°C", warning: float | None = None, critical: float | None = None
) -> SensorFacts:
    return SensorFacts("s-1", kind, unit, Location(), warning, critical, simulated=False)


def test_a_types_table_stands_over_what_is_usual_for_it() -> None:
    profile = PLANT.of(facts())
    assert (profile.warning_high, profile.critical_high, profile.rate_limit, profile.warm_up) == (60, 80, 2, 100)
    assert (profile.range_low, profile.range_high, profile.interval) == (-40, 300, 3)
    assert PLANT.of(facts()) is profile
    assert PLANT.of(facts("flow", "l/s")).warning_low == 3.0


def test_a_sensors_own_limits_stand_over_its_types_and_are_never_mixed_with_them() -> None:
    profile = PLANT.of(facts(warning=90.0))
    assert (profile.warning_high, profile.critical_high) == (90, None)
    low = PLANT.of(facts(warning=5.0, critical=2.0))
    assert (low.warning_low, low.critical_low, low.warning_high, low.critical_high) == (5, 2, None, None)


def test_a_sensor_in_another_unit_takes_no_figure_from_its_type() -> None:
    profile = PLANT.of(facts(unit="K"))
    assert (profile.unit, profile.warning_high, profile.range_high, profile.rate_limit) == ("K", None, None, None)
    assert profile.warm_up == 100


def test_nothing_set_is_what_is_usual() -> None:
    assert Profiles().of(facts(warning=35.0, critical=40.0)) == profile_for(facts(warning=35.0, critical=40.0))
    assert profile_for(facts(warning=35.0)).warning_high == 35.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[temperature", "not TOML"),
        ("unit = 1", "a table per sensor type"),
        ("[press]\nwarnin = 1\n", r"\[press\] warnin: there is no such key"),
        ("[press]\nwarning_high = 'much'\n", r"\[press\] warning_high: Expected"),
        ("[press]\ndetectors = ['spice']\n", r"\[press\].*no such kind of condition: 'spice'"),
        ("[press]\nextra = ['spice']\n", r"\[press\] extra: no such detector: 'spice'"),
        ("[press]\nwarning_high = 5\ncritical_high = 4\n", r"\[press\].*wrong order"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=rf"^plant.toml: .*{said}"):
        parse_profiles(text, "plant.toml")


def test_a_river_detector_is_used_by_naming_it() -> None:
    pytest.importorskip("river")
    profile = parse_profiles('[press]\nextra = ["half_space_trees"]\n', "x").of(facts("press", "bar"))
    assert profile.extra == ("half_space_trees",)
