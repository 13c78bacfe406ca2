"""What is wrong is said in one line that tells what to do, and the exit code is not that of success."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.local import Endpoints
from controlroom.local.ports import free_ports
from tests.command import run_here


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As a shell runs it: nothing else may be said at exit."""
    command = [sys.executable, "-m", "controlroom", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False)


def one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == code, done.stderr
    assert lines[-1].startswith("controlroom: ")
    assert not any("Traceback" in line for line in lines)
    for word in words:
        assert word in lines[-1]


@pytest.fixture
def nowhere() -> str:
    (port,) = free_ports(1)
    return f"127.0.0.1:{port}"


@pytest.mark.parametrize("command", [["detect"], ["console"], ["simulate", "--duration", "1"], ["topics"]])
def test_no_broker(command: list[str], nowhere: str, database: str) -> None:
    dsn = ["--dsn", database] if command[0] in {"detect", "console"} else []
    one_line(run(*command, "--brokers", nowhere, *dsn), 3, nowhere)


def test_no_broker_for_a_replay(nowhere: str, tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    file.write_text("timestamp,value\n2026-01-01T00:00:00Z,1.5\n")
    done = run_here("replay", str(file), "--sensor-id", "a", "--sensor-type", "pressure", "--brokers", nowhere)
    one_line(done, 3, nowhere)


def test_no_database(endpoints: Endpoints, nowhere: str) -> None:
    dsn = f"postgresql://somebody@{nowhere}/controlroom"
    one_line(
        run_here("detect", "--brokers", endpoints.brokers, "--dsn", dsn), 3, "PostgreSQL is not reachable", "--dsn"
    )


def test_a_wrong_password(endpoints: Endpoints) -> None:
    dsn = endpoints.dsn.replace(endpoints.dsn.split(":")[2].split("@")[0], "wrong")
    one_line(run_here("detect", "--brokers", endpoints.brokers, "--dsn", dsn), 3, "refuses the login")
    assert "wrong" not in run_here("detect", "--brokers", endpoints.brokers, "--dsn", dsn).stderr


def test_a_dsn_that_is_none(endpoints: Endpoints) -> None:
    one_line(run_here("detect", "--brokers", endpoints.brokers, "--dsn", "http://example"), 3, "database URL")


def test_a_dsn_with_a_parameter_of_another_client(endpoints: Endpoints) -> None:
    dsn = f"{endpoints.dsn}?connect_timeout=3"
    done = run_here("detect", "--brokers", endpoints.brokers, "--dsn", dsn)
    one_line(done, 3, "database URL is not usable", "connect_timeout", "leave the parameter out")


def test_a_database_without_the_schema(endpoints: Endpoints) -> None:
    bare = endpoints.dsn.rpartition("/")[0] + "/postgres"
    one_line(run_here("detect", "--brokers", endpoints.brokers, "--dsn", bare), 4, "controlroom setup")


def test_half_of_an_address(nowhere: str) -> None:
    one_line(run_here("detect", "--brokers", nowhere), 4, "--dsn")
    one_line(run_here("console", "--brokers", nowhere), 4, "--dsn")


def test_brokers_that_are_no_addresses() -> None:
    one_line(run_here("detect", "--brokers", "here"), 4, "'here' is not host:port")
    one_line(run_here("topics", "--brokers", "PLAINTEXT://here:9092"), 4, "'PLAINTEXT://here:9092' is not host:port")


def test_no_plant(tmp_path: Path) -> None:
    one_line(run_here("detect", "--dir", str(tmp_path)), 5, str(tmp_path), "controlroom up")


def test_a_corrupt_plant_file(tmp_path: Path, nowhere: str) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(
        '[[sensors]]\nid = "a"\ntype = "temperature"\n[[sensors]]\nid = "b"\ntype = "pressure"\ninterval = -1\n'
    )
    one_line(run_here("simulate", "--plant", str(file), "--brokers", nowhere), 4, "plant.toml", "sensors[1].interval")
    file.write_text("[[sensors]\n")
    one_line(run_here("simulate", "--plant", str(file), "--brokers", nowhere), 4, "plant.toml", "line 1")


def test_wrong_alarm_definitions(endpoints: Endpoints, database: str, tmp_path: Path) -> None:
    file = tmp_path / "alarms.toml"
    file.write_text("[defaults]\noff_delay_s = -3\n")
    done = run_here("detect", "--brokers", endpoints.brokers, "--dsn", database, "--alarms", str(file))
    one_line(done, 4, "alarms.toml", "defaults.off_delay_s")


def test_a_configuration_file_with_a_wrong_value(tmp_path: Path) -> None:
    (tmp_path / "controlroom").mkdir()
    (tmp_path / "controlroom" / "config.toml").write_text("sensor_partitions = 0\n")
    one_line(run_here("status", XDG_CONFIG_HOME=str(tmp_path)), 4, "sensor_partitions")
    (tmp_path / "controlroom" / "config.toml").write_text("nonsense = 1\n")
    one_line(run_here("status", XDG_CONFIG_HOME=str(tmp_path)), 4, "nonsense")
