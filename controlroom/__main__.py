"""`controlroom` and `python -m controlroom`."""

from __future__ import annotations

import logging
import os
import sys

import click

from controlroom.errors import ControlroomError


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code; errors are one line on stderr."""
    from controlroom.cli import cli
    from controlroom.cli.streams import fit_streams, replace_closed_streams

    replace_closed_streams()
    fit_streams()
    try:
        code = cli.main(args=argv, prog_name="controlroom", standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:
        # The reader of a pipe (`| head`) went away: that is its right, and no error. Python would complain once more
        # when it flushes stdout at exit, so stdout is pointed elsewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except ControlroomError as error:
        code = _told(error)
    except Exception as error:
        said = _of_database(error)
        if said is None:
            raise
        code = _told(said)
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: ControlroomError) -> int:
    from controlroom.logs import say

    say(str(error), level=logging.ERROR, text=f"controlroom: {error}")
    return error.exit_code


def _of_database(error: Exception) -> ControlroomError | None:
    """What PostgreSQL refused, for people; its client is imported only where it was used."""
    if not type(error).__module__.startswith("asyncpg"):
        return None
    from controlroom.adapters.postgres.session import explained

    return explained(error)


if __name__ == "__main__":
    main()
