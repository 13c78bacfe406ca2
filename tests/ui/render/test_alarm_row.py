"""A row of the list of alarms: the kinds that found one disturbance."""

from __future__ import annotations

from datetime import UTC, datetime

from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.model import Alarm, Detection, Severity
from controlroom.core.archive import AlarmRecord
from controlroom.core.plant_state import PlantState
from controlroom.ui.render.alarm_facts import alarm_facts, alarm_title
from controlroom.ui.render.alarm_row import alarm_line, alarm_row
from controlroom.ui.render.glyphs import ASCII
from controlroom.ui.render.line import plain
from tests.fakes.plant import event

AT = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


def told(*events):
    state = PlantState()
    for one in events:
        state.apply_alarm(one)
    (alarm,) = state.live_alarms()
    return alarm


def joined(version, kinds, message):
    return event("temp-1", "spike", AT, what="joined", version=version, kinds=kinds, message=message)


RAISED = event("temp-1", "spike", AT, kinds=("spike",), message="25 where 20 was expected")
LEVEL = joined(2, ("level", "spike"), "level: stepped from 20 to 25")
NOISE = joined(3, ("level", "noise", "spike"), "noise: scatters 4 times as much")


def test_the_worst_kind_is_named_and_how_many_more_there_are():
    alarm = told(RAISED, LEVEL, NOISE)
    row = plain(alarm_row(alarm, AT.timestamp() + 60, 100, ASCII, selected=False))
    assert "level+2 " in row
    assert row.rstrip().endswith(" stepped from 20 to 25")
    assert "level, noise, spike" in plain(alarm_line(alarm))


def test_the_words_are_those_of_the_worst_kind():
    assert told(RAISED, LEVEL).message == "stepped from 20 to 25"
    assert told(LEVEL, NOISE).message == "stepped from 20 to 25"


def test_an_event_of_a_version_before_names_its_kind_alone():
    alarm = told(event("temp-1", "level", AT, message="stepped"))
    assert alarm.kinds == ("level",)
    assert " level  " in plain(alarm_row(alarm, AT.timestamp(), 100, ASCII, selected=False))


def test_an_alarm_s_own_page_tells_what_each_kind_saw():
    seen = {"at": AT.timestamp(), "severity": Severity.WARNING}
    alarm = Alarm(
        sensor_id="temp-1", kind="spike", raised_at=AT.timestamp(),
        detection=Detection(**seen, finding="level", message="stepped from 20 to 25"),
        also=(Detection(**seen, finding="spike", message="25 where 20 was expected"),),
    )  # fmt: skip
    record = AlarmRecord(alarm, Definition(), (), ())
    title = plain(alarm_title(("temp-1", "spike"), None, record, 80, ASCII))
    assert title.startswith(" temp-1  level, spike ")
    lines = [plain(line).rstrip() for line in alarm_facts(record, AT.timestamp(), 80)]
    assert lines[1:] == [" stepped from 20 to 25", " also spike: 25 where 20 was expected"]
