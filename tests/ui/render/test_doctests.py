"""The examples in the docstrings of the pure parts."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import controlroom.ui.render

MODULES = [f"controlroom.ui.render.{module.name}" for module in pkgutil.iter_modules(controlroom.ui.render.__path__)]

TRENDS = ("controlroom.ui.render.trend_window", "controlroom.ui.render.trend_curves", "controlroom.core.trends")


@pytest.mark.parametrize("name", [*MODULES, "controlroom.ui.entry", "controlroom.ui.frame_rate", *TRENDS])
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_pure_parts_do_not_import_textual():
    for name in MODULES:
        module = importlib.import_module(name)
        assert not any(str(getattr(value, "__module__", "")).startswith("textual") for value in vars(module).values())
