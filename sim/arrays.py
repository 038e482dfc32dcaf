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
