"""Definitions from TOML: what wins, what is refused and how it is told."""

from __future__ import annotations

import pytest

from controlroom.core.alarms import events
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.definitions import Definitions, parse_definitions
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import DELIVERY_KIND, NO_DATA_KIND, Priority, Severity, new_alarm
from controlroom.errors import ConfigError

FILE = """
[defaults]
off_delay_s = 12
runbook = "https://runbooks.example/alarms"

[[alarm]]
sensor_type = "temperature"
on_delay_s = 5
limits = { warning_high = 35, critical_high = 40 }

[[alarm]]
sensor_type = "temperature"
sensor = "oven-*"
kind = "limit"
on_delay_s = 0
latching = true
cause = "Cooling water lost"
action = "Open valve V-12"
allowed_response_s = 600

[common_cause]
min_count = 4
"""


class TestBuiltIn:
    def test_limits_ring_at_once_and_clear_after_half_a_minute(self):
        limit = Definitions().resolve("temp-1", "temperature", "limit")
        assert (limit.on_delay_s, limit.off_delay_s, limit.deadband, limit.latching) == (0, 30, None, False)

    @pytest.mark.parametrize(
        ("kind", "warning", "critical"),
        [
            ("limit", Priority.LOW, Priority.HIGH),
            ("rail", Priority.LOW, Priority.HIGH),
            ("drift", Priority.LOW, Priority.MEDIUM),
            ("duplicate", Priority.LOW, Priority.LOW),
            (NO_DATA_KIND, Priority.LOW, Priority.MEDIUM),
            (GROUP_KIND, Priority.LOW, Priority.HIGH),
        ],
    )
    def test_only_engineered_limits_and_lost_groups_are_of_high_priority(self, kind, warning, critical):
        definition = Definitions().resolve("s", "energy", kind)
        assert definition.priority(Severity.WARNING) is warning
        assert definition.priority(Severity.CRITICAL) is critical


class TestFile:
    def test_later_entries_win_and_what_they_do_not_say_stays(self):
        definitions = parse_definitions(FILE)
        oven = definitions.resolve("oven-1", "temperature", "limit")
        assert (oven.on_delay_s, oven.off_delay_s, oven.latching) == (0, 12, True)
        assert (oven.limits.warning_high, oven.limits.critical_high) == (35, 40)
        assert (oven.cause, oven.action, oven.allowed_response_s) == ("Cooling water lost", "Open valve V-12", 600)
        other = definitions.resolve("hall-1", "temperature", "limit")
        assert (other.on_delay_s, other.latching, other.runbook) == (5, False, "https://runbooks.example/alarms")
        assert definitions.resolve("vib-1", "vibration", "limit").on_delay_s == 0
        assert definitions.common_cause.min_count == 4

    def test_defaults_win_over_what_is_built_in_for_a_kind(self):
        assert parse_definitions(FILE).resolve("s", "energy", "late").off_delay_s == 12
        assert Definitions().resolve("s", "energy", "late").off_delay_s == 60

    @pytest.mark.parametrize("kind", [DELIVERY_KIND, "gap", "rejects", "sensor-limit"])
    def test_but_not_for_kinds_that_no_reading_moves_their_delays_would_never_end(self, kind):
        definition = parse_definitions(
            "[defaults]\non_delay_s = 5\noff_delay_s = 30\npriority_critical = 'high'"
        ).resolve("receiver:shift", "receiver", kind)
        assert (definition.on_delay_s, definition.off_delay_s, definition.priority_critical) == (0, 0, Priority.HIGH)

    def test_what_matches_the_same_entries_shares_one_definition(self):
        definitions = parse_definitions(FILE)
        first = definitions.resolve("oven-1", "temperature", "limit")
        assert all(definitions.resolve(f"oven-{n}", "temperature", "limit") is first for n in range(1000))

    def test_an_empty_file_is_the_built_in_behaviour(self):
        empty, built_in = parse_definitions(""), Definitions()
        assert empty.resolve("s", "energy", "limit") == built_in.resolve("s", "energy", "limit")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[defaults]\non_delay = 5", "alarms.toml: defaults.on_delay: Extra inputs are not permitted"),
        (
            "[[alarm]]\nkind='limit'\n[[alarm]]\noff_delay_s = -1",
            "alarms.toml: alarm[2].off_delay_s: Input should be greater than or equal to 0",
        ),
        ("[defaults]\noff_delay_s = nan", "alarms.toml: defaults.off_delay_s: Input should be"),
        ("[defaults]\npriority_warning = 'urgent'", "alarms.toml: defaults.priority_warning: Input should be 'low'"),
        (
            "[[alarm]]\nlimits = { warning_high = 40, critical_high = 35 }",
            "alarms.toml: alarm[1].limits: warning_high = 40 must be below critical_high = 35",
        ),
        ("[[alarm]]\nlimits = { warning_high = 'x', critical_hgh = 3 }", "(and 1 more)"),
        ("[common_cause]\nmin_share = 2", "alarms.toml: common_cause.min_share: Input should be less than"),
        ("[defaults\n", "alarms.toml is not valid TOML: Expected ']' at the end of a table declaration (at line 1"),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_the_key(text, complaint):
    with pytest.raises(ConfigError) as caught:
        parse_definitions(text, "alarms.toml")
    assert complaint in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_definitions_change_while_running_without_losing_state():
    before = parse_definitions("[defaults]\noff_delay_s = 30").resolve("s", "energy", "limit")
    after = parse_definitions("[defaults]\noff_delay_s = 5\nlatching = true").resolve("s", "energy", "limit")
    alarm = step(new_alarm("s", "limit"), events.Detected(at=10.0, severity=Severity.WARNING), before).state
    alarm = step(alarm, events.Returned(at=20.0), before).state
    assert step(alarm, events.TimePassed(at=49.0), after).transitions == (), "a running delay ends as it began"
    alarm = step(alarm, events.TimePassed(at=50.0), after).state
    assert (alarm.occurrence_id != "", alarm.latched) == (True, True)
