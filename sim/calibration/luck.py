"""Chance of a calibration, looked up on the tape like all other: by seed and name."""

from typing import Any

import numpy as np

from sim.arrays import Array
from sim.tape import SLOT_WIDTH, Tape

WORDS = 624
"""Words of the state of a Mersenne twister."""


def normals(seed: int, name: str, rows: int, width: int) -> Array:
    """Return standard normal numbers, (rows, width)."""
    tape, numbers = Tape(seed), np.arange(rows, dtype=np.int64)
    parts = [
        tape.normal(f"calibration/{name}/{start}", 0, numbers, min(SLOT_WIDTH, width - start))
        for start in range(0, width, SLOT_WIDTH)
    ]
    return np.concatenate(parts, axis=1)


def twister_state(seed: int, name: str) -> tuple[Any, ...]:
    """Return a state for the generator that emcee draws from."""
    uniform = Tape(seed).uniform(f"calibration/{name}", 0, np.arange(WORDS, dtype=np.int64))[:, 0]
    return "MT19937", np.floor(uniform * 2.0**32).astype(np.uint32), WORDS, 0, 0.0
