"""`controlroom completion`: a script with which a shell completes commands and options."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script with which SHELL completes commands and options by Tab.

    \b
    bash  echo 'source <(controlroom completion bash)' >> ~/.bashrc
    zsh   echo 'source <(controlroom completion zsh)' >> ~/.zshrc
    fish  controlroom completion fish > ~/.config/fish/completions/controlroom.fish
    """  # noqa: D301 - click knows a paragraph that it must not wrap by \\b
    from click.shell_completion import get_completion_class

    from controlroom.cli import cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "controlroom", "_CONTROLROOM_COMPLETE").source())
