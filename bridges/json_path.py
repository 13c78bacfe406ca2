"""Paths into JSON documents: `value`, `data.temperature`, `channels[0].v`, `data["a.b"]`.

>>> JsonPath('data["a.b"][1].v').of({"data": {"a.b": [0, {"v": 2.5}]}})
2.5
>>> JsonPath("a.b").of({"a": 1}) is MISSING
True
"""

from __future__ import annotations

import re
from typing import Final

_STEP = re.compile(r"\.?([^.\[\]\"]+)|\[(\d+)\]|\[\"([^\"]*)\"\]")


class _Missing:
    """There is nothing at that place."""


MISSING: Final = _Missing()


class JsonPath:
    """A place in a document; a leading `$.` is allowed.

    Raises:
        ValueError: it is no path; says where.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        rest = text.removeprefix("$").removeprefix(".")
        steps: list[str | int] = []
        at = 0
        while at < len(rest):
            step = _STEP.match(rest, at)
            if step is None or (at == 0 and rest[0] == "."):
                raise ValueError(f"path {text!r} is wrong at {rest[at:]!r}; write it as data.values[0].temp")
            steps.append(int(step[2]) if step[2] is not None else step[1] if step[1] is not None else step[3])
            at = step.end()
        if not steps and text != "$":
            raise ValueError("a path is not empty; $ is the whole document")
        self._steps = tuple(steps)

    def of(self, document: object) -> object:
        """What is at that place of the document, or MISSING."""
        for step in self._steps:
            if isinstance(step, str):
                if not isinstance(document, dict) or step not in document:
                    return MISSING
                document = document[step]
            else:
                if not isinstance(document, list) or step >= len(document):
                    return MISSING
                document = document[step]
        return document
