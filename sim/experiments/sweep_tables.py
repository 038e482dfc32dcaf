"""The tables of a sweep: every run, its monthly series, the design, levels and paired effects, and what failed."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_label
from sim.compare import number_text
from sim.disk import temporary_beside, write_whole
from sim.experiments.axes import Axis
from sim.experiments.batch import SERIES as SERIES_PREFIX
from sim.experiments.batch import Batch, Failure
from sim.experiments.effects import EFFECT_HEADER, LEVEL_HEADER, effect, level, numbers
from sim.experiments.experiment import POINT, Experiment, Point
from sim.experiments.sweep_results import RUNS, Sweep
from sim.results import SERIES

if TYPE_CHECKING:
    import pyarrow

FAILURES = "failures"
OUTCOME_HEADER = ("outcome", "at", "unit")
RUNS_AT_ONCE = 3072


def write_runs(folder: Path, experiment: Experiment, batch: Batch) -> None:
    """Write runs.parquet and series.parquet, a few thousand runs at a time."""
    labels = [month_label(month) for month in range(experiment.base.start, experiment.base.end + 1)]
    with _writer(folder / RUNS) as runs, _writer(folder / SERIES) as series:
        for rows, part in batch.in_order(RUNS_AT_ONCE):
            runs(_run_table(experiment, rows, part, batch.columns))
            if experiment.ask.series:
                series(_series_table(experiment, rows, part, labels))


@contextlib.contextmanager
def _writer(path: Path) -> "Iterator[Callable[[pyarrow.Table], None]]":
    """Yield what appends row groups to a Parquet file, which takes its name when it is whole."""
    from pyarrow import parquet

    temporary = temporary_beside(path)
    writers: list[Any] = []

    def write(table: "pyarrow.Table") -> None:
        if not writers:
            writers.append(parquet.ParquetWriter(temporary, table.schema, compression="zstd"))
        writers[0].write_table(table)

    try:
        yield write
        for writer in writers:
            writer.close()
            temporary.replace(path)
    finally:
        for writer in writers:
            with contextlib.suppress(OSError):
                writer.close()
        temporary.unlink(missing_ok=True)


def _run_table(
    experiment: Experiment, rows: "np.ndarray", part: "pyarrow.Table", columns: Sequence[str]
) -> "pyarrow.Table":
    import pyarrow

    draws, seeds = experiment.block.draws, experiment.block.seeds
    number = rows // (draws * seeds)
    points = [experiment.points[place] for place in number]
    table: dict[str, Any] = {
        "run": pyarrow.array(rows.astype(np.int32)),
        "point": pyarrow.array(number.astype(np.int32)),
        "draw": pyarrow.array((rows // seeds % draws).astype(np.int32)),
        "seed": pyarrow.array((rows % seeds).astype(np.int32)),
        "status": pyarrow.array(np.where(part.column("failed").to_numpy(zero_copy_only=False), "failed", "ok")),
        "policy": pyarrow.array([point.policy for point in points]),
    }
    for axis in experiment.axes:
        kind = pyarrow.float64() if axis.is_numeric else pyarrow.string()
        table[axis.path] = pyarrow.array([_cell(axis, point) for point in points], kind)
    for column in columns:
        held = part.column(column) if column in part.column_names else np.full(len(rows), np.nan)
        values = held if isinstance(held, np.ndarray) else held.to_numpy(zero_copy_only=False)
        table[column] = pyarrow.array(np.where(np.isnan(values), np.nan, values))  # one bit pattern for every NaN
    return pyarrow.table(table)


def _series_table(
    experiment: Experiment, rows: "np.ndarray", part: "pyarrow.Table", labels: Sequence[str]
) -> "pyarrow.Table":
    import pyarrow

    table: dict[str, Any] = {
        "run": pyarrow.array(np.repeat(rows, len(labels)).astype(np.int32)),
        "month": pyarrow.array(list(labels) * len(rows)),
    }
    for name in experiment.ask.series:
        column = f"{SERIES_PREFIX}{name}"
        if column not in part.column_names:  # no run of these came back
            table[name] = pyarrow.array(np.full(len(rows) * len(labels), np.nan, dtype=np.float32))
            continue
        lists = part.column(column).combine_chunks()
        values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        whole = np.full((len(rows), len(labels)), np.nan, dtype=np.float32)
        whole[~np.asarray(lists.is_null())] = values.reshape(-1, len(labels))
        table[name] = pyarrow.array(whole.reshape(-1))
    return pyarrow.table(table)


def _cell(axis: Axis, point: Point) -> Any:
    """Return the value of an axis at a point, None where the scenario is left as written."""
    value = point.values.get(axis.path)
    if value is None or axis.is_numeric:
        return None if value is None else float(value)
    return axis.word(value)


def write_failures(folder: Path, experiment: Experiment, failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """Keep what is known of each run that failed: seed, resolved scenario, traceback and how to replay it."""
    import yaml

    place, listed = folder / FAILURES, []
    draws, seeds = experiment.block.draws, experiment.block.seeds
    shutil.rmtree(place, ignore_errors=True)
    if failures:
        place.mkdir()
    for failure in failures:
        point = experiment.points[failure.row // (draws * seeds)]
        scenario, trace = place / f"point-{point.number}.yaml", place / f"run-{failure.row}.txt"
        if not scenario.exists():
            write_whole(scenario, yaml.safe_dump(point.scenario.resolved(), sort_keys=False).encode())
        write_whole(trace, failure.trace.encode())
        listed.append({
            "run": failure.row, "point": point.number, "draw": failure.row // seeds % draws,
            "seed": failure.row % seeds, "chance": failure.row % (draws * seeds), "scenario_seed": experiment.base.seed,
            "error": failure.error, "trace": f"{FAILURES}/{trace.name}", "scenario": f"{FAILURES}/{scenario.name}",
            "replay": f"darkhorse replay {folder} --run {failure.row}",
        })  # fmt: skip
    return listed


def design_header(axes: Sequence[Axis]) -> list[str]:
    """Return the columns of design.csv."""
    return ["point", "role", "policy", "baseline", *(axis.path for axis in axes)]


def design_rows(experiment: Experiment) -> Iterator[list[str]]:
    """Yield the rows of design.csv: a point each."""
    for point in experiment.points:
        yield [str(point.number), point.role, point.policy, str(point.baseline), *_axis_cells(experiment.axes, point)]


def _axis_cells(axes: Sequence[Axis], point: Point) -> list[str]:
    cells = [_cell(axis, point) for axis in axes]
    return ["" if cell is None else number_text(cell) if isinstance(cell, float) else str(cell) for cell in cells]


def summary_header(axes: Sequence[Axis]) -> list[str]:
    """Return the columns of summary.csv."""
    return ["point", "policy", *(axis.path for axis in axes), *OUTCOME_HEADER, *LEVEL_HEADER]


def summary_rows(sweep: Sweep) -> Iterator[list[str]]:
    """Yield the rows of summary.csv: levels by point and outcome."""
    for names, values in _by_column(sweep):
        for point in sweep.points:
            found = [number_text(number) for number in numbers(level(values[point.number]))]
            yield [str(point.number), point.policy, *sweep.cells(point), *names, *found]


def effect_header(axes: Sequence[Axis]) -> list[str]:
    """Return the columns of effects.csv."""
    return ["point", "policy", "baseline", *(axis.path for axis in axes), *OUTCOME_HEADER, *EFFECT_HEADER]


def effect_rows(sweep: Sweep) -> Iterator[list[str]]:
    """Yield the rows of effects.csv: paired effects by point and outcome, baselines left out."""
    for names, values in _by_column(sweep):
        for point in (point for point in sweep.points if point.role == POINT):
            found = effect(values[point.number], values[point.baseline])
            cells = [number_text(number) for number in numbers(found)]
            yield [str(point.number), point.policy, str(point.baseline), *sweep.cells(point), *names, *cells]


def _by_column(sweep: Sweep) -> "Iterator[tuple[list[str], np.ndarray]]":
    """Yield outcome, at and unit of every column with its numbers, (points, draws, seeds)."""
    for outcome in sweep.outcomes:
        grids = sweep.grids([f"{outcome}@{end}" for end in sweep.ends])
        for end in sweep.ends:
            yield [outcome, end, sweep.unit(outcome)], grids[f"{outcome}@{end}"]
