import pytest

from detectors import Profile, profiles_from_toml


def test_a_table_per_type_over_the_defaults():
    base = {"temperature": Profile(unit="°C", warning_high=35.0)}
    profiles = profiles_from_toml('[temperature]\ncritical_high = 40\n[flow]\nunit = "l/s"\n', base)
    assert profiles["temperature"] == Profile(unit="°C", warning_high=35.0, critical_high=40.0)
    assert profiles["flow"].unit == "l/s"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[temperature]\nwarning = 3\n", r"\[temperature\].*warning"),
        ("[temperature]\nwarning_high = 'x'\n", r"\[temperature\].*warning_high"),
        ("[temperature]\nwarning_high = 9\ncritical_high = 8\n", "wrong order"),
        ("[temperature]\ndetectors = ['spikes']\n", "no such kind"),
        ("[temperature]\ninterval = 0\n", "interval"),
        ("temperature = 3\n", "a table per sensor type"),
        ("[temperature\n", "not TOML"),
    ],
)
def test_errors_name_the_type_and_the_key(text, message):
    with pytest.raises(ValueError, match=message):
        profiles_from_toml(text)


def test_profiles_are_hashable():
    assert len({Profile(), Profile(), Profile(unit="K")}) == 2
