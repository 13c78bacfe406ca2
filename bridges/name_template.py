r"""Templates of names that have no levels: Kafka's topics (`plant.{section}.{machine}`) and the keys of records.

A name in braces ends before the character that follows it in the template; the last one takes what is left. `*` is any
text. In a topic no name goes over a dot.

>>> topic = NameTemplate("plant.{section}.{machine}", barred=".")
>>> topic.match("plant.press.m-7")
{'section': 'press', 'machine': 'm-7'}
>>> topic.match("plant.press.m-7.old") is None
True
>>> NameTemplate("{machine}:{sensor}").match("m-7:temp:2")
{'machine': 'm-7', 'sensor': 'temp:2'}
>>> NameTemplate("line-*").match("line-7") , NameTemplate("line-*").filter
({}, 'line\\-.*')
"""

from __future__ import annotations

import re

_PART = re.compile(r"\{([a-z][a-z0-9_]*)\}|(\*)|([^{}*]+)")


class NameTemplate:
    """A text that may have `{names}` and `*`.

    Args:
        text: the template.
        barred: characters that no name holds.

    Raises:
        ValueError: it is none; says why.
    """

    def __init__(self, text: str, barred: str = "") -> None:
        self.text = text
        names: list[str] = []
        pattern = ""
        at, before = 0, ""
        while at < len(text):
            part = _PART.match(text, at)
            if part is None:
                raise ValueError(f"{text!r} is wrong at {text[at:]!r}; a name is written {{machine}}")
            at = part.end()
            name, star, plain = part.groups()
            if plain is not None:
                pattern += re.escape(plain)
            elif before:
                raise ValueError(f"{text!r}: nothing stands between {before} and {part[0]}")
            elif star:
                pattern += ".*"
            elif name in names:
                raise ValueError(f"{text!r}: {name!r} is used twice")
            else:
                names.append(name)
                ends = re.escape("".join(dict.fromkeys(barred + text[at : at + 1])))
                pattern += f"([^{ends}]+)" if ends else "(.+)"
            before = "" if plain is not None else part[0]
        if not pattern:
            raise ValueError("is empty")
        #: the template as a regular expression
        self.filter = pattern
        self.names = tuple(names)
        self._match = re.compile(pattern, re.DOTALL).fullmatch

    def match(self, text: str) -> dict[str, str] | None:
        """The parts of `text` by their names; None: it does not belong to this template."""
        found = self._match(text)
        return dict(zip(self.names, found.groups(), strict=True)) if found is not None else None
