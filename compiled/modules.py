"""The modules that are compiled: the one list of them."""

from __future__ import annotations

import hashlib
import sysconfig
from pathlib import Path

MODULES: tuple[str, ...] = (
    "compiled.runtime",
    "controlroom.core.compiled_loop",
    "controlroom.core.packed_rows",
    "controlroom.core.reading_template",
    "controlroom.core.record_block",
    "controlroom.core.rollups",
    "controlroom.core.slot",
    "detectors.bank",
    "detectors.cheap",
    "detectors.conditions",
    "detectors.drift",
    "detectors.judging",
    "detectors.jumps",
    "detectors.kind",
    "detectors.late",
    "detectors.level",
    "detectors.limits",
    "detectors.local",
    "detectors.noise",
    "detectors.novelty",
    "detectors.points",
    "detectors.rail",
    "detectors.rarity",
    "detectors.rate",
    "detectors.record",
    "detectors.sequence",
    "detectors.silence",
    "detectors.spike",
    "detectors.step",
    "detectors.stuck",
    "detectors.tail",
    "detectors.values",
    "detectors.weekly",
)

#: In these integers may have more than 63 bits, so that variables stay Python's.
WIDE = frozenset({"detectors.points"})

#: the version that `pyproject.toml` pins; what another one built is not used
CYTHON = "3.3.1"
ROOT = Path(__file__).resolve().parent.parent
LIB = ROOT / "compiled" / "lib"
SUFFIX: str = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
#: Written last: what was built for this Python is complete, and from which sources.
STAMP = LIB / f"built{SUFFIX}.txt"


def source(module: str) -> Path:
    """The file that Python would run; of a module that there is compiled alone, the one in Cython's own language."""
    path = ROOT.joinpath(*module.split("."))
    compiled_alone = path.with_suffix(".pyx")
    return compiled_alone if compiled_alone.exists() else path.with_suffix(".py")


def declarations(module: str) -> Path:
    """The types that Cython is told of it; there need be none."""
    return source(module).with_suffix(".pxd")


def library(module: str) -> Path:
    """The compiled module, for this Python."""
    path = LIB.joinpath(*module.split("."))
    return path.with_name(path.name + SUFFIX)


def fingerprint() -> str:
    """A hash of all that a build depends on, beside this Python: the sources, and the build itself."""
    found = hashlib.blake2b(digest_size=16)
    of_modules = [path for module in MODULES for path in (source(module), declarations(module))]
    for path in (*sorted((ROOT / "compiled").glob("*.py")), *sorted(of_modules)):
        text = path.read_bytes() if path.exists() else b""
        found.update(f"{path.relative_to(ROOT).as_posix()} {len(text)}\n".encode())
        found.update(text)
    return found.hexdigest()
