"""`controlroom simulate`: simulated sensors without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.options import (
    brokers_option,
    dir_option,
    hush_clients,
    log_format_option,
    resolve_brokers,
    settings_for,
)
from controlroom.cli.simulator_errors import translated
from controlroom.logs import say, writes_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controlroom.wire import SensorSpec
    from simulator.outlet import Outlet
    from simulator.runner import Simulator
    from simulator.signals import Nature

_TELL_EVERY_S = 1.0


def _alert_mix(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[float, float] | None:
    """`15,5`, per cent of readings at warning and at critical level, as shares."""
    if value is None:
        return None
    try:
        warning, critical = (float(part) / 100 for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not two percentages, as in 15,5") from None
    if not (min(warning, critical) >= 0 and warning + critical <= 1):
        raise click.BadParameter(f"{value!r}: percentages are from 0 to 100, and so is their sum")
    return warning, critical


@click.command()
@brokers_option
@dir_option
@click.option(
    "--plant", "plant_file", type=click.Path(dir_okay=False, path_type=Path), help="Sensors from a TOML file."
)
@click.option("--count", type=click.IntRange(0, 1_000_000), help="So many sensors of the built-in plant [15].")
@click.option("--sensor-id", envvar="SENSOR_ID", help="One sensor of this name, instead of a plant.")
@click.option("--sensor-type", envvar="SENSOR_TYPE", help="Its type: temperature, vibration, energy, ...")
@click.option("--interval", envvar="SAMPLING_INTERVAL", type=click.FloatRange(0.01, 86_400), metavar="SECONDS",
              help="Seconds between readings, of that sensor or of the built-in plant's.")  # fmt: skip
@click.option("--factory-section", envvar="FACTORY_SECTION", default="production", help="Where that sensor is.")
@click.option("--machine-id", envvar="MACHINE_ID", default="machine-001", help="The machine that it is on.")
@click.option("--zone", envvar="ZONE", default="zone-a", help="The zone that it is in.")
@click.option("--seed", type=int, help="The same values whenever it is run; else they follow the calendar.")
@click.option("--speed", type=click.FloatRange(0.001, 100_000), default=1.0, help="Simulated seconds a second.")
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Simulated time to begin at, UTC."
)
@click.option(
    "--alert-mix",
    callback=_alert_mix,
    metavar="W,C",
    help="Per cent of readings at warning and critical level, as in 15,5.",
)
@click.option("--anomalies", type=click.FloatRange(0, 24), help="Natural anomalies per sensor and day [0.2].")
@click.option("--fresh", is_flag=True, help="Remove all other sensors first, and forget what operators have changed.")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="SECONDS", help="End after so much simulated time.")
@click.option("--readings", type=click.IntRange(min=1), help="End after so many readings.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["kafka", "mqtt", "sparkplug", "opcua"]),
    default="kafka",
    show_default=True,
    help="What readings go to: the topic of readings; or from where a bridge takes them: an MQTT broker, edge nodes of"
    " Sparkplug B on one, an OPC UA server.",
)
@click.option(
    "--to",
    "url",
    metavar="URL",
    help="The MQTT broker, as in mqtt://127.0.0.1:1883; where the OPC UA server listens, as in"
    " opc.tcp://127.0.0.1:4840/plant.",
)
@click.option("--mqtt-topic", "template", metavar="TEMPLATE",
              help="Its topics [plant/{section}/{zone}/{machine}/{type}/{sensor}].")  # fmt: skip
@click.option(
    "--bridge-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the file of a bridge that reads them back; one that is there already is not touched.",
)
@log_format_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what is amiss.")
def simulate(
    brokers: str | None,
    directory: Path | None,
    *,
    plant_file: Path | None,
    count: int | None,
    sensor_id: str | None,
    sensor_type: str | None,
    interval: float | None,
    factory_section: str,
    machine_id: str,
    zone: str,
    seed: int | None,
    speed: float,
    start: datetime | None,
    alert_mix: tuple[float, float] | None,
    anomalies: float | None,
    fresh: bool,
    duration: float | None,
    readings: int | None,
    kind: str,
    url: str | None,
    template: str | None,
    bridge_file: Path | None,
    quiet: bool,
    log_format: str | None,
) -> None:
    """Run simulated sensors until SIGTERM.

    Sensors are declared on the topic of commands and belong to whichever simulator the consumer group gives them:
    start a second one, on any host, and it takes over within seconds when the first dies, sequence numbers going on.
    What operators have changed (paused, removed, injected) stays over a restart, unless --fresh says otherwise.

    With --speed timestamps run ahead of the clock: they are simulated time, which starts now.

    With --as mqtt each reading is a JSON document on a topic of its sensor's own: value, unit, time (milliseconds), and
    the faults that shaped it. Commands and statuses stay on Kafka, so that faults are injected as ever.

    With --as sparkplug each zone is an edge node of Sparkplug B, and its machines are the devices. Edge nodes keep
    their values until their host application is online: the bridge of the file that --bridge-file writes.

    With --as opcua the plant is an OPC UA server: a variable for each sensor, below its section, zone, machine and
    type, with its unit, its range, and the faults that shape it. It asks for no login and encrypts nothing.
    """
    from controlroom.adapters.kafka.connection import KafkaConnection
    from controlroom.logs import log_to_stderr
    from simulator.options import Options
    from simulator.runner import Simulator

    hush_clients()
    if (chosen := settings_for(directory, log_format=log_format).log_format) == "json":
        log_to_stderr(verbose=False, log_format=chosen)
    with translated():
        if plant_file is not None:
            if sensor_id is not None or sensor_type is not None or count is not None:
                raise click.UsageError("--plant names all sensors: leave out --count, --sensor-id and --sensor-type")
            from simulator.plant import load_plant

            plant = load_plant(plant_file)
            specs, seed = plant.sensors, plant.seed if seed is None else seed
        elif sensor_id is not None or sensor_type is not None:
            specs = (_single(sensor_id, sensor_type, interval, factory_section, machine_id, zone),)
        else:
            specs = _built_in(15 if count is None else count, interval)
        outlet = _outlet(kind, url, template, bridge_file, specs)
        addresses, settings = resolve_brokers(brokers, directory)
        options = Options(
            seed=seed,
            speed=speed,
            start=None if start is None else round(start.replace(tzinfo=UTC).timestamp() * 1000),
            nature=_nature(alert_mix, anomalies),
            fresh=fresh,
            duration=duration,
            readings=readings,
        )
        simulator = Simulator(
            addresses,
            settings.topics,
            specs,
            options,
            client=KafkaConnection.of(addresses, settings).options,
            outlet=outlet,
            tell=_tell,
        )
        asyncio.run(_run(simulator, quiet=quiet))


def _outlet(
    kind: str, url: str | None, template: str | None, bridge_file: Path | None, specs: Sequence[SensorSpec]
) -> Outlet | None:
    """Where readings go; None: to the topic of readings."""
    if kind == "kafka":
        if url is not None or template is not None or bridge_file is not None:
            raise click.UsageError("--to, --mqtt-topic and --bridge-file are for --as mqtt, sparkplug and opcua")
        return None
    if url is None:
        example = "opc.tcp://127.0.0.1:4840/plant" if kind == "opcua" else "mqtt://127.0.0.1:1883"
        raise click.UsageError(f"--as {kind} needs --to, as in {example}")
    if template is not None and kind != "mqtt":
        raise click.UsageError(f"--mqtt-topic is for --as mqtt, not for --as {kind}")
    from controlroom.errors import InputError
    from controlroom.extras import require
    from simulator.bridge_file import bridge_file as mqtt_file
    from simulator.bridge_file import opcua_file, sparkplug_file
    from simulator.mqtt import TEMPLATE, MqttOutlet

    outlet: Outlet
    if kind == "sparkplug":
        require("google.protobuf", "sparkplug", "Sparkplug B")
        from simulator.sparkplug import SparkplugOutlet

        outlet, text = SparkplugOutlet(url, _tell), sparkplug_file(url, specs)
    elif kind == "opcua":
        require("asyncua", "opcua", "OPC UA")
        from simulator.opcua import OpcuaOutlet

        outlet, text = OpcuaOutlet(url, _tell), opcua_file(url, specs)
    else:
        outlet = MqttOutlet(url, template or TEMPLATE, _tell)
        text = mqtt_file(url, specs, template or TEMPLATE) if bridge_file is not None else ""
    if bridge_file is not None and not bridge_file.exists():
        try:
            bridge_file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{bridge_file}: {error.strerror or error}", hint="check --bridge-file") from None
    return outlet


def _single(
    sensor_id: str | None, sensor_type: str | None, interval: float | None, section: str, machine: str, zone: str
) -> SensorSpec:
    """The sensor that the command line or the environment describes."""
    from controlroom.errors import InputError
    from controlroom.wire import SENSOR_TYPES, Location, SensorSpec

    kind = SENSOR_TYPES.get(sensor_type or "temperature")
    if kind is None:
        raise InputError(f"unknown sensor type {sensor_type!r}", hint=f"one of {', '.join(SENSOR_TYPES)}")
    return SensorSpec(
        sensor_id=sensor_id or f"{kind.prefix}-sensor-001",
        sensor_type=kind.name,
        interval=interval,
        location=Location(factory_section=section, machine_id=machine, zone=zone),
    )


def _built_in(count: int, interval: float | None) -> tuple[SensorSpec, ...]:
    import msgspec

    from simulator.plant import default_plant

    return tuple(msgspec.structs.replace(spec, interval=interval) for spec in default_plant(count).sensors)


def _nature(mix: tuple[float, float] | None, anomalies: float | None) -> Nature:
    from simulator.signals import Nature

    nature = Nature(mix=mix)
    return nature if anomalies is None else replace(nature, anomalies_per_day=anomalies)


def _tell(line: str) -> None:
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    say(line, name="controlroom.simulate", text=f"{clear}simulate: {line}")


async def _run(simulator: Simulator, *, quiet: bool) -> None:
    from controlroom.headless import stop_on_signals

    stop = asyncio.Event()
    stop_on_signals(asyncio.get_running_loop(), stop)
    progress = asyncio.create_task(_progress(simulator)) if _shows_progress(quiet) else None
    began = time.monotonic()
    try:
        await simulator.run(stop)
    finally:
        if progress is not None:
            progress.cancel()
            await asyncio.gather(progress, return_exceptions=True)
    if not quiet:
        dropped = f", {simulator.dropped} dropped" if simulator.dropped else ""
        _tell(f"{simulator.delivered} readings delivered in {time.monotonic() - began:.1f} s{dropped}")


def _shows_progress(quiet: bool) -> bool:  # noqa: FBT001 - as the flag of the command line
    return sys.stderr.isatty() and not quiet and not writes_json()


async def _progress(simulator: Simulator) -> None:
    """One line that changes, on a terminal."""
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            before, since = simulator.delivered, time.monotonic()
            await asyncio.sleep(_TELL_EVERY_S)
            rate = (simulator.delivered - before) / (time.monotonic() - since)
            state = f"{simulator.sensors} sensors, {rate:,.1f} readings/s, {simulator.delivered} delivered"
            if not simulator.sensors:
                state = "no sensors here: standing by, or none declared"
            click.echo(f"\r\x1b[K{state}", nl=False, err=True)
