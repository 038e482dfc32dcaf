"""Chance as a tape that is looked up, never drawn in turn.

A number is found by (seed, name, month, run, slot). Two policies that ask for the same place read the same luck,
and a run reads the same luck alone, in any block and in any order (common random numbers).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Philox

from sim.arrays import Array

SLOT_WIDTH = 32
"""Slots a name may hold per run and month: adding an agent (up to this many) never moves another agent's luck."""


@dataclass(frozen=True)
class Tape:
    """The luck of a scenario. `seed`: any integer."""

    seed: int

    def uniform(self, name: str, month: int, rows: Sequence[int] | np.ndarray, slots: int = 1) -> Array:
        """Numbers in (0, 1), shape (rows, slots), of `name` in `month` for the run numbers `rows`.

        `slots` is at most SLOT_WIDTH. Philox with a key made of seed and name, its counter set to month and run.
        """
        if not 1 <= slots <= SLOT_WIDTH:
            raise ValueError(f"slots must lie in 1..{SLOT_WIDTH}, not {slots}")
        width = 4 if slots <= 4 else SLOT_WIDTH
        key = np.frombuffer(hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=16).digest(), dtype=np.uint64)
        numbers = np.asarray(rows, dtype=np.int64)
        raw = np.empty((len(numbers), width), dtype=np.uint64)
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for start, stop in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
            counter = [int(numbers[start]) * (width // 4), month, 0, 0]
            bits = Philox(key=key, counter=counter)
            raw[start:stop] = bits.random_raw((stop - start) * width).reshape(-1, width)
        return ((raw[:, :slots] >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, name: str, month: int, rows: Sequence[int] | np.ndarray, slots: int = 1) -> Array:
        """Standard normal numbers, shape (rows, slots): the quantile of `uniform` at the same place."""
        from scipy.special import ndtri

        quantile: Array = ndtri(self.uniform(name, month, rows, slots))
        return quantile
