from __future__ import annotations

import pytest

from controlroom.local import java


def test_the_runtime_has_every_module_that_a_broker_needs() -> None:
    assert java.missing_modules() == set()


def test_what_a_user_set_for_other_java_programs_does_not_reach_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1k")
    monkeypatch.setenv("CLASSPATH", "/elsewhere")
    monkeypatch.setenv("TZ", "UTC")
    environment = java.environment()
    assert "JAVA_TOOL_OPTIONS" not in environment
    assert "CLASSPATH" not in environment
    assert environment["TZ"] == "UTC"
