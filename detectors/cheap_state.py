"""What a cheap bank saves. Not compiled: msgspec looks for the types of its fields by their names."""

from __future__ import annotations

import msgspec

from detectors.limits import Limits
from detectors.pauses import Pause
from detectors.sequence import Sequence


class CheapState(msgspec.Struct, array_like=True):
    """What is saved: as the attributes of `CheapBank`."""

    limits: Limits
    sequence: Sequence
    held: dict[str, tuple[int, float, str]]
    n: int
    rate: float
    mean: float
    variance: float
    newest: float
    arrived: float
    longest: float
    frozen: bool = False
    pauses: list[Pause] = []
