"""The restricted mode: the control room as the forced command of an SSH login, see docs/ssh.md.

Whoever logs in may have sent an environment and a command line of his own. Nothing of either counts: what is kept of
the environment is the terminal's type, the language, and where the connection comes from, each only in its usual form.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
from collections.abc import Mapping, MutableMapping

#: what is kept, and the form that it must have
_KEPT = {
    "TERM": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}"),
    "LANG": re.compile(r"[A-Za-z0-9_.@-]{1,40}"),
    "LC_CTYPE": re.compile(r"[A-Za-z0-9_.@-]{1,40}"),
    "LC_ALL": re.compile(r"[A-Za-z0-9_.@-]{1,40}"),
    "SSH_CONNECTION": re.compile(r"[0-9A-Fa-f.:%a-z]+ \d+ [0-9A-Fa-f.:%a-z]+ \d+"),
    "SSH_TTY": re.compile(r"/dev/[A-Za-z0-9/]{1,40}"),
}
_PATH = "/usr/local/bin:/usr/bin:/bin"
#: what the terminal's own keys could send before the screen takes them, and whoever may send us signals
_IGNORED = (signal.SIGTSTP, signal.SIGQUIT, signal.SIGTTIN, signal.SIGTTOU)


def restrict() -> bool:
    """Make this process a restricted one; whether a command was asked for, which is ignored."""
    asked = bool(os.environ.get("SSH_ORIGINAL_COMMAND"))
    _replace(os.environ, kept(os.environ, pwd.getpwuid(os.getuid()).pw_dir))
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    return asked


def kept(environ: Mapping[str, str], home: str) -> dict[str, str]:
    """What is left of an environment.

    >>> kept({"TERM": "xterm", "LANG": "C.UTF-8", "LD_PRELOAD": "x", "CONTROLROOM_DSN": "y", "HOME": "/"}, "/home/op")
    {'TERM': 'xterm', 'LANG': 'C.UTF-8', 'HOME': '/home/op', 'PATH': '/usr/local/bin:/usr/bin:/bin'}
    >>> kept({"TERM": "../../tmp/evil", "SSH_CONNECTION": "10.0.0.7 5123 10.0.0.1 22"}, "/home/op")["SSH_CONNECTION"]
    '10.0.0.7 5123 10.0.0.1 22'
    """
    left = {name: value for name, form in _KEPT.items() if (value := environ.get(name)) and form.fullmatch(value)}
    return {**left, "HOME": home, "PATH": _PATH}


def _replace(environ: MutableMapping[str, str], left: Mapping[str, str]) -> None:
    for name in set(environ) - set(left):
        del environ[name]
    environ.update(left)
