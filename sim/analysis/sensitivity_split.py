"""How much of an outcome's variance comes from parameters, from structure and from chance, and from them together.

The data are a full cross: every structural variant with every draw of the parameters and every chance. Draws and
chances are random samples, the variants are the whole set, each with equal weight. What is estimated is the variance of
a run with a random variant of the set, a random draw and a random chance, in the parts of Hoeffding and Sobol'. Mean
squares and their expectations are those of a crossed mixed model (Searle, Casella and McCulloch 1992, chapter 4), so
every part is unbiased, and one that is small can come out negative.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRUCTURE, PARAMETERS, CHANCE = "structure", "parameters", "chance"
AXES = (STRUCTURE, PARAMETERS, CHANCE)
TIMES = " x "
PARTS = tuple(TIMES.join(group) for size in (1, 2, 3) for group in combinations(AXES, size))
"""The parts of the variance: each source, each pair, all three."""
TOTAL = "total"


@dataclass(frozen=True)
class Part:
    """A part of the variance, in the outcome's unit squared, and its share of the total, with standard errors."""

    variance: float
    error: float
    share: float
    share_error: float


def variance_split(outcome: Floats) -> dict[str, Part]:
    """Return the parts of the variance of an outcome (variants, draws, chances) by name, `PARTS` and the total.

    Standard errors are those of a jackknife that leaves out each draw in turn, with one that leaves out each chance;
    shares are NaN where the total is not positive. Raises ValueError with fewer than three draws or chances.
    """
    variants, draws, chances = outcome.shape
    if min(draws, chances) < 3 or variants < 1:
        raise ValueError(f"a split needs three draws and chances or more, not {draws} and {chances}")
    found = _with_shares(outcome)
    error = _jackknife(outcome)
    return {
        name: Part(float(found[0, i]), float(error[0, i]), float(found[1, i]), float(error[1, i]))
        for i, name in enumerate((*PARTS, TOTAL))
    }


def components(outcome: Floats) -> dict[str, float]:
    """Return the unbiased parts of the variance of an outcome (variants, draws, chances), without the total."""
    variants, draws, chances = outcome.shape
    square = _mean_squares(outcome)
    s, p, c = AXES
    sp, sc, pc, spc = (TIMES.join(group) for group in ((s, p), (s, c), (p, c), (s, p, c)))
    whole = (variants - 1) / variants  # the set is all there is: a variance over it divides by its size
    parts = {
        s: whole * (square[s] - square[sp] - square[sc] + square[spc]) / (draws * chances),
        p: (square[p] - square[pc]) / (variants * chances),
        c: (square[c] - square[pc]) / (variants * draws),
        sp: whole * (square[sp] - square[spc]) / chances,
        sc: whole * (square[sc] - square[spc]) / draws,
        pc: square[pc] / variants,
        spc: whole * square[spc],
    }
    return {name: parts[name] for name in PARTS}


def variant_means(outcome: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return mean and standard error of each variant, and those of its difference from the first: (variants,) each.

    The errors are jackknife errors over draws and chances. The first variant's difference is 0.
    """

    def means(values: Floats) -> Floats:
        mean = values.mean(axis=(1, 2))
        return np.stack([mean, mean - mean[0]])

    error = _two_way(outcome, means)
    mean = means(outcome)
    return mean[0], error[0], mean[1], error[1]


def _mean_squares(outcome: Floats) -> Mapping[str, float]:
    """Mean squares of every effect of a full cross; 0 where one variant leaves no freedom."""
    square = {}
    for size in (1, 2, 3):
        for group in combinations(range(3), size):
            effect = np.asarray(outcome, dtype=np.float64)
            for axis in range(3):
                mean = effect.mean(axis=axis, keepdims=True)
                effect = effect - mean if axis in group else mean
            repeats = outcome.size / effect.size
            freedom = float(np.prod([outcome.shape[axis] - 1 for axis in group]))
            name = TIMES.join(AXES[axis] for axis in group)
            square[name] = repeats * float((effect**2).sum()) / freedom if freedom else 0.0
    return square


def _with_shares(outcome: Floats) -> Floats:
    """Parts and total, and their shares of the total: (2, parts + 1)."""
    parts = np.array(list(components(outcome).values()))
    total = parts.sum()
    parts = np.append(parts, total)
    return np.stack([parts, parts / total if total > 0.0 else np.full_like(parts, np.nan)])


def _jackknife(outcome: Floats) -> Floats:
    return _two_way(outcome, _with_shares)


def _two_way(outcome: Floats, statistic: Callable[[Floats], Floats]) -> Floats:
    """Standard error of a statistic: the variances from leaving out draws and from leaving out chances, together."""
    variances = []
    for axis in (1, 2):
        count = outcome.shape[axis]
        left = np.stack([statistic(np.delete(outcome, place, axis=axis)) for place in range(count)])
        variances.append((count - 1) / count * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    found: Floats = np.sqrt(variances[0] + variances[1])
    return found
