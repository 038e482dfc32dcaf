"""What was observed of the operators: the rows of `targets.csv` that are one point of an operator's series."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array
from sim.backcast.baselines import Series
from sim.calendar import month_index
from sim.data import Row
from sim.errors import InputError, Problem, nearest_name
from sim.operators import OPERATORS, transform, untransform

INPUT = "INPUT"
Z90 = 1.6448536269514722
RESOLUTION = {"H100e per month": 100.0, "H100e": 1000.0, "M$ per year": 1.0, "ratio": 0.01}
"""Amounts below this count as this much: no source sees less, and nothing has no logarithm."""
_MONTH = re.compile(r"\d{4}-\d\d")


@dataclass(frozen=True)
class Point:
    """One observation of an operator: the mean over `months` (month numbers), known from the last of them on.

    `observed` in natural units; `value`, `error` and `discrepancy` on the operator's scale. `role`: INPUT, FITTED or
    HELD OUT; `label`: the fact and its part.
    """

    operator: str
    months: tuple[int, ...]
    observed: float
    value: float
    error: float
    discrepancy: float
    role: str
    label: str

    @property
    def known(self) -> int:
        """The month from which it is known."""
        return self.months[-1]

    @property
    def time(self) -> float:
        """The month it stands for: the middle of the months that it reads."""
        return 0.5 * (self.months[0] + self.months[-1])

    @property
    def given(self) -> bool:
        """Whether the model is told what it says, so that a forecast proves nothing."""
        return self.role == INPUT


def points_of(rows: Iterable[Row]) -> list[Point]:
    """Return the points among the rows of `targets.csv`, by operator and month.

    Raises InputError where a row names no operator, or a formula that is no point of its series.
    """
    found, problems = [], []
    for row in rows:
        if not row["operator"]:
            continue
        made = _point(row)
        if isinstance(made, Problem):
            problems.append(made)
        else:
            found.append(made)
    if problems:
        raise InputError(problems)
    return sorted(found, key=lambda point: (list(OPERATORS).index(point.operator), point.known, point.months))


def by_operator(points: Sequence[Point]) -> dict[str, list[Point]]:
    """Return the points of every operator, in the order of the operators; those without a point have an empty list."""
    return {name: [point for point in points if point.operator == name] for name in OPERATORS}


def series_of(points: Sequence[Point]) -> Series:
    """Return the points of one operator as the simple rules read them, in order of time."""
    ordered = sorted(points, key=lambda point: point.time)
    times, values, errors = (
        np.array([getattr(point, name) for point in ordered], dtype=np.float64) for name in ("time", "value", "error")
    )
    return Series(times, values, errors)


def on_scale(values: Array, operator: str) -> Array:
    """Return values of an operator on its scale; amounts below what a source sees count as that much."""
    unit, scale = OPERATORS[operator].unit, OPERATORS[operator].scale
    return transform(np.maximum(values, RESOLUTION[unit]) if unit in RESOLUTION else values, scale)


def in_units(values: Array, operator: str) -> Array:
    """Return values on the scale in natural units, moved to the nearest that can be: shares 0 to 1, others from 0."""
    natural = untransform(values, OPERATORS[operator].scale)
    bounded: Array = np.clip(natural, 0.0, 1.0 if OPERATORS[operator].unit == "share" else np.inf)
    return bounded


def reading(points: Sequence[Point], months: Sequence[int]) -> Array:
    """Return the weights by which each point reads the months, (points, months)."""
    weights = np.zeros((len(points), len(months)))
    for place, point in enumerate(points):
        weights[place, [months.index(month) for month in point.months]] = 1.0 / len(point.months)
    return weights


def _point(row: Mapping[str, str | float]) -> Point | Problem:
    name, formula, where = str(row["operator"]), str(row["formula"]), f"{row['fact']} ({row['part']})"
    if name not in OPERATORS:
        near = nearest_name(name, OPERATORS)
        remedy = "Use a name of sim/operators.py"
        return Problem(f"no operator '{name}'", "targets.csv", path=where, nearest=near, remedy=remedy)
    word, *arguments = formula.split()
    months = [month_index(text) for text in arguments if _MONTH.fullmatch(text)]
    if word not in ("at", "mean") or not months or name not in arguments:
        remedy = "Leave `operator` empty, or write `at OPERATOR MONTH` or `mean OPERATOR MONTH MONTH`"
        return Problem(f"'{formula}' is no point of a series", "targets.csv", path=where, remedy=remedy)
    observed = float(row["observed"])
    error, discrepancy = _spreads(row, name)
    value = float(on_scale(np.array(observed), name))
    span = tuple(range(months[0], months[-1] + 1))
    return Point(name, span, observed, value, error, discrepancy, str(row["role"]), where)


def _spreads(row: Mapping[str, str | float], operator: str) -> tuple[float, float]:
    """Error and discrepancy on the operator's scale; those stated on another scale are carried over at the value."""
    error, discrepancy = float(row["error"]), float(row["discrepancy"])
    if row["scale"] == OPERATORS[operator].scale:
        return error, discrepancy
    ends = on_scale(np.array([float(row["low"]), float(row["high"])]), operator)
    carried = max(float(ends[1] - ends[0]) / (2.0 * Z90), 1e-6)
    return carried, discrepancy * carried / error if error > 0.0 else carried
