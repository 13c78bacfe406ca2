"""Noise whose value at any moment is computed from the moment alone.

A generator with a state would have to run through all moments before. Here a hash of (key, index) takes its place
(a counter-based generator; the finaliser is SplitMix64's, Steele, Lea, Flood, OOPSLA 2014), so a simulator that takes
a sensor over goes on with the very values that the one before it would have had.

>>> key = key_of(1, "temp-sensor-001")
>>> uniform(key, 7) == uniform(key, 7), uniform(key, 7) == uniform(key, 8)
(True, False)
"""

from __future__ import annotations

import math
from hashlib import blake2b

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN = 0x9E37_79B9_7F4A_7C15
#: standard deviation of the sum of four uniform 16-bit numbers
_SUM_OF_FOUR = 65_536 / math.sqrt(3.0)

#: `gauss` is never further from 0 than this many standard deviations
GAUSS_BOUND = 2 * math.sqrt(3.0)
#: `smooth` is never further from 0 than this
SMOOTH_BOUND = GAUSS_BOUND * math.sqrt(2.0)


def key_of(seed: int, *names: str) -> int:
    """A 64-bit key for one stream of noise: one per sensor and purpose."""
    text = "\x1f".join((str(seed), *names)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def _mix(key: int, index: int) -> int:
    """64 well mixed bits for (key, index)."""
    z = (key + index * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return z ^ (z >> 31)


def uniform(key: int, index: int) -> float:
    """A number in [0, 1)."""
    return (_mix(key, index) >> 11) * 2.0**-53


def gauss(key: int, index: int) -> float:
    """White noise: mean 0, standard deviation 1.

    The sum of four uniform numbers (Irwin-Hall): near enough to normal for a sensor, and bounded by `GAUSS_BOUND`, so
    that a limit which normal work keeps away from is kept away from for certain.
    """
    z = _mix(key, index)
    return ((z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48) - 131_070) / _SUM_OF_FOUR


class Smooth:
    """Autocorrelated noise: mean 0, standard deviation 1, correlated over about `knot` seconds.

    White noise at knots, interpolated between them (value noise), scaled so that the variance is the same everywhere.
    The two knots in use are kept, because readings come in order; any other moment is as right, only slower.
    """

    __slots__ = ("_index", "_key", "_knot", "_left", "_right")

    def __init__(self, key: int, knot: float) -> None:
        self._key = key
        self._knot = knot
        self._index: int | None = None
        self._left = self._right = 0.0

    def at(self, t: float) -> float:
        """The value at `t`, seconds."""
        position = t / self._knot
        index = math.floor(position)
        if index != self._index:
            known = self._index is not None and index == self._index + 1
            self._left = self._right if known else gauss(self._key, index)
            self._right = gauss(self._key, index + 1)
            self._index = index
        part = position - index
        rest = 1.0 - part
        return (self._left * rest + self._right * part) / math.sqrt(rest * rest + part * part)
