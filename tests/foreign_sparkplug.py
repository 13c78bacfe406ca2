"""pysparkplug, an implementation of Sparkplug B that is not ours, in an environment and a process of its own.

It needs paho-mqtt 1, and cannot stand beside ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from controlroom.local.paths import cache_dir

_PACKAGES = ("pysparkplug==0.6.1", "paho-mqtt==1.6.1", "protobuf==7.36.2")

#: Payloads of every scalar type, with aliases, as JSON of hexadecimal text.
_PAYLOADS = """
import json, pysparkplug as sp
T = sp.DataType
values = json.loads(input())
def metrics(named):
    return tuple(
        sp.Metric(timestamp=1000 + n, name=name if named else None, datatype=T[name.upper()], value=value, alias=n,
                  is_historical=not named)
        for n, (name, value) in enumerate(values.items())
    )
bd = sp.Metric(timestamp=1, name="bdSeq", datatype=T.INT64, value=3)
payloads = {
    "birth": sp.NBirth(timestamp=5, seq=0, metrics=(*metrics(True), bd)).encode(include_dtypes=True),
    "data": sp.NData(timestamp=6, seq=1, metrics=metrics(False)).encode(include_dtypes=False),
    "death": sp.NDeath(timestamp=7, bd_seq_metric=bd).encode(),
}
print(json.dumps({name: raw.hex() for name, raw in payloads.items()}))
"""

#: An edge node with devices, which goes on until it is killed: each line it reads is an order.
_NODE = """
import json, sys, time, pysparkplug as sp
port, devices = int(sys.argv[1]), sys.argv[2].split(",")
T = sp.DataType
count = 0
def of(value):
    return sp.Metric(timestamp=sp.get_current_timestamp(), name="Inlet/Temp", datatype=T.DOUBLE, value=float(value))
births = []
node = sp.EdgeNode("hall", "edge", (of(0),), cmd_callback=lambda one, message: births.append(message))
for name in devices:
    node.register(sp.Device(name, (of(0),)))
node.connect("127.0.0.1", port=port)
print("ready", flush=True)
while True:
    time.sleep(0.25)
    count += 1
    if births:
        births.clear()
        node.disconnect()
        node.connect("127.0.0.1", port=port)
        print("born again", flush=True)
        time.sleep(0.25)
    for name in devices:
        node.update_device(name, (of(count),))
"""


def _home() -> Path:
    home = cache_dir() / "foreign-sparkplug-0.6.1"
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            done = subprocess.run([*pip, "--target", home, *_PACKAGES], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"pysparkplug cannot be fetched: {done.stderr[-200:]}")
            (home / "complete").touch()
    return home


def _command(script: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    # -S: nothing of our environment is on its path.
    return [sys.executable, "-S", "-c", script, *arguments], {**os.environ, "PYTHONPATH": str(_home())}


def payloads(values: dict[str, float | bool]) -> dict[str, bytes]:
    """A birth, data by alias alone (historical), and a death, with a metric for each type that `values` names."""
    command, environment = _command(_PAYLOADS)
    done = subprocess.run(
        command, env=environment, input=json.dumps(values), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return {name: bytes.fromhex(raw) for name, raw in json.loads(done.stdout).items()}


def start_node(port: int, devices: list[str]) -> subprocess.Popen[str]:
    """An edge node `hall/edge` whose devices tell four values a second."""
    command, environment = _command(_NODE, str(port), ",".join(devices))
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, text=True)
