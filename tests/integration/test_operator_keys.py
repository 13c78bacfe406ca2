"""Every key of the operator on a real plant: pressed on the real screen, its effect looked for where it must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from textual.pilot import Pilot

from controlroom.config import Settings, load_settings
from controlroom.local import Endpoints
from controlroom.services import Services
from controlroom.ui.app import ControlRoomApp
from controlroom.ui.options import UiOptions
from detectors import Profile, SensorBank
from tests.conftest import MakeTopic
from tests.integration.simulated import Plant
from tests.ui.screen_text import screen_text

pytestmark = pytest.mark.timeout(300)

PATIENCE_S = 60.0
DEFINITIONS = """
[defaults]
off_delay_s = 1

[[alarm]]
sensor = "key-*"
kind = "limit"
cause = "cooling water lost"
action = "open valve V-12"

[[alarm]]
sensor = "latch-*"
kind = "limit"
latching = true
"""


class Console:
    """A control room with its screen, and what is really there."""

    def __init__(self, services: Services, app: ControlRoomApp, pilot: Pilot[int], plant: Plant, dsn: str) -> None:
        self.state = services.state
        self.app = app
        self.pilot = pilot
        self.plant = plant
        self.dsn = dsn

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*("space" if char == " " else char for char in text))

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            notices = [notice.text for notice in self.state.notices]
            pytest.fail(f"{what or 'it'} did not come:\n{screen_text(self.app)}\n{notices}")

    async def shows(self, text: str) -> None:
        await self.until(lambda: text in screen_text(self.app), repr(text))

    async def shows_no(self, text: str) -> None:
        await self.until(lambda: text not in screen_text(self.app), f"an end of {text!r}")

    def command(self, sensor_id: str) -> dict[str, Any] | None:
        """What the sensor should be, as it is on the topic of commands."""
        value = self.plant.commands.get(sensor_id)
        return None if value is None else dict(json.loads(value))

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def until_audited(self, action: str, count: int = 1) -> list[asyncpg.Record]:
        """Wait for actions of this name in the audit."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.rows("SELECT * FROM audit WHERE action = $1 ORDER BY id", action)
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.05)

    async def only(self, sensor_id: str) -> None:
        """Filter the list that is open down to one sensor."""
        await self.press("slash")
        await self.type(sensor_id)
        await self.press("enter")

    async def spawn(self, sensor_id: str, interval: str = "0.2") -> None:
        """By the form, on a screen of sensors: a temperature sensor."""
        await self.press("n")
        await self.shows("NEW SIMULATED SENSOR")
        await self.press("down")
        await self.retype(sensor_id)
        await self.press("down", "down", "down")
        await self.retype(interval)
        await self.press("enter")
        await self.until(lambda: sensor_id in self.state.sensors and len(self.state.sensors[sensor_id].history) > 5)

    async def retype(self, text: str) -> None:
        """Another text into the field that has the focus."""
        await self.press("end", *["backspace"] * 40)
        await self.type(text)

    async def hurt(self, sensor_id: str) -> None:
        """By the form, with the sensor under the cursor: an offset that takes it beyond its critical limit."""
        await self.press("i")
        await self.shows("FAULT INJECTION")
        for _ in range(40):
            if "offset: " in screen_text(self.app):
                break
            await self.press("right")
        await self.press("down")
        await self.retype("60")
        await self.press("down")
        await self.retype("")
        await self.press("enter")
        await self.until(lambda: self.state.live_alarm(sensor_id, "limit") is not None, "the alarm")


@pytest.fixture
async def settings(endpoints: Endpoints, topics: MakeTopic, database: str, tmp_path: Path) -> Settings:
    definitions = tmp_path / "alarms.toml"
    definitions.write_text(DEFINITIONS, "utf-8")
    return load_settings(
        brokers=endpoints.brokers,
        dsn=database,
        sensor_topic=await topics("data", partitions=3, config={"message.timestamp.type": "LogAppendTime"}),
        alerts_topic=await topics("alerts", partitions=2),
        commands_topic=await topics("commands", config={"cleanup.policy": "compact"}),
        status_topic=await topics("status", config={"cleanup.policy": "compact"}),
        bridges_topic=await topics("bridges", config={"cleanup.policy": "compact"}),
        group="keys",
        alarms_file=definitions,
    )


