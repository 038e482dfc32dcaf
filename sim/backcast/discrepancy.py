"""What the model gets wrong, as an Ornstein-Uhlenbeck process that is conditioned on the points up to the cut.

Kennedy and O'Hagan 2001, Bayesian calibration of computer models. Everything is on the scale of the operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array

CORRELATION_MONTHS = 24.0
"""Correlation time of the discrepancy, months: a judgement."""
JITTER = 1e-9
"""Share of the variance by which a covariance is kept positive definite against rounding."""


@dataclass(frozen=True)
class Conditioned:
    """The discrepancy given some points: `gain` (months, points) on a run's residuals, `root` (months, months).

    A draw for residuals r and standard normals z is `gain r + root z`.
    """

    gain: Array
    root: Array

    def draw(self, residuals: Array, normals: Array) -> Array:
        """Return draws (runs, draws, months) for `residuals` (runs, points) and `normals` (runs, draws, months)."""
        mean = np.einsum("mp,rp->rm", self.gain, residuals)
        noise: Array = np.einsum("mk,rdk->rdm", self.root, normals)
        drawn: Array = mean[:, np.newaxis, :] + noise
        return drawn


def covariance(months: Sequence[int] | np.ndarray, spread: float, length: float = CORRELATION_MONTHS) -> Array:
    """Return the covariance `spread^2 exp(-|t - u| / length)`, (months, months)."""
    times = np.asarray(months, dtype=np.float64)
    apart = np.abs(times[:, np.newaxis] - times[np.newaxis, :])
    result: Array = spread**2 * np.exp(-apart / length)
    return result


def condition(
    months: Sequence[int] | np.ndarray,
    reading: Array,
    errors: Array,
    spread: float,
    length: float = CORRELATION_MONTHS,
) -> Conditioned:
    """Return the discrepancy over `months` given points that read it by `reading` (points, months).

    `errors` (points,): standard deviations of the observations; `spread`: stationary standard deviation. Without points
    it is the process itself.
    """
    prior = covariance(months, spread, length)
    crossed = np.einsum("mk,pk->mp", prior, reading)
    among = np.einsum("pm,mq->pq", reading, crossed)
    among += np.diag(errors**2 + JITTER * spread**2)
    gain = np.linalg.solve(among, crossed.T).T if len(errors) else crossed
    left = prior - np.einsum("mp,np->mn", gain, crossed)
    return Conditioned(gain, _root(0.5 * (left + left.T), spread))


def spread_of(stated: Sequence[float], residuals: Sequence[float], otherwise: float) -> float:
    """Return the stationary standard deviation of an operator's discrepancy.

    The median of the `stated` ones (`otherwise` where there are none), and with three residuals or more at least their
    root mean square.
    """
    spread = float(np.median(stated)) if len(stated) else otherwise
    if len(residuals) >= 3:
        spread = max(spread, float(np.sqrt(np.mean(np.square(residuals)))))
    return max(spread, 1e-6)


def _root(left: Array, spread: float) -> Array:
    """A root of a covariance that may have lost rank: months that are known exactly have no spread left."""
    values, vectors = np.linalg.eigh(left)
    kept = np.sqrt(np.where(values > JITTER * spread**2, values, 0.0))
    root: Array = vectors * kept
    return root
