"""Make `jars.json` anew: `python -m controlroom.local.pin 4.3.1`, for whoever moves the plant to another Kafka.

Resolves Kafka's dependencies as its own POMs declare them, fetches every jar once and writes names, sizes and hashes.
Review the difference before committing it: the file says what every later start may run.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from controlroom.local.jars import Jar, Manifest

#: The logging back end that Kafka's own distribution ships; `raw` keeps its bill of materials from overriding the
#: versions that Kafka asks for, which jgo would do otherwise. kafka-clients goes first for the same reason.
_LOG4J = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"


def pin(kafka: str) -> Manifest:
    """Resolve and fetch everything that broker version `kafka` needs."""
    from jgo.maven import MavenContext
    from jgo.parse import Coordinate

    coordinates = [f"org.apache.kafka:kafka-clients:{kafka}", f"org.apache.kafka:kafka_2.13:{kafka}", _LOG4J]
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch), timeout=60)
        roots = [context.create_dependency(replace(Coordinate.parse(text), raw=True)) for text in coordinates]
        direct, transitive = context.resolver.resolve(roots)
        jars = []
        for dependency in [*direct, *transitive]:
            artifact = dependency.artifact
            content = Path(artifact.resolve()).read_bytes()
            name = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            jars.append(Jar(name, len(content), hashlib.sha256(content).hexdigest()))
    return Manifest(kafka, tuple(jars))


if __name__ == "__main__":
    target = Path(__file__).with_name("jars.json")
    target.write_bytes(msgspec.json.format(msgspec.json.encode(pin(sys.argv[1])), indent=1) + b"\n")