@asynccontextmanager
async def opened(settings: Settings, database: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Console]:
    assert settings.brokers is not None
    services = Services(settings.brokers, database, settings, own_plant=True)
    plant = Plant(settings.brokers, settings.topics)
    await plant.start()
    await asyncio.to_thread(services.start)
    try:
        options = UiOptions(
            alarms=services.alarms,
            learning=services.learning,
            history=services.history,
            shift=services.shift,
            refresh_rate=10.0,
            operator="tester",
            mouse=False,
        )
        app = ControlRoomApp(services.state, services.orders, options)
        async with app.run_test(size=size) as pilot:
            yield Console(services, app, pilot, plant, database)
    finally:
        await asyncio.to_thread(services.stop)
        await plant.stop()


@pytest.fixture
async def console(settings: Settings, database: str) -> AsyncIterator[Console]:
    async with opened(settings, database) as console:
        yield console


async def test_keys_of_a_sensor_reach_the_topic_of_commands_and_its_simulator(console: Console) -> None:
    await console.until(lambda: len(console.state.sensors) >= 15, "the plant")
    await console.press("4")
    await console.spawn("key-1")
    command = console.command("key-1")
    assert command is not None
    assert (command["spec"]["interval"], command["issued_by"] != "") == (0.2, True)
    view = console.state.sensors["key-1"]
    await console.only("key-1")

    await console.press("p")
    await console.until(lambda: view.state == "paused", "the pause")
    await console.until(lambda: (console.command("key-1") or {}).get("paused"), "its command")
    await console.shows("PAUSED")
    await console.press("p")
    await console.until(lambda: view.state == "running", "the end of the pause")

    await console.press("r")
    await console.shows("one every")
    await console.retype("0.1")
    await console.press("enter")
    await console.until(lambda: view.interval == 0.1, "the new rate")
    assert (console.command("key-1") or {})["spec"]["interval"] == 0.1

    await console.hurt("key-1")
    (fault,) = (console.command("key-1") or {})["faults"]
    assert (fault["fault"], fault["magnitude"], fault["by"]) == ("offset", 60.0, "tester")
    # The fault, and that it was detected, with its delay.
    await console.shows("acts    offset 60")
    await console.until(lambda: any(each.detected_at for each in console.state.faults), "its detection")
    await console.shows("after ")

    await console.press("c")
    await console.until(lambda: not view.faults, "the end of the fault")
    await console.shows("cleared offset 60")

    await learning_keys(console)
    await console.press("escape", "x")
    await console.shows("Remove key-1?")
    await console.press("y")
    await console.until(lambda: "key-1" not in console.state.sensors, "the removal")
    await console.until(lambda: console.plant.commands.get("key-1", b"") is None, "its tombstone")


