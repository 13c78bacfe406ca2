"""Hatch's build hook: a wheel with compiled modules, for this platform and Python.

It runs when it is asked for, `HATCH_BUILD_HOOK_ENABLE_CUSTOM=1`; without it the wheel is a pure one, for all.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledWheel(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the modules, and puts them into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is made; `version` is "editable" for one that only points here."""
        if self.target_name != "wheel" or version == "editable":
            return
        environment = {**os.environ, "CONTROLROOM_COMPILED": "1"}
        subprocess.run([sys.executable, "-m", "compiled.build"], cwd=self.root, env=environment, check=True)
        names = "from compiled.modules import *; print(STAMP, *map(library, MODULES), sep='\\n')"
        listed = subprocess.run(
            [sys.executable, "-c", names], cwd=self.root, capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            build_data["force_include"][line] = str(Path(line).relative_to(self.root))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
