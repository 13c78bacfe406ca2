"""What compose.yaml and the Dockerfile say, for the tests that hold them to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


def compose() -> dict[str, Any]:
    """compose.yaml with its anchors resolved and its variables as they are written."""
    document = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert isinstance(document, dict)
    return document


def services() -> dict[str, dict[str, Any]]:
    """The services by name."""
    found = compose()["services"]
    assert isinstance(found, dict)
    return found


def own_services() -> dict[str, dict[str, Any]]:
    """The services that run our images."""
    return {name: service for name, service in services().items() if "build" in service}


def interpolate(text: str, variables: dict[str, str]) -> str:
    """`text` with `${NAME:-default}` and `${NAME:?error}` replaced as the compose specification says."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match[1], match[2], match[3]
        found = variables.get(name, "")
        if found:
            return found
        assert operator == ":-", f"{name} is required: {rest}"
        return rest

    return re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", value, text)


def environment(service: dict[str, Any], variables: dict[str, str] | None = None) -> dict[str, str]:
    """A service's environment as its container sees it; names without a value are left out."""
    return {
        name: interpolate(str(value), variables or {})
        for name, value in service.get("environment", {}).items()
        if value is not None
    }


class Stage:
    """One `FROM` of the Dockerfile with its instructions, continuation lines joined."""

    def __init__(self, base: str, name: str) -> None:
        self.base = base
        self.name = name
        self.instructions: list[tuple[str, str]] = []

    def values(self, keyword: str) -> list[str]:
        """The arguments of each instruction of that kind."""
        return [rest for word, rest in self.instructions if word == keyword]

    def command(self) -> list[str] | None:
        """The words of `CMD`, if it has one."""
        values = self.values("CMD")
        return None if not values else [str(word) for word in json.loads(values[-1])]


def stages() -> dict[str, Stage]:
    """The Dockerfile's stages by name."""
    text = (ROOT / "docker" / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    found: dict[str, Stage] = {}
    stage = None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            base, _, name = rest.partition(" AS ")
            stage = found[name] = Stage(base, name)
        else:
            assert stage is not None
            stage.instructions.append((keyword, rest.strip()))
    return found
