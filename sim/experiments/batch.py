"""Computes a long list of runs part by part, on disk, so that nothing finished is ever lost.

The parts are cut by the list alone; workers, their number and kind, shards, interruptions and the order in which parts
are finished move no bit. A run that fails is kept as data: where, which, why.
"""

import hashlib
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import Array, Flags, Whole
from sim.ensemble import DEFAULT_BLOCK, default_jobs
from sim.errors import InputError
from sim.executors import Done, error_line, executor
from sim.experiments.outcomes import WORLD, Ask, Kept, keep, uncertain
from sim.experiments.parts import Parts, noted, read_part
from sim.lots import Lot
from sim.results import OutputError

if TYPE_CHECKING:
    import pyarrow

SMALLEST_PART, PARTS_WANTED = 64, 4
"""A list is cut into equal parts, four or a multiple of it, so that some workers end at the same time."""
FEW_FAILURES = 32
"""Failing runs of a part that are looked for one by one; after that, what fails together is kept as failed together."""
SERIES = "series:"
"""What the columns of monthly series begin with in a part."""
FAILURES = "failures"

Keep = Callable[[Lot, Ask], Kept]


@dataclass(frozen=True)
class Failure:
    """A run that could not be computed: its number in the list, one line on what went wrong, and the traceback."""

    row: int
    error: str
    trace: str


@dataclass(frozen=True)
class How:
    """How a list is computed; none of it moves a bit.

    `executor`: here, processes or dask, with `jobs` workers, or the scheduler of a cluster that runs already. `shard`:
    compute only part i of every n (from 1). `progress` is told the runs done and in all; `say` what else happens.
    """

    executor: str = "processes"
    jobs: int | None = None
    scheduler: str | None = None
    shard: tuple[int, int] | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda text: None
    keep: Keep = keep


@dataclass(frozen=True)
class _Task:
    """One part of the list, for a worker. `parameters`: names whose draws are kept."""

    rows: Whole
    lot: Lot
    ask: Ask
    parameters: tuple[str, ...]
    keep: Keep


class Batch:
    """The runs of a list that are on disk below a folder: one row each, in the order of the list."""

    def __init__(self, place: Path, found: Mapping[int, Path] | None = None) -> None:
        """Open what `compute` wrote below `place`; `found` are its parts, where they have been looked through already.

        Raises OSError, and OutputError where there is nothing, or no part is whole.
        """
        self.parts = Parts(place)
        self.rows = int(self.parts.plan["runs"])
        files = self.parts.found() if found is None else found
        if not files:
            raise OutputError(f"{place} has no finished part; run again")
        self._files = [files[number] for number in sorted(files)]
        self._cuts = [_column(read_part(path, ["row"]), "row") for path in self._files]
        self._part, self._row = np.full(self.rows, -1), np.full(self.rows, -1)
        for number, rows in enumerate(self._cuts):
            self._part[rows], self._row[rows] = number, np.arange(len(rows))

    @property
    def missing(self) -> int:
        """Number of runs whose part is not there."""
        return int((self._part < 0).sum())

    @property
    def columns(self) -> list[str]:
        """Every column: outcomes, then the uncertain parameters as `world.<name>`."""
        return [*self.parts.plan["columns"], *(f"{WORLD}{name}" for name in self.parts.plan["parameters"])]

    @property
    def failed(self) -> Flags:
        """Whether a run failed, (rows,); runs whose part is not there count as failed."""
        flags = np.ones(self.rows, dtype=bool)
        for rows, path in zip(self._cuts, self._files, strict=True):
            flags[rows] = _column(read_part(path, ["failed"]), "failed")
        return flags

    @property
    def failures(self) -> list[Failure]:
        """What went wrong, run by run, in order."""
        found = [Failure(**entry) for path in self._files for entry in noted(path, FAILURES)]
        return sorted(found, key=lambda failure: failure.row)

    def read(self, columns: Sequence[str]) -> dict[str, Array]:
        """Return arrays (rows,) by column, NaN where a run failed or has no value. Raises KeyError."""
        unknown = set(columns) - set(self.columns)
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        values = {column: np.full(self.rows, np.nan) for column in columns}
        for rows, path in zip(self._cuts, self._files, strict=True):
            table = read_part(path, list(columns))
            for column in table.column_names:
                values[column][rows] = _column(table, column)
        return values

    def in_order(self, rows_at_once: int) -> Iterator[tuple[Whole, "pyarrow.Table"]]:
        """Yield the runs in order, so many at a time, with row numbers. Raises OutputError where any is missing."""
        import pyarrow

        if self.missing:
            raise OutputError(f"{self.parts.folder}: {self.missing} runs are missing; run again")
        for start in range(0, self.rows, rows_at_once):
            rows = np.arange(start, min(start + rows_at_once, self.rows))
            tables, places, offset = [], np.empty(len(rows), dtype=np.int64), 0
            for number in np.unique(self._part[rows]):
                here = self._part[rows] == number
                tables.append(read_part(self._files[number]).take(self._row[rows[here]]))
                places[here] = offset + np.arange(here.sum())
                offset += int(here.sum())
            yield rows, pyarrow.concat_tables(tables, promote_options="default").take(places)


