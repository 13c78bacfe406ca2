"""What is in deploy/: names of metrics, units, resources, and the commands that they call, are those that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bridges.file import load_bridge
from bridges.metrics import BridgeMetrics
from controlroom.adapters.kafka.partition import Commit
from controlroom.adapters.metrics import Metrics
from controlroom.cli import COMMANDS, cli
from controlroom.config import load_settings
from tests.fakes.bridges import bridges
from tests.fakes.clock import START
from tests.unit.adapters.test_metrics import Worker

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "controlroom-alerts.yml"
TESTS = RULES.with_name("controlroom-alerts-test.yml")
DASHBOARD = ROOT / "docs" / "grafana" / "detection.json"
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
KUBERNETES = ROOT / "deploy" / "kubernetes"
#: the oldest version of Kubernetes that the resources are held to, and a new one
KUBERNETES_VERSIONS = ("1.28", "1.33")
_METRIC = re.compile(r"\bcontrolroom_\w+")
_GROUPED = re.compile(r"\b(?:by|on) \(([\w, ]+)\)")


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Names of the samples that a worker and a bridge export, each with its labels."""
    metrics = Metrics()
    metrics.watch(Worker())  # type: ignore[arg-type]
    metrics.committed(Commit(2, 100, 2, 0.004, 0.015, {"unknown-version": 2}, {"duplicate-keys": 1}))
    view = bridges(START).bridges
    assert view is not None
    text = (
        generate_latest(metrics.registry).decode()
        + BridgeMetrics(lambda: view[0].report).answer("/metrics")[2].decode()
    )
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> list[str]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    of_rules = [rule["expr"] for group in groups for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return of_rules + [target["expr"] for panel in panels for target in panel.get("targets", ())]


def test_alert_rules_and_the_dashboard_name_what_is_exported(exported: dict[str, set[str]]) -> None:
    assert len(expressions()) > 25
    for expression in expressions():
        names = set(_METRIC.findall(expression))
        assert names <= exported.keys(), expression
        labels = {label.strip() for group in _GROUPED.findall(expression) for label in group.split(",")}
        known = set().union(*(exported[name] for name in names)) | {"instance", "job"}
        assert labels <= known, expression


def test_series_in_the_rules_tests_are_exported(exported: dict[str, set[str]]) -> None:
    names = set(_METRIC.findall(TESTS.read_text("utf-8")))
    assert names <= exported.keys()


def test_promtool_finds_the_rules_right_and_they_fire_as_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package: prometheus)")
    for words in (["check", "rules", RULES.name], ["test", "rules", TESTS.name]):
        done = subprocess.run([promtool, *words], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_right_and_call_commands_as_they_are(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text("utf-8")
    for line in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE):
        called = re.search(r"/opt/controlroom/bin/controlroom (\S+) ?([^']*)", line)
        assert called is not None
        command = cli.get_command(None, called[1])  # type: ignore[arg-type]
        assert called[1] in COMMANDS
        assert command is not None
        # A wrong option would be a usage error.
        command.make_context(called[1], shlex.split(called[2]), resilient_parsing=called[1] == "bridge")
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    for path in UNITS:
        copy = tmp_path / path.name
        copy.write_text(path.read_text("utf-8").replace("/opt/controlroom/bin/controlroom", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", tmp_path / unit.name], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def resources() -> list[dict[str, Any]]:
    """Every resource that the kustomization names."""
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert {path.name for path in KUBERNETES.glob("*.yaml")} == {*names, "kustomization.yaml"}
    return [found for name in names for found in yaml.safe_load_all((KUBERNETES / name).read_text("utf-8"))]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_resources_are_as_kubernetes_has_them(version: str) -> None:
    for resource in resources():
        assert kubernetes_validate.validate(resource, version, strict=True) == version


def test_containers_call_commands_as_they_are_and_find_what_they_mount() -> None:
    generated = {
        one["name"]
        for one in yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
    }
    called = []
    for resource in resources():
        pod = resource["spec"].get("template", {}).get("spec")
        if pod is None:
            continue
        claims = {one["metadata"]["name"] for one in resource["spec"].get("volumeClaimTemplates", ())}
        volumes = {one["name"] for one in pod["volumes"]} | claims
        maps = {one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one}
        (container,) = pod["containers"]
        assert {one["name"] for one in container["volumeMounts"]} == volumes
        assert maps | {one["configMapRef"]["name"] for one in container["envFrom"]} <= generated
        assert container["securityContext"]["readOnlyRootFilesystem"]
        program, name, *options = container["args"]
        assert program == "controlroom"
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        command.make_context(name, options, resilient_parsing=name == "bridge")
        called.append(name)
    assert called == ["setup", "detect", "bridge"]


def test_settings_of_the_kustomization_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    made = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
    for line in made[0]["literals"]:
        monkeypatch.setenv(*line.split("=", 1))
    settings = load_settings()
    assert settings.brokers == "plant-kafka-bootstrap:9093"
    assert settings.security_protocol == "SASL_SSL"
    assert load_bridge(KUBERNETES / "bridge.toml").bridge.name == "plant"
