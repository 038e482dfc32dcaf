"""Scores of a predictive distribution that is given as a weighted sample: CRPS, coverage, z, width of the band.

Lower CRPS is better; it is in the unit of what is scored (Gneiting and Raftery 2007, Strictly Proper Scoring Rules).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array

SHARES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}
"""Names of the quantiles that are told, and their probabilities."""


@dataclass(frozen=True)
class Score:
    """How one observation fell in one predictive distribution.

    `crps_scale` on the operator's scale, `crps` in natural units; `z` on the scale; the quantiles and `width90` in
    natural units.
    """

    crps_scale: float
    crps: float
    inside50: bool
    inside90: bool
    z: float
    width90: float
    quantiles: dict[str, float]


def weighted_quantiles(values: Array, weights: Array, shares: Sequence[float]) -> Array:
    """Return quantiles of a weighted sample, (shares, ...): linear between the middles of the weights.

    `values` (sample, ...); `weights` (sample,), positive in sum. Equal weights give Hazen's quantiles.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0).reshape(len(values), -1)
    shared = (weights / weights.sum())[order].reshape(len(values), -1)
    middles = np.cumsum(shared, axis=0) - 0.5 * shared
    found = [np.interp(shares, middles[:, place], ranked[:, place]) for place in range(ranked.shape[1])]
    return np.stack(found, axis=1).reshape(len(shares), *values.shape[1:])


def crps(values: Array, weights: Array, observed: float) -> float:
    """Return the CRPS of a weighted sample, `sum w|x - y| - 1/2 sum w w'|x - x'|`, in the unit of `values`.

    `values`, `weights` (sample,).
    """
    order = np.argsort(values, kind="stable")
    ranked = values[order] - observed
    shared = weights[order] / weights.sum()
    below = np.cumsum(shared)
    spread = np.sum(shared * ranked * (2.0 * below - shared - 1.0))
    return float(np.sum(shared * np.abs(ranked)) - spread)


def score(scaled: Array, natural: Array, weights: Array, observed_scaled: float, observed: float) -> Score:
    """Return the score of an observation; the samples (sample,) are the same draws on the scale and in natural units.

    The bands are read on the scale, where equal quantiles mean equal quantiles in natural units as well.
    """
    shared = weights / weights.sum()
    low90, low50, _, high50, high90 = weighted_quantiles(scaled, weights, list(SHARES.values())).tolist()
    mean = float(np.sum(shared * scaled))
    spread = float(np.sqrt(np.sum(shared * (scaled - mean) ** 2)))
    told = weighted_quantiles(natural, weights, list(SHARES.values())).tolist()
    return Score(
        crps_scale=crps(scaled, weights, observed_scaled),
        crps=crps(natural, weights, observed),
        inside50=low50 <= observed_scaled <= high50,
        inside90=low90 <= observed_scaled <= high90,
        z=(observed_scaled - mean) / spread if spread > 0.0 else float(np.sign(observed_scaled - mean)) * 99.0,
        width90=told[-1] - told[0],
        quantiles=dict(zip(SHARES, told, strict=True)),
    )
