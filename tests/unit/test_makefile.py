"""The Makefile's commands: all there, each says what it is, and each says what the program understands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.cli import COMMANDS, cli
from tests.compose_file import ROOT, services

#: The commands that the plant has always had.
ORIGINAL = (
    "help", "start", "full-start", "stop", "clean", "status", "health", "build-sensors", "start-sensors",
    "stop-sensors", "logs-sensors", "monitor-sensors", "monitor", "test-external", "test-topics", "verify-cluster",
)  # fmt: skip

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(
    *arguments: str, cwd: Path = ROOT, env: dict[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    # These tests may themselves be run by make, which hands its flags on to every make below it.
    ours = ("MAKE", "MFLAGS", "PLANT", "DIR", "ARGS")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        ["make", *arguments],
        cwd=cwd, env=clean | (env or {}), input=stdin, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


#: `make run` and `make test` compile what has changed before they start.
BUILD = ["python", "-m", "compiled.build"]


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of what make looks at, with programs that only write down how they were called."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-run.lock"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("controlroom", "python", "docker"):
        program = programs / name
        program.write_text(f'#!/bin/sh\nfor word in {name} "$@"; do printf "%s\\t" "$word"; done >>"{tmp_path}/calls"\n'
                           f'echo >>"{tmp_path}/calls"\n', "utf-8")  # fmt: skip
        program.chmod(0o755)
    (tmp_path / ".venv" / "requirements-run.lock").write_text("", "utf-8")
    return tmp_path


def calls(tree: Path, command: str, **variables: str) -> list[list[str]]:
    """The programs that `make command` calls, as lists of words."""
    assignments = [f"{name}={value}" for name, value in variables.items()]
    result = make(command, *assignments, "COMPOSE=.venv/bin/docker compose", cwd=tree)
    assert result.returncode == 0, result.stderr
    log = tree / "calls"
    return [line.rstrip("\t").split("\t") for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def check(words: list[str]) -> None:
    """That the program has this command and takes these options."""
    assert words[0] == "controlroom"
    name, *options = words[1:]
    assert name in COMMANDS
    if "--help" in options:
        return
    with cli.make_context("controlroom", [name, *options]) as context:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.make_context(name, options, parent=context).command is command


def test_help_is_the_default_and_has_a_line_for_every_command():
    listed = make().stdout
    assert listed == make("help").stdout
    for command in (*ORIGINAL, "run", "test", "lint", "lock", "setup"):
        assert re.search(rf"^  {command} +\S", listed, re.MULTILINE), command


def test_help_is_the_same_for_both_plants():
    assert make("help", "PLANT=docker").stdout == make("help").stdout


def test_another_plant_is_refused():
    result = make("start", "PLANT=moon")
    assert result.returncode == 2
    assert "PLANT=moon: say local or docker" in result.stderr


@pytest.mark.parametrize("command", [command for command in ORIGINAL if command != "help"])
def test_each_command_on_the_local_plant_is_one_that_the_program_understands(tree, command):
    called = calls(tree, command, DIR=str(tree / "a plant"), YES="1")
    assert called
    for words in called:
        if words[0] == "python":
            script, action, name, flag, directory, *command_line = words[1:]
            assert (script, flag, directory) == ("scripts/background.py", "--dir", str(tree / "a plant"))
            assert action in {"start", "stop", "status", "logs"}
            assert name in {"sensors", "detector"}
            if command_line:
                assert command_line[0] == "--"
                check(["controlroom", *command_line[1:]])
        else:
            check(words)


def test_start_and_stop_of_everything_are_in_the_right_order(tree):
    def order(command: str) -> list[str]:
        (tree / "calls").unlink(missing_ok=True)
        return [" ".join(words[2:4] if words[0] == "python" else words[1:2]) for words in calls(tree, command)]

    assert order("full-start") == ["up", "start sensors", "start detector"]
    assert order("stop") == ["stop detector", "stop sensors", "down"]
    assert order("clean") == ["stop detector", "stop sensors", "down", "clean"]


def test_run_hands_its_arguments_on(tree):
    assert calls(tree, "run", ARGS="--brokers a:1 --dsn b") == [
        BUILD,
        ["controlroom", "console", "--brokers", "a:1", "--dsn", "b"],
    ]


@pytest.mark.parametrize("command", [command for command in ORIGINAL if command != "help"])
def test_each_command_on_docker_names_services_that_there_are(tree, command):
    called = calls(tree, command, PLANT="docker", YES="1")
    assert called
    for words in called:
        if words[0] == "controlroom":
            check(words)
            continue
        assert words[:2] == ["docker", "compose"]
        rest = words[2:]
        while rest[0] == "--profile":
            assert any(rest[1] in service.get("profiles", []) for service in services().values())
            rest = rest[2:]
        action, *rest = rest
        if "controlroom" in rest:
            at = rest.index("controlroom")
            check(rest[at:])
            rest = rest[:at]
        named = [word for word in rest if not word.startswith("-") and not word.isdigit()]
        assert set(named) <= set(services())
        assert action in {"up", "run", "stop", "down", "ps", "build", "logs"}
        assert named or action in {"stop", "down", "ps"}


def test_the_password_for_docker_is_made_once_and_is_nobody_else_s_to_read(tree):
    calls(tree, "start", PLANT="docker")
    made = (tree / ".env").read_text("utf-8")
    assert re.fullmatch(r"POSTGRES_PASSWORD=[0-9a-f]{32}\n", made)
    assert (tree / ".env").stat().st_mode & 0o077 == 0
    calls(tree, "status", PLANT="docker")
    assert (tree / ".env").read_text("utf-8") == made


def test_clean_on_docker_asks_first(tree):
    (tree / ".env").write_text("POSTGRES_PASSWORD=x\n", "utf-8")
    result = make("clean", "PLANT=docker", "COMPOSE=.venv/bin/docker compose", cwd=tree, stdin="n\n")
    assert result.returncode != 0
    assert not (tree / "calls").exists()


def shim(directory: Path, name: str, body: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
    path.chmod(0o755)


@pytest.fixture
def bare(tree, tmp_path_factory) -> tuple[Path, Path]:
    """A tree without .venv, and a directory of programs that has only what every system has."""
    shutil.rmtree(tree / ".venv")
    programs = tmp_path_factory.mktemp("bin")
    for name in ("sh", "sed", "expand", "test", "make"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    return tree, programs


def test_no_python_is_said_in_one_line(bare):
    tree, programs = bare
    shim(programs, "python3", "exit 1")  # an older one: it fails the test of its version
    shim(programs, "python3.11", "echo 'no such version' >&2; exit 127")  # a shim that leads nowhere
    result = make("run", cwd=tree, env={"PATH": str(programs)})
    assert result.returncode == 2
    assert "setup: no Python 3.11 or newer found" in result.stderr.splitlines()[0]


def test_the_first_python_that_works_is_taken(bare):
    tree, programs = bare
    shim(programs, "python3.11", "exit 127")
    shim(programs, "python3.12", '[ "$1" = -c ] || echo "12 $*"')
    shim(programs, "python3", "echo 3")
    result = make("setup", cwd=tree, env={"PATH": str(programs)})
    assert result.stdout == "12 scripts/bootstrap.py requirements-run.lock .venv/requirements-run.lock\n"


def test_who_has_the_tools_of_development_needs_nothing_more_to_run(tree):
    (tree / ".venv" / "requirements.lock").write_text("", "utf-8")
    os.utime(tree / "requirements-run.lock", (2**31 - 2, 2**31 - 2))
    assert calls(tree, "run") == [BUILD, ["controlroom", "console"]]


def bootstrap(tree: Path, lock: str, *, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the bootstrap script of `tree`; `code` is run before, in the same interpreter."""
    program = f"import runpy, sys\nsys.argv = ['bootstrap.py', {lock!r}, 'stamp']\n{code}\n"
    program += "runpy.run_path('scripts/bootstrap.py', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=tree, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PIP_NO_INDEX": "1"},
    )  # fmt: skip


