"""Cases of interest, and boxes that are held against them: how many cases they cover and how dense these lie in them.

A box is an interval for each of some dimensions (Friedman and Fisher 1999). Its coverage is the share of all cases of
interest that lie in it, its density the share of what lies in it that is of interest (Bryant and Lempert 2010).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]

FEW_VALUES = 12
"""A dimension with at most this many values is a grid: limits are written as values that occur."""
DIGITS = 3
"""Significant digits that limits are rounded to; what is said of a box is said of the rounded one."""


@dataclass(frozen=True)
class Cases:
    """Runs with what was put in and whether they are of interest.

    `names` (dimensions,); `x` (runs, dimensions), finite; `hit` (runs,); `draw` (runs,): the number of the draw of the
    world, shared by runs that are not independent of each other.
    """

    names: tuple[str, ...]
    x: Floats
    hit: Flags
    draw: Whole

    def __len__(self) -> int:
        """Number of runs."""
        return len(self.hit)

    @property
    def hits(self) -> int:
        """Number of cases of interest."""
        return int(self.hit.sum())

    @property
    def base_rate(self) -> float:
        """Share of the runs that are of interest."""
        return self.hits / len(self)

    def rows(self, chosen: Flags) -> "Cases":
        """Return the runs that are `chosen`, (runs,)."""
        return Cases(self.names, self.x[chosen], self.hit[chosen], self.draw[chosen])

    def dimensions(self, names: Sequence[str]) -> "Cases":
        """Return the same runs with some of the dimensions, in the order given."""
        places = [self.names.index(name) for name in names]
        return Cases(tuple(names), self.x[:, places], self.hit, self.draw)

    def column(self, name: str) -> Floats:
        """Return the values of one dimension, (runs,)."""
        return self.x[:, self.names.index(name)]


@dataclass(frozen=True)
class Box:
    """Limits by dimension, both inclusive; -inf and inf where a side is open. Dimensions without limits are absent."""

    limits: Mapping[str, tuple[float, float]]

    def __len__(self) -> int:
        """Number of restricted dimensions."""
        return len(self.limits)

    def holds(self, cases: Cases) -> Flags:
        """Return which runs lie in the box, (runs,)."""
        inside = np.ones(len(cases), dtype=np.bool_)
        for name, (low, high) in self.limits.items():
            values = cases.column(name)
            inside &= (values >= low) & (values <= high)
        return inside

    def sides(self) -> list[tuple[str, int]]:
        """Return every limit as (dimension, 0 for the lower side or 1 for the upper)."""
        return [(name, side) for name, ends in self.limits.items() for side in (0, 1) if math.isfinite(ends[side])]

    def without(self, name: str, side: int) -> "Box":
        """Return the box with one limit taken away."""
        low, high = self.limits[name]
        ends = (-math.inf, high) if side == 0 else (low, math.inf)
        kept = {**self.limits, name: ends}
        return Box({key: value for key, value in kept.items() if value != (-math.inf, math.inf)})


@dataclass(frozen=True)
class Score:
    """How a box does on some cases: `inside` runs lie in it, `hits` of them of interest, of `total` such cases."""

    inside: int
    hits: int
    total: int

    @property
    def density(self) -> float:
        """Share of the runs in the box that are of interest; NaN for an empty box."""
        return self.hits / self.inside if self.inside else math.nan

    @property
    def coverage(self) -> float:
        """Share of the cases of interest that lie in the box; NaN where there are none."""
        return self.hits / self.total if self.total else math.nan


def score(box: Box, cases: Cases) -> Score:
    """Return how a box does on some cases."""
    inside = box.holds(cases)
    return Score(int(inside.sum()), int((inside & cases.hit).sum()), cases.hits)


def clustering(cases: Cases) -> float:
    """Return by how much runs that share a draw count less than independent ones: the design effect of Kish (1965).

    1 + (m - 1) r for m runs a draw, r the intraclass correlation of `hit` by analysis of variance, between 0 and 1.
    """
    _, place, counts = np.unique(cases.draw, return_inverse=True, return_counts=True)
    draws, runs = len(counts), len(cases)
    if draws < 2 or runs == draws:
        return 1.0
    typical = (runs - float((counts.astype(np.float64) ** 2).sum()) / runs) / (draws - 1)
    shares = np.bincount(place, weights=cases.hit) / counts
    between = float((counts * (shares - cases.base_rate) ** 2).sum()) / (draws - 1)
    within = float((counts * shares * (1.0 - shares)).sum()) / (runs - draws)
    whole = between + (typical - 1.0) * within
    alike = min(max((between - within) / whole, 0.0), 1.0) if whole > 0.0 else 0.0
    return 1.0 + (runs / draws - 1.0) * alike


def quasi_p(box: Box, cases: Cases, side: tuple[str, int], effect: float = 1.0) -> float:
    """Return the quasi-p-value of one limit (Bryant and Lempert 2010).

    The chance of at least as many hits as the box has, if its runs were drawn from the box without this limit: a
    one-sided binomial test, with counts divided by the design `effect` of runs that share a draw. "Quasi", since the
    limit was chosen on the same runs.
    """
    from scipy.special import betainc

    inner, outer = score(box, cases), score(box.without(*side), cases)
    hits, inside = inner.hits / effect, inner.inside / effect
    if hits == 0.0 or outer.hits == 0:
        return 1.0
    # The binomial tail as an incomplete beta function, which takes counts that are no whole numbers.
    with np.errstate(under="ignore"):
        return float(betainc(hits, max(inside - hits, 0.0) + 1.0, outer.density))


def pruned(box: Box, cases: Cases, level: float, effect: float = 1.0) -> tuple[Box, dict[tuple[str, int], float]]:
    """Return the box without the limits whose quasi-p-value is above `level`, the worst taken away first; and the rest.

    The second value gives the quasi-p-value of every limit that is left, by (dimension, side).
    """
    while True:
        values = {side: quasi_p(box, cases, side, effect) for side in box.sides()}
        if not values or max(values.values()) <= level:
            return box, values
        box = box.without(*max(values, key=lambda side: values[side]))


def rounded(box: Box, cases: Cases) -> Box:
    """Return the box with limits as they are stated: values that occur for a grid, else a few significant digits."""
    limits = {}
    for name, (low, high) in box.limits.items():
        values = np.unique(cases.column(name))
        if len(values) <= FEW_VALUES:
            low = float(values[values >= low].min(initial=values[-1])) if math.isfinite(low) else low
            high = float(values[values <= high].max(initial=values[0])) if math.isfinite(high) else high
            limits[name] = (low, high)
        else:
            limits[name] = (_digits(low), _digits(high))
    return Box(limits)


def _digits(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value


def screened(cases: Cases, keep: int) -> list[str]:
    """Return the `keep` dimensions that tell hits from misses best, the best first.

    By the Kolmogorov-Smirnov distance between their values in hits and in misses (Spear and Hornberger 1980). Among
    some hundred parameters, peeling would else find limits that fit nothing but noise.
    """
    distance = [separation(cases.x[:, place], cases.hit) for place in range(len(cases.names))]
    order = sorted(range(len(distance)), key=lambda place: (-distance[place], place))
    return [cases.names[place] for place in order[:keep] if distance[place] > 0.0]


def separation(values: Floats, hit: Flags) -> float:
    """Return the Kolmogorov-Smirnov distance between `values` (runs,) where `hit` and elsewhere, 0 to 1."""
    hits = int(hit.sum())
    if hits in (0, len(hit)):
        return 0.0
    order = np.argsort(values, kind="stable")
    ordered, flags = values[order], hit[order]
    below = np.cumsum(flags) / hits - np.cumsum(~flags) / (len(hit) - hits)
    last_of_its_value = np.append(ordered[1:] != ordered[:-1], True)
    return float(np.abs(below[last_of_its_value]).max())
