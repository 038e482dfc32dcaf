"""Levels and paired effects of an experiment, with what they rest on.

For run (i, j), draw i and seed j, the effect of a point is d(i, j) = Y(point) - Y(baseline): same draw, same luck. Runs
of one draw are not independent, so the Monte Carlo standard error of the mean effect is that of the means by draw,
sd(d(i)) / sqrt(D). Effective runs are how many independent runs would give this error, var(d) / error^2. The
variance-reduction factor of pairing is (var Y(point) + var Y(baseline)) / var d, with variances of the means by draw:
how many times more draws an unpaired comparison would need. A point that equals its baseline has effects of exactly 0.
"""

import math
from dataclasses import astuple, dataclass, fields

import numpy as np

from sim.arrays import Array
from sim.compare import quantiles

FEWEST_DRAWS = 32
"""Draws below which the ends of a 90% interval rest on one or two of them."""
STATED = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Level:
    """An outcome at one point over its runs; `runs` counts those that have a value, without any the rest is NaN."""

    mean: float
    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    runs: int


@dataclass(frozen=True)
class Effect:
    """A paired effect in the unit of the outcome; see the module for the definitions.

    `ci95_low`, `ci95_high` bound the mean (Student's t over draws); `p05`, `p95` bound 90% of the runs. NaN stands for
    what cannot be said: an error from one draw, a reduction where nothing varies.
    """

    runs: int
    mean: float
    mc_error: float
    ci95_low: float
    ci95_high: float
    median: float
    p05: float
    p95: float
    share_positive: float
    effective_runs: float
    variance_reduction: float


LEVEL_HEADER = tuple(field.name for field in fields(Level))
EFFECT_HEADER = tuple(field.name for field in fields(Effect))


def level(values: Array) -> Level:
    """Return the level of an outcome from its runs (draws, seeds); NaN entries are left out and not counted."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Level(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0)
    p05, p25, p50, p75, p95 = (float(number) for number in quantiles(known, STATED))
    return Level(float(known.mean()), p05, p25, p50, p75, p95, len(known))


def effect(values: Array, baseline: Array) -> Effect:
    """Return the paired effect from the runs of a point and of its baseline, both (draws, seeds).

    Pairs of which one has no value are left out. Raises ValueError when the shapes differ.
    """
    if values.shape != baseline.shape or values.ndim != 2:
        raise ValueError(f"paired runs are needed, not arrays of shape {values.shape} and {baseline.shape}")
    both = ~(np.isnan(values) | np.isnan(baseline))
    if not both.any():
        return Effect(0, *[math.nan] * 10)
    change = np.where(both, values - np.where(both, baseline, 0.0), 0.0)
    pairs = change[both]
    means = _by_draw(change, both)
    error = _error(means)
    reach = _students_t(len(means)) * error
    p05, median, p95 = (float(number) for number in quantiles(pairs, (0.05, 0.5, 0.95)))
    mean, spread = float(pairs.mean()), float(pairs.var(ddof=1)) if len(pairs) > 1 else math.nan
    apart = sum(_variance(_by_draw(np.where(both, part, 0.0), both)) for part in (values, baseline))
    return Effect(
        runs=len(pairs), mean=mean, mc_error=error, ci95_low=mean - reach, ci95_high=mean + reach, median=median,
        p05=p05, p95=p95, share_positive=float((pairs > 0.0).mean()),
        effective_runs=float(len(pairs)) if error == 0.0 else _ratio(spread, error**2),
        variance_reduction=_ratio(apart, _variance(means)),
    )  # fmt: skip


def numbers(found: Level | Effect) -> list[float]:
    """Return the fields in the order of the header."""
    return list(astuple(found))


def few_draws(draws: int) -> str | None:
    """Return a warning where there are too few draws for the intervals to mean much, else None."""
    if draws >= FEWEST_DRAWS:
        return None
    few = "1 draw gives" if draws == 1 else f"{draws} draws give"
    return f"{few} no interval to rely on; use --draws {FEWEST_DRAWS} or more"


def _by_draw(values: Array, known: "np.ndarray") -> Array:
    """Means over the seeds of each draw that has any, (draws,)."""
    count = known.sum(axis=1)
    some = count > 0
    means: Array = values.sum(axis=1)[some] / count[some]
    return means


def _variance(means: Array) -> float:
    return float(means.var(ddof=1)) if len(means) > 1 else math.nan


def _error(means: Array) -> float:
    return math.sqrt(_variance(means) / len(means)) if len(means) > 1 else math.nan


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0.0 else math.nan


def _students_t(count: int) -> float:
    """97.5% quantile of Student's t with count - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.975)) if count > 1 else math.nan
