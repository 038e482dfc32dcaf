"""What the model gets wrong, as an Ornstein-Uhlenbeck process that is conditioned on the points up to the cut.

Kennedy and O'Hagan 2001, Bayesian calibration of computer models. Everything is on the scale of the operator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array

WORTH = 2
"""Residuals that the stated discrepancy counts for, a judgement."""
CORRELATION_MONTHS = 24.0
"""Correlation time of the discrepancy, months: a judgement."""
JITTER = 1e-9
"""Share of the variance that is added to that of a point, so that points without error can be solved for."""


@dataclass(frozen=True)
class Evidence:
    """Points as they read the months: `reading` (points, months) and standard deviations `errors` (points,)."""

    reading: Array
    errors: Array


def covariance(months: int, spread: float, length: float = CORRELATION_MONTHS) -> Array:
    """Return the covariance `spread^2 exp(-|t - u| / length)` of successive months, (months, months)."""
    times = np.arange(months, dtype=np.float64)
    apart = np.abs(times[:, np.newaxis] - times[np.newaxis, :])
    result: Array = spread**2 * np.exp(-apart / length)
    return result


def unconditioned(normals: Array, spread: float, length: float = CORRELATION_MONTHS) -> Array:
    """Return paths of the process from standard normals, (..., months): an autoregression, which it is month by month.

    The first month is drawn from the stationary distribution.
    """
    keep = float(np.exp(-1.0 / length))
    fresh = float(np.sqrt(1.0 - keep**2))
    paths = np.empty_like(normals)
    paths[..., 0] = normals[..., 0]
    for month in range(1, normals.shape[-1]):
        paths[..., month] = keep * paths[..., month - 1] + fresh * normals[..., month]
    return spread * paths


def gain(evidence: Evidence, spread: float, length: float = CORRELATION_MONTHS) -> Array:
    """Return the weights of the points' residuals in the expected discrepancy of each month, (months, points)."""
    prior = covariance(evidence.reading.shape[1], spread, length)
    crossed: Array = np.einsum("mk,pk->mp", prior, evidence.reading)
    if not len(evidence.errors):
        return crossed
    among = np.einsum("pm,mq->pq", evidence.reading, crossed)
    among += np.diag(evidence.errors**2 + JITTER * spread**2)
    weights: Array = np.linalg.solve(among, crossed.T).T
    return weights


def conditioned(
    evidence: Evidence, residuals: Array, spread: float, normals: Array, point_normals: Array,
    length: float = CORRELATION_MONTHS,
) -> Array:  # fmt: skip
    """Return draws of the discrepancy given the residuals of each run, (runs, draws, months).

    `residuals` (runs, points), `normals` (runs, draws, months), `point_normals` (runs, draws, points). A draw of the
    process is moved by the gain times what it leaves unexplained (Matheron's rule), which is exact.
    """
    free = unconditioned(normals, spread, length)
    seen = np.einsum("pm,rdm->rdp", evidence.reading, free) + evidence.errors * point_normals
    moved: Array = np.einsum("mp,rdp->rdm", gain(evidence, spread, length), residuals[:, np.newaxis, :] - seen)
    return free + moved


def spread_of(stated: Sequence[float], residuals: Sequence[float], otherwise: float) -> float:
    """Return the stationary standard deviation of an operator's discrepancy.

    The median of the `stated` ones (`otherwise` where there are none), or more where the residuals are larger: the root
    of the mean square of the residuals and of `WORTH` more that are as large as what is stated.
    """
    spread = float(np.median(stated)) if len(stated) else otherwise
    pooled = (WORTH * spread**2 + float(np.sum(np.square(residuals)))) / (WORTH + len(residuals))
    return max(spread, float(np.sqrt(pooled)), 1e-6)
