"""The uncertain numbers of a world, drawn for each run.

A draw is the inverse distribution function at a looked-up uniform number: adding a parameter never moves another's
draw, and a run draws the same numbers alone and in any block. Correlated groups go through a Gaussian copula.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sim.arrays import Array, Whole
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


@dataclass(frozen=True)
class Places:
    """Where in its distribution each run's draw of a name lies: quantile levels, looked up unless a design sets them.

    `rows`: the draw number of each run. `given`: levels (runs, 1) by name that a design sets. `joint`: levels (runs, 1)
    by name of what was fitted together, from one row of the fit for each draw.
    """

    tape: Tape
    rows: Whole
    given: Mapping[str, Array]
    joint: Mapping[str, Array] = field(default_factory=dict)

    def uniform(self, name: str) -> Array:
        """Return the levels of a name, (runs, 1)."""
        if name in self.given:
            return self.given[name]
        if name in self.joint:
            return self.joint[name]
        numbers, place = np.unique(self.rows, return_inverse=True)
        return np.take(self.tape.uniform(f"world/{name}", 0, numbers), place, axis=0)

    def normal(self, name: str) -> Array:
        """Return the same as standard normal numbers, (runs, 1)."""
        from scipy.special import ndtri

        numbers: Array = ndtri(self.uniform(name))
        return numbers


def draw(
    worlds: Sequence[Mapping[str, Quantiles]], case: Whole, correlations: Sequence[Correlation], places: Places
) -> dict[str, Array]:
    """Return one array (runs, 1) per name: run r draws from `worlds[case[r]]`; all worlds have the same names.

    Raises InputError when the correlations of a group cannot hold together (not positive semi-definite).
    """
    shared = _copula(correlations, places)
    drawn = {}
    for name, first in worlds[0].items():
        specs = [world[name] for world in worlds]
        fixed = all(spec.is_fixed for spec in specs)
        level = np.full((len(case), 1), 0.5) if fixed else shared[name] if name in shared else places.uniform(name)
        if all(spec == first for spec in specs[1:]):
            drawn[name] = first.quantile(level)
        else:
            drawn[name] = np.empty((len(case), 1))
            for number, spec in enumerate(specs):
                drawn[name][case == number] = spec.quantile(level[case == number])
    return drawn


def _copula(correlations: Sequence[Correlation], places: Places) -> dict[str, Array]:
    """Quantile levels (runs, 1) for every name that stands in a correlation."""
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
    alone = np.stack([places.normal(name)[:, 0] for name in names])
    mixed = np.einsum("ij,jr->ir", root, alone)
    return {name: ndtr(mixed[i])[:, np.newaxis] for i, name in enumerate(names)}
