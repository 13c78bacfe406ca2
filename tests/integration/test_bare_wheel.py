"""The built wheel in fresh environments: bare, and with each extra alone. What is missing is said in one line.

What every installation needs is installed once, into the bare environment, and the others see it there: each adds the
wheel and its own extra. Nothing is compiled before it is used.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_LOCAL = "is not installed: pip install 'controlroom[local]', or give --brokers and --dsn of a plant elsewhere"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", directory, ROOT], check=True, cwd=directory)
    [built] = directory.glob("controlroom-*.whl")
    return built


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Callable[[str], Run]:
    """Makes a fresh environment with the wheel and one extra; the result runs the program in it."""
    made: dict[str, Path] = {}

    def install(extra: str) -> Path:
        home = tmp_path_factory.mktemp("environment")
        venv.create(home / "venv", with_pip=False)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", home / "venv/bin/python"]
        install = [*pip, "install", "--quiet", "--no-compile"]
        if extra:
            # The program itself is here once more, so that its command and its metadata are this environment's.
            subprocess.run([*install, "--no-deps", wheel], check=True)
            (packages(home) / "bare.pth").write_text(f"{packages(made[''])}\n")
            subprocess.run([*install, f"{wheel}[{extra}]"], check=True)
        else:
            subprocess.run([*install, wheel], check=True)
        return home

    def make(extra: str) -> Run:
        for name in ("", extra):
            if name not in made:
                made[name] = install(name)
        home = made[extra]

        def run(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [home / "venv/bin/controlroom", *words],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                cwd=home,
                stdin=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **environ},
            )

        return run

    return make


def packages(home: Path) -> Path:
    """Where the environment's packages are."""
    [found] = (home / "venv/lib").glob("python*/site-packages")
    return found


def one_line(done: subprocess.CompletedProcess[str], code: int, text: str) -> None:
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == code, done.stderr
    *_, line = done.stderr.splitlines()
    assert line.startswith("controlroom: ")
    assert text in line


def receivers(directory: Path) -> Path:
    path = directory / "notify.toml"
    path.write_text('[[receiver]]\nname = "hall"\nurl = "json://127.0.0.1:9/x"\n')
    return path


def detectors_file(directory: Path) -> Path:
    path = directory / "detectors.toml"
    path.write_text('[temperature]\nextra = ["half_space_trees"]\n')
    return path


@pytest.mark.parametrize("words", [(), ("up",), ("console",), ("drill", "shift")])
def test_without_the_local_plant_the_extra_is_named(environment, words):
    one_line(environment("")(*words), 5, NO_LOCAL)


@pytest.mark.parametrize("extra", ["notify", "ml", "parquet"])
def test_another_extra_brings_no_local_plant(environment, extra):
    one_line(environment(extra)("up"), 5, NO_LOCAL)


def test_bare_it_does_what_needs_no_extra(environment, tmp_path):
    run = environment("")
    assert run("--version").returncode == 0
    assert run("--help").returncode == 0
    assert run("config", "show").returncode == 0
    assert run("status").returncode == 0
    series = tmp_path / "series.csv"
    rows = (f"2026-01-01T{hour:02}:{minute:02}:00Z,{20 + minute % 3}" for hour in range(24) for minute in range(60))
    series.write_text("timestamp,value\n" + "\n".join(rows) + "\n")
    done = run("backtest", series)
    assert done.returncode == 0, done.stderr
    one_line(run("setup", "--brokers", "127.0.0.1:9", "--dsn", "postgresql://127.0.0.1:9/x"), 3, "no Kafka broker")


def test_without_apprise_a_policy_with_receivers_names_the_extra(environment, tmp_path):
    words = ("notify", "test", "hall", "--file", receivers(tmp_path))
    one_line(environment("")(*words), 4, "pip install 'controlroom[notify]'")
    # With it, the next thing that is wrong is that nobody answers.
    done = environment("notify")(*words)
    assert done.returncode != 0
    assert "controlroom[" not in done.stderr


def test_without_river_a_detector_of_it_names_the_extra(environment, tmp_path):
    words = ("detect", "--brokers", "127.0.0.1:9", "--dsn", "postgresql://127.0.0.1:9/x")
    done = environment("")(*words, "--detectors-file", detectors_file(tmp_path))
    one_line(done, 4, "pip install 'controlroom[ml]'")
    # With it, the next thing that is wrong is that nobody answers.
    one_line(environment("ml")(*words, "--detectors-file", detectors_file(tmp_path)), 3, "not reachable")


def test_without_pyarrow_a_parquet_file_names_the_extra(environment, tmp_path):
    from pyarrow import parquet, table

    file = tmp_path / "series.parquet"
    times = [f"2026-01-01T{n // 60 % 24:02}:{n % 60:02}:00Z" for n in range(1000)]
    parquet.write_table(table({"timestamp": times, "value": [20.0 + n % 3 for n in range(1000)]}), file)
    one_line(environment("")("backtest", file), 4, "is not installed: pip install 'controlroom[parquet]'")
    done = environment("parquet")("backtest", file)
    assert done.returncode == 0, done.stderr
    assert "1000" in done.stdout


def test_without_protobuf_a_sparkplug_source_and_simulated_edge_nodes_name_the_extra(environment, tmp_path):
    file = tmp_path / "bridge.toml"
    file.write_text('[bridge]\nname = "b"\n[[source]]\nname = "s"\ntype = "sparkplug"\nurl = "mqtt://127.0.0.1:9"\n')
    simulate = ("simulate", "--brokers", "127.0.0.1:9", "--as", "sparkplug", "--to", "mqtt://127.0.0.1:9")
    bare, whole = environment(""), environment("sparkplug")
    one_line(bare("bridge", "check", file), 4, "pip install 'controlroom[sparkplug]'")
    one_line(bare(*simulate), 4, "pip install 'controlroom[sparkplug]'")
    done = whole("bridge", "check", file)
    assert done.returncode == 0, done.stderr
    # With it, the next thing that is wrong is that nobody answers.
    one_line(whole(*simulate), 3, "127.0.0.1:9")
