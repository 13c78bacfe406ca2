from __future__ import annotations

import logging

import pytest

from controlroom.core.saved_states import look_at_states
from controlroom.core.slot import version_of
from controlroom.errors import ProgramTooOld

OURS, CHEAP = version_of("default"), version_of("cheap")
#: a sensor that was met after the checkpoint has no state yet
NEW = b""


def states(*versions: int) -> dict[str, bytes]:
    return {"new": NEW, **{f"temp-{number}": bytes([version, 1, 2]) for number, version in enumerate(versions)}}


def test_states_of_this_version_are_worth_no_line(caplog: pytest.LogCaptureFixture) -> None:
    look_at_states("default", states(OURS, OURS), "readings/0")
    look_at_states("cheap", states(CHEAP), "readings/0")
    look_at_states("default", {}, "readings/0")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("bank", "versions", "says"),
    [
        ("default", (OURS, OURS - 1, OURS - 2), "of 3 detector states 2 are of an older version: "),
        ("default", (OURS, CHEAP), "of 2 detector states 1 are of the other bank (setting `detectors`): "),
        ("cheap", (OURS - 1, CHEAP, OURS), "of 3 detector states 2 are of the other bank (setting `detectors`): "),
        ("default", (OURS - 1, CHEAP, CHEAP), "1 are of an older version, 2 are of the other bank"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    bank: str, versions: tuple[int, ...], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        look_at_states(bank, states(*versions), "readings/0")  # type: ignore[arg-type]
    (record,) = caplog.records
    assert record.getMessage().startswith("readings/0: ")
    assert says in record.getMessage()


@pytest.mark.parametrize(("bank", "newer"), [("default", OURS + 1), ("cheap", CHEAP + 1)])
def test_a_newer_version_ends_the_program(bank: str, newer: int) -> None:
    with pytest.raises(ProgramTooOld, match=f"readings/0: detector states are of version {newer}, this program's"):
        look_at_states(bank, states(version_of(bank), newer), "readings/0")  # type: ignore[arg-type]
