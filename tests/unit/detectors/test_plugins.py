import struct
from importlib.metadata import EntryPoint

import pytest

from detectors import Profile, SensorBank, registry


class Parity:
    """A plant's own detector: odd values are unusual."""

    threshold = 0.5

    def __init__(self):
        self.seen = 0

    def update(self, t, x):
        self.seen += 1
        return float(int(x) % 2)

    def dump(self):
        return struct.pack("q", self.seen)

    def load(self, data):
        (self.seen,) = struct.unpack("q", data)


@pytest.fixture
def plugged(monkeypatch):
    point = EntryPoint("parity", "tests.unit.detectors.test_plugins:Parity", registry.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Parity)
    monkeypatch.setattr(registry, "entry_points", lambda group, name="parity": [point] if name == "parity" else [])


@pytest.mark.usefixtures("plugged")
def test_a_plug_in_is_found_raises_and_is_saved():
    assert "parity" in registry.names()
    profile = Profile(detectors=("limit",), extra=("parity",), warm_up=1)
    bank = SensorBank(profile)
    bank.observe(1, 0.0, 0.0, 2.0)
    (finding,) = bank.observe(2, 1.0, 1.0, 3.0)
    assert (finding.kind, finding.detector) == ("anomaly", "parity")
    again = SensorBank.load(profile, bank.dump())
    assert again._extra["parity"].seen == 2


def test_an_unknown_plug_in_is_refused_with_what_is_known():
    with pytest.raises(ValueError, match="half_space_trees"):
        SensorBank(Profile(extra=("no_such",)))


def test_half_space_trees_need_their_extra_and_work_with_it():
    try:
        import river  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match=r"controlroom\[ml\]"):
            registry.create("half_space_trees")
        return
    forest = registry.create("half_space_trees")
    scores = [forest.update(float(i), 20.0 + i * 7919 % 101 / 101) for i in range(600)]
    assert all(0.0 <= score <= 1.0 for score in scores)
    other = registry.create("half_space_trees")
    other.load(forest.dump())
    assert other.update(600.0, 90.0) == forest.update(600.0, 90.0)
