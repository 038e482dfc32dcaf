"""Ensembles: many runs of one or several worlds, computed in blocks, in this process or over several.

A single run is an ensemble of one. A run looks its luck up by its number, so its bits are the same in any block, in any
process and beside any other runs; two worlds that are computed for the same run numbers share their luck.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.executors import THREAD_VARIABLES as THREAD_VARIABLES
from sim.executors import error_line, one_thread_each, process_pool

if TYPE_CHECKING:
    from sim.engine import Record
    from sim.scenario import Scenario

DEFAULT_BLOCK = 640
"""Runs that advance together: below, Python's overhead shows; above, the arrays outgrow the caches."""
SMALLEST_SHARE = 32
"""Runs that repay the start of a process."""

Rows = NDArray[np.int64]
Simulate = Callable[["Scenario", Rows, "list[str] | None"], "Record"]
Progress = Callable[[int, int], None]
"""Called with the number of runs that are finished and the number in all (every arm counts)."""


class RunError(RuntimeError):
    """Runs that could not be computed; the text says which, and why."""


@dataclass(frozen=True)
class Block:
    """The result of a block: `rows` are its run numbers, `record` is None where it failed and `error` says why."""

    arm: str
    rows: Rows
    record: "Record | None"
    error: str = ""


@dataclass(frozen=True)
class Pace:
    """How an ensemble is computed; none of it moves a single bit of the results.

    `jobs`: processes. `block`: most runs to advance together. `progress`: told at the start and after every block.
    """

    jobs: int = 1
    block: int = DEFAULT_BLOCK
    progress: Progress | None = None


@dataclass(frozen=True)
class _Task:
    arm: str
    scenario: "Scenario"
    rows: Rows
    measures: "list[str] | None"


def simulate_block(scenario: "Scenario", rows: Rows, measures: "list[str] | None") -> "Record":
    """Compute the runs `rows` of a scenario together and return their record."""
    from sim.engine import Engine

    return Engine(scenario, rows).run(measures)


def default_jobs() -> int:
    """Return the number of processes that a command uses unless told otherwise: two, or one on a single core."""
    return min(2, os.cpu_count() or 1)


def run_blocks(
    arms: Mapping[str, "Scenario"],
    rows: Iterable[int],
    measures: Sequence[str] | None = None,
    pace: Pace | None = None,
    simulate: Simulate = simulate_block,
) -> Generator[Block, None, None]:
    """Yield the blocks of every arm: the arms in turn, within an arm the runs in the order of `rows`.

    `measures`: names of the measures to record, None for all. A block that fails is yielded with its error and the
    others go on. Only a few blocks for each process are held at a time, so memory does not grow with the runs.
    Raises InputError where the scenario itself is at fault, and RunError when a process is killed.
    """
    chosen = pace or Pace()
    wanted = None if measures is None else list(measures)
    numbers = np.fromiter(rows, dtype=np.int64)
    workers = max(1, min(chosen.jobs, -(-len(numbers) * len(arms) // SMALLEST_SHARE)))
    size = max(1, min(chosen.block, -(-len(numbers) * len(arms) // workers)))
    parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    tasks = [_Task(arm, scenario, part, wanted) for arm, scenario in arms.items() for part in parts]
    report = _counter(chosen.progress, len(numbers) * len(arms))
    if workers == 1:
        yield from _here(tasks, simulate, report)
    else:
        yield from _in_processes(tasks, workers, simulate, report)


def run_arms(
    arms: Mapping[str, "Scenario"],
    rows: Iterable[int],
    measures: Sequence[str] | None = None,
    pace: Pace | None = None,
    simulate: Simulate = simulate_block,
) -> dict[str, "Record"]:
    """Return one record of all `rows` for each arm. Raises RunError with every block that failed."""
    parts: dict[str, list[Record]] = {arm: [] for arm in arms}
    failed = []
    for block in run_blocks(arms, rows, measures, pace, simulate):
        if block.record is None:
            failed.append(block)
        else:
            parts[block.arm].append(block.record)
    if failed:
        raise RunError(describe_failures(failed))
    return {arm: _joined(records) for arm, records in parts.items() if records}


def describe_failures(failed: Sequence[Block]) -> str:
    """Return one line for each block that failed: its arm, its runs and the error."""
    return "\n".join(
        f"runs {block.rows[0]} to {block.rows[-1]} of '{block.arm}' failed: {block.error}" for block in failed
    )


def _joined(records: "list[Record]") -> "Record":
    rows = np.concatenate([record.rows for record in records])
    return replace(records[0], rows=rows, values=np.concatenate([record.values for record in records]))


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    finished = 0

    def count(runs: int) -> None:
        nonlocal finished
        finished += runs
        if progress is not None:
            progress(finished, total)

    count(0)
    return count


def _here(tasks: Sequence[_Task], simulate: Simulate, report: Callable[[int], None]) -> Iterator[Block]:
    for task in tasks:
        block = _compute(simulate, task)
        report(len(task.rows))
        yield block


def _in_processes(
    tasks: Sequence[_Task], workers: int, simulate: Simulate, report: Callable[[int], None]
) -> Iterator[Block]:
    """Compute the tasks in spawned processes; they finish in any order and are yielded in theirs."""
    left = deque(tasks)
    under_way: deque[Future[Block]] = deque()
    with one_thread_each(), process_pool(workers) as pool:
        try:
            while left or under_way:
                while left and len(under_way) < 2 * workers:
                    task = left.popleft()
                    future = pool.submit(_compute, simulate, task)
                    future.add_done_callback(_finished(len(task.rows), report))
                    under_way.append(future)
                yield under_way.popleft().result()
        except BrokenProcessPool:
            message = "a worker process was ended from outside, perhaps for want of memory; try fewer --jobs"
            raise RunError(message) from None


def _finished(runs: int, report: Callable[[int], None]) -> Callable[["Future[Block]"], None]:
    def call(future: "Future[Block]") -> None:
        if not future.cancelled() and future.exception() is None:
            report(runs)

    return call


def _compute(simulate: Simulate, task: _Task) -> Block:
    try:
        return Block(task.arm, task.rows, simulate(task.scenario, task.rows, task.measures))
    except InputError:
        raise
    except Exception as error:  # the other blocks go on; the caller reports it
        return Block(task.arm, task.rows, None, error_line(error))
