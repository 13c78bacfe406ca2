"""Fewer points for a curve, without losing what sticks out of it."""

from __future__ import annotations

from collections.abc import Sequence


def thinned_indices(times: Sequence[float], values: Sequence[float], axis: tuple[float, float], dots: int) -> list[int]:
    """The places of at most two points for each dot of the time axis, the lowest and the highest, in order.

    >>> thinned_indices([0, 1, 2, 3, 4, 5], [1, 9, 2, 0, 5, 5], (0, 6), 1)
    [1, 3]
    """
    if len(times) <= 2 * dots:
        return list(range(len(times)))
    start, end = axis
    kept: dict[int, tuple[int, int]] = {}
    for index, at in enumerate(times):
        dot = int((at - start) / (end - start) * dots)
        low, high = kept.get(dot, (index, index))
        kept[dot] = (index if values[index] < values[low] else low, index if values[index] > values[high] else high)
    return sorted({index for pair in kept.values() for index in pair})
