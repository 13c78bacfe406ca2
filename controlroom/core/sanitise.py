r"""Text from the network made harmless for a terminal: once, where it enters what is shown.

A sensor may be named with an escape sequence, a right-to-left override or a line break. Nothing is dropped (an operator
must see that the name is odd): each such character becomes a visible symbol.

>>> sanitise("temp\x1b[2J-1")
'temp␛[2J-1'
>>> sanitise("a\u202eb\x9bc\n")
'a�b�c␊'
>>> sanitise("[bold]x[/]")
'[bold]x[/]'
"""

from __future__ import annotations

import unicodedata

_REPLACEMENT = "\ufffd"
# C0 controls have pictures of their own (U+2400 onward), DEL has U+2421.
_TABLE = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
#: control, format (bidi controls, zero-width joiners), surrogate, private use, unassigned, line and paragraph separator
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def sanitise(text: str, *, limit: int = 200) -> str:
    """`text` with every character that could steer a terminal shown as a symbol, cut at `limit` characters.

    Markup is left as it is: who draws the text builds it from plain strings, never from markup.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(_TABLE)
    return "".join(_REPLACEMENT if unicodedata.category(char) in _UNSAFE else char for char in text)
