"""Names for the arrays that the engine passes around.

A field of a state is written `name: Annotated[Array, unit, phrase]`, one line each.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


def pick(values: Array, places: NDArray[np.int64], axis: int = 1) -> Array:
    """Return `values` at `places` of an axis, in the usual memory order.

    Indexing with an array of places would return another memory order, and sums over it another last bit, which
    depends on the number of runs in the block.
    """
    return np.take(values, places, axis=axis)


def only(values: Array, mask: NDArray[np.bool_]) -> Array:
    """Return the columns of `values` (runs, ...) where `mask` holds, in the usual memory order (see `pick`)."""
    return np.compress(mask, values, axis=1)
