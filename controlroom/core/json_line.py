r"""One JSON document on one line that no terminal obeys: what `detect` and `tail` print.

JSON writers escape the C0 controls only. The C1 controls (0x9B starts an escape sequence as ESC [ does), bidirectional
overrides and line separators would pass through to the terminal; JSON lets every character be written as `\uXXXX`, so
nothing is lost to the program at the other end of a pipe.

>>> json_line({"sensor": "a\x9b2Jb\u202ec", "unit": "°C"})
'{"sensor":"a\\u009b2Jb\\u202ec","unit":"°C"}'
"""

from __future__ import annotations

import unicodedata

import msgspec

#: control, format (bidi controls, zero-width joiners), private use, unassigned, line and paragraph separator
_UNSAFE = frozenset({"Cc", "Cf", "Co", "Cn", "Zl", "Zp"})
_encode = msgspec.json.Encoder().encode


def json_line(document: object) -> str:
    """`document`, anything that msgspec encodes, as one line of JSON without its line break."""
    text = _encode(document).decode("utf-8")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if unicodedata.category(char) in _UNSAFE else char for char in text)


def _escaped(char: str) -> str:
    # Outside the basic plane JSON wants the two halves of UTF-16.
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
