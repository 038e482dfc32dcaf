"""Designs: where in the unit cube points lie. Full grids, Latin hypercubes and scrambled Sobol' sequences.

Source: SciPy's quasi-Monte Carlo module (Owen scrambling; random Latin hypercube). A design is settled by its seed.
"""

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from sim.arrays import Array

Method = Literal["grid", "latin_hypercube", "sobol"]
DrawMethod = Literal["random", "latin_hypercube", "sobol"]
EDGE = 2.0**-53
"""Levels keep this distance from 0 and 1, where a distribution without an end has no quantile."""


def grid(values: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return every combination of the values of some axes, the last axis fastest."""
    return list(itertools.product(*values))


def unit_points(method: Literal["latin_hypercube", "sobol"], count: int, width: int, seed: int, name: str) -> Array:
    """Return `count` points of the open unit cube, (count, width). `name` tells designs of one seed apart."""
    from scipy.stats import qmc

    key = int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest())
    if method == "sobol":
        sampler = qmc.Sobol(width, scramble=True, rng=key)
        levels = sampler.random_base2(int(count - 1).bit_length())[:count]
    else:
        levels = qmc.LatinHypercube(width, rng=key).random(count)
    return np.asarray(np.clip(levels, EDGE, 1.0 - EDGE), dtype=np.float64)


def is_power_of_two(count: int) -> bool:
    """Whether a Sobol' sequence of this length is balanced."""
    return count > 0 and count & (count - 1) == 0
