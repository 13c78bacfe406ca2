"""Optional parts: what an extra of the package brings, and the one line that is said where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

from controlroom.errors import ConfigError, ControlroomError


def require(
    module: str, extra: str, what: str, *, error: type[ControlroomError] = ConfigError, instead: str = ""
) -> None:
    """Look for `module`, which the extra `extra` of this package installs; nothing is imported.

    Args:
        module: the module that is needed.
        extra: the extra that brings it.
        what: what is missing, for the message: the beginning of "... is not installed".
        error: the error to raise; it decides the exit code.
        instead: what else the user can do, for the hint.

    Raises:
        ControlroomError: an `error`, if the module is not there.

    >>> require("msgspec", "local", "the wire format")
    >>> require("no_such_module", "local", "the local plant", instead="give --brokers and --dsn")
    Traceback (most recent call last):
    ...
    controlroom.errors.ConfigError: the local plant is not installed: pip install 'controlroom[local]', or give --brokers and --dsn
    """  # noqa: E501 - the message is one line
    # To look for a part of a package imports the package, which may not be there either.
    if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
        hint = f"pip install 'controlroom[{extra}]'"
        raise error(f"{what} is not installed", hint=f"{hint}, or {instead}" if instead else hint)
