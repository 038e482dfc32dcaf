"""Names for the arrays that the engine passes around, and one line per field of a state."""

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


def column(unit: str, phrase: str) -> Any:
    """A field of a state: its unit and what it is, in a phrase. Shapes are named in the class docstring."""
    return field(metadata={"unit": unit, "phrase": phrase})


def pick(values: Array, places: NDArray[np.int64], axis: int = 1) -> Array:
    """Return `values` at `places` of an axis, in the usual memory order.

    Indexing with an array of places would return another memory order, and sums over it another last bit, which
    depends on the number of runs in the block.
    """
    return np.take(values, places, axis=axis)


def only(values: Array, mask: NDArray[np.bool_]) -> Array:
    """Return the columns of `values` (runs, ...) where `mask` holds, in the usual memory order (see `pick`)."""
    return np.compress(mask, values, axis=1)