def compute(place: Path, lot: Lot, ask: Ask, how: How) -> Batch:
    """Compute the runs of a lot below the folder `place`, or what is missing of them; return all that is there.

    Parts with failed runs are tried again. Raises OSError and OutputError where the folder cannot be used, InputError
    where a scenario is at fault or an executor cannot be had; what was finished before stays.
    """
    cuts = list(lot.blocks(part_size(len(lot))))
    varied = uncertain(lot.cases)
    plan = {"table": fingerprint(lot, ask), "runs": len(lot), "parts": len(cuts), "columns": ask.columns}
    parts = Parts(place, {**plan, "series": ask.series, "parameters": varied})
    found = parts.found()
    whole = {number: path for number, path in found.items() if not noted(path, FAILURES)}
    wanted = [number for number in range(len(cuts)) if number not in whole and _mine(number, how.shard)]
    done = sum(len(cuts[number]) for number in whole)
    how.progress(done, len(lot))
    tasks = ((n, _Task(cuts[n], _light(lot.take(cuts[n])), ask, varied, how.keep)) for n in wanted)
    for finished in _finished(tasks, len(wanted), how):
        rows = cuts[finished.index]
        table = finished.value if finished.value is not None else _lost(rows, ask, finished)
        found[finished.index] = parts.write(finished.index, table)
        done += len(rows)
        how.progress(done, len(lot))
    return Batch(place, found)


def _finished(tasks: "Iterator[tuple[int, _Task]]", count: int, how: How) -> "Iterator[Done[pyarrow.Table]]":
    if not count:
        return
    jobs = max(1, min(how.jobs or default_jobs(), count))
    name = "here" if how.executor == "processes" and count == 1 else how.executor
    with executor(name, jobs, how.scheduler) as workers:
        yield from workers.run(compute_part, tasks)


