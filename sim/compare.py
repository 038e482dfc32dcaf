"""What the runs say: quantiles of one world, and paired differences between two.

Run k of one world and run k of the other share every draw and all luck, so the spread of their differences is the
uncertainty about the effect itself and not about the two levels.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np

from sim.calendar import month_label
from sim.results import Floats, Results

FEWEST_RUNS = 32
"""Runs below which the ends of a 90% interval rest on one or two runs."""
SHARES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
SUMMARY_HEADER = ("month", "arm", "measure", "entity", "unit", *SHARES, "runs")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Difference:
    """A paired difference, arm minus against, in the unit of the measure.

    `p05` and `p95` bound 90% of the runs; the `mc_error_` fields are Monte Carlo standard errors (how far the number
    would move with other runs); `share_positive` is the share of runs with a difference above zero. `runs` counts those
    in which both worlds have a value; without any, all numbers are NaN.
    """

    runs: int
    median: float
    mean: float
    p05: float
    p95: float
    mc_error_median: float
    mc_error_mean: float
    share_positive: float
    median_arm: float
    median_against: float


DIFFERENCE_HEADER = ("month", "arm", "against", "measure", "entity", "unit", *(f.name for f in fields(Difference)))


def paired_difference(arm: Floats, against: Floats) -> Difference:
    """Return the difference of two arrays of shape (runs,) whose entries are the same runs.

    Runs in which one of the two is NaN are left out. Raises ValueError when the shapes differ.
    """
    if arm.shape != against.shape or arm.ndim != 1:
        raise ValueError(f"paired runs are needed, not arrays of shape {arm.shape} and {against.shape}")
    both = ~(np.isnan(arm) | np.isnan(against))
    count = int(both.sum())
    if count == 0:
        return Difference(0, *[math.nan] * 9)
    first, second = arm[both], against[both]
    change = np.sort(first - second)
    low, middle, high = (float(value) for value in quantiles(change, (0.05, 0.5, 0.95)))
    return Difference(
        runs=count,
        median=middle,
        mean=float(change.mean()),
        p05=low,
        p95=high,
        mc_error_median=_median_error(change),
        mc_error_mean=float(change.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan,
        share_positive=float((change > 0.0).mean()),
        median_arm=float(quantiles(first, (0.5,))[0]),
        median_against=float(quantiles(second, (0.5,))[0]),
    )


def quantiles(values: Floats, shares: Sequence[float]) -> Floats:
    """Return the quantiles over the first axis (runs, at least one), shape (len(shares), ...).

    Linear between order statistics, as NumPy's default. NaN means "not reached" and counts as larger than every number,
    so a quantile that falls on it is NaN and no run is left out on the way.
    """
    ordered = np.sort(values, axis=0)
    found = np.empty((len(shares), *values.shape[1:]))
    for index, share in enumerate(shares):
        place = share * (len(ordered) - 1)
        below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
        with np.errstate(invalid="ignore"):
            between = below + (above - below) * (place - math.floor(place))
        found[index] = np.where(below == above, below, between)  # two infinities have no difference
    return found


def count_warning(runs: int) -> str | None:
    """Return a warning when there are too few runs for the intervals to mean much, else None."""
    if runs >= FEWEST_RUNS:
        return None
    few = "1 run gives" if runs == 1 else f"{runs} runs give"
    return f"{few} no interval to rely on; use --runs {FEWEST_RUNS} or more"


def _median_error(ordered: Floats) -> float:
    """Half the distance between the order statistics one standard error of rank below and above the median."""
    count = len(ordered)
    if count < 4:
        return math.nan
    middle, reach = 0.5 * (count - 1), 0.5 * math.sqrt(count)
    low, high = max(0, math.floor(middle - reach)), min(count - 1, math.ceil(middle + reach))
    return 0.5 * float(ordered[high] - ordered[low])


def summary_rows(results: Results) -> Iterator[list[str]]:
    """Yield the rows of summary.csv below `SUMMARY_HEADER`: quantiles over the runs by measure, arm and month."""
    for column, by_arm in results.in_parts():
        names = _names(column)
        for arm, values in by_arm.items():
            levels = quantiles(values, tuple(SHARES.values()))
            defined = (~np.isnan(values)).sum(axis=0)
            for index, month in enumerate(results.months(arm)):
                numbers = [number_text(float(level)) for level in levels[:, index]]
                yield [month_label(int(month)), arm, *names, *numbers, str(defined[index])]


def difference_rows(results: Results, pairs: Pairs, at: Sequence[int]) -> Iterator[list[str]]:
    """Yield the rows of differences.csv below `DIFFERENCE_HEADER`: paired differences in the months `at`."""
    for column, by_arm in results.in_parts():
        for pair in pairs:
            for month in at:
                found = difference_in(results, by_arm, pair, month)
                numbers = [number_text(value) for value in astuple(found)[1:]]
                yield [month_label(month), *pair, *_names(column), str(found.runs), *numbers]


def difference_in(results: Results, by_arm: Mapping[str, Floats], pair: tuple[str, str], month: int) -> Difference:
    """Return the paired difference of one column, given by arm, in a month. Raises ValueError when it is not there."""
    first, second = (by_arm[arm][:, results.months(arm).tolist().index(month)] for arm in pair)
    return paired_difference(first, second)


def number_text(value: float) -> str:
    """Return a number for a CSV file with ten significant digits; NaN is an empty cell."""
    return "" if math.isnan(value) else f"{value:.10g}"


def _names(column: str) -> list[str]:
    """Measure, entity and unit of a column."""
    from sim.measures import CATALOGUE

    measure, _, entity = column.partition(".")
    return [measure, entity, CATALOGUE[measure].unit if measure in CATALOGUE else ""]
