"""Lines of a chart as numbers: a fan, its counterfactual, observed points, and the table of all of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_label
from sim.charts.data import Fan, Floats, Points

if TYPE_CHECKING:
    from pandas import DataFrame

DIGITS = 5
"""Significant digits of the numbers inside a chart."""
MAIN_WORLD, OTHER_WORLD, CHANGE = "main", "counterfactual", "difference"
"""Values of the column `world` of a table."""


@dataclass(frozen=True)
class Line:
    """One entity of a chart: its fan in the units of the axis, the counterfactual's, and what was observed."""

    key: str
    name: str
    colour: str
    fan: Fan
    other: Fan | None = None
    observed: Sequence[Points] = field(default_factory=tuple)
    world: str = MAIN_WORLD

    @property
    def last(self) -> float:
        """The median in the last month in which there is one; NaN where there is none."""
        known = self.fan.median[np.isfinite(self.fan.median)]
        return float(known[-1]) if len(known) else math.nan

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest number that the line draws; NaN where there is none."""
        parts = [self.fan.median, *(edge for _, low, high in self.fan.bands for edge in (low, high))]
        parts += [self.other.median] if self.other else []
        parts += [some for points in self.observed for some in (points.values, points.low, points.high)]
        known = np.concatenate([part[np.isfinite(part)] for part in parts])
        return (float(known.min()), float(known.max())) if len(known) else (math.nan, math.nan)


def short(value: float) -> float | None:
    """Return a number with `DIGITS` significant digits, None where it is not defined (JSON has no NaN)."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def rows_of(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return what the chart reads: a row for each line and month, `low0`/`high0` the widest band, `cf` the other world.

    Months in which nothing is defined are left out at either end of a line, and kept (as null) inside it.
    """
    rows = []
    for line in lines:
        known = np.flatnonzero(np.isfinite(line.fan.median) | np.isfinite(line.fan.bands[0][1]))
        for place in range(known[0], known[-1] + 1) if len(known) else ():
            month = int(line.fan.months[place])
            row = {"m": month, "month": month_label(month), "entity": line.name}
            row["median"] = short(float(line.fan.median[place]))
            for number, (_, low, high) in enumerate(line.fan.bands):
                ends = (short(float(low[place])), short(float(high[place])))
                row[f"low{number}"], row[f"high{number}"] = ends if None not in ends else (None, None)
            if line.other is not None:
                row["cf"] = short(float(line.other.median[place]))
            rows.append(row)
    return rows


def observed_rows(lines: Iterable[Line], first: int, last: int) -> list[dict[str, Any]]:
    """Return a row for each observed point between two months."""
    return [
        {
            "m": int(points.months[place]),
            "month": month_label(int(points.months[place])),
            "entity": line.name,
            "market": points.market,
            "observed": short(float(points.values[place])),
            "low": short(float(points.low[place])),
            "high": short(float(points.high[place])),
            "shape": points.shape,
        }
        for line in lines
        for points in line.observed
        for place in range(len(points.months))
        if first <= points.months[place] <= last
    ]


def table_of(lines: Iterable[Line], unit: str) -> "DataFrame":
    """Return the numbers of lines in full: month, entity, world, unit and quantiles (p05, p25, p50, p75, p95)."""
    import pandas

    parts = []
    for line in lines:
        worlds = [(line.world, line.fan), *([(OTHER_WORLD, line.other)] if line.other else [])]
        parts += [pandas.DataFrame(quantile_columns(fan, line.key, world, unit)) for world, fan in worlds]
    return pandas.concat(parts, ignore_index=True)


def quantile_columns(fan: Fan, entity: str, world: str, unit: str) -> dict[str, Any]:
    """Return the columns of a table for one fan; bands of 90% and 50% give p05, p25, p50, p75, p95."""
    levels: dict[float, Floats] = {0.5: fan.median}
    for width, low, high in fan.bands:
        levels |= {(1 - width) / 2: low, (1 + width) / 2: high}
    months = [month_label(int(month)) for month in fan.months]
    quantiles = {f"p{100 * level:04.1f}".removesuffix(".0"): levels[level] for level in sorted(levels)}
    return {"month": months, "entity": entity, "world": world, "unit": unit, **quantiles}
