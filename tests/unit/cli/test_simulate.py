from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from bridges.file import load_bridge
from controlroom.cli.simulate import simulate
from controlroom.errors import ControlroomError, InputError, KafkaUnreachable, Unreachable
from kafka_clients.errors import BrokersUnreachable, NotAllowed, TopicMissing
from simulator.errors import OutletUnreachable
from simulator.mqtt import MqttOutlet


class Recorder:
    """Stands for the simulator: keeps what it was made with, ends at once, or raises what the test says."""

    made: ClassVar[dict[str, Any]] = {}
    error: BaseException | None = None

    def __init__(
        self, bootstrap: str, names: Any, declared: Any, options: Any, *, client: Any, outlet: Any, tell: Any
    ) -> None:
        type(self).made = {
            "brokers": bootstrap, "names": names, "specs": declared, "options": options, "outlet": outlet,
        }  # fmt: skip
        self.delivered, self.dropped, self.sensors = 12, 0, 3

    async def run(self, stop: asyncio.Event) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    monkeypatch.setattr("simulator.runner.Simulator", Recorder)
    monkeypatch.setattr(Recorder, "error", None)
    for name in ("SENSOR_ID", "SENSOR_TYPE", "SAMPLING_INTERVAL", "FACTORY_SECTION", "MACHINE_ID", "ZONE"):
        monkeypatch.delenv(name, raising=False)
    return Recorder


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(simulate, ["--brokers", "b:9092", *arguments], env=env)


def specs(result: Result) -> tuple[Any, ...]:
    assert result.exit_code == 0, result.output
    return tuple(Recorder.made["specs"])


def test_the_built_in_plant() -> None:
    result = run()
    assert len(specs(result)) == 15
    assert Recorder.made["brokers"] == "b:9092"
    assert result.stderr.startswith("simulate: 12 readings delivered in ")
    options = Recorder.made["options"]
    assert (options.seed, options.speed, options.fresh, options.nature.mix) == (None, 1.0, False, None)


def test_more_sensors_of_it_at_another_interval() -> None:
    assert {spec.interval for spec in specs(run("--count", "40", "--interval", "0.5"))} == {0.5}


def test_quiet_means_quiet() -> None:
    assert run("--quiet").output == ""


def test_the_names_of_the_environment() -> None:
    env = {
        "SENSOR_ID": "v-1",
        "SENSOR_TYPE": "vibration",
        "SAMPLING_INTERVAL": "0.25",
        "FACTORY_SECTION": "f",
        "MACHINE_ID": "m",
        "ZONE": "z",
        "SENSOR_TOPIC": "elsewhere",
    }
    (spec,) = specs(run(env=env))
    assert (spec.sensor_id, spec.sensor_type, spec.interval) == ("v-1", "vibration", 0.25)
    assert (spec.location.factory_section, spec.location.machine_id, spec.location.zone) == ("f", "m", "z")
    assert Recorder.made["names"].data == "elsewhere"


def test_a_type_alone_is_a_sensor_too() -> None:
    (spec,) = specs(run("--sensor-type", "humidity"))
    assert spec.sensor_id == "hum-sensor-001"


def test_a_plant_file_with_a_seed_that_the_command_line_overrules(tmp_path: Path) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text('seed = 3\n[[sensors]]\nid = "a"\ntype = "energy"\n')
    assert [spec.sensor_id for spec in specs(run("--plant", str(plant)))] == ["a"]
    assert Recorder.made["options"].seed == 3
    specs(run("--plant", str(plant), "--seed", "4"))
    assert Recorder.made["options"].seed == 4


def test_how_to_simulate() -> None:
    specs(
        run(
            "--alert-mix", "15,5", "--speed", "60", "--start", "2026-09-21T08:00:00", "--duration", "90",
            "--readings", "7", "--fresh", "--anomalies", "2",
        )
    )  # fmt: skip
    options = Recorder.made["options"]
    assert options.nature.mix == (0.15, 0.05)
    assert options.nature.anomalies_per_day == 2
    assert (options.speed, options.duration, options.readings, options.fresh) == (60, 90, 7, True)
    assert options.start == 20_717 * 86_400_000 + 8 * 3_600_000


@pytest.mark.parametrize("mix", ["15", "15;5", "a,b", "-1,5", "60,50", "nan,1", "1,2,3"])
def test_what_is_no_mix_is_a_usage_error(mix: str) -> None:
    result = run("--alert-mix", mix)
    assert result.exit_code == 2
    assert "--alert-mix" in result.output


def test_a_plant_file_and_a_sensor_cannot_both_be(tmp_path: Path) -> None:
    assert run("--plant", str(tmp_path / "p.toml"), "--count", "3").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sensor-type", "flux"), "unknown sensor type 'flux'"),
        (("--plant", "/nonexistent/plant.toml"), "plant.toml: No such file"),
    ],
)
def test_wrong_input_is_an_error_for_the_user(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


@pytest.mark.parametrize(
    ("raised", "error", "hint"),
    [
        (BrokersUnreachable("no Kafka broker answers"), KafkaUnreachable, "controlroom status"),
        (NotAllowed("refused"), KafkaUnreachable, "login"),
        (TopicMissing("there is no topic"), ControlroomError, "controlroom setup"),
        (OutletUnreachable("no MQTT broker answers"), Unreachable, "check that it runs, and --to"),
    ],
)
def test_the_simulators_errors_become_the_programs(
    recorder: type[Recorder], raised: Exception, error: type[Exception], hint: str
) -> None:
    recorder.error = raised
    result = run()
    assert isinstance(result.exception, error)
    assert str(result.exception).startswith(str(raised))
    assert hint in str(result.exception)


def test_readings_go_to_an_mqtt_broker_and_a_bridge_has_its_file(tmp_path: Path) -> None:
    assert specs(run())
    assert Recorder.made["outlet"] is None
    file = tmp_path / "bridge.toml"
    arguments = ("--as", "mqtt", "--to", "mqtt://127.0.0.1:1883", "--bridge-file", str(file))
    assert len(specs(run(*arguments))) == 15
    assert isinstance(Recorder.made["outlet"], MqttOutlet)
    found = load_bridge(file)
    assert [tag.type for tag in found.source[0].tag] == ["temperature", "vibration", "energy", "humidity", "pressure"]
    file.write_text("mine")
    assert specs(run(*arguments))
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "mqtt"), "--as mqtt needs --to"),
        (("--to", "mqtt://a"), "are for --as mqtt"),
        (("--as", "mqtt", "--to", "http://a"), "'http://a': must be mqtt://host:port"),
        (("--as", "mqtt", "--to", "mqtt://a", "--mqtt-topic", "a/{typ}/{sensor}"), "there is no {typ}"),
        (("--as", "mqtt", "--to", "mqtt://a", "--mqtt-topic", "a/{type}"), "{sensor} is missing"),
        (("--as", "mqtt", "--to", "mqtt://a", "--mqtt-topic", "a/+/{sensor}"), "'+' and '#'"),
        (("--as", "mqtt", "--to", "mqtt://a", "--mqtt-topic", "{sensor}", "--bridge-file", "x"), "{type} has to be"),
    ],
)  # fmt: skip
def test_what_is_wrong_about_the_mqtt_broker_is_said(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert message in f"{result.exception}{result.output}"
