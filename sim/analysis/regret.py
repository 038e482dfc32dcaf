"""Regret: what a policy costs where another would have been better (Savage 1951; Lempert, Popper and Bankes 2003).

Everything here is over arrays of shape (policies, draws, objectives) in which a larger number is better; a draw is a
view of the world. The regret of a policy in a draw is the best value that any policy has there less its own.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.tape import Tape

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

HIGH_SHARE = 0.9
"""Share of the draws in which regret is not above the high regret; the worst draw alone rests on one run."""
SAME = 1e-9
"""Relative difference below which two numbers are a tie."""
RESAMPLES, WEIGHTS = 1000, 2000
"""Bootstrap resamples of the draws, and weightings drawn evenly from the simplex of all weightings."""


def regrets(values: Floats) -> Floats:
    """Return best value over policies less own value; shape as `values`, (policies, draws, ...), never negative."""
    found: Floats = values.max(axis=0, keepdims=True) - values
    return found


def stakes(values: Floats) -> Floats:
    """Return the range over policies of each objective, averaged over draws, (objectives,): what the choice can move.

    0 for an objective that no policy moves.
    """
    found: Floats = (values.max(axis=0) - values.min(axis=0)).mean(axis=0)
    return found


def weighted(values: Floats, weights: Floats, scale: Floats) -> Floats:
    """Return the weighted score, (policies, draws): sum of weight x value / scale over the objectives with a scale.

    `weights` are taken relative to their sum over those objectives. Zeros where no objective has a scale or a weight.
    """
    counted = np.where(scale > 0.0, weights, 0.0)
    total = float(counted.sum())
    if total <= 0.0:
        return np.zeros(values.shape[:2])
    per_unit = counted / total / np.where(scale > 0.0, scale, 1.0)
    found: Floats = (values * per_unit).sum(axis=2)
    return found


def high(regret: Floats) -> Floats:
    """Return the `HIGH_SHARE` quantile over draws, the second axis: (policies, draws, ...) to (policies, ...).

    An observed value and no mixture of two: the smallest that is not exceeded in that share of the draws.
    """
    place = min(math.ceil(HIGH_SHARE * regret.shape[1]), regret.shape[1]) - 1
    found: Floats = np.partition(regret, place, axis=1)[:, place]
    return found


def shares_of_least(measure: Floats) -> Floats:
    """Return for (policies, cases) the share of the cases in which each policy has the smallest number, (policies,).

    Policies that tie share a case equally.
    """
    least = measure.min(axis=0, keepdims=True)
    slack = SAME * np.abs(measure).max(axis=0, keepdims=True)
    winning = measure <= least + slack
    found: Floats = (winning / winning.sum(axis=0, keepdims=True)).mean(axis=1)
    return found


@dataclass(frozen=True)
class Regret:
    """The regret of each policy over the draws, arrays of shape (policies,), with bootstrap standard errors.

    `high` is the quantile of `HIGH_SHARE`; `most` the largest over the draws, without an error, since more draws can
    only raise it; `best` the share of draws in which the policy is best, ties divided; `least_high` and `least_most`
    the shares of the resamples in which it has the least high and the least largest regret.
    """

    mean: Floats
    mean_error: Floats
    high: Floats
    high_error: Floats
    most: Floats
    best: Floats
    least_high: Floats
    least_most: Floats


def summarise(regret: Floats, resamples: Whole) -> Regret:
    """Return the summary of regrets (policies, draws) over the draws and over `resamples` of them (see `resampled`)."""
    over = [_over_resamples(row[resamples]) for row in regret]
    means, highs, mosts = (np.array([row[place] for row in over]) for place in range(3))
    return Regret(
        mean=regret.mean(axis=1),
        mean_error=means.std(axis=1),
        high=high(regret),
        high_error=highs.std(axis=1),
        most=regret.max(axis=1),
        best=shares_of_least(regret),
        least_high=shares_of_least(highs),
        least_most=shares_of_least(mosts),
    )


def _over_resamples(taken: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, high and largest regret of one policy in each resample, from (resamples, draws)."""
    return taken.mean(axis=1), high(taken), taken.max(axis=1)


