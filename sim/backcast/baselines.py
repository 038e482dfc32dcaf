"""Simple rules that a model has to beat: last value, trend and mean of an operator's points, with their spread.

All work on the operator's scale and see points up to the cut alone. A rule gives a distribution for a month: a centre,
a spread and degrees of freedom (infinite: normal).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.arrays import Array

LAST, TREND, MEAN = "last value", "trend", "mean"
SAMPLE = 400
"""Quantiles by which a distribution is written as a sample."""
BORROWED = 4.0
"""Degrees of freedom that the spread of other operators counts for."""
MONTHS_A_YEAR = 12.0
FEWEST = 3
"""Points from which an operator says something about its own spread."""


@dataclass(frozen=True)
class Series:
    """The points of one operator up to the cut, in order: months, values on the scale, errors of observation."""

    times: Array
    values: Array
    errors: Array


@dataclass(frozen=True)
class Pools:
    """Spreads of one scale, from the operators that have points enough: `walk` a month, `line` and `level` a point.

    They are variances; NaN where no operator of the scale has points enough.
    """

    walk: float = math.nan
    line: float = math.nan
    level: float = math.nan


@dataclass(frozen=True)
class Rule:
    """A distribution: `centre`, `spread` (standard deviation or scale of Student's t), degrees of freedom."""

    centre: float
    spread: float
    freedom: float = field(default=math.inf)

    def sample(self) -> Array:
        """Return equally likely values, (SAMPLE,)."""
        from scipy.special import ndtri, stdtrit

        places = (np.arange(SAMPLE) + 0.5) / SAMPLE
        standard = ndtri(places) if math.isinf(self.freedom) else stdtrit(self.freedom, places)
        return np.asarray(self.centre + self.spread * standard, dtype=np.float64)


def pools_of(series: Sequence[Series]) -> Pools:
    """Return the median spreads of the operators of one scale: two points show a change, three the way off a line."""
    pairs = [one for one in series if len(one.values) >= 2]
    enough = [one for one in pairs if len(one.values) >= FEWEST]
    return Pools(
        walk=_middle([_walk(one) for one in pairs]),
        line=_middle([_about_line(one) for one in enough]),
        level=_middle([float(np.var(one.values, ddof=1)) for one in pairs]),
    )


def rules(
    series: Series, month: float, error: float, pools: Pools, otherwise: float, level: bool = True
) -> Mapping[str, Rule]:
    """Return what the rules say of a new observation with `error` at `month`; a rule without points enough is absent.

    `otherwise`: variance a month where neither the operator nor its scale says. `level`: whether a mean makes sense.
    """
    found = {}
    if len(series.values) >= 1:
        found[LAST] = _last(series, month, error, pools, otherwise)
    if len(series.values) >= 2:
        found[TREND] = _trend(series, month, error, pools, otherwise)
        if level:
            found[MEAN] = _mean(series, error, pools, otherwise)
    return found


def _last(series: Series, month: float, error: float, pools: Pools, otherwise: float) -> Rule:
    walk = _walk(series) if len(series.values) >= FEWEST else _known(pools.walk, otherwise)
    ahead = max(month - float(series.times[-1]), 0.0)
    return Rule(float(series.values[-1]), math.sqrt(walk * ahead + float(series.errors[-1]) ** 2 + error**2))


def _trend(series: Series, month: float, error: float, pools: Pools, otherwise: float) -> Rule:
    count = len(series.values)
    middle = float(np.mean(series.times))
    apart = series.times - middle
    across = float(np.sum(apart**2))
    slope = float(np.sum(apart * series.values)) / across if across > 0.0 else 0.0
    own = _about_line(series) if count >= FEWEST else 0.0
    about = max(_pooled(own, count - 2.0, pools.line, otherwise), error**2)
    leverage = 1.0 / count + ((month - middle) ** 2 / across if across > 0.0 else 0.0)
    centre = float(np.mean(series.values)) + slope * (month - middle)
    return Rule(centre, math.sqrt(about * (1.0 + leverage)), count - 2.0 + BORROWED)


def _mean(series: Series, error: float, pools: Pools, otherwise: float) -> Rule:
    count = len(series.values)
    own = float(np.var(series.values, ddof=1))
    about = max(_pooled(own, count - 1.0, pools.level, otherwise), error**2)
    spread = math.sqrt(about * (1.0 + 1.0 / count))
    return Rule(float(np.mean(series.values)), spread, count - 1.0 + BORROWED)


def _pooled(own: float, freedom: float, pool: float, otherwise: float) -> float:
    """The variance about a line or level: the operator's own and, with BORROWED degrees of freedom, its scale's.

    Where the scale does not say, it is that of a random walk over a year.
    """
    borrowed = _known(pool, otherwise * MONTHS_A_YEAR)
    return (freedom * own + BORROWED * borrowed) / (freedom + BORROWED)


def _walk(series: Series) -> float:
    """Variance a month of a random walk: squared changes less their errors, over the months between."""
    months = float(np.sum(np.maximum(np.diff(series.times), 1.0)))
    squared = float(np.sum(np.diff(series.values) ** 2))
    noise = float(np.sum(series.errors[1:] ** 2 + series.errors[:-1] ** 2))
    return max(squared - noise, 0.1 * squared, 1e-12) / months


def _about_line(series: Series) -> float:
    apart = series.times - np.mean(series.times)
    across = float(np.sum(apart**2))
    away = series.values - np.mean(series.values)
    slope = float(np.sum(apart * away)) / across if across > 0.0 else 0.0
    return float(np.sum((away - slope * apart) ** 2)) / (len(series.values) - 2.0)


def _middle(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan


def _known(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value
