"""The only reader of the environment and of the configuration file.

Order, the first that says something wins: the command line, the environment, the configuration file, the default.
Environment names are `CONTROLROOM_<SETTING>`, and for the names that the plant has always used, those: `KAFKA_BROKERS`
and `SENSOR_TOPIC`. The file is TOML with the same names in lower case.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from controlroom.errors import ConfigError
from controlroom.wire import TopicNames

_APP = "controlroom"
_CONFIG_FILE = "CONTROLROOM_CONFIG_FILE"

#: What is kept of raw readings: every one, one in `sample_every`, or none. Alarms and watermarks are always kept.
StorePolicy = Literal["all", "sampled", "none"]


def default_dir() -> Path:
    """Where the local plant keeps its state."""
    return platformdirs.user_data_path(_APP)


def config_path() -> Path:
    """Where the configuration file is looked for."""
    return platformdirs.user_config_path(_APP) / "config.toml"


class UiSettings(BaseModel):
    """The section `[ui]`: how the terminal looks, and which keys it has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str | None = None
    """grey-dark, grey-light or high-contrast; unset: grey-dark."""

    refresh_rate: float | None = Field(default=None, ge=0.1, le=10)
    """Looks at the plant a second, at the most; unset: 5, over SSH 2."""

    ascii: bool | None = None
    """Shapes of ASCII alone; unset: only where the locale has no UTF-8 or the terminal lacks the others."""

    bell: Literal["off", "low", "medium", "high"] = "off"
    """The terminal's bell, once for each new alarm of this priority or a higher one that waits for an operator."""

    mouse: bool | None = None
    """Whether the mouse is ours; unset: yes, over SSH no."""

    keymap: dict[str, str] = Field(default_factory=dict)
    """Other keys for bindings: `"alarm.ack" = "f,ctrl+k"`; the ids are in `controlroom config keys`."""


