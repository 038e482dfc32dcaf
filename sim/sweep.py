"""A sweep on disk: computed part by part below one folder, then put together into its tables.

outputs/sweep-<name>-<hash>/
  experiment.json   what is computed, written first: enough to go on, to merge shards, and to replay any run
  points.jsonl.gz   the resolved scenario of every point
  parts/            finished parts; removed when all tables are there and no run failed
  failures/         traceback and resolved scenario of each run that failed
  runs.parquet, series.parquet, design.csv, summary.csv, effects.csv, manifest.json (last)
"""

import contextlib
import csv
import gzip
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.axes import Axis
from sim.batch import SERIES as SERIES_PREFIX
from sim.batch import Batch, Failure, How, compute
from sim.calendar import month_index, month_label
from sim.compare import number_text
from sim.disk import disk_errors, one_writer, write_whole
from sim.effects import EFFECT_HEADER, LEVEL_HEADER, effect, few_draws, level, numbers
from sim.experiment import POINT, Experiment, Point
from sim.outcomes import Ask
from sim.plan import code_digest, commit, machine, versions
from sim.results import FORMAT, MANIFEST, SERIES, SUMMARY, OutputError, check_tables, file_digest, read_manifest
from sim.scenario import scenario_from_resolved
from sim.scenario_schema import ExperimentBlock
from sim.sweep_results import DESIGN, EFFECTS, RUNS, Sweep
from sim.table_digest import table_digest

if TYPE_CHECKING:
    import pyarrow

KIND = "sweep"
EXPERIMENT, POINTS, FAILURES = "experiment.json", "points.jsonl.gz", "failures"
KEPT = "What was finished is kept: the same command goes on from there"
RUNS_AT_ONCE = 3072


@dataclass(frozen=True)
class Order:
    """Below which folder a sweep is computed, how, whether afresh, and the command that asked for it."""

    out: Path
    how: How
    force: bool = False
    command: str = ""


@dataclass(frozen=True)
class Swept:
    """A folder; `found` says that nothing was computed, `missing` how many runs other shards still owe."""

    folder: Path
    found: bool
    missing: int
    manifest: Mapping[str, Any]


def carry_out_sweep(experiment: Experiment, order: Order) -> Swept:
    """Compute an experiment, or what is missing of it, and write its tables; a finished one is found.

    Raises OutputError where the folder cannot be used or the disk fails: finished parts stay, and the same order goes
    on from them.
    """
    folder = order.out / experiment.folder_name
    with disk_errors(order.out, KEPT):
        if not order.force and (found := _finished(folder)) is not None:
            return Swept(folder, True, 0, found)
        folder.mkdir(parents=True, exist_ok=True)
        shard = order.how.shard
        lock = folder / (".lock" if shard is None else f".lock-{shard[0]}-of-{shard[1]}")
        with one_writer(lock, lambda who: order.how.say(f"{who} computes this sweep; waiting for it")):
            if not order.force and (found := _finished(folder)) is not None:
                return Swept(folder, True, 0, found)
            if order.force:
                _clear(folder)
            _begin(folder, experiment, order.command)
            batch = compute(folder, experiment.lot(), experiment.ask, order.how)
            if batch.missing:
                return Swept(folder, False, batch.missing, {})
            return Swept(folder, False, 0, _finish(folder, experiment, batch))


def merge(folder: Path) -> Swept:
    """Put the tables of a sweep together from parts that shards computed. Raises OutputError where some are missing."""
    with disk_errors(folder, KEPT):
        found = _finished(folder)
        if found is not None:
            return Swept(folder, True, 0, found)
        experiment = read_experiment(folder)
        with one_writer(folder / ".lock", lambda who: None):
            batch = Batch(folder)
            if batch.missing:
                share = f"{batch.rows - batch.missing} of {batch.rows} runs"
                raise OutputError(f"{folder} has {share}; wait for the other shards, or run the sweep without --shard")
            return Swept(folder, False, 0, _finish(folder, experiment, batch))


def read_experiment(folder: Path) -> Experiment:
    """Return the experiment of a folder. Raises OutputError where the folder is none, or of another format."""
    try:
        known = json.loads((folder / EXPERIMENT).read_text(encoding="utf-8"))
        with gzip.open(folder / POINTS, "rt", encoding="utf-8") as lines:
            points = [json.loads(line) for line in lines]
    except (OSError, ValueError, EOFError) as error:
        raise OutputError(f"{folder} is no folder of a sweep ({error})") from None
    if known.get("format") != FORMAT:
        raise OutputError(f"{folder} was written by another version (format {known.get('format')}, not {FORMAT})")
    block = ExperimentBlock.model_validate(known["experiment"])
    axes = tuple(Axis(**{**axis, "values": tuple(axis["values"])}) for axis in known["axes"])
    ask = Ask(tuple(known["outcomes"]), tuple(month_index(month) for month in known["at"]), tuple(known["series"]))
    found = tuple(
        Point(
            entry["point"], entry["role"], entry["policy"], entry["values"], entry["baseline"],
            scenario_from_resolved(entry["scenario"]),
        )
        for entry in points
    )  # fmt: skip
    return Experiment(scenario_from_resolved(known["scenario"]), axes, found, known["against"], block, ask)


