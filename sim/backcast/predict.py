"""The predictive distribution of one operator: paths of the runs, discrepancy, error of observation.

`y(t) = m_r(t) + delta_r(t) + e` on the operator's scale; docs/backcast.md has the equations. Luck is looked up by seed,
operator, month and run, so that arms, origins and processes share it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array
from sim.backcast.discrepancy import Evidence, conditioned, spread_of
from sim.backcast.points import Point, in_units, on_scale, reading
from sim.operators import OPERATORS
from sim.tape import Tape

DRAWS = 4
"""Draws of discrepancy and error for each run."""
UNSTATED = {"logit": 0.5, "log": 0.4, "linear": 2.0}
"""Discrepancy, and twice the error, of an operator for which no row states them, by scale: a judgement."""


class NothingToForecast(RuntimeError):
    """An operator that no run has in any month; the text says which."""


@dataclass(frozen=True)
class Paths:
    """The paths of an operator in one world: natural units, (runs, months); `missing` numbers were filled in."""

    operator: str
    months: tuple[int, ...]
    values: Array
    missing: int


@dataclass(frozen=True)
class Luck:
    """Standard normals of one operator: of the discrepancy and of the error, (runs, DRAWS, months).

    `points` (runs, DRAWS, points): of the errors of the points that are known.
    """

    discrepancy: Array
    error: Array
    points: Array


@dataclass(frozen=True)
class Predictive:
    """Draws of one operator on its scale without the error of observation, (sample, months); `spread` of discrepancy.

    `noise` (sample, months): standard normals of the error. A sample is a run and one of its draws; all count alike.
    """

    operator: str
    months: tuple[int, ...]
    draws: Array
    noise: Array
    spread: float

    def monthly(self, error: float) -> Array:
        """Return what would be observed each month with `error`, in natural units, (sample, months)."""
        return in_units(self.draws + error * self.noise, self.operator)

    def at(self, point: Point) -> Array:
        """Return what would be observed as `point`, on the scale, (sample,)."""
        places = [self.months.index(month) for month in point.months]
        if len(places) == 1:
            expected = self.draws[:, places[0]]
        else:
            expected = on_scale(in_units(self.draws[:, places], self.operator).mean(axis=1), self.operator)
        drawn: Array = expected + point.error * self.noise[:, places[-1]]
        return drawn


def paths_of(operator: str, values: Array, months: Sequence[int]) -> Paths:
    """Return the paths of an operator with months in which a run does not have it filled in.

    Such a month takes the median of the runs that have it; where none has, the nearest month that some have. Raises
    NothingToForecast.
    """
    held = np.isfinite(values)
    some = np.flatnonzero(held.any(axis=0))
    if not len(some):
        raise NothingToForecast(f"no run has {operator} in any month")
    middle = np.array([np.median(values[held[:, month], month]) for month in some])
    nearest = np.abs(np.arange(values.shape[1])[:, np.newaxis] - some).argmin(axis=1)
    filled = np.where(held, np.where(held, values, 0.0), middle[nearest])
    return Paths(operator, tuple(months), filled, int((~held).sum()))


def luck_of(operator: str, months: Sequence[int], known: int, rows: Sequence[int], seed: int) -> Luck:
    """Return the luck of an operator for the runs `rows`; `known`: number of points."""
    tape = Tape(seed)

    def normals(what: str, places: Sequence[int]) -> Array:
        name = f"backcast.{operator}.{what}"
        drawn = [tape.normal(name, place, rows, DRAWS) for place in places]
        return np.stack(drawn, axis=2) if drawn else np.empty((len(rows), DRAWS, 0))

    return Luck(normals("discrepancy", months), normals("error", months), normals("points", range(known)))


def predict(paths: Paths, known: Sequence[Point], stated: float, luck: Luck) -> Predictive:
    """Return the predictive distribution given the points `known`; `stated`: the discrepancy that the rows state."""
    path, residuals, spread = _residuals(paths, known, stated)
    evidence = Evidence(reading(known, paths.months), np.array([point.error for point in known], dtype=np.float64))
    moved = conditioned(evidence, residuals, spread, luck.discrepancy, luck.points)
    return _flat(paths, path[:, np.newaxis, :] + moved, luck, spread)


def predict_alone(paths: Paths, known: Sequence[Point], stated: float, luck: Luck) -> Predictive:
    """Return the same without conditioning: the model with a discrepancy of its stationary spread each month."""
    path, _, spread = _residuals(paths, known, stated)
    return _flat(paths, path[:, np.newaxis, :] + spread * luck.discrepancy, luck, spread)


def stated_spreads(operator: str, known: Sequence[Point], later: Sequence[Point]) -> tuple[float, float]:
    """Return discrepancy and error of an operator: of its rows up to the cut, else of its later rows, else UNSTATED.

    Of later rows the two judgements on the model and the source are read, never the value observed. Medians, as some
    rows are means over many months, with smaller errors.
    """
    usual = UNSTATED[OPERATORS[operator].scale]
    rows = known or later
    if not rows:
        return usual, 0.5 * usual
    discrepancy = spread_of([point.discrepancy for point in rows], [], usual)
    return discrepancy, float(np.median([point.error for point in rows]))


def _residuals(paths: Paths, known: Sequence[Point], stated: float) -> tuple[Array, Array, float]:
    """Paths on the scale, residuals of the runs (runs, points), and the spread of the discrepancy."""
    path = on_scale(paths.values, paths.operator)
    read = [paths.values[:, [paths.months.index(month) for month in point.months]].mean(axis=1) for point in known]
    expected = np.stack([on_scale(values, paths.operator) for values in read], axis=1) if known else path[:, :0]
    residuals: Array = np.array([point.value for point in known], dtype=np.float64) - expected
    spread = spread_of([stated], residuals.mean(axis=0).tolist(), stated)
    return path, residuals, spread


def _flat(paths: Paths, draws: Array, luck: Luck, spread: float) -> Predictive:
    months = len(paths.months)
    return Predictive(
        paths.operator, paths.months, draws.reshape(-1, months), luck.error.reshape(-1, months), spread
    )  # fmt: skip