def part_size(runs: int) -> int:
    """Return the number of runs in a part of a list of so many: it depends on nothing else."""
    parts = PARTS_WANTED * -(-runs // (PARTS_WANTED * DEFAULT_BLOCK))
    return max(SMALLEST_PART, -(-runs // parts))


def fingerprint(lot: Lot, ask: Ask) -> str:
    """Return a hash of a list of runs and of what is kept of them."""
    digest = hashlib.sha256(json.dumps([case.digest() for case in lot.cases]).encode())
    for numbers in (lot.case, lot.draw, lot.chance, lot.places):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    digest.update(json.dumps([lot.names, ask.outcomes, ask.at, ask.series]).encode())
    return digest.hexdigest()


def compute_part(task: _Task) -> "pyarrow.Table":
    """Compute the runs of one part; where some fail, find which and keep the others. Raises InputError."""
    columns, width = task.ask.columns, task.lot.first.months
    values = np.full((len(task.lot), len(columns)), np.nan)
    series = np.full((len(task.lot), len(task.ask.series), width), np.nan, dtype=np.float32)
    drawn: dict[str, Array] = {}
    failures: list[Failure] = []
    for rows, kept in _attempts(task, np.arange(len(task.lot)), failures):
        values[rows], series[rows] = kept.values, kept.series
        for name in task.parameters:
            if name in kept.drawn:  # a number of a lab or chip is drawn only where a case sets it
                drawn.setdefault(name, np.full(len(task.lot), np.nan))[rows] = kept.drawn[name][:, 0]
    return _table(task.rows, task.ask, values, series, drawn, failures)


def _attempts(task: _Task, rows: Whole, failures: list[Failure]) -> Iterator[tuple[Whole, Kept]]:
    """Yield what could be computed of some rows, in halves where the whole fails; note what could not."""
    try:
        kept = task.keep(task.lot.take(rows), task.ask)
    except InputError:
        raise
    except Exception as error:  # the other runs go on, and this one is told of
        if len(rows) > 1 and len(failures) < FEW_FAILURES:
            middle = len(rows) // 2
            yield from _attempts(task, rows[:middle], failures)
            yield from _attempts(task, rows[middle:], failures)
        else:
            trace = "".join(traceback.format_exception(error))
            line = error_line(error) + (f" (one of {len(rows)} runs that failed together)" if len(rows) > 1 else "")
            failures += [Failure(int(task.rows[row]), line, trace) for row in rows]
    else:
        yield rows, kept


def _table(
    rows: Whole, ask: Ask, values: Array, series: "np.ndarray", drawn: dict[str, Array], failures: list[Failure]
) -> "pyarrow.Table":
    import pyarrow

    failed = np.isin(rows, [failure.row for failure in failures])
    columns: dict[str, Any] = {"row": pyarrow.array(rows), "failed": pyarrow.array(failed)}
    columns |= {name: pyarrow.array(values[:, place]) for place, name in enumerate(ask.columns)}
    columns |= {f"{WORLD}{name}": pyarrow.array(numbers) for name, numbers in drawn.items()}
    for place, name in enumerate(ask.series):
        flat = pyarrow.array(np.ascontiguousarray(series[:, place]).reshape(-1))
        columns[f"{SERIES}{name}"] = pyarrow.FixedSizeListArray.from_arrays(flat, series.shape[2])
    notes = json.dumps([asdict(failure) for failure in failures]).encode()
    return pyarrow.table(columns).replace_schema_metadata({FAILURES: notes})


def _lost(rows: Whole, ask: Ask, finished: "Done[Any]") -> "pyarrow.Table":
    """Return a part none of whose runs could be had, since the worker itself did not come back."""
    failures = [Failure(int(row), finished.error, finished.trace) for row in rows]
    nothing = np.full((len(rows), len(ask.columns)), np.nan)
    return _table(rows, replace(ask, series=()), nothing, np.empty((len(rows), 0, 1)), {}, failures)


def _light(lot: Lot) -> Lot:
    """Return a lot whose cases carry only what the engine needs, so that little is sent to workers."""
    shared = dict(lot.first.world)
    cases = []
    for case in lot.cases:
        world = {name: shared[name] if shared.get(name) == dist else dist for name, dist in case.world.items()}
        cases.append(replace(case, world=world, storyline="", _resolved={}, _counterfactual=None))
    return replace(lot, cases=tuple(cases))


def _mine(number: int, shard: tuple[int, int] | None) -> bool:
    return shard is None or number % shard[1] == shard[0] - 1


def _column(table: "pyarrow.Table", name: str) -> Any:
    return table.column(name).to_numpy(zero_copy_only=False)
