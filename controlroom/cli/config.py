"""`controlroom config`: every setting and where it came from, the file's path, the keys that can be others."""

from __future__ import annotations

from pathlib import Path

import click

from controlroom.core import cells

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read this configuration file instead of the user's.",
)


@click.group()
def config() -> None:
    """Show the configuration."""


@config.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object: name to value and source.")
def show(config_file: Path | None, as_json: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Show every setting, its value, and where that came from. Passwords are not shown.

    Exit 4 if a value is wrong, also a key or a theme of the section [ui].
    """
    from controlroom.config import load_settings
    from controlroom.config_sources import explained_settings
    from controlroom.ui.keymap import check_keymap, check_theme

    found = explained_settings(config_file)
    ui = load_settings(config_file=config_file).ui
    check_keymap(ui.keymap)
    check_theme(ui.theme)
    if as_json:
        import json

        click.echo(json.dumps({one.name: {"value": one.value, "source": one.source} for one in found}, indent=1))
        return
    rows = [(one.name, _text(one.value), one.source) for one in found]
    names = cells.widest(name for name, _, _ in rows)
    values = min(cells.widest(value for _, value, _ in rows), 44)
    for name, value, source in rows:
        # A longer value is not cut: what it says is wanted more than the column.
        click.echo(f"{cells.left(name, names)}  {cells.pad(value, values)}  {source}")


@config.command()
@config_option
def path(config_file: Path | None) -> None:
    """Show where the configuration file is looked for."""
    from controlroom.config import load_settings
    from controlroom.config_sources import used_config_path

    click.echo(used_config_path(load_settings(config_file=config_file)))


@config.command()
def keys() -> None:
    """List the bindings that can have other keys, with the keys they have."""
    from controlroom.config import load_settings
    from controlroom.ui.keymap import binding_ids, check_keymap

    keymap = check_keymap(load_settings().ui.keymap)
    rows = [
        (binding_id, keymap.get(binding_id, binding.key), binding.description)
        for binding_id, binding in binding_ids().items()
    ]
    for line in cells.table(rows):
        click.echo(line)


def _text(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {inner}" for key, inner in value.items()) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
