"""`controlroom notify`: who is told of alarms, and whether a message reaches them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from controlroom.cli.options import dir_option, dsn_option, resolve_dsn, settings_for
from controlroom.core import cells
from controlroom.core.json_line import json_line
from controlroom.core.sanitise import sanitise
from controlroom.errors import ConfigError, InputError

if TYPE_CHECKING:
    from controlroom.core.alarms.policy import Policy, Receiver

file_option = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Who is told of alarms, TOML (default: the setting notify_file).",
)


@click.group()
def notify() -> None:
    """Who is told of alarms: list the receivers, send one of them a test message, see what still waits and why."""


@notify.command("list")
@dir_option
@file_option
@click.option("--json", "as_json", is_flag=True, help="JSON, one receiver a line.")
def list_(directory: Path | None, path: Path | None, *, as_json: bool) -> None:
    """List the receivers, without the secrets in their URLs."""
    policy = _policy(directory, path)
    for receiver in policy.receiver:
        found = _told(receiver)
        if as_json:
            click.echo(json_line(found))
        else:
            wants = f"{found['min_severity']} and worse, sensors {found['sensor']}, kinds {found['kind']}"
            tags = f" [{', '.join(receiver.tags)}]" if receiver.tags else ""
            click.echo(sanitise(f"{receiver.name}{tags}: by {found['by']}, {wants}", limit=400))


@notify.command("pending")
@dir_option
@dsn_option
@click.option("--receiver", metavar="NAME", help="Only what goes to this one.")
@click.option("--given-up", is_flag=True, help="Also what was given up.")
@click.option("--sent", is_flag=True, help="Also what was sent, or given up, in the last 30 days.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=200, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON, one notification a line.")
def pending(
    directory: Path | None,
    dsn: str | None,
    receiver: str | None,
    limit: int,
    *,
    given_up: bool,
    sent: bool,
    as_json: bool,
) -> None:
    """What is still to be told to whom, and why it waits: digest, rate limit, back-off with the receiver's error."""
    import msgspec

    from controlroom.adapters.notifications.waiting import waiting

    address, _ = resolve_dsn(dsn, directory)
    found, unplanned = asyncio.run(waiting(address, receiver=receiver, given_up=given_up, sent=sent, limit=limit))
    for one in found:
        row = one.planned
        if as_json:
            told = {**msgspec.to_builtins(row), "due_at": one.due_at, "attempts": one.attempts, "error": one.error}
            told |= {"sent_at": one.sent_at, "given_up": one.given_up, "message_id": one.message_id, "why": one.why}
            click.echo(json_line(told))
        else:
            what = f"{row.topic} {row.sensor_id} {row.alarm_kind}".rstrip()
            who, what = cells.left(sanitise(row.receiver), 16), cells.left(sanitise(what), 44)
            click.echo(f"{who} {row.severity:<8} {what} {sanitise(one.why)}")
    if unplanned:
        click.echo(f"controlroom: {unplanned} changes wait for a worker to plan them: does one run?", err=True)
    if not found:
        click.echo("controlroom: nothing waits", err=True)
    elif len(found) == limit:
        click.echo(f"controlroom: the first {limit}; --limit shows more", err=True)


@notify.command("test")
@dir_option
@file_option
@click.argument("receiver")
def test_(directory: Path | None, path: Path | None, receiver: str) -> None:
    """Send a test message to RECEIVER and wait for its answer."""
    from uuid import uuid4

    from controlroom.adapters.notifications.sender import AppriseSender, DeliveryFailed
    from controlroom.core.alarms.dispatch import Message
    from controlroom.core.alarms.model import Severity

    policy = _policy(directory, path)
    found = policy.named(receiver)
    if found is None:
        known = ", ".join(each.name for each in policy.receiver) or "none"
        raise InputError(f"no receiver is called {receiver!r}", hint=f"there are: {known}")
    message = Message(
        id=str(uuid4()),
        rows=(),
        occurrences=(),
        title="TEST of the control room's notifications",
        body="This is a test. No alarm stands behind it.",
        severity=Severity.WARNING,
    )
    try:
        AppriseSender(policy.model_copy(update={"receiver": (found,)})).send(found, message)
    except DeliveryFailed as error:
        raise DeliveryFailed(f"{receiver} has not taken the message ({error.message})", hint="check its URL") from None
    click.echo(f"{receiver} has taken the message {message.id}")


@notify.command("mqtt")
@dir_option
@click.option("--file", "path", type=click.Path(dir_okay=False, path_type=Path),
              help="MQTT brokers of the alarms, TOML (default: the setting mqtt_alarms_file).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="JSON, the message of one sensor a line.")
@click.option("--schema", is_flag=True, help="Print the messages' JSON Schema, and connect to nothing.")
def mqtt_(directory: Path | None, path: Path | None, *, as_json: bool, schema: bool) -> None:
    """Show what MQTT brokers hold of the alarms: what everyone who subscribes there sees.

    `controlroom detect` publishes them. Exit 0 when each broker answers and alarms are published there, 3 when not.
    """
    from controlroom.adapters.mqtt_alarms.look import look_at
    from controlroom.adapters.mqtt_alarms.table import load_mqtt_alarms
    from controlroom.errors import Unreachable
    from controlroom.wire.sensor_alarms import sensor_alarms_schema

    if schema:
        click.echo(json_line(sensor_alarms_schema()))
        return
    file = path or settings_for(directory).mqtt_alarms_file
    if file is None:
        raise ConfigError(
            "alarms are published on no MQTT broker", hint="name a file with --file or the setting mqtt_alarms_file"
        )
    failure: Unreachable | None = None
    for broker in load_mqtt_alarms(file).broker:
        try:
            seen = look_at(broker)
        except Unreachable as error:
            if failure is not None:
                click.echo(f"controlroom: {sanitise(failure.message, limit=400)}", err=True)
            failure = error
            continue
        sensors = sorted(seen.sensors.items())
        for topic, told in sensors:
            if as_json:
                click.echo(json_line(told))
            elif told.alarms:
                kinds = ", ".join(f"{alarm.kind} {alarm.state}" for alarm in told.alarms)
                click.echo(sanitise(f"{cells.left(told.state, 14)} {topic}  {kinds}", limit=400))
        standing = sum(bool(told.alarms) for _, told in sensors)
        more = f", {seen.others} retained messages of others" if seen.others else ""
        sensors_text = "1 sensor" if len(sensors) == 1 else f"{len(sensors)} sensors"
        how = f"{sensors_text}, {standing} with alarms; {seen.status or 'never published'}{more}"
        click.echo(sanitise(f"{broker.name}: {broker.url}: {how}", limit=400), err=True)
        if seen.status != "online":
            failure = failure or Unreachable(f"nobody publishes alarms on {broker.name}", hint="controlroom detect")
    if failure is not None:
        raise failure


def _policy(directory: Path | None, path: Path | None) -> Policy:
    """The policy in `path` or in the settings' file.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    from controlroom.adapters.notifications.policy_file import load_policy

    settings = settings_for(directory, notify_file=path)
    if settings.notify_file is None:
        raise ConfigError("nobody is told of alarms", hint="name a file with --file or the setting notify_file")
    return load_policy(settings.notify_file)


def _told(receiver: Receiver) -> dict[str, object]:
    scheme = urlsplit(receiver.url.get_secret_value()).scheme if receiver.url is not None else f"${receiver.url_env}"
    return {
        "name": receiver.name,
        "by": scheme,
        **receiver.model_dump(mode="json", exclude={"name", "url", "url_env"}),
    }
