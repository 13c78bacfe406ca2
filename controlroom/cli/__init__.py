"""The command line: one module per group of commands, imported only when its command is called.

`COMMANDS` is the whole table. Start-up time is an operator's time: `controlroom --help` imports neither Kafka, nor
PostgreSQL, nor Textual (tests/unit/test_import_hygiene.py proves it).
"""

from __future__ import annotations

import importlib

import click

import compiled
from controlroom import __version__

#: command name -> (module, attribute, one-line help). The help is repeated here so that listing needs no import.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "console": ("controlroom.cli.console", "console", "Open the control room (what `controlroom` alone does)."),
    "tour": ("controlroom.cli.tour", "tour", "Take a guided tour of three minutes on the local plant."),
    "serve": ("controlroom.cli.serve", "serve", "Show the control room in browsers."),
    "up": ("controlroom.cli.plant", "up", "Start the local plant: three Kafka brokers and PostgreSQL."),
    "down": ("controlroom.cli.plant", "down", "Stop the local plant."),
    "status": ("controlroom.cli.plant", "status", "Show which brokers run, and the database."),
    "health": ("controlroom.cli.plant", "health", "Check the plant; exit 0 if it is healthy."),
    "verify": ("controlroom.cli.plant", "verify", "Prove the cluster: topics, replication, one record there and back."),
    "setup": ("controlroom.cli.setup", "setup", "Create the topics and migrate the schema on your own clusters."),
    "topics": ("controlroom.cli.topics", "topics", "List the topics, their replication and their size."),
    "tail": ("controlroom.cli.topics", "tail", "Follow a topic as JSON lines."),
    "clean": ("controlroom.cli.plant", "clean", "Delete the local plant's data."),
    "broker": ("controlroom.cli.plant", "broker", "Stop, kill or start one local broker, for drills."),
    "record": ("controlroom.cli.record", "record", "Record what the control room sees, into a file."),
    "replay-session": ("controlroom.cli.record", "replay_session", "Open the control room on a recording."),
    "simulate": ("controlroom.cli.simulate", "simulate", "Run simulated sensors."),
    "sensors": ("controlroom.cli.sensors", "sensors", "Command simulated sensors: spawn, pause, inject a fault."),
    "bridge": ("controlroom.cli.bridge", "bridge", "Bring values of real sensors (MQTT, OPC UA, Kafka) to the plant."),
    "drill": ("controlroom.cli.drill", "drill", "Inject known faults, run the real pipeline, and score it."),
    "replay": ("controlroom.cli.replay", "replay", "Publish a table of times and values as readings."),
    "alarms": ("controlroom.cli.alarms", "alarms", "List alarms, acknowledge and shelve them, see their history."),
    "report": ("controlroom.cli.report", "report", "Measure the alarms against the targets of ISA-18.2."),
    "handover": ("controlroom.cli.handover", "handover", "Hand a shift over: notes, standing alarms, a signature."),
    "notify": ("controlroom.cli.notify", "notify", "List who receives notifications; send a test message."),
    "detect": ("controlroom.cli.detect", "detect", "Run detection workers without a terminal."),
    "learning": ("controlroom.cli.learning", "learning", "Freeze, reset or teach the detectors of a sensor."),
    "backtest": ("controlroom.cli.backtest", "backtest", "Run recorded readings through the detectors."),
    "history": ("controlroom.cli.history", "history", "Show a sensor's readings, by minute or hour."),
    "rejects": ("controlroom.cli.rejects", "rejects", "List rejected records, show one, publish them again."),
    "config": ("controlroom.cli.config", "config", "Show every setting and where it came from."),
    "completion": ("controlroom.cli.completion", "completion", "Print a script for completion by Tab in your shell."),
    "backup": ("controlroom.cli.backup", "backup", "Write a backup of the database to a file."),
    "restore": ("controlroom.cli.backup", "restore", "Restore a backup; the topic is read on from there."),
    "fsck": ("controlroom.cli.fsck", "fsck", "Audit the database against the topic."),
}


class LazyGroup(click.Group):
    """A click group that imports a command's module only when that command is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, not of the alphabet: it is the order of use."""
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`controlroom` and `controlroom --option ...` mean `controlroom console ...`."""
        # What a shell wants to complete is left as it was typed.
        bare = not args or (args[0].startswith("-") and args[0] not in {"-h", "--help", "--version"})
        if bare and not ctx.resilient_parsing:
            args = ["console", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table alone, so that `--help` imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - as click calls it
    if asked and not ctx.resilient_parsing:
        click.echo(f"controlroom, version {__version__} ({compiled.state()})")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show the version, and whether the detectors are compiled.",
)  # fmt: skip
def cli() -> None:
    """A factory's control room in one terminal program.

    Without a command it opens the control room; `controlroom console --help` lists what that takes.
    """