@dataclass(frozen=True)
class Across:
    """The regret of each policy over named worldviews, arrays (policies,), with bootstrap standard errors.

    Each worldview counts by its mean over draws, so `mean` and `most` are over a handful of numbers.
    """

    mean: Floats
    mean_error: Floats
    most: Floats
    most_error: Floats
    best: Floats
    least_most: Floats


def across(worlds: Sequence[Floats], resamples: Sequence[Whole]) -> Across:
    """Return the regret over worldviews, given the values (policies, draws) and the resamples of each."""
    regret = regrets(np.stack([values.mean(axis=1) for values in worlds], axis=1))
    taken = [values[:, places].mean(axis=2) for values, places in zip(worlds, resamples, strict=True)]
    over = regrets(np.stack(taken, axis=2))
    return Across(
        mean=regret.mean(axis=1),
        mean_error=over.mean(axis=2).std(axis=1),
        most=regret.max(axis=1),
        most_error=over.max(axis=2).std(axis=1),
        best=shares_of_least(regret),
        least_most=shares_of_least(over.max(axis=2)),
    )


def resampled(draws: int, seed: int, count: int = RESAMPLES) -> Whole:
    """Return bootstrap resamples of `draws` places by the tape of `seed`, shape (count, draws)."""
    luck = np.concatenate(
        [Tape(seed).uniform("regret/resample", place, np.arange(draws))[:, :1] for place in range(count)], axis=1
    )
    return np.minimum((luck.T * draws).astype(np.int64), draws - 1)


def weightings(objectives: int, seed: int, count: int = WEIGHTS) -> Floats:
    """Return weightings spread evenly over the simplex (flat Dirichlet), shape (count, objectives), by the tape."""
    luck = Tape(seed).uniform("regret/weights", 0, np.arange(count), objectives)
    pieces = -np.log(luck)
    found: Floats = pieces / pieces.sum(axis=1, keepdims=True)
    return found


def winners(values: Floats, scale: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the share of the weightings (count, objectives) in which each policy is the robust choice, (policies,).

    First by the least high regret of the weighted score, then by the least largest regret.
    """
    highs, mosts = [], []
    for weighting in weights:
        found = regrets(weighted(values, weighting, scale))
        highs.append(high(found))
        mosts.append(found.max(axis=1))
    return shares_of_least(np.array(highs).T), shares_of_least(np.array(mosts).T)


def on_front(points: Floats) -> NDArray[np.bool_]:
    """Return which points (policies, objectives) no other dominates: as good in all objectives and better in one.

    Points that tie in everything do not dominate each other.
    """
    slack = SAME * np.abs(points).max(axis=0)
    as_good = (points[:, None] >= points[None] - slack).all(axis=2)
    better = (points[:, None] > points[None] + slack).any(axis=2)
    dominated: NDArray[np.bool_] = (as_good & better).any(axis=0)
    return ~dominated


def front_shares(values: Floats, resamples: Whole) -> Floats:
    """Return the share of the resamples in which each policy is on the front of means over draws, (policies,)."""
    kept = [on_front(values[:, places].mean(axis=1)) for places in resamples]
    found: Floats = np.mean(kept, axis=0)
    return found


def dominators(points: Floats) -> list[int | None]:
    """Return for each point (policies, objectives) the place of one that dominates it and is on the front, or None."""
    front = on_front(points)
    slack = SAME * np.abs(points).max(axis=0)
    found: list[int | None] = []
    for point, free in zip(points, front, strict=True):
        over = np.flatnonzero(front & (points >= point - slack).all(axis=1))
        found.append(None if free or not len(over) else int(over[0]))
    return found


def twins(values: Floats) -> list[tuple[int, int]]:
    """Return pairs of policies (first, second) that give the same numbers in every draw and objective."""
    scale = np.abs(values).max(axis=(0, 1))
    same = [
        (first, second)
        for first, second in itertools.combinations(range(len(values)), 2)
        if bool((np.abs(values[first] - values[second]) <= SAME * scale).all())
    ]
    repeated = {second for _, second in same}
    return [(first, second) for first, second in same if first not in repeated]
