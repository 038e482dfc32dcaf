"""One run of a sweep computed alone and held against the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.arrays import Array
from sim.executors import error_line
from sim.experiments.batch import Batch
from sim.experiments.experiment import Experiment
from sim.experiments.outcomes import keep
from sim.experiments.sweep import read_experiment
from sim.experiments.sweep_results import Sweep
from sim.results import MANIFEST, OutputError


@dataclass(frozen=True)
class Replayed:
    """A run computed alone beside its record; `numbers` are its outcomes, none where it fails (again)."""

    equal: bool
    text: str
    point: int
    setting: str
    draw: int
    seed: int
    numbers: Mapping[str, float]


def replay(folder: Path, run: int) -> Replayed:
    """Compute one run of a sweep alone and compare it with the record. Raises OutputError where it has no such run."""
    experiment = read_experiment(folder)
    if not 0 <= run < experiment.runs:
        raise OutputError(f"{folder} has no run {run}; it has runs 0 to {experiment.runs - 1}")
    recorded, failed = _recorded(folder, run, experiment.ask.columns)
    try:
        kept = keep(experiment.lot().take(np.array([run])), experiment.ask)
    except Exception as error:  # what a failed run is replayed for
        text = f"fails: {error_line(error)}" + (", as recorded" if failed else ", and did not when it was recorded")
        return _told(experiment, run, failed, text, {})
    numbers = dict(zip(experiment.ask.columns, kept.values[0].tolist(), strict=True))
    if failed:
        return _told(experiment, run, False, "failed when it was recorded, and does not now", numbers)
    apart = [name for name, value in zip(numbers, recorded, strict=True) if not _same(numbers[name], float(value))]
    text = f"NOT equal: {len(apart)} numbers differ, first {apart[0]}" if apart else "equal to the record, bit for bit"
    return _told(experiment, run, not apart, text, numbers)


def _told(experiment: Experiment, run: int, equal: bool, text: str, numbers: Mapping[str, float]) -> Replayed:
    draws, seeds = experiment.block.draws, experiment.block.seeds
    point = experiment.points[run // (draws * seeds)]
    setting = ", ".join([point.policy, *(f"{path} = {value}" for path, value in point.values.items())])
    return Replayed(equal, text, point.number, setting, run // seeds % draws, run % seeds, numbers)


def _same(first: float, second: float) -> bool:
    return first == second or (first != first and second != second)


def _recorded(folder: Path, run: int, columns: Sequence[str]) -> tuple[Array, bool]:
    """Return the outcomes on record of a run, and whether it failed."""
    if (folder / MANIFEST).exists():
        values = Sweep(folder).read([*columns, "status"])
        return np.array([values[column][run] for column in columns]), bool(values["status"][run] == "failed")
    batch = Batch(folder)
    numbers = batch.read(columns)
    return np.array([numbers[column][run] for column in columns]), bool(batch.failed[run])
