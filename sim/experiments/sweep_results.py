"""A sweep as it is read back: points, axes, outcomes run by run, and their baselines."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiments.axes import Axis
from sim.experiments.outcomes import PATH, WORLD
from sim.results import SERIES, SUMMARY, Floats, OutputError, read_manifest, readable

RUNS, DESIGN, EFFECTS, EXPERIMENT = "runs.parquet", "design.csv", "effects.csv", "experiment.json"


def is_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep, finished or not."""
    return (folder / EXPERIMENT).is_file()


@dataclass(frozen=True)
class SweepPoint:
    """A point: `values` by path of the axis, None where the scenario is as written; `baseline` is a point's number."""

    number: int
    role: str
    policy: str
    baseline: int
    values: Mapping[str, Any]


class Sweep:
    """The numbers of a sweep's folder; columns are read when they are asked for.

    `points` by number; `axes`; `outcomes` as in `gap_months.CN`; `ends` the months and path statistics that outcomes
    are stated at (the columns of runs are `outcome@end`); `shape` is (points, draws, seeds).
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any] | None = None) -> None:
        """Open a folder. Raises OutputError when it is not whole. `manifest`: as long as none is written yet."""
        self.folder = folder
        self.manifest = read_manifest(folder) if manifest is None else manifest
        if self.manifest.get("kind") != "sweep":
            raise OutputError(f"{folder} is no sweep; give a folder that `darkhorse sweep` wrote")
        self.axes = [Axis(**{**axis, "values": tuple(axis["values"])}) for axis in self.manifest["axes"]]
        self.outcomes: list[str] = list(self.manifest["outcomes"])
        self.at: list[str] = list(self.manifest["at"])
        self.ends = [*self.at, *PATH]
        self.points = self._points()
        self.shape = (len(self.points), int(self.manifest["draws"]), int(self.manifest["seeds"]))

    def columns(self) -> list[str]:
        """Return the columns of runs.parquet."""
        return self._columns

    @cached_property
    def _columns(self) -> list[str]:
        from pyarrow import parquet

        with readable(self.folder / RUNS):
            names: list[str] = parquet.read_schema(self.folder / RUNS).names
        return names

    def read(self, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return columns of runs.parquet in run order, (runs,). Raises OutputError where a column is missing."""
        from pyarrow import parquet

        missing = set(columns) - set(self.columns())
        if missing:
            raise OutputError(f"{self.folder / RUNS} has no column {', '.join(sorted(missing))}")
        with readable(self.folder / RUNS):
            table = parquet.read_table(self.folder / RUNS, columns=list(columns))
        return {column: table.column(column).to_numpy() for column in columns}

    def grid(self, column: str) -> Floats:
        """Return a column as (points, draws, seeds), NaN where a run failed or has no value."""
        return self.grids([column])[column]

    def grids(self, columns: Sequence[str]) -> dict[str, Floats]:
        """Return several columns as (points, draws, seeds) by name; one reading for all of them."""
        found = self.read(columns).items()
        return {column: np.asarray(values, dtype=np.float64).reshape(self.shape) for column, values in found}

    def paired(self, column: str) -> tuple[Floats, Floats]:
        """Return a column and the same at each point's baseline, both (points, draws, seeds)."""
        values = self.grid(column)
        return values, values[[point.baseline for point in self.points]]

    def failed(self) -> NDArray[np.bool_]:
        """Return whether a run failed, (points, draws, seeds)."""
        flags: NDArray[np.bool_] = (self.read(["status"])["status"] == "failed").reshape(self.shape)
        return flags

    def parameters(self) -> dict[str, Floats]:
        """Return what was drawn of the uncertain parameters, (runs,) by `world.<name>`."""
        return self.read([name for name in self.columns() if name.startswith(WORLD)])

    def effects(self) -> list[dict[str, str]]:
        """Return the rows of effects.csv."""
        return self._rows(EFFECTS)

    def summary(self) -> list[dict[str, str]]:
        """Return the rows of summary.csv."""
        return self._rows(SUMMARY)

    def series(self, column: str) -> NDArray[np.float32]:
        """Return a monthly series, (points, draws, seeds, months). Raises OutputError where it was not asked for."""
        from pyarrow import parquet

        if column not in self.manifest["series"]:
            raise OutputError(f"{self.folder} has no monthly {column}; ask for it with --series")
        with readable(self.folder / SERIES):
            flat = parquet.read_table(self.folder / SERIES, columns=[column]).column(column).to_numpy()
        return np.asarray(flat, dtype=np.float32).reshape(*self.shape, int(self.manifest["months"]))

    def cells(self, point: SweepPoint) -> list[str]:
        """Return the values of the axes at a point as they stand in the tables."""
        return [self._cells[point.number][axis.path] for axis in self.axes]

    def unit(self, outcome: str) -> str:
        """Return the unit of an outcome."""
        from sim.measures import CATALOGUE

        return CATALOGUE[outcome.partition(".")[0]].unit

    def _points(self) -> list[SweepPoint]:
        rows = self._rows(DESIGN)
        self._cells = {int(row["point"]): row for row in rows}
        points = []
        for row in rows:
            values = {axis.path: axis.read(row[axis.path]) for axis in self.axes}
            number, baseline = int(row["point"]), int(row["baseline"])
            points.append(SweepPoint(number, row["role"], row["policy"], baseline, values))
        return points

    def _rows(self, name: str) -> list[dict[str, str]]:
        try:
            with (self.folder / name).open(encoding="utf-8", newline="") as stream:
                return list(csv.DictReader(stream))
        except OSError as error:
            raise OutputError(f"{self.folder / name} cannot be read ({error.strerror})") from None
