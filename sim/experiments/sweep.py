"""A sweep on disk: computed part by part below one folder, then put together into its tables.

outputs/sweep-<name>-<hash>/
  experiment.json   what is computed, written first: enough to go on, to merge shards, and to replay any run
  points.jsonl.gz   the resolved scenario of every point
  parts/            finished parts; removed when all tables are there and no run failed
  failures/         traceback and resolved scenario of each run that failed
  runs.parquet, series.parquet, design.csv, summary.csv, effects.csv, manifest.json (last)
"""

import contextlib
import gzip
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.calendar import month_index, month_label
from sim.disk import clear_unfinished, disk_errors, one_writer, write_csv, write_whole
from sim.errors import InputError
from sim.experiments.axes import Axis
from sim.experiments.batch import Batch, How, compute
from sim.experiments.effects import few_draws
from sim.experiments.experiment import Experiment, Point
from sim.experiments.outcomes import Ask
from sim.experiments.sweep_results import DESIGN, EFFECTS, EXPERIMENT, RUNS, Sweep
from sim.experiments.sweep_tables import (
    FAILURES,
    design_header,
    design_rows,
    effect_header,
    effect_rows,
    summary_header,
    summary_rows,
    write_failures,
    write_runs,
)
from sim.experiments.table_digest import table_digest
from sim.plan import code_digest, commit, machine, versions
from sim.results import FORMAT, MANIFEST, SERIES, SUMMARY, OutputError, check_tables, file_digest, read_manifest
from sim.scenario import scenario_from_resolved
from sim.scenario_schema import ExperimentBlock

KIND = "sweep"
POINTS = "points.jsonl.gz"
KEPT = "What was finished is kept: the same command goes on from there"


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
            begun = _begin(folder, experiment, order.command)
            try:
                batch = compute(folder, experiment.lot(), experiment.ask, order.how)
            except InputError:
                if begun and shard is None:
                    _leave_nothing(folder)
                raise
            if batch.missing:
                return Swept(folder, False, batch.missing, {})
            if shard is None:
                return Swept(folder, False, 0, _finish(folder, experiment, batch))
        return merge(folder)


def merge(folder: Path) -> Swept:
    """Put the tables of a sweep together from parts that shards computed. Raises OutputError where some are missing."""
    with disk_errors(folder, KEPT):
        found = _finished(folder)
        if found is not None:
            return Swept(folder, True, 0, found)
        experiment = read_experiment(folder)
        with one_writer(folder / ".lock", lambda who: None):
            found = _finished(folder)
            if found is not None:
                return Swept(folder, True, 0, found)
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
    if manifest["status"] != "done":
        return None
    check_tables(folder, manifest)
    return manifest


def _leave_nothing(folder: Path) -> None:
    """Remove a folder in which nothing was computed, and the one above it if that is empty."""
    if not any((folder / "parts").glob("*.parquet")):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif not path.name.startswith(".lock"):
            path.unlink()


def _begin(folder: Path, experiment: Experiment, command: str) -> bool:
    """Write what is computed, once; return whether this was the first time."""
    if (folder / EXPERIMENT).exists():
        return False
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
        for point in experiment.points:
            entry = {"point": point.number, "role": point.role, "policy": point.policy, "values": dict(point.values),
                     "baseline": point.baseline, "scenario": point.scenario.resolved()}  # fmt: skip
            packed.write(json.dumps(entry).encode() + b"\n")
    write_whole(folder / POINTS, stream.getvalue())
    write_whole(folder / EXPERIMENT, json.dumps(_head(folder, experiment, command), indent=1).encode() + b"\n")
    return True


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
    (folder / MANIFEST).unlink(missing_ok=True)  # of an earlier try, whose hashes hold no longer
    clear_unfinished(folder)
    write_runs(folder, experiment, batch)
    failed = write_failures(folder, experiment, batch.failures)
    tables = [RUNS, DESIGN, SUMMARY, EFFECTS, *([SERIES] if experiment.ask.series else [])]
    write_csv(folder / DESIGN, design_header(experiment.axes), design_rows(experiment))
    head = json.loads((folder / EXPERIMENT).read_text(encoding="utf-8"))
    few = few_draws(experiment.block.draws)
    manifest: dict[str, Any] = {
        **head,
        "status": "incomplete" if failed else "done",
        "failed": failed,
        "warnings": [*experiment.warnings, *([few] if few else [])],
        "digests": {"code": code_digest("experiments"), "values": table_digest(folder, tables)},
        "figures": [],
    }
    sweep = Sweep(folder, manifest)
    write_csv(folder / SUMMARY, summary_header(sweep.axes), summary_rows(sweep))
    write_csv(folder / EFFECTS, effect_header(sweep.axes), effect_rows(sweep))
    manifest["tables"] = {name: file_digest(folder / name) for name in tables}
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")
    if not failed:
        for path in [folder / "parts", folder / FAILURES]:
            shutil.rmtree(path, ignore_errors=True)
        (folder / "plan.json").unlink(missing_ok=True)
    return manifest
