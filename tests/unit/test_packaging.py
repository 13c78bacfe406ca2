"""The distribution holds what it must, and the locks pin what it needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from controlroom import __version__

ROOT = Path(__file__).resolve().parents[2]
ALL = "requirements.lock"
RUN = "requirements-run.lock"
IMAGE = "docker/requirements.lock"


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@cache
def pinned(lock: str) -> dict[str, tuple[str, ...]]:
    """Name -> versions (more than one where they differ by platform)."""
    found: dict[str, tuple[str, ...]] = {}
    text = (ROOT / lock).read_text("utf-8")
    for name, version in re.findall(r"^([\w.-]+)==([\w.+!]+)", text, re.MULTILINE):
        key = canonicalize_name(name)
        found[key] = (*found.get(key, ()), version)
    return found


def requirements(*extras: str) -> list[Requirement]:
    metadata = project()["project"]
    texts = [
        *metadata["dependencies"],
        *(text for extra in extras for text in metadata["optional-dependencies"][extra]),
    ]
    return [Requirement(text) for text in texts]


#: Peers are what benchmarks compare with; nothing of ours needs them.
LOCKED_EXTRAS = tuple(extra for extra in project()["project"]["optional-dependencies"] if extra != "peers")


@pytest.mark.parametrize(
    ("lock", "extras"),
    [(ALL, LOCKED_EXTRAS), (RUN, ("local", "opcua", "sparkplug", "build")), (IMAGE, ("opcua", "sparkplug", "build"))],
)
def test_a_lock_pins_everything_that_is_required_at_a_version_that_fits(lock, extras):
    for requirement in requirements(*extras):
        versions = pinned(lock)[canonicalize_name(requirement.name)]
        assert any(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("lock", [RUN, IMAGE])
def test_the_smaller_locks_are_parts_of_the_whole(lock):
    whole = pinned(ALL)
    for name, versions in pinned(lock).items():
        assert set(versions) <= set(whole[name]), name


def test_what_the_image_does_not_need_is_not_in_it():
    unwanted = {Requirement(text).name for text in project()["project"]["optional-dependencies"]["local"]}
    unwanted |= {"pytest", "mypy", "ruff", "numpy", "pyarrow"}
    assert unwanted & set(pinned(IMAGE)) == set()


@pytest.mark.parametrize("lock", [ALL, RUN, IMAGE])
def test_every_pin_has_a_hash_and_no_place(lock):
    text = (ROOT / lock).read_text("utf-8")
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == sum(map(len, pinned(lock).values()))
    for block in blocks:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text
    assert text.splitlines()[1] == "#    make lock"


def test_the_backend_that_builds_is_the_one_that_is_locked():
    (build,) = project()["build-system"]["requires"]
    assert build in project()["project"]["optional-dependencies"]["build"]


def test_one_version():
    assert project()["project"]["version"] == __version__
    heading = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heading is not None
    assert heading[1] == __version__


def test_licence_and_notices():
    assert project()["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_its_packages(wheel):
    held = set(wheel.namelist())
    for package in ("controlroom", "simulator", "detectors", "kafka_clients", "bridges", "compiled"):
        files = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and ROOT / "compiled" / "lib" not in path.parents
        }
        assert files <= held, files - held
        assert f"{package}/py.typed" in held


def test_the_wheel_holds_no_tests_and_installs_the_command(wheel):
    assert not [name for name in wheel.namelist() if name.startswith(("tests/", "benchmarks/", "scripts/"))]
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "controlroom = controlroom.__main__:main" in wheel.read(entry_points).decode()
