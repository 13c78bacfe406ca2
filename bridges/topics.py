"""Templates of topics: which topics belong to them, and what the levels of one are called.

>>> template = TopicTemplate("plant/{section}/{machine}/{sensor}")
>>> template.filter
'plant/+/+/+'
>>> template.match("plant/press/m-7/temp")
{'section': 'press', 'machine': 'm-7', 'sensor': 'temp'}
>>> template.match("plant/press/m-7") is None
True
>>> TopicTemplate("zigbee/{device}/#").match("zigbee/boiler/a/b")
{'device': 'boiler', 'rest': 'a/b'}
"""

from __future__ import annotations

import re

_LEVEL = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: What `#` stands for is called by this name.
REST = "rest"


class TopicTemplate:
    """A topic whose levels may be `{names}`; `+` is any level, `#` at the end is all that follows.

    Raises:
        ValueError: it is none; says why.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        levels = text.split("/")
        self._names: list[str | None] = []
        pattern: list[str] = []
        filters: list[str] = []
        for index, level in enumerate(levels):
            named = _LEVEL.fullmatch(level)
            if level == "#":
                if index != len(levels) - 1:
                    raise ValueError(f"topic {text!r}: '#' stands at the end only")
                self._add(REST)
                filters.append("#")
            elif level == "+" or named is not None:
                if named is not None:
                    self._add(named[1])
                pattern.append("([^/]*)" if named is not None else "[^/]*")
                filters.append("+")
            elif any(character in level for character in "{}+#"):
                raise ValueError(f"topic {text!r}: level {level!r} is neither a name in braces, '+' nor plain text")
            else:
                pattern.append(re.escape(level))
                filters.append(level)
        body = "/".join(pattern)
        if levels[-1] == "#":
            # As in MQTT, `a/#` is also `a` itself.
            body = f"{body}(?:/(.*))?" if body else "(.*)"
        self._match = re.compile(body, re.DOTALL).fullmatch
        #: what to subscribe to
        self.filter = "/".join(filters)
        #: names of its levels
        self.names = tuple(name for name in self._names if name is not None)
        if not text or "\x00" in text or len(text.encode()) > 65_535:
            raise ValueError("a topic has 1 to 65,535 bytes")

    def _add(self, name: str) -> None:
        if name in self._names:
            raise ValueError(f"topic {self.text!r}: {name!r} is used twice")
        self._names.append(name)

    def match(self, topic: str) -> dict[str, str] | None:
        """The levels of `topic` by their names; None: it does not belong to this template."""
        found = self._match(topic)
        if found is None or (self.filter[:1] in {"+", "#"} and topic.startswith("$")):
            return None
        return dict(zip(self.names, (group or "" for group in found.groups()), strict=True))
