"""What discovery and regret read from a sweep: names of its points, and what was put into its runs, as numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.boxes import Cases
from sim.analysis.condition import Condition
from sim.errors import InputError, Problem

if TYPE_CHECKING:
    from sim.experiments.axes import Axis
    from sim.experiments.sweep_results import Sweep, SweepPoint

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
WORLD, POLICY, IS, POINT = "world.", "policy", "=", "point"


@dataclass(frozen=True)
class Dimension:
    """What a column of cases stands for: `name` as in runs.parquet, a short `label`, its unit and plain words.

    `category` is set where the column is 1 for runs with that value and 0 for the others; its name is then
    `path=category`.
    """

    name: str
    label: str
    unit: str
    phrase: str
    category: str = ""


@dataclass(frozen=True)
class Table:
    """The cases of a condition, the meaning of their dimensions, and what was left out.

    `rows`: run numbers of the cases; `points`: at how many points these are. Counts of runs left out: at points that
    are their own baseline, failed (the run or its baseline), and without a value that the condition needs. `unused`:
    parameters left out since some of their values are not finite.
    """

    cases: Cases
    dimensions: Mapping[str, Dimension]
    rows: NDArray[np.int64]
    points: int
    own_baseline: int
    failed: int
    undefined: int
    unused: tuple[str, ...]


def cases_of(sweep: "Sweep", condition: Condition) -> Table:
    """Return the runs of a sweep as cases of a condition.

    Raises InputError where the condition needs a baseline and the sweep has none, or where nothing varies.
    """
    pairs = {column: sweep.paired(column) for column in condition.columns}
    values = {column: pair[0].reshape(-1) for column, pair in pairs.items()}
    hold, defined = condition.holds(values, {column: pair[1].reshape(-1) for column, pair in pairs.items()})
    wanted, failed = _wanted(sweep, condition), _failed(sweep, condition)
    kept = wanted & ~failed & defined
    if not kept.any():
        raise InputError(Problem(f"no run has a value of {', '.join(condition.columns)}", str(sweep.folder),
                                 remedy="Ask for another outcome, or a later month"))  # fmt: skip
    dimensions, columns, unused = _dimensions(sweep, kept)
    if not dimensions:
        raise InputError(Problem("nothing varies between the runs of this sweep", str(sweep.folder),
                                 remedy="Vary a lever, or leave parameters uncertain"))  # fmt: skip
    draws = np.broadcast_to(np.arange(sweep.shape[1])[None, :, None], sweep.shape).reshape(-1)
    x = np.stack(columns, axis=1) if kept.any() else np.empty((0, len(dimensions)))
    cases = Cases(tuple(dimension.name for dimension in dimensions), x, hold[kept], draws[kept])
    return Table(
        cases,
        {dimension.name: dimension for dimension in dimensions},
        np.flatnonzero(kept),
        int(wanted.sum()) // math.prod(sweep.shape[1:]),
        int((~wanted).sum()),
        int((wanted & failed).sum()),
        int((wanted & ~failed & ~defined).sum()),
        unused,
    )


def _wanted(sweep: "Sweep", condition: Condition) -> Flags:
    """Runs at points that are asked about and, where the condition needs a baseline, are not their own."""
    compared = np.array([
        point.baseline != point.number if condition.needs_baseline else point.role == POINT for point in sweep.points
    ])  # fmt: skip
    if not compared.any():
        raise InputError(Problem("every point of this sweep is its own baseline", str(sweep.folder),
                                 remedy="Name a baseline in the experiment, or compare with a number"))  # fmt: skip
    return np.repeat(compared, math.prod(sweep.shape[1:]))


def _failed(sweep: "Sweep", condition: Condition) -> Flags:
    """Runs that failed, or whose baseline did where one is needed."""
    failed = sweep.failed()
    if condition.needs_baseline:
        failed = failed | failed[[point.baseline for point in sweep.points]]
    return np.asarray(failed.reshape(-1), dtype=np.bool_)


def _dimensions(sweep: "Sweep", kept: Flags) -> tuple[list[Dimension], list[Floats], tuple[str, ...]]:
    """Everything that varies between the runs that are kept, with its values in them."""
    found: list[tuple[Dimension, Floats]] = []
    unused = []
    for axis in sweep.axes:
        found += _axis_columns(axis, [point.values[axis.path] for point in _points_of(sweep, kept)])
    policies = [point.policy for point in _points_of(sweep, kept)]
    found += _categories(Dimension(POLICY, POLICY, "", "The policy"), policies)
    taken = {axis.path for axis in sweep.axes}
    for name, all_values in sweep.parameters().items():
        values = np.asarray(all_values, dtype=np.float64)[kept]
        if name in taken or len(values) == 0 or (values == values[0]).all():
            continue
        if np.isfinite(values).all():
            found.append((_parameter(name), values))
        else:
            unused.append(name)
    return [dimension for dimension, _ in found], [column for _, column in found], tuple(unused)


def _points_of(sweep: "Sweep", kept: Flags) -> list["SweepPoint"]:
    """The point of each run that is kept."""
    _, draws, seeds = sweep.shape
    return [sweep.points[place] for place in np.flatnonzero(kept) // (draws * seeds)]


def _axis_columns(axis: "Axis", values: Sequence[Any]) -> list[tuple[Dimension, Floats]]:
    dimension = Dimension(axis.path, axis.label, axis.unit, axis.phrase)
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in set(values))
    if not numeric or not all(math.isfinite(value) for value in set(values)):
        return _categories(dimension, [text_of(value) for value in values])
    column = np.array(values, dtype=np.float64)
    return [(dimension, column)] if len(set(values)) > 1 else []


def _categories(dimension: Dimension, values: Sequence[str]) -> list[tuple[Dimension, Floats]]:
    """A column of zeros and ones for each value; of two values, one column says all."""
    levels = sorted(set(values))
    if len(levels) < 2:
        return []
    own = levels[1:] if len(levels) == 2 else levels
    return [
        (
            Dimension(f"{dimension.name}{IS}{level}", dimension.label, "", dimension.phrase, level),
            np.array([value == level for value in values], dtype=np.float64),
        )
        for level in own
    ]


def text_of(value: Any) -> str:
    """Return a value of an axis as a scenario would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parameter(name: str) -> Dimension:
    from sim.scenario_names import default_catalogues

    short = name.removeprefix(WORLD)
    row = default_catalogues().parameters.get(short)
    if row is None:
        return Dimension(name, short, "", short.replace("_", " ").replace(".", ": "))
    return Dimension(name, short, str(row["unit"]), str(row["phrase"]))


def point_labels(sweep: "Sweep", points: Sequence["SweepPoint"]) -> list[str]:
    """Return a name for each of some points: its policy and the values of its axes, as far as they tell them apart."""
    several = len({point.policy for point in points}) > 1
    varying = [axis for axis in sweep.axes if len({text_of(point.values[axis.path]) for point in points}) > 1]
    labels = []
    for point in points:
        parts = [point.policy] if several or not varying else []
        parts += [f"{axis.label.rpartition('.')[2]} {text_of(point.values[axis.path])}" for axis in varying]
        labels.append(", ".join(parts))
    return labels