def _finished(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder that is done and as it was written, None where there is something to compute."""
    if not (folder / MANIFEST).exists():
        return None
    manifest = read_manifest(folder)
    check_tables(folder, manifest)
    return manifest if manifest["status"] == "done" else None


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif not path.name.startswith(".lock"):
            path.unlink()


def _begin(folder: Path, experiment: Experiment, command: str) -> None:
    """Write what is computed, once."""
    if (folder / EXPERIMENT).exists():
        return
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
        for point in experiment.points:
            entry = {"point": point.number, "role": point.role, "policy": point.policy, "values": dict(point.values),
                     "baseline": point.baseline, "scenario": point.scenario.resolved()}  # fmt: skip
            packed.write(json.dumps(entry).encode() + b"\n")
    write_whole(folder / POINTS, stream.getvalue())
    write_whole(folder / EXPERIMENT, json.dumps(_head(folder, experiment, command), indent=1).encode() + b"\n")


def _head(folder: Path, experiment: Experiment, command: str) -> dict[str, Any]:
    """Return what a manifest says of the experiment itself."""
    base = experiment.base
    return {
        "format": FORMAT,
        "kind": KIND,
        "name": base.name,
        "hash": folder.name.rpartition("-")[2],
        "title": base.title,
        "seed": base.seed,
        "runs": experiment.runs,
        "points": len(experiment.points),
        "draws": experiment.block.draws,
        "seeds": experiment.block.seeds,
        "months": base.months,
        "at": [month_label(month) for month in experiment.ask.at],
        "outcomes": list(experiment.ask.outcomes),
        "series": list(experiment.ask.series),
        "axes": [vars(axis) | {"values": list(axis.values)} for axis in experiment.axes],
        "method": experiment.block.method,
        "policies": experiment.policies,
        "against": experiment.against,
        "experiment": experiment.block.model_dump(by_alias=True, exclude_none=True),
        "scenario": base.resolved(),
        "versions": versions(),
        "commit": commit(),
        "command": command,
        "platform": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _finish(folder: Path, experiment: Experiment, batch: Batch) -> dict[str, Any]:
    """Write the tables and, last, the manifest; then the parts are no longer needed, unless a run failed."""
    _write_runs(folder, experiment, batch)
    failed = _write_failures(folder, experiment, batch.failures)
    tables = [RUNS, DESIGN, SUMMARY, EFFECTS, *([SERIES] if experiment.ask.series else [])]
    _write_csv(folder / DESIGN, _design_rows(experiment))
    head = json.loads((folder / EXPERIMENT).read_text(encoding="utf-8"))
    few = few_draws(experiment.block.draws)
    manifest: dict[str, Any] = {
        **head,
        "status": "incomplete" if failed else "done",
        "failed": failed,
        "warnings": [*experiment.warnings, *([few] if few else [])],
        "digests": {"code": code_digest(), "values": table_digest(folder, tables)},
        "figures": [],
    }
    sweep = Sweep(folder, manifest)
    _write_csv(folder / SUMMARY, _summary_rows(sweep))
    _write_csv(folder / EFFECTS, _effect_rows(sweep))
    manifest["tables"] = {name: file_digest(folder / name) for name in tables}
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")
    if not failed:
        for path in [folder / "parts", folder / FAILURES]:
            shutil.rmtree(path, ignore_errors=True)
        (folder / "plan.json").unlink(missing_ok=True)
    return manifest


def _write_runs(folder: Path, experiment: Experiment, batch: Batch) -> None:
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

    temporary = path.with_name(f".{path.name}.tmp")
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
        lists = part.column(f"{SERIES_PREFIX}{name}").combine_chunks()
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


def _write_failures(folder: Path, experiment: Experiment, failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """Keep what is known of each run that failed: seed, resolved scenario, traceback and how to replay it."""
    import yaml

    place, listed = folder / FAILURES, []
    draws, seeds = experiment.block.draws, experiment.block.seeds
    if failures:
        place.mkdir(exist_ok=True)
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


def _write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    write_whole(path, stream.getvalue().encode())


def _design_rows(experiment: Experiment) -> Iterator[list[str]]:
    yield ["point", "role", "policy", "baseline", *(axis.path for axis in experiment.axes)]
    for point in experiment.points:
        yield [str(point.number), point.role, point.policy, str(point.baseline), *_axis_cells(experiment.axes, point)]


def _axis_cells(axes: Sequence[Axis], point: Point) -> list[str]:
    cells = [_cell(axis, point) for axis in axes]
    return ["" if cell is None else number_text(cell) if isinstance(cell, float) else str(cell) for cell in cells]


def _summary_rows(sweep: Sweep) -> Iterator[list[str]]:
    yield ["point", "policy", *(axis.path for axis in sweep.axes), "outcome", "at", "unit", *LEVEL_HEADER]
    for names, values in _by_column(sweep):
        for point in sweep.points:
            found = [number_text(number) for number in numbers(level(values[point.number]))]
            yield [str(point.number), point.policy, *sweep.cells(point), *names, *found]


def _effect_rows(sweep: Sweep) -> Iterator[list[str]]:
    yield ["point", "policy", "baseline", *(axis.path for axis in sweep.axes), "outcome", "at", "unit", *EFFECT_HEADER]
    for names, values in _by_column(sweep):
        for point in (point for point in sweep.points if point.role == POINT):
            found = effect(values[point.number], values[point.baseline])
            cells = [number_text(number) for number in numbers(found)]
            yield [str(point.number), point.policy, str(point.baseline), *sweep.cells(point), *names, *cells]


def _by_column(sweep: Sweep) -> "Iterator[tuple[list[str], np.ndarray]]":
    """Yield outcome, at and unit of every column with its numbers, (points, draws, seeds)."""
    for outcome in sweep.outcomes:
        for end in sweep.ends:
            yield [outcome, end, sweep.unit(outcome)], sweep.grid(f"{outcome}@{end}")
