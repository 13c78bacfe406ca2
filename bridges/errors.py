"""What can go wrong in a bridge, for a person to read.

::

    BridgeError           base
     +-- BridgeFileError  the bridge's file is wrong; names the line and the key
     +-- SpoolError       the spool cannot be used
"""

from __future__ import annotations


class BridgeError(Exception):
    """Base of all: a message of one line."""


class BridgeFileError(BridgeError):
    """The bridge's file is wrong; the message names the line and the key."""


class SpoolError(BridgeError):
    """The spool cannot be opened, or belongs to another process."""
