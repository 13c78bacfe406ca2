"""Write the pages of docs/reference that come from the code: commands, settings, topics, metrics, exit codes.

    python scripts/reference.py            # write them
    python scripts/reference.py --check    # exit 1 if one is not what the code says

A test checks them, so a change of the code that they show fails until they are written again.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
NOTE = "<!-- Written by scripts/reference.py from the code: change it there. -->\n\n"


def commands() -> str:
    """Every command with its help and its options."""
    from controlroom.cli import cli

    lines = ["# Commands", "", "`controlroom COMMAND --help` shows the same.", ""]
    for path, command in _walk(cli, ("controlroom",)):
        depth = "#" * len(path)
        context = click.Context(command, info_name=" ".join(path))
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"{depth} {' '.join(path)}", "", "```", f"{' '.join(path)} {usage}".rstrip(), "```", ""]
        lines += [*_paragraphs(command.help or ""), ""]
        options = [_option(one) for one in command.get_params(context) if isinstance(one, click.Option)]
        told = [one for one in options if one is not None and "--help" not in one[0]]
        if told:
            lines += ["| option | means |", "|---|---|", *(f"| {names} | {text} |" for names, text in told), ""]
    return _page(lines)


def settings() -> str:
    """Every setting: its name in the file, its name in the environment, its default, what it means."""
    from controlroom import config

    lines = [
        "# Settings",
        "",
        (
            "The command line comes first, then the environment, then `config.toml`, then the default. "
            "`controlroom config path` shows where the file is looked for, `controlroom config show` what holds now."
        ),
        "",
    ]
    for model, head, prefix in (
        (config.Settings, "", "CONTROLROOM_"),
        (config.UiSettings, "The section `[ui]`", "CONTROLROOM_UI__"),
    ):
        means = _attribute_texts(model)
        lines += [
            *([f"## {head}", ""] if head else []),
            "| setting | environment | default | means |",
            "|---|---|---|---|",
        ]
        for name, field in model.model_fields.items():
            if name == "ui":
                continue
            alias = field.validation_alias
            choices = getattr(alias, "choices", None) or []
            named = [choice for choice in choices if choice.isupper() and not choice.startswith("CONTROLROOM_")]
            environment = ", ".join(f"`{one}`" for one in [f"{prefix}{name.upper()}", *named])
            lines.append(f"| `{name}` | {environment} | {_default(field)} | {_cell(means[name])} |")
        lines.append("")
    return _page(lines)


def topics() -> str:
    """Every topic as it is made."""
    from controlroom.wire.topics import TopicNames, topic_specs

    lines = [
        "# Topics",
        "",
        (
            "`controlroom setup` makes the topics that are missing; `controlroom topics` lists those that exist. "
            "[Settings](settings.md) name them and say how many partitions and copies they get."
        ),
        "",
        "| topic | partitions | settings |",
        "|---|---|---|",
    ]
    for spec in topic_specs(TopicNames()):
        told = ", ".join(f"`{name}={value}`" for name, value in sorted(spec.config.items()))
        lines.append(f"| `{spec.name}` | {spec.partitions} | {told} |")
    return _page(lines)


def metrics() -> str:
    """Every metric that a worker serves."""
    source = (ROOT / "controlroom" / "adapters" / "metrics.py").read_text("utf-8")
    kinds = {
        "Counter": "counter",
        "CounterMetricFamily": "counter",
        "GaugeMetricFamily": "gauge",
        "Histogram": "histogram",
    }
    lines = [
        "# Metrics",
        "",
        "`controlroom detect --metrics-port PORT` serves them at `/metrics`, for Prometheus. A counter's name ends",
        "in `_total` there. `/healthz` and `/readyz` are for whoever starts the worker.",
        "",
        "| metric | kind | means |",
        "|---|---|---|",
    ]
    for call in ast.walk(ast.parse(source)):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id in kinds
            and len(call.args) > 1
        ):
            name, text = (_literal(one) for one in call.args[:2])
            if name and text:
                lines.append(f"| `{name}` | {kinds[call.func.id]} | {_cell(text)} |")
    totals = [
        ("committed", "Readings committed"),
        ("rejected", "Records rejected"),
        ("events", "Alarm events committed"),
        ("fenced", "Times fenced"),
    ]
    assert all(f'"{name}"' in source and f'"{text}"' in source for name, text in totals)
    lines += [f"| `controlroom_{name}` | counter | {text} |" for name, text in totals]
    head = lines.index("|---|---|---|") + 1
    return _page([*lines[:head], *sorted(lines[head:])])


def exit_codes() -> str:
    """Every exit status, with the errors that have it."""
    from controlroom import errors

    lines = [
        "# Exit codes",
        "",
        "An error is one line on the standard error output: what is wrong, and what to do.",
        "",
        "| status | means |",
        "|---|---|",
        "| 0 | done; also after `q` and SIGTERM |",
    ]
    by_status: dict[int, list[str]] = {
        2: ["The command line is wrong."],
        130: ["Ctrl-C ended a command that was not done."],
    }
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.ControlroomError) and error.__base__ in (errors.ControlroomError, Exception):
            if error is errors.Fenced:
                continue  # inside a worker
            doc = inspect.getdoc(error) or ""
            text = "Any other error." if error is errors.ControlroomError else doc.partition("\n")[0]
            by_status.setdefault(error.exit_code, []).append(text)
    lines += [f"| {status} | {' '.join(sorted(texts))} |" for status, texts in sorted(by_status.items())]
    return _page(lines)


WRITTEN: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "settings.md": settings,
    "topics.md": topics,
    "metrics.md": metrics,
    "exit-codes.md": exit_codes,
}


def _walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if len(path) > 1:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _walk(found, (*path, name))


def _option(option: click.Option) -> tuple[str, str] | None:
    if option.hidden:
        return None
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    kind = "" if option.is_flag or option.count else f" `{option.make_metavar(click.Context(click.Command('x')))}`"
    return f"{names}{kind}".replace("|", "\\|"), _cell(option.help or "")


def _paragraphs(text: str) -> list[str]:
    # click's mark for "leave these lines alone"
    lines: list[str] = []
    for block in inspect.cleandoc(text).split("\n\n"):
        if block.startswith("\b"):
            lines += ["", "```", *block.removeprefix("\b").strip("\n").split("\n"), "```"]
        else:
            lines += ["", _escaped(" ".join(block.split()))]
    return lines[1:]


def _attribute_texts(model: type) -> dict[str, str]:
    """The text below each field of a class."""
    body = ast.parse(inspect.getsource(model)).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for one, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(after, ast.Expr):
            text = _literal(after.value)
            if text:
                found[one.target.id] = inspect.cleandoc(text)
    return found


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _default(field: object) -> str:
    from controlroom.config import default_dir

    default = getattr(field, "default", None)
    if default is PydanticUndefined:
        return "the user's data directory" if getattr(field, "default_factory", None) is default_dir else "its own"
    return "unset" if default is None else f"`{default}`"


def _escaped(text: str) -> str:
    """Text in which only what stands between backticks is marked up."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        parts[index] = parts[index].replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[").replace("_", "\\_")
    return "`".join(parts)


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "\\|")


def _page(lines: list[str]) -> str:
    return NOTE + "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is old")
    checks = parser.parse_args().check
    old: list[str] = []
    PAGES.mkdir(exist_ok=True)
    for name, make in WRITTEN.items():
        page, path = make(), PAGES / name
        if not path.exists() or path.read_text("utf-8") != page:
            old.append(name)
            if not checks:
                path.write_text(page, "utf-8")
    print(f"docs/reference: {', '.join(old) or 'nothing'} {'to be written' if checks else 'written'}")
    return int(checks and bool(old))


if __name__ == "__main__":
    sys.exit(main())
