"""`python -m benchmarks NAME [--json]`: run one benchmark; its last line is a JSON object of figures."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

import benchmarks


class Benchmark(Protocol):
    """A module of this package that can be run by name."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], dict[str, Any]]


def names() -> list[str]:
    """The benchmarks there are: every module here that has `run`; helpers begin with an underscore."""
    return sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    modules: dict[str, Benchmark] = {}
    for name in names():
        module = importlib.import_module(f"benchmarks.{name}")
        command = commands.add_parser(name, help=(module.__doc__ or "").partition("\n")[0], description=module.__doc__)
        command.add_argument("--json", action="store_true", help="print only the JSON object")
        modules[name] = cast("Benchmark", module)
        modules[name].add_arguments(command)
    args = parser.parse_args()
    out = sys.stdout
    if args.json:
        # Tables go to stderr, so that stdout is one line that a program can read.
        sys.stdout = sys.stderr
    # A benchmark that is told to end takes its plant down, as one that is interrupted does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    figures = modules[args.name].run(args)
    sys.stdout = out
    print(json.dumps({"benchmark": args.name, **figures, "machine": machine()}))
    return 0


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


if __name__ == "__main__":
    sys.exit(main())
