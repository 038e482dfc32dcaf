"""What the charts of a sweep read: its points, effects and levels, and which of them stand on one line.

The numbers are those of `effects.csv`, `summary.csv` and `series.parquet`, in the units of the axes of the charts.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.charts.data import CannotDraw
from sim.charts.sweep_text import Outcome, outcome_of
from sim.experiments.axes import Axis
from sim.experiments.sweep_results import Sweep
from sim.experiments.sweep_results import SweepPoint as Point

Floats = NDArray[np.float64]
MOST_OUTCOMES = 8
MOST_LINES = 5
AS_WRITTEN = "as_written"
"""The policy that changes nothing in the scenario."""
SPREAD = ("mean", "p05", "p95")
"""Columns that are all zero where no run differs from its baseline."""
EFFECT = ("mean", "ci95_low", "ci95_high", "median", "p05", "p95", "share_positive")
LEVEL = ("mean", "p05", "p25", "p50", "p75", "p95")
FIRST = (
    "frontier_capability.CN", "gap_months.CN", "token_share_abroad.CN", "compute_owned.CN", "algorithmic_progress.CN",
    "efficiency_researchers.CN", "revenue_share_abroad.CN", "token_share.open",
)  # fmt: skip
"""Outcomes that are drawn first where there are too many for one figure."""


@dataclass(frozen=True)
class Curve:
    """Effects or levels of one outcome over some points, in their order: an array for each column of the table.

    `draws`: how many there are of the world, on which the intervals rest.
    """

    points: Sequence[Point]
    numbers: Mapping[str, Floats]
    draws: int = 0

    def __getitem__(self, name: str) -> Floats:
        """Return a column."""
        return self.numbers[name]

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Where the 95% interval of the mean effect leaves zero out; nowhere where there is no interval."""
        low, high = self.numbers["ci95_low"], self.numbers["ci95_high"]
        found: NDArray[np.bool_] = (low > 0) | (high < 0)
        return found

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Where an effect is clear even though it was picked among all these points.

        The interval is widened from 95% to 1 - 0.05 / `compared` (Bonferroni).
        """
        from scipy.special import stdtrit

        if self.draws < 2 or self.compared < 2:
            return self.clear
        wider = float(stdtrit(self.draws - 1, 1 - 0.025 / self.compared) / stdtrit(self.draws - 1, 0.975))
        half = (self.numbers["ci95_high"] - self.numbers["ci95_low"]) / 2
        found: NDArray[np.bool_] = self.clear & (np.abs(self.numbers["mean"]) > wider * half)
        return found

    @property
    def nil(self) -> NDArray[np.bool_]:
        """Where nothing can be told apart: no run of the point differs from its baseline."""
        wide = self.numbers["ci95_high"] > self.numbers["ci95_low"]
        found: NDArray[np.bool_] = np.all([self.numbers[name] == 0 for name in SPREAD], axis=0) & ~wide
        return found

    @property
    def compared(self) -> int:
        """At how many points there is an effect to speak of: it is defined, and some run differs from its baseline."""
        return int((np.isfinite(self.numbers["mean"]) & ~self.nil).sum())

    @property
    def is_zero(self) -> bool:
        """Whether no run of any point differs from its baseline."""
        return bool((self.nil | np.isnan(self.numbers["mean"])).all())

    @property
    def has_intervals(self) -> bool:
        """Whether the interval of the mean is known anywhere; a single draw gives none."""
        return bool(np.isfinite(self.numbers["ci95_low"]).any())


@dataclass(frozen=True)
class Group:
    """Points on one line of a chart, and what sets them apart from other lines (empty for the only one)."""

    label: str
    points: list[Point]


class SweepRecord:
    """A sweep folder as the charts see it: `points` are those asked for, without what is there to compare them with.

    Raises OutputError where the folder is not whole.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder; tables are read when they are needed."""
        self.sweep = Sweep(folder)
        self.manifest = self.sweep.manifest
        self.by_number = {point.number: point for point in self.sweep.points}
        self._values: dict[str, list[Any]] = {}
        self.points = [point for point in self.sweep.points if point.role == "point"]
        self.policies = list(dict.fromkeys(point.policy for point in self.points))

    @cached_property
    def _effects(self) -> dict[tuple[int, str, str], list[float]]:
        return _table(self.sweep.effects(), EFFECT)

    @cached_property
    def _levels(self) -> dict[tuple[int, str, str], list[float]]:
        return _table(self.sweep.summary(), LEVEL)

    @cached_property
    def headline(self) -> str:
        """The month that the charts speak of: the first asked for in which anything differs from its baseline."""
        for at in self.sweep.at:
            if any(any(row[:1]) and row[0] == row[0] for key, row in self._effects.items() if key[2] == at):
                return at
        return self.sweep.at[0]

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """The outcomes to draw: at most eight, and only such as are defined somewhere."""
        known = {key[1] for key, row in self._levels.items() if key[2] == self.headline and row[0] == row[0]}
        columns = [column for column in self.sweep.outcomes if column in known]
        if len(columns) > MOST_OUTCOMES:
            columns = sorted(columns, key=lambda column: FIRST.index(column) if column in FIRST else len(FIRST))
        return [outcome_of(column) for column in columns[:MOST_OUTCOMES]]

    @cached_property
    def undefined(self) -> list[Outcome]:
        """Outcomes that no run of any point defines in the month of the charts."""
        known = {key[1] for key, row in self._levels.items() if key[2] == self.headline and row[0] == row[0]}
        return [outcome_of(column) for column in self.sweep.outcomes if column not in known]

    def effect(self, points: Sequence[Point], outcome: Outcome, at: str = "") -> Curve:
        """Return the paired effects of points against their baselines."""
        return self._curve(self._effects, EFFECT, points, outcome, at)

    def level(self, points: Sequence[Point], outcome: Outcome, at: str = "") -> Curve:
        """Return the levels of an outcome at points."""
        return self._curve(self._levels, LEVEL, points, outcome, at)

    def _curve(
        self,
        table: Mapping[tuple[int, str, str], list[float]],
        names: Sequence[str],
        points: Sequence[Point],
        outcome: Outcome,
        at: str,
    ) -> Curve:
        absent = [np.nan] * len(names)
        rows = [table.get((point.number, outcome.column, at or self.headline), absent) for point in points]
        numbers = np.array(rows, dtype=np.float64).reshape(len(points), len(names))
        scale = [1.0 if name == "share_positive" else outcome.factor for name in names]
        columns = {name: numbers[:, i] * scale[i] for i, name in enumerate(names)}
        return Curve(points, columns, self.draws)

    @property
    def sampled(self) -> bool:
        """Whether the points are a sample of the space of the axes and no grid."""
        return str(self.manifest.get("method", "grid")) != "grid"

    @property
    def draws(self) -> int:
        """Draws of the world."""
        return int(self.manifest["draws"])

    @property
    def pairs(self) -> int:
        """Runs of a point."""
        return self.draws * int(self.manifest["seeds"])

    @cached_property
    def axes(self) -> list[Axis]:
        """The axes that vary."""
        return [axis for axis in self.sweep.axes if len(self.values(axis)) > 1]

    def values(self, axis: Axis) -> list[Any]:
        """Return the values that an axis takes at the points, in order: numbers by size, words as the axis has them."""
        if axis.path not in self._values:
            found = unique(point.values[axis.path] for point in self.points)
            order = {axis.word(value): place for place, value in enumerate(axis.values)}
            self._values[axis.path] = sorted(
                found, key=None if is_numeric(found) else lambda value: order.get(value, 0)
            )
        return self._values[axis.path]

    def numeric(self, axis: Axis) -> bool:
        """Whether the values of an axis are numbers, and not on and off."""
        return is_numeric(self.values(axis))

    @cached_property
    def reference(self) -> Point | None:
        """The one point that all others are held against, or None where each has another baseline."""
        numbers = {point.baseline for point in self.points}
        return self.by_number[numbers.pop()] if len(numbers) == 1 else None

    @cached_property
    def given(self) -> dict[str, Any]:
        """The values of the baseline by path, as far as it has any; those of the scenario where it is as written."""
        if self.reference is None:
            return {}
        found = {path: first_known(self.reference.values.get(path), value) for path, value in self.written.items()}
        return {path: value for path, value in found.items() if value is not None}

    @cached_property
    def written(self) -> dict[str, Any]:
        """The value of each axis in the scenario as written, as points have it; None where it is no single value."""
        scenario = self.manifest.get("scenario") or {}
        found = {axis: value_in(scenario, axis.path) for axis in self.sweep.axes}
        return {
            axis.path: value if value is None or axis.is_numeric else axis.word(value) for axis, value in found.items()
        }

    @cached_property
    def home(self) -> dict[str, Any]:
        """The value of each axis at which it is held while another varies: the nearest to the scenario's own.

        At a baseline such as a world without controls, a lever may have nothing to act on. Its value there counts only
        where the scenario has none.
        """
        wanted = {path: first_known(value, self.given.get(path)) for path, value in self.written.items()}
        return {axis.path: nearest(self.values(axis), wanted[axis.path]) for axis in self.sweep.axes}

    @property
    def home_policy(self) -> str:
        """The policy under which axes are compared: the scenario as written, that of the baseline, or the first."""
        held = self.reference.policy if self.reference else ""
        return next((policy for policy in (AS_WRITTEN, held) if policy in self.policies), self.policies[0])

    def along(self, axis: Axis, policy: str = "", **others: Any) -> list[Point]:
        """Return the points on a line: `axis` varies, the others stay at home or at the values given by path."""
        fixed = {path: value for path, value in {**self.home, **others}.items() if path != axis.path}
        line = [
            point
            for point in self.points
            if point.policy == (policy or self.home_policy)
            and all(same(point.values[path], value) for path, value in fixed.items())
        ]
        order = {repr(value): place for place, value in enumerate(self.values(axis))}
        return sorted(line, key=lambda point: order[repr(point.values[axis.path])])

    def series(self, column: str) -> NDArray[np.float32]:
        """Return a recorded column, (points, draws, seeds, months). Raises CannotDraw where it was not recorded."""
        if column not in (self.manifest.get("series") or []):
            raise CannotDraw("the sweep recorded no series (output.series)")
        return self.sweep.series(column)


def is_numeric(values: Iterable[Any]) -> bool:
    """Whether all values are numbers, and not on and off."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def same(one: Any, other: Any) -> bool:
    """Whether two values of an axis are the same; 1 and on are not."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def nearest(values: Sequence[Any], wanted: Any) -> Any:
    """Return the one of some ordered values that is nearest to the one wanted, of two equally near the larger.

    Where the one wanted is not known it is the middle one, of words the first.
    """
    if any(same(wanted, value) for value in values):
        return wanted
    if wanted is None or not is_numeric([*values, wanted]):
        return values[len(values) // 2] if is_numeric(values) else values[0]
    least = min(abs(value - wanted) for value in values)
    return max(value for value in values if math.isclose(abs(value - wanted), least, rel_tol=1e-9))


def first_known(*values: Any) -> Any:
    """Return the first of some values that is not None, or None."""
    return next((value for value in values if value is not None), None)


def value_in(block: Any, path: str) -> Any:
    """Return the single value at a dotted path of a resolved scenario, whose keys may hold dots; None without one."""
    if not isinstance(block, Mapping):
        return None
    for key, inner in block.items():
        if key == path:
            return inner if isinstance(inner, int | float | str) else None
        if path.startswith(f"{key}.") and (found := value_in(inner, path[len(key) + 1 :])) is not None:
            return found
    return None


def unique(values: Iterable[Any]) -> list[Any]:
    """Return values without those that come again; they need not be hashable."""
    found: list[Any] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found


def evenly(values: Sequence[Any], most: int, keep: Any = None) -> list[Any]:
    """Return at most `most` of some ordered values, evenly chosen with both ends, and `keep` if it is one of them."""
    if len(values) <= most:
        return list(values)
    places = [round(i * (len(values) - 1) / (most - 1)) for i in range(most)] if most > 1 else [0]
    kept = next((place for place, value in enumerate(values) if same(value, keep)), None)
    if kept is not None and kept not in places:
        places[min(range(len(places)), key=lambda i: (i in (0, most - 1), abs(places[i] - kept)))] = kept
    return [values[place] for place in sorted(set(places))]


def _table(rows: Iterable[Mapping[str, str]], names: Sequence[str]) -> dict[tuple[int, str, str], list[float]]:
    return {
        (int(row["point"]), row["outcome"], row["at"]): [float(row[name]) if row[name] else np.nan for name in names]
        for row in rows
    }
