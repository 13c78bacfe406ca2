"""A canvas of braille dots, two by four a cell: curves are drawn on it, each with a role and a number.

Where a terminal has ASCII alone, a cell that a curve touches shows the curve's own character.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from controlroom.ui.render.line import Line, Role

#: of a cell, by row and column of the dot
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """`width` by `height` cells. What is drawn later lies on top.

    >>> canvas = Canvas(2, 1)
    >>> sorted(canvas.curve([(0, 3), (3, 0)], Role.CHART))
    [(0, 0), (1, 0)]
    >>> canvas.lines()
    [[('⡠⠊', <Role.CHART: 'chart'>)]]
    """

    def __init__(self, width: int, height: int, *, ascii_only: bool = False) -> None:
        self.width, self.height = width, height
        self._ascii = ascii_only
        self._bits: dict[tuple[int, int], int] = {}
        self._cells: dict[tuple[int, int], tuple[str, Role]] = {}

    def curve(self, points: Sequence[tuple[float, float]], role: Role, char: str = "*") -> set[tuple[int, int]]:
        """Join points by straight lines; x from 0 to twice the width, y from 0 (the top) to four times the height.

        Returns the cells (x, y) that it touches.
        """
        touched: set[tuple[int, int]] = set()
        bits, wide, high = self._bits, 2 * self.width, 4 * self.height
        pieces = list(pairwise(points)) or [(point, point) for point in points]
        for (x0, y0), (x1, y1) in pieces:
            steps = int(max(abs(x1 - x0), abs(y1 - y0))) or 1
            for step in range(steps + 1):
                x = int(x0 + (x1 - x0) * step / steps)
                y = int(y0 + (y1 - y0) * step / steps)
                if 0 <= x < wide and 0 <= y < high:
                    cell = (x >> 1, y >> 2)
                    bits[cell] = bits.get(cell, 0) | _DOTS[y & 3][x & 1]
                    touched.add(cell)
        for cell in touched:
            self._cells[cell] = (char if self._ascii else "", role)
        return touched

    def put(self, x: int, y: int, char: str, role: Role, *, over: bool = False) -> None:
        """Put a character into a cell; unless `over`, only where nothing is."""
        if 0 <= x < self.width and 0 <= y < self.height and (over or (x, y) not in self._cells):
            self._cells[x, y] = (char, role)

    def lines(self) -> list[Line]:
        """What was drawn."""
        return [
            [
                ("".join(char for char, _ in group), role)
                for role, group in groupby((self._cell(x, y) for x in range(self.width)), key=lambda cell: cell[1])
            ]
            for y in range(self.height)
        ]

    def _cell(self, x: int, y: int) -> tuple[str, Role]:
        char, role = self._cells.get((x, y), (" ", Role.TEXT))
        return (char or chr(0x2800 + self._bits[x, y])), role
