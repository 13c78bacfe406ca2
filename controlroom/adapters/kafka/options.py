"""Settings as a worker takes them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from controlroom.adapters.files.definitions_file import load_definitions
from controlroom.adapters.files.detectors_file import load_profiles
from controlroom.adapters.kafka.worker import WorkerOptions
from controlroom.adapters.notifications.policy_file import load_policy
from controlroom.adapters.postgres.partitions import Retention
from controlroom.config import Settings
from controlroom.core.pipeline import PipelineOptions

if TYPE_CHECKING:
    from controlroom.adapters.mqtt_alarms.table import MqttAlarmsFile


def worker_options(
    settings: Settings,
    *,
    start_at_end: bool = False,
    until_idle: float | None = None,
    stages: Collection[str] = ("detector", "aggregator"),
    time_from_records: bool = False,
) -> WorkerOptions:
    """What the settings say to a worker.

    Raises:
        ConfigError: the file of alarm definitions, of detectors, of who is told, or of the MQTT brokers of alarms,
            cannot be read or is wrong.
    """
    every = {"all": 1, "sampled": settings.sample_every, "none": 0}[settings.store_readings]
    if "aggregator" not in stages:
        every = 0
    definitions = load_definitions(settings.alarms_file)
    return WorkerOptions(
        # A part of the work has watermarks of its own.
        group=settings.group if len(stages) > 1 else f"{settings.group}-{next(iter(stages))}",
        topics=settings.topics,
        definitions=definitions,
        definitions_file=settings.alarms_file,
        notify=load_policy(settings.notify_file),
        notify_file=settings.notify_file,
        mqtt_alarms=_mqtt_alarms(settings.mqtt_alarms_file),
        mqtt_alarms_file=settings.mqtt_alarms_file,
        pipeline=PipelineOptions(
            sample_every=every,
            max_sensors=settings.max_sensors,
            common_cause=definitions.common_cause,
            bank=settings.detectors,
            detect="detector" in stages,
            roll_up="aggregator" in stages,
            by_second=settings.rollup_second_days > 0,
        ),
        retention=Retention(
            readings=settings.readings_days,
            minutes=settings.rollup_days,
            seconds=settings.rollup_second_days,
            rejects=settings.rejects_days,
            journal=settings.journal_days,
            audit=settings.audit_days,
        ),
        profiles=load_profiles(settings.detectors_file),
        detectors_file=settings.detectors_file,
        checkpoint_s=settings.checkpoint_s,
        start_at_end=start_at_end,
        until_idle=until_idle,
        time_from_records=time_from_records,
    )


def _mqtt_alarms(path: Path | None) -> MqttAlarmsFile | None:
    """The brokers that a file names; what reads it is loaded where there is one alone."""
    if path is None:
        return None
    from controlroom.adapters.mqtt_alarms.table import load_mqtt_alarms

    return load_mqtt_alarms(path)