def test_a_python_without_ensurepip_is_told_which_package_is_missing(bare):
    tree, _ = bare
    result = bootstrap(tree, "requirements.lock", code="sys.modules['ensurepip'] = None")
    assert result.returncode == 1
    version = "{}.{}".format(*sys.version_info)
    assert result.stderr.splitlines() == [
        f"setup: Python's venv module is incomplete; on Debian or Ubuntu: apt-get install python{version}-venv"
    ]


def test_an_install_that_fails_leaves_no_stamp_and_says_why(bare):
    tree, _ = bare
    (tree / "broken.lock").write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n", "utf-8")
    result = bootstrap(tree, "broken.lock")
    assert result.returncode == 1
    assert "no-such-package" in result.stderr
    assert "could not install what broken.lock pins" in result.stderr.splitlines()[-1]
    assert not (tree / "stamp").exists()


def test_a_venv_whose_python_is_gone_is_made_anew(bare):
    tree, _ = bare
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.9")
    (tree / "empty.lock").write_text("# nothing\n", "utf-8")
    result = bootstrap(tree, "empty.lock")
    assert "making .venv with Python" in result.stderr
    python = tree / ".venv" / "bin" / "python"
    assert subprocess.run([python, "-c", "import pip"], check=False).returncode == 0


def test_commands_are_quoted_for_directories_with_spaces():
    line = make("-n", "start", "DIR=/tmp/a b").stdout.splitlines()[-1]
    assert shlex.split(line)[1:] == ["up", "--dir", "/tmp/a b"]
