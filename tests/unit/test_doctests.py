"""The examples in docstrings outside of the packages that pytest collects by itself."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "controlroom.adapters.kafka.probe",
        "controlroom.cli.bridge_text",
        "controlroom.cli.restricted",
        "controlroom.config_sources",
        "controlroom.services",
    ],
)
def test_examples(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
    assert results.attempted > 0