async def learning_keys(console: Console) -> None:
    """On the sensor's own screen: the detectors' worker carries each out, and the screen says what is set."""

    async def bank() -> SensorBank:
        (row,) = await console.rows("SELECT state FROM detector_state WHERE sensor_id = 'key-1'")
        return SensorBank.load(Profile(), row["state"])

    async def until_done(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(await console.rows("SELECT 1 FROM learning_applied")) < count:
                await asyncio.sleep(0.05)

    await console.press("enter")
    await console.shows("ALARM EVENTS")
    assert "FROZEN" not in screen_text(console.app)
    await console.press("F")
    await console.shows("Alarms are raised all the same")
    await console.press("enter")
    await until_done(1)
    assert (await bank()).frozen
    await console.shows("FROZEN since ")
    await console.shows("key-1: learning is frozen")

    await console.press("M")
    await console.shows("Nothing is learned until ")
    await console.type("oil change")
    await console.press("down", "right", "enter")
    await console.shows("MAINTENANCE until ")
    (window,) = await console.until_audited("MaintenanceWindow")
    request = json.loads(window["request"])
    assert (request["reason"], request["end"] - request["start"]) == ("oil change", 7200.0)
    await until_done(2)
    assert len((await bank())._state.pauses) == 1

    await console.press("L")
    await console.shows("ACCEPT LEVEL")
    await console.press("enter")
    await until_done(3)

    # What is frozen thaws with it; the window stays.
    await console.press("R")
    await console.shows("RESET LEARNING")
    await console.type("another probe")
    await console.press("enter")
    await console.shows("Forget what key-1 taught?")
    assert not await console.rows("SELECT 1 FROM audit WHERE action = 'ResetLearning'")
    await console.press("y")
    await until_done(4)
    assert not (await bank()).frozen
    await console.shows_no("FROZEN")
    await console.shows("MAINTENANCE until ")

    # Going on ends the window before its time.
    await console.press("F")
    await console.shows("a window that is open ends")
    await console.press("enter")
    await until_done(5)
    await console.shows_no("MAINTENANCE until ")
    orders = await console.rows("SELECT * FROM audit WHERE sensor_id = 'key-1' AND action <> 'Comment' ORDER BY id")
    assert [row["action"] for row in orders] == [
        *("FreezeLearning", "MaintenanceWindow", "AcceptLevel", "ResetLearning", "ThawLearning")
    ]
    assert {row["who"] for row in orders} != {""}


async def test_keys_of_an_alarm_reach_the_database_with_who_did_it(console: Console) -> None:
    await console.until(lambda: len(console.state.sensors) >= 15, "the plant")
    await console.spawn("key-1")
    await console.only("key-1")
    await console.hurt("key-1")
    await console.press("2")
    await console.only("key-1 limit")
    await console.shows("UNACK")

    seen = console.state.live_alarm("key-1", "limit")
    assert seen is not None
    await console.press("a")
    (ack,) = await console.until_audited("Ack")
    assert (ack["sensor_id"], ack["kind"], ack["refusal"]) == ("key-1", "limit", "")
    request = json.loads(ack["request"])
    assert (request["occurrence_id"], request["version"]) == (seen.occurrence_id, seen.version)
    await console.shows(" ACKED")

    await console.press("c")
    await console.shows("COMMENT")
    await console.type("valve checked")
    await console.press("enter")
    (comment,) = await console.until_audited("Comment")
    assert json.loads(comment["request"])["text"] == "valve checked"

    await console.press("f")
    await console.shows("FALSE ALARM")
    await console.type("a drill")
    await console.press("enter")
    (false,) = await console.until_audited("MarkFalse")
    assert json.loads(false["request"])["reason"] == "a drill"

    # The history has all of it, with who did it, and what to do from the definitions.
    await console.press("h")
    await console.shows("JOURNAL")
    for text in ("cooling water lost", "open valve V-12", "commented", "valve checked", "acked", ack["who"], "raised"):
        await console.shows(text)
    await console.press("escape")

    await console.press("s")
    await console.shows("SHELVE")
    await console.type("transmitter is noisy")
    await console.press("enter")
    (shelve,) = await console.until_audited("Shelve")
    assert json.loads(shelve["request"])["reason"] == "transmitter is noisy"
    await console.until(lambda: console.state.live_alarm("key-1", "limit").state == "SHELVED")  # type: ignore[union-attr]
    await console.shows_no("key-1             ")

    await console.press("S")
    await console.shows("SUPPRESSED ALARMS")
    await console.shows("transmitter is")
    await console.press("u")
    await console.until_audited("Unshelve")
    await console.shows("no alarm is suppressed")
    await console.press("escape")
    await console.shows(" ACKED")

    await console.press("o")
    await console.shows("OUT OF SERVICE")
    await console.type("pump dismantled")
    await console.press("enter")
    await console.until_audited("OutOfService")
    await console.press("S")
    await console.shows("pump dismantled")
    await console.press("o")
    await console.until_audited("ReturnToService")
    await console.shows("no alarm is suppressed")
    await console.press("escape", "m")
    await console.shows("annunciated alarms per 10 min")
    await console.press("escape")
    assert not await console.rows("SELECT 1 FROM audit WHERE refusal <> ''")


async def test_the_page_is_acknowledged_after_a_question_and_a_latch_is_reset(console: Console) -> None:
    await console.until(lambda: len(console.state.sensors) >= 15, "the plant")
    for name in ("latch-1", "latch-2"):
        await console.spawn(name)
        await console.press("slash")
        await console.retype(name)
        await console.press("enter")
        await console.hurt(name)
        await console.press("escape")
    await console.press("2")
    await console.only("latch limit")
    await console.until(lambda: screen_text(console.app).count(" UNACK") == 2, "both alarms")
    await console.press("A")
    await console.shows("Acknowledge 2 alarms?")
    assert not await console.rows("SELECT 1 FROM audit")
    await console.press("y")
    acked = await console.until_audited("Ack", 2)
    assert {(row["sensor_id"], row["refusal"]) for row in acked} == {("latch-1", ""), ("latch-2", "")}

    # Both faults are cleared by marks; the alarms are latched until they are reset.
    await console.press("1")
    await console.press("slash")
    await console.retype("latch")
    await console.press("enter", "g", "space", "space", "c")
    await console.until(lambda: not any(console.state.sensors[f"latch-{n}"].faults for n in (1, 2)), "no fault")
    await console.press("2")
    await console.until(lambda: screen_text(console.app).count(" LATCHED") == 2, "both latches")
    await console.press("g", "space", "space", "l")
    await console.until_audited("ResetLatch", 2)
    await console.until(lambda: console.state.live_alarm("latch-1", "limit") is None, "the close")
    (row,) = await console.rows("SELECT state FROM alarms WHERE sensor_id = 'latch-2' AND kind = 'limit'")
    assert row["state"] == "NORMAL"


async def test_the_chart_goes_back_beyond_what_is_in_memory(settings: Settings, database: str) -> None:
    """A control room that opens later shows what the database kept, with scores, alarms and statistics."""
    async with opened(settings, database) as first:
        await first.until(lambda: len(first.state.sensors) >= 15, "the plant")
        await first.spawn("key-1", "0.05")
        await first.until(lambda: first.state.sensors["key-1"].reading_count > 800, "readings")
        await first.only("key-1")
        await first.press("enter")
        await first.until(lambda: first.state.archive.series.get(("key-1", 900.0)) is not None, "an answer")
        await first.press("left_square_bracket")
        await first.until(
            lambda: (
                (answer := first.state.archive.series.get(("key-1", 300.0))) is not None
                and answer.value is not None
                and len(answer.value.times) > 600
                and len(answer.value.scores) == len(answer.value.times)
            ),
            "the readings before those in memory",
        )
        await first.press(*["right_square_bracket"] * 4)
        await first.shows("minute means")
        await first.press("right_square_bracket")
        await first.shows("hour means")


async def test_a_shift_from_its_begin_to_the_signature_of_the_next(console: Console) -> None:
    """Alarm, trend, shelve, note, hand over; the next operator reads it, signs it, and sees what still holds."""
    await console.until(lambda: len(console.state.sensors) >= 15, "the plant")
    await console.press("4")
    await console.spawn("key-7")
    await console.only("key-7")
    await console.hurt("key-7")
    await console.press("enter")
    await console.shows("ALARM EVENTS  1")
    await console.press("escape", "2")
    await console.only("key-7")
    await console.press("s")
    await console.shows("SHELVE")
    await console.type("fan is being changed")
    await console.press("enter")
    await console.until_audited("Shelve")
    await console.press("escape", "H")
    await console.shows("nothing is out of service")
    await console.press("n")
    await console.shows("into the log of the shift")
    await console.type("key 7 gets a new fan at ten")
    await console.press("enter")
    await console.shows("key 7 gets a new fan at ten")
    await console.shows("fan is being changed")
    await console.press("H")
    await console.shows("Hand the shift over?")
    await console.press("y")
    await console.shows("Handover 1, given by")
    await console.shows("no notes")
    # The next one.
    await console.press("s")
    await console.shows("You take over what it tells")
    await console.type("read")
    await console.press("enter")
    await console.shows_no("Handover 1, given by")
    await console.shows("fan is being changed")
    (given,) = await console.rows(
        "SELECT h.report->'notes'->0->>'text' AS note, h.report->'shelved'->0->>'reason' AS shelved, s.remark"
        " FROM handovers h JOIN handover_signatures s ON s.handover = h.id"
    )
    assert tuple(given) == ("key 7 gets a new fan at ten", "fan is being changed", "read")
