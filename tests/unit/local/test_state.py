from __future__ import annotations

from pathlib import Path

import pytest

from controlroom.errors import PlantError
from controlroom.local.state import (
    BrokerState,
    DatabaseState,
    PlantState,
    ProcessId,
    read_state,
    write_atomically,
    write_state,
)


def a_state() -> PlantState:
    return PlantState(
        cluster_id="abc",
        heap="96m",
        brokers=[BrokerState(id=1, port=9092, controller_port=40001, process=ProcessId(7, 1.5))],
        database=DatabaseState(port=5433, created=True),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_state(tmp_path / "plant.json", a_state())
    assert read_state(tmp_path / "plant.json") == a_state()


def test_no_file_is_no_plant(tmp_path: Path) -> None:
    assert read_state(tmp_path / "plant.json") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"layout": 1}', b"\xff\xfe", b'{"layout": "x"}'])
def test_a_damaged_file_is_one_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plant.json").write_bytes(content)
    with pytest.raises(PlantError, match=r"plant\.json is damaged .*clean --force"):
        read_state(tmp_path / "plant.json")


def test_another_layout_is_refused(tmp_path: Path) -> None:
    state = a_state()
    state.layout = 99
    write_state(tmp_path / "plant.json", state)
    with pytest.raises(PlantError, match="layout 99"):
        read_state(tmp_path / "plant.json")


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "plant.json"
    write_atomically(target, b"old")

    def interrupt(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "password", b"secret", mode=0o600)
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
