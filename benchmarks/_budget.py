"""Where a reading's CPU time goes, step by step, compiled and interpreted, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from compiled import state

#: as `benchmarks._steps` calls them, and as they are told
STEPS = {
    "records": "records out of Kafka's batches, checksum looked at",
    "readings": "the reading by the wire's rules, its sensor, clocks and order",
    "roll_ups": "roll-up by the minute",
    "rows": "a row, packed for COPY",
    "cheap_bank": "limits and one detector",
    "default_bank": "or every detector",
}
OF_A_SENSOR = {"new_sensor": "a sensor that is new, all of its first reading", "saved_sensor": "a state that is saved"}


def run(count: int, sensors: int) -> dict[str, Any]:
    """Measure and print; the figures by step, `_interpreted` and, where it is built, `_compiled`."""
    kinds = {"interpreted": "0"} | ({"compiled": "1"} if state().used else {})
    found = {kind: _steps(variable, count, sensors) for kind, variable in kinds.items()}
    print(f"\n{'CPU µs a reading, by step':64}" + "".join(f"{kind:>12}" for kind in kinds))
    for name, told in {**STEPS, **OF_A_SENSOR}.items():
        print(f"{told:64}" + "".join(f"{found[kind][name]:12.2f}" for kind in kinds))
    return {f"{name}_us_{kind}": found[kind][name] for kind in kinds for name in (*STEPS, *OF_A_SENSOR)}


def _steps(variable: str, count: int, sensors: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks._steps", str(count), str(sensors)]
    environment = {**os.environ, "CONTROLROOM_COMPILED": variable}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    return dict(json.loads(done.stdout))