class Settings(BaseSettings):
    """Every setting of the program."""

    model_config = SettingsConfigDict(
        env_prefix="CONTROLROOM_", env_nested_delimiter="__", extra="forbid", populate_by_name=True, frozen=True
    )

    brokers: str | None = Field(None, validation_alias=AliasChoices("brokers", "KAFKA_BROKERS", "CONTROLROOM_BROKERS"))
    """Bootstrap brokers, `host:port,host:port`; unset: the local plant's."""

    dsn: SecretStr | None = None
    """PostgreSQL, `postgresql://user:password@host:port/database`; unset: the local plant's."""

    dir: Path = Field(default_factory=default_dir)
    """Where the local plant keeps its state."""

    sensor_topic: str = Field("sensor-data", validation_alias=AliasChoices("sensor_topic", "SENSOR_TOPIC"))
    """Topic of the readings."""

    alerts_topic: str = "alerts"
    """Topic of the alarm events."""

    commands_topic: str = "sensor-commands"
    """Compacted topic of what each simulated sensor should be."""

    status_topic: str = "sensor-status"
    """Compacted topic of what each simulated sensor is."""

    bridges_topic: str = "bridge-status"
    """Compacted topic on which each bridge tells how it is."""

    sensor_partitions: int = Field(3, ge=1, le=10_000)
    """Partitions of the readings' topic when it is made: the most workers that can share it."""

    alerts_partitions: int = Field(2, ge=1, le=10_000)
    """Partitions of the alarm topic when it is made."""

    replication_factor: int = Field(3, ge=1, le=10)
    """Copies of each partition when a topic is made."""

    min_insync_replicas: int = Field(2, ge=1, le=10)
    """Copies that must confirm a write: 2 of 3 lets one broker die with nothing stopped and nothing lost."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to the brokers."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How to log in to the brokers."""

    sasl_username: str | None = None
    """Who logs in to the brokers."""

    sasl_password: SecretStr | None = None
    """The password for it."""

    ssl_cafile: Path | None = None
    """Certificates that are trusted for the brokers, PEM; unset: the system's."""

    ssl_certfile: Path | None = None
    """Our own certificate for brokers that ask for one, PEM."""

    ssl_keyfile: Path | None = None
    """The key of `ssl_certfile`, PEM; unset: it is in the same file."""

    ssl_key_password: SecretStr | None = None
    """The password of the key, if it is encrypted."""

    group: str = "controlroom-detect"
    """Consumer group of the detection workers."""

    store_readings: StorePolicy = "all"
    """What is kept of raw readings."""

    sample_every: int = Field(10, ge=1)
    """With `store_readings = "sampled"`: one reading in this many, per sensor, and every one that changes an alarm."""

    readings_days: int = Field(7, ge=1)
    """Days that raw readings are kept in PostgreSQL."""

    rollup_days: int = Field(30, ge=1)
    """Days that roll-ups by the minute are kept; those by the hour stay."""

    journal_days: int | None = Field(None, ge=1)
    """Days that the journal of alarms is kept; unset: for good. What still stands keeps its journal."""

    audit_days: int | None = Field(None, ge=1)
    """Days that the audit of operators' actions is kept; unset: for good."""

    operators: int = Field(1, ge=1)
    """Operators (consoles) who share the alarms: the report judges the load for each of them."""

    rollup_second_days: int = Field(0, ge=0)
    """Days that roll-ups by the second are kept; 0: none are made."""

    rejects_days: int = Field(30, ge=1)
    """Days that rejected records are kept in PostgreSQL."""

    checkpoint_s: float = Field(5.0, ge=0.1, le=3600)
    """Seconds between saves of detector states and roll-ups; after a takeover the readings since are run once more."""

    detectors: Literal["default", "cheap"] = "default"
    """What watches each sensor: every detector, or limits and one statistical detector at a fraction of the cost."""

    detectors_file: Path | None = None
    """How each type of sensor is watched, TOML; unset: as is usual for the type."""

    alarms_file: Path | None = None
    """Alarm definitions, TOML; unset: the built-in ones."""

    notify_file: Path | None = None
    """Who is told of alarms, TOML; unset: nobody. The same for all workers of a plant: one of them does it."""

    log_format: Literal["text", "json"] = "text"
    """How commands log to stderr: lines for people, or one JSON document a line."""

    mqtt_alarms_file: Path | None = None
    """MQTT brokers on which alarms are published, TOML; unset: none. The same for all workers of a plant."""

    ui: UiSettings = Field(default_factory=UiSettings)
    """How the terminal looks and which keys it has: the section `[ui]`."""

    config_file: Path | None = None
    """Which configuration file is read; unset: the user's (`controlroom config path`)."""

    max_sensors: int = Field(100_000, ge=1)
    """Sensors a worker knows per partition at the most; readings of more are rejected."""

    @field_validator("brokers")
    @classmethod
    def _brokers_are_addresses(cls, value: str | None) -> str | None:
        for address in value.split(",") if value else ():
            host, colon, port = address.strip().rpartition(":")
            # Kafka's own settings have a protocol before it, as in PLAINTEXT://host:9092; clients take none.
            if "/" in host or not (host and colon and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{address.strip()!r} is not host:port")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line (init), then the environment, then the file."""
        given = getattr(init_settings, "init_kwargs", {}).get("config_file") or os.environ.get(_CONFIG_FILE)
        return init_settings, env_settings, _TomlFile(settings_cls, Path(given).expanduser() if given else None)

    @property
    def topics(self) -> TopicNames:
        """The topics' names."""
        return TopicNames(
            self.sensor_topic, self.alerts_topic, self.commands_topic, self.status_topic, self.bridges_topic
        )


class _TomlFile(PydanticBaseSettingsSource):
    """The configuration file, if there is one; one that was named must be there."""

    def __init__(self, settings_cls: type[BaseSettings], named: Path | None) -> None:
        super().__init__(settings_cls)
        self._named = named

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401 - pydantic's signature
        """Not used: the file is read as a whole."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        path = self._named or config_path()
        try:
            return tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            if self._named is None:
                return {}
            raise ConfigError(f"{path}: {error.strerror}", hint="it was named as the configuration file") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}", hint="mend the file or move it away") from None


def load_settings(**overrides: object) -> Settings:
    """The settings, with what the command line says on top (None says nothing).

    Raises:
        ConfigError: a value is wrong; names the setting.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{name}: there is no such setting", hint="`controlroom config show` lists all") from None
        raise ConfigError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def secret_of(name: str) -> str | None:
    """The environment variable of this name: a secret that a file refers to (see `url_env` of a receiver)."""
    return os.environ.get(name)
