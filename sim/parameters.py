"""The uncertain numbers of a world, drawn for each run.

A draw is the inverse distribution function at a looked-up uniform number: adding a parameter never moves another's
draw, and a run draws the same numbers alone and in any block. Correlated groups go through a Gaussian copula.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sim.arrays import Array
from sim.errors import InputError, Problem
from sim.tape import Tape


class Quantiles(Protocol):
    """Anything with an inverse distribution function (see `sim.distributions.Distribution`)."""

    @property
    def is_fixed(self) -> bool:
        """Whether every draw is the same number."""

    def quantile(self, u: Array) -> Array:
        """Value below which the share `u` lies."""


@dataclass(frozen=True)
class Correlation:
    """A rank correlation between two named parameters."""

    first: str
    second: str
    rank: float


def draw(
    specs: Mapping[str, Quantiles], correlations: Sequence[Correlation], tape: Tape, rows: np.ndarray
) -> dict[str, Array]:
    """Return one array (runs, 1) per name of `specs` for the run numbers `rows`.

    Raises InputError when the correlations of a group cannot hold together (not positive semi-definite).
    """
    shared = _copula(correlations, tape, rows)
    drawn = {}
    for name, spec in specs.items():
        if spec.is_fixed:
            place = np.full((len(rows), 1), 0.5)
        else:
            place = shared[name] if name in shared else tape.uniform(f"world/{name}", 0, rows)
        drawn[name] = spec.quantile(place)
    return drawn


def _copula(correlations: Sequence[Correlation], tape: Tape, rows: np.ndarray) -> dict[str, Array]:
    """Uniform numbers (runs, 1) for every name that stands in a correlation."""
    if not correlations:
        return {}
    from scipy.special import ndtr

    names = sorted({name for pair in correlations for name in (pair.first, pair.second)})
    matrix = np.eye(len(names))
    for pair in correlations:
        i, j = names.index(pair.first), names.index(pair.second)
        matrix[i, j] = matrix[j, i] = 2.0 * np.sin(np.pi * pair.rank / 6.0)
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest < -1e-9:
        raise InputError(
            [Problem(f"the correlations between {', '.join(names)} cannot hold together", path="world.correlations",
                     remedy="lower the ranks until the matrix is positive semi-definite")]
        )  # fmt: skip
    root = np.linalg.cholesky(matrix + max(0.0, 1e-12 - smallest) * np.eye(len(names)))
    alone = np.stack([tape.normal(f"world/{name}", 0, rows)[:, 0] for name in names])
    mixed = np.einsum("ij,jr->ir", root, alone)
    return {name: ndtr(mixed[i])[:, np.newaxis] for i, name in enumerate(names)}
