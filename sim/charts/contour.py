"""The line on which an effect changes its sign, over a grid of cells: straight within each square of four centres."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spot = tuple[float, float]
CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))
"""Corners of a square as (column, row), in turn; edge i runs from corner i to the next."""


def zero_lines(table: Floats) -> list[Floats]:
    """Return the pieces of the line, each (2, 2) of columns and rows, between cells of opposite sign.

    Cells of exactly zero are part of it where they lie between the signs; a floor of zeros has no line along it. There
    is none next to undefined cells.
    """
    pieces = []
    for row, column in np.ndindex(table.shape[0] - 1, table.shape[1] - 1):
        four = table[row : row + 2, column : column + 2]
        if np.isfinite(four).all() and four.min() < 0 < four.max():
            pieces += [np.add(piece, (column, row)) for piece in _within(four)]
    pieces += [np.array(piece, dtype=np.float64) for piece in _along_zeros(table)]
    pieces += [np.array(piece, dtype=np.float64)[:, ::-1] for piece in _along_zeros(table.T)]
    return pieces


def _within(four: Floats) -> list[tuple[Spot, Spot]]:
    """The pieces inside one square, whose values have both signs."""
    values = [float(four[row, column]) for column, row in CORNERS]
    edges = {i: _crossing(i, values) for i in range(4) if values[i] * values[(i + 1) % 4] < 0}
    zeros = [i for i in range(4) if values[i] == 0]
    if len(edges) == 4:
        aside = (0, 2) if np.sign(sum(values)) == np.sign(values[1]) else (1, 3)  # corners cut off from the middle
        return [(edges[(i - 1) % 4], edges[i]) for i in aside]
    if len(edges) == 2:
        first, second = edges.values()
        return [(first, second)]
    if len(edges) == 1 and len(zeros) == 2:  # an edge of zeros lies opposite: the sign changes straight across
        ((edge, spot),) = edges.items()
        return [(spot, (spot[0], 1 - spot[1]) if edge % 2 == 0 else (1 - spot[0], spot[1]))]
    ends = [*edges.values(), *(CORNERS[i] for i in zeros)]
    return [(ends[0], ends[1])]


def _crossing(edge: int, values: list[float]) -> Spot:
    """Where the straight line between the values of two corners is zero."""
    start, end = CORNERS[edge], CORNERS[(edge + 1) % 4]
    share = values[edge] / (values[edge] - values[(edge + 1) % 4])
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _along_zeros(table: Floats) -> Iterator[tuple[Spot, Spot]]:
    """Pieces up a column between two zeros that have one sign on their left and the other on their right."""
    for row, column in np.ndindex(table.shape[0] - 1, max(table.shape[1] - 2, 0)):
        left, middle, right = table[row : row + 2, column : column + 3].T
        opposite = ((left > 0).all() and (right < 0).all()) or ((left < 0).all() and (right > 0).all())
        if (middle == 0).all() and opposite:
            yield (column + 1.0, float(row)), (column + 1.0, row + 1.0)
