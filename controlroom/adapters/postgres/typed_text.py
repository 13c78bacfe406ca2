"""What people type, as the database takes it."""

from __future__ import annotations

#: Characters of a text that are kept.
MAX_TEXT = 500


def clean(text: str, longest: int = MAX_TEXT) -> str:
    """What a person typed, as the database can hold it."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{SYMBOL FOR NULL}")[:longest]


def like(pattern: str | None) -> str | None:
    """A shell pattern as one of SQL's."""
    if pattern is None:
        return None
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
