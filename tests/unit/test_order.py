"""Every process's share begins with long tests and ends with quick ones, and none is lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.order import shared_out


@dataclass(frozen=True)
class Item:
    path: Path
    number: int
    bound: float | None = None

    def get_closest_marker(self, name: str) -> object:
        assert name == "timeout"
        return None if self.bound is None else SimpleNamespace(args=(self.bound,))


def module(name: str, count: int, bound: float | None = None) -> list[Item]:
    return [Item(Path("tests") / name, number, bound) for number in range(count)]


@pytest.mark.parametrize("processes", [2, 3])
def test_long_ones_come_first_in_every_share(processes: int) -> None:
    slow = module("integration/a.py", 4, 300) + module("integration/b.py", 4) + module("faults/c.py", 9)
    items = module("e2e/d.py", 3) + slow + module("unit/e.py", 40)
    ordered = shared_out(items, processes)
    assert set(ordered) == set(items)
    assert len(ordered) == len(items)
    size = -(-len(items) // processes)
    firsts = [ordered[i * size].path.parts[1] for i in range(processes)]
    assert "unit" not in firsts
    assert ordered[0].path.name == "a.py"
    for share in (ordered[i * size : (i + 1) * size] for i in range(processes)):
        kinds = [item.path.parts[1] == "unit" for item in share]
        assert kinds == sorted(kinds)


def test_a_module_stays_whole_and_in_order() -> None:
    items = module("integration/a.py", 5) + module("integration/b.py", 5) + module("unit/c.py", 10)
    ordered = shared_out(items, 2)
    for name in ("a.py", "b.py"):
        places = [ordered.index(item) for item in items if item.path.name == name]
        assert places == list(range(places[0], places[0] + 5))


def test_what_is_shared_by_a_directory_is_started_by_one_process() -> None:
    e2e = [item for name in "abcd" for item in module(f"e2e/{name}.py", 3)]
    ordered = shared_out([*e2e, *module("integration/a.py", 12), *module("unit/b.py", 24)], 2)
    places = [ordered.index(item) for item in e2e]
    assert places == list(range(places[0], places[0] + 12))


def test_few_quick_ones_lose_nothing() -> None:
    items = module("integration/a.py", 9) + module("unit/b.py", 1)
    assert set(shared_out(items, 3)) == set(items)
