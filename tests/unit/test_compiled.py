"""Compiled modules are used when they are what the sources are, and never otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = "import compiled, package.one as one; print(compiled.state(), one.__file__.rpartition('.')[2], one.double(2.0))"


@pytest.fixture
def tree(tmp_path) -> Path:
    """A project with one module to compile."""
    shutil.copytree(ROOT / "compiled", tmp_path / "compiled", ignore=shutil.ignore_patterns("lib", "__pycache__"))
    modules = tmp_path / "compiled" / "modules.py"
    before, _, after = modules.read_text("utf-8").partition("MODULES: tuple[str, ...] = (")
    modules.write_text(f'{before}MODULES = ("package.one",)\n{after.partition(")")[2]}', "utf-8")
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from compiled import prefer\n\nprefer(__name__, __path__)\n", "utf-8")
    (package / "one.py").write_text("def double(x):\n    return 2 * x\n", "utf-8")
    (package / "one.pxd").write_text("cpdef double double(double x)\n", "utf-8")
    return tmp_path


def python(tree: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CONTROLROOM_COMPILED", "CC")}
    result = subprocess.run(
        [sys.executable, *arguments], cwd=tree, env={**kept, **variables}, capture_output=True, text=True, timeout=120
    )
    return result.returncode, result.stdout.strip(), result.stderr.strip()


def test_without_a_compiler_all_runs_interpreted_and_one_line_says_so(tree):
    said = "setup: there is no C compiler (none-such), so the detectors run interpreted, which is slower"
    assert python(tree, "-m", "compiled.build", CC="none-such") == (0, "", said)
    assert python(tree, "-c", ASK) == (0, "interpreted: nothing is built for this Python py 4.0", "")
    assert python(tree, "-m", "compiled.build", CC="none-such", CONTROLROOM_COMPILED="1")[0] == 1
    code, _, stderr = python(tree, "-c", ASK, CONTROLROOM_COMPILED="1")
    assert code == 1
    assert "compiled modules cannot be used: nothing is built for this Python" in stderr


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_what_is_built_is_used_until_a_source_changes(tree):
    code, _, said = python(tree, "-m", "compiled.build")
    assert (code, said[:25]) == (0, "setup: compiled 1 modules")
    assert python(tree, "-c", ASK, CONTROLROOM_COMPILED="1") == (0, "compiled so 4.0", "")
    assert python(tree, "-c", ASK, CONTROLROOM_COMPILED="0") == (0, "interpreted: CONTROLROOM_COMPILED is 0 py 4.0", "")
    assert python(tree, "-m", "compiled.build") == (0, "", "")

    (tree / "package" / "one.py").write_text("def double(x):\n    return x + x + 1\n", "utf-8")
    code, stdout, stderr = python(tree, "-c", ASK)
    assert (code, stdout) == (0, "interpreted: sources have changed since they were compiled py 5.0")
    assert len(stderr.splitlines()) == 1

    # A build that fails leaves a tree that works.
    code, _, said = python(tree, "-m", "compiled.build", CC="false")
    assert (code, said.splitlines()[-1]) == (
        0, "setup: could not compile, so the detectors run interpreted, which is slower",
    )  # fmt: skip
    assert python(tree, "-c", ASK) == (0, "interpreted: nothing is built for this Python py 5.0", "")
    assert python(tree, "-m", "compiled.build")[0] == 0
    assert python(tree, "-c", ASK) == (0, "compiled so 5.0", "")
