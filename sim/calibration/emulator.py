"""A fast stand-in for the model: each target as a quadratic function of the scores, with what it cannot say as noise.

Least squares with a small ridge on runs of the model. A run has luck, so the rest of the fit is luck as well as error
of the emulator; both count, with their correlations between targets, in the covariance of the rest.
"""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Array, Whole

CURVED = 12
"""Names, the strongest of a target, that also have squares and products."""
RIDGE = 1e-3
"""Ridge in parts of the number of runs: scores have variance one, so shrinkage is a thousandth."""
CLIP = 6.0
"""Standard deviations of a target beyond which runs count as this far: one wild run must not bend the surface."""


@dataclass(frozen=True)
class Emulator:
    """`active`: places of the names that matter, (a,). For target j: constant[j] + linear[j] z + z' curve[j] z.

    `rest`: covariance of what is left, (targets, targets). `explained`: share of each target's variance that is not
    left, over the runs it was made from. `shares`: share of variance by name, linear, (targets, all names).
    """

    active: Whole
    constant: Array
    linear: Array
    curve: Array
    rest: Array
    explained: Array
    shares: Array

    def mean(self, scores: Array) -> Array:
        """Return the expected targets, (points, targets), at scores of the active names, (points, a)."""
        width = scores.shape[1]
        products = np.einsum("pi,pj->pij", scores, scores).reshape(len(scores), width * width)
        result: Array = self.constant + scores @ self.linear.T + products @ self.curve.reshape(-1, width * width).T
        return result

    def slope(self, point: Array) -> Array:
        """Return the derivatives of the targets at one point (a,), (targets, a)."""
        both = self.curve + np.swapaxes(self.curve, 1, 2)
        slope: Array = self.linear + both @ point
        return slope


def fit_emulator(scores: Array, stated: Array, active: Whole | None = None, most: int = 48) -> Emulator:
    """Return the emulator of runs with `scores` (runs, names) that state `stated` (runs, targets).

    `active`: the names to use; by default the (at most) `most` that explain most of any target.
    """
    filled, centre, spread = _standardised(stated)
    shares = _linear_shares(scores, filled)
    chosen = _active(shares, most) if active is None else active
    z = scores[:, chosen]
    count, width = filled.shape[1], len(chosen)
    constant, linear, curve = np.zeros(count), np.zeros((count, width)), np.zeros((count, width, width))
    left = np.empty_like(filled)
    for target in range(count):
        strongest = np.argsort(-shares[target, chosen], kind="stable")[:CURVED]
        first, second = np.triu_indices(len(strongest))
        pairs = strongest[first], strongest[second]
        features = np.concatenate([np.ones((len(z), 1)), z, z[:, pairs[0]] * z[:, pairs[1]]], axis=1)
        weights = _ridge(features, filled[:, target])
        left[:, target] = filled[:, target] - features @ weights
        constant[target], linear[target] = weights[0], weights[1 : width + 1]
        curve[target][pairs] = weights[width + 1 :]
    freedom = max(1, len(z) - 1 - width - CURVED * (CURVED + 1) // 2)
    rest = left.T @ left / freedom
    explained = 1.0 - left.var(axis=0) / np.maximum(filled.var(axis=0), 1e-12)
    scale = np.outer(spread, spread)
    return Emulator(
        chosen, centre + spread * constant, spread[:, np.newaxis] * linear, spread[:, np.newaxis, np.newaxis] * curve,
        rest * scale, explained, shares,
    )  # fmt: skip


def _standardised(stated: Array) -> tuple[Array, Array, Array]:
    """Return targets with mean 0 and variance 1, gaps filled with the mean, and what undoes it."""
    centre = np.nanmedian(stated, axis=0)
    spread = np.maximum(np.nanstd(stated, axis=0), 1e-9)
    scaled = np.clip((stated - centre) / spread, -CLIP, CLIP)
    return np.where(np.isfinite(scaled), scaled, 0.0), centre, spread


def linear_shares(scores: Array, stated: Array) -> Array:
    """Share of each target's variance that a name explains by itself, linearly, (targets, names)."""
    return _linear_shares(scores, _standardised(stated)[0])


def _linear_shares(scores: Array, filled: Array) -> Array:
    """The same for targets that are scaled and have no gaps."""
    features = np.concatenate([np.ones((len(scores), 1)), scores], axis=1)
    weights = _ridge(features, filled)[1:]
    noise = (filled - features @ _ridge(features, filled)).var(axis=0) / len(scores)
    shares: Array = (
        np.maximum(weights.T**2 - noise[:, np.newaxis], 0.0) / np.maximum(filled.var(axis=0), 1e-12)[:, np.newaxis]
    )
    return shares


def _active(shares: Array, most: int) -> Whole:
    strongest = shares.max(axis=0)
    chosen = np.argsort(-strongest, kind="stable")[:most]
    return np.sort(chosen[strongest[chosen] > 0.0])


def _ridge(features: Array, targets: Array) -> Array:
    """Ridge regression; the constant is not shrunk."""
    penalty = np.full(features.shape[1], RIDGE * len(features))
    penalty[0] = 0.0
    weights = np.linalg.solve(features.T @ features + np.diag(penalty), features.T @ targets)
    return np.asarray(weights, dtype=np.float64)
