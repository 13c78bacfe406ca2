"""compose.yaml and the images, checked as far as can be without a container engine.

The commands in them run for real, on the local plant, in tests/integration/test_image_commands.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from urllib.parse import urlsplit

import pytest
from pydantic import AliasChoices

from controlroom.cli import COMMANDS, cli
from controlroom.config import Settings
from tests import compose_file
from tests.compose_file import ROOT, Stage, compose, environment, own_services, services, stages

BROKERS = {"kafka-1": 9092, "kafka-2": 9094, "kafka-3": 9096}
ONE_SENSOR = {"SENSOR_ID", "SENSOR_TYPE", "SAMPLING_INTERVAL", "FACTORY_SECTION", "MACHINE_ID", "ZONE"}
PASSWORD = {"POSTGRES_PASSWORD": "s3cret"}


def listeners(service: str, name: str) -> dict[str, tuple[str, int]]:
    addresses = environment(services()[service])[name].split(",")
    return {
        listener: (host, int(port))
        for address in addresses
        for listener, _, place in [address.partition("://")]
        for host, _, port in [place.rpartition(":")]
    }


def published(service: str, variables: dict[str, str] | None = None) -> list[tuple[str, int, int]]:
    found = []
    for port in services()[service].get("ports", []):
        address, outer, inner = compose_file.interpolate(port, variables or {}).rsplit(":", 2)
        found.append((address, int(outer), int(inner)))
    return found


def test_it_is_valid_by_the_compose_specification():
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    result = subprocess.run([*check, str(ROOT / "compose.yaml")], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_schema_would_find_a_mistake(tmp_path):
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((ROOT / "compose.yaml").read_text("utf-8").replace("stop_grace_period", "stop_grace"), "utf-8")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    result = subprocess.run([*check, str(wrong)], capture_output=True, text=True)
    assert result.returncode == 1
    assert "stop_grace" in result.stdout


def test_three_brokers_answer_outside_on_the_ports_that_stay():
    for service, port in BROKERS.items():
        assert published(service) == [("127.0.0.1", port, port)]
        assert listeners(service, "KAFKA_LISTENERS")["OUTSIDE"] == ("", port)
        assert listeners(service, "KAFKA_ADVERTISED_LISTENERS")["OUTSIDE"] == ("localhost", port)


def test_inside_every_broker_is_found_by_its_name_on_29092():
    for service in BROKERS:
        assert listeners(service, "KAFKA_LISTENERS")["INSIDE"] == ("", 29092)
        assert listeners(service, "KAFKA_ADVERTISED_LISTENERS")["INSIDE"] == (service, 29092)
        assert "127.0.0.1/29092" in services()[service]["healthcheck"]["test"][-1]


def test_every_broker_votes_for_the_controller_under_its_own_number():
    for number, service in enumerate(BROKERS, 1):
        settings = environment(services()[service])
        assert settings["KAFKA_NODE_ID"] == str(number)
        assert settings["KAFKA_PROCESS_ROLES"] == "broker,controller"
        _, controller_port = listeners(service, "KAFKA_LISTENERS")[settings["KAFKA_CONTROLLER_LISTENER_NAMES"]]
        assert f"{number}@{service}:{controller_port}" in settings["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        assert "CONTROLLER" not in listeners(service, "KAFKA_ADVERTISED_LISTENERS")


def test_the_brokers_agree_on_everything_that_is_not_their_own():
    own = {"KAFKA_NODE_ID", "KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS"}
    shared = [
        {name: value for name, value in environment(services()[service]).items() if name not in own}
        for service in BROKERS
    ]
    assert shared[0] == shared[1] == shared[2]
    protocols = dict(pair.split(":") for pair in shared[0]["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    for service in BROKERS:
        assert set(listeners(service, "KAFKA_LISTENERS")) == set(protocols)
    assert shared[0]["KAFKA_INTER_BROKER_LISTENER_NAME"] in protocols
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", shared[0]["CLUSTER_ID"])


def test_one_broker_may_die():
    settings = environment(services()["kafka-1"])
    for name in ("DEFAULT", "OFFSETS_TOPIC", "TRANSACTION_STATE_LOG", "SHARE_COORDINATOR_STATE_TOPIC"):
        assert settings[f"KAFKA_{name}_REPLICATION_FACTOR"] == str(len(BROKERS))
    assert settings["KAFKA_MIN_INSYNC_REPLICAS"] == "2"
    assert settings["KAFKA_TRANSACTION_STATE_LOG_MIN_ISR"] == "2"


def test_what_is_stored_is_on_volumes_of_its_own():
    volumes = [volume for service in services().values() for volume in service.get("volumes", [])]
    names = [volume.split(":")[0] for volume in volumes]
    assert sorted(names) == sorted(set(names)) == sorted(compose()["volumes"])
    for service in BROKERS:
        directory = environment(services()[service])["KAFKA_LOG_DIRS"]
        assert services()[service]["volumes"] == [f"{service}:{directory}"]


def test_nothing_is_published_beyond_loopback_unless_asked():
    ports = {outer for name in services() for _, outer, _ in published(name)}
    assert ports == {*BROKERS.values(), 8080, 15432}
    assert {address for name in services() for address, _, _ in published(name)} == {"127.0.0.1"}
    assert {address for name in services() for address, _, _ in published(name, {"BIND_ADDRESS": "0.0.0.0"})} == {
        "0.0.0.0"
    }


def test_kafka_ui_is_on_8080_and_shows_these_brokers():
    ui = services()["kafka-ui"]
    assert published("kafka-ui") == [("127.0.0.1", 8080, 8080)]
    expected = ",".join(f"{service}:29092" for service in BROKERS)
    assert environment(ui)["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"] == expected


def test_the_password_has_no_default():
    for service in ("postgres", *own_services()):
        with pytest.raises(AssertionError, match="POSTGRES_PASSWORD is required"):
            environment(services()[service])


def test_our_services_connect_where_the_others_listen():
    database = environment(services()["postgres"], PASSWORD)
    for service in own_services().values():
        settings = environment(service, PASSWORD)
        assert settings["KAFKA_BROKERS"] == ",".join(f"{broker}:29092" for broker in BROKERS)
        dsn = urlsplit(settings["CONTROLROOM_DSN"])
        assert (dsn.hostname, dsn.port) == ("postgres", 5432)
        assert dsn.username == database["POSTGRES_USER"]
        assert dsn.password == database["POSTGRES_PASSWORD"]
        assert dsn.path == "/" + database["POSTGRES_DB"]


def test_every_environment_name_of_ours_is_one_that_the_program_reads():
    known = {"TERM", "COLORTERM", "NO_COLOR"}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [f"CONTROLROOM_{name.upper()}"]
        known |= {str(choice) for choice in choices}
    for name, service in own_services().items():
        assert set(service["environment"]) <= (known | ONE_SENSOR if name == "sensors" else known), name


def test_the_settings_accept_what_compose_says(monkeypatch):
    for name, value in environment(services()["detector"], PASSWORD).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.brokers == "kafka-1:29092,kafka-2:29092,kafka-3:29092"
    assert settings.dsn is not None
    assert settings.dsn.get_secret_value() == "postgresql://controlroom:s3cret@postgres:5432/controlroom"


def test_dependencies_exist_and_can_be_waited_for():
    for name, service in services().items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services()[needed], (name, needed)
            else:
                assert how["condition"] == "service_completed_successfully"
                assert services()[needed]["restart"] != "unless-stopped", (name, needed)
            assert "profiles" not in services()[needed], f"{name} needs {needed}, which is not always there"


def test_what_runs_on_is_started_again_and_what_ends_is_not():
    lasting = {*BROKERS, "postgres", "kafka-ui", "sensors", "detector"}
    assert {name for name, service in services().items() if service.get("restart") == "unless-stopped"} == lasting


def test_images_are_pinned():
    images = [service["image"] for service in services().values()]
    images += [stage.base for stage in stages().values() if stage.base not in stages()]
    for image in images:
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)*$", image), image


def test_compose_builds_stages_that_there_are_as_the_version_that_this_is():
    from controlroom import __version__

    for service in own_services().values():
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        assert service["build"]["target"] in stages()
        assert service["image"].endswith(f":{__version__}")


def final_user(stage: Stage) -> str:
    users = stage.values("USER")
    return users[-1] if users or stage.base not in stages() else final_user(stages()[stage.base])


def test_our_images_run_without_privileges():
    for service in own_services().values():
        assert final_user(stages()[service["build"]["target"]]) == "controlroom"
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_installs_from_a_lock_with_hashes_and_the_project_from_its_sources():
    installs = [run for stage in stages().values() for run in stage.values("RUN") if "pip install" in run]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-build-isolation" in install


def in_build_context(path: str) -> bool:
    included = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if fnmatch(path, pattern) or path.startswith(pattern + "/"):
                included = line.startswith("!")
    return included


def test_what_the_dockerfile_copies_is_there_and_not_ignored():
    copied = 0
    for stage in stages().values():
        for arguments in stage.values("COPY"):
            if arguments.startswith("--from="):
                assert arguments.split()[0].removeprefix("--from=") in stages()
                continue
            for source in arguments.split()[:-1]:
                copied += 1
                assert (ROOT / source).exists(), source
                assert source == "." or in_build_context(source), source
    assert copied >= 8


def test_secrets_and_the_environment_stay_out_of_the_build_context():
    for path in (".env", ".git/config", ".venv/bin/python"):
        assert not in_build_context(path)


def commands() -> list[tuple[str, list[str]]]:
    found = [(name, service["command"]) for name, service in own_services().items()]
    found += [(f"{name} image", command) for name, stage in stages().items() if (command := stage.command())]
    return found


@pytest.mark.parametrize(("where", "words"), commands())
def test_each_command_of_the_images_is_one_that_the_program_has(where, words):
    program, *arguments = words
    assert program == "controlroom"
    if arguments == ["--help"]:
        return
    name, *options = arguments
    assert name in COMMANDS
    with cli.make_context("controlroom", [name, *options]) as context:
        command = cli.get_command(context, name)
        assert command is not None
        parsed = command.make_context(name, list(options), parent=context)
        assert parsed.info_name == name
