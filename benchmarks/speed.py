"""How fast a world is played and how much memory it takes: `python -m benchmarks.speed [SECTION ...] [--json FILE]`.

Every case is measured in a process of its own with one thread; its peak memory is that of its largest process. Times
leave out the start of Python and the imports, except for `command`, the whole command as a user waits for it.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from benchmarks.worlds import with_communities, with_labs
from sim.ensemble import DEFAULT_BLOCK, THREAD_VARIABLES, Pace, run_blocks

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = "deepseek_shock"
LONG = "2032-12"
"""End of the long horizon: 132 months from 2022-01."""


@dataclass(frozen=True)
class Result:
    """One measured case: `seconds` in all for `runs` runs of `months` months on `cores` processes; memory in MB."""

    section: str
    case: str
    runs: int
    months: int
    seconds: float
    cores: int = 1
    peak_mb: float = 0.0
    note: str = ""

    @property
    def runs_per_second_and_core(self) -> float:
        """Runs a second, for each core."""
        return self.runs / self.seconds / self.cores

    @property
    def microseconds_per_run_month(self) -> float:
        """Time of one month of one run, on one core."""
        return 1e6 * self.seconds * self.cores / (self.runs * self.months)


@dataclass(frozen=True)
class Case:
    """What to measure: the world's size, the runs, the months (None: the scenario's) and how often to repeat."""

    runs: int = 1
    end: str = ""
    communities: int = 0
    labs: int = 0
    months: int = 0
    jobs: int = 1
    block: int = DEFAULT_BLOCK
    repeat: int = 1


def single() -> Iterator[Result]:
    """One run alone, in process: the best of five."""
    yield _measured("single", "one run", Case(repeat=5), ensemble, "aim: 72 months under 0.3 s")


def ensembles() -> Iterator[Result]:
    """Ensembles of 64 and 1,000 runs on one core, and 1,000 on two."""
    for runs in (64, 1000):
        yield _measured("ensemble", f"{runs} runs", Case(runs), ensemble)
    for runs in (64, 1000):
        note = "aim: 100 runs/s/core"
        yield _measured("ensemble", f"{runs} runs to {LONG}", Case(runs, LONG), ensemble, note)
    if (os.cpu_count() or 1) > 1:
        yield _measured("ensemble", "1000 runs, 2 processes", Case(1000, jobs=2), ensemble, "with the processes' start")


def communities() -> Iterator[Result]:
    """One run of 12 months with each of the 40 communities split into 1, 10, 100 and 1,000 clones."""
    for count in (40, 400, 4000, 40_000):
        case = Case(communities=count, months=12, repeat=3 if count < 40_000 else 1)
        yield _measured("communities", f"{count} communities", case, months_of_world, "aim: linear")


def labs() -> Iterator[Result]:
    """A block of 16 runs of 12 months with 4 to 32 labs."""
    for count in (4, 8, 16, 32):
        yield _measured("labs", f"{count} labs", Case(16, labs=count, months=12, repeat=3), months_of_world)


def twin() -> Iterator[Result]:
    """The per-agent Mesa twin against the arrays, over the same 24 months of the same runs."""
    slow = _measured("twin", "per-agent twin, 1 run", Case(1, months=24), months_of_twin)
    yield slow
    for runs in (1, DEFAULT_BLOCK):
        fast = _measured("twin", f"arrays, {runs} run{'s' * (runs > 1)}", Case(runs, months=24), months_of_world)
        ratio = slow.microseconds_per_run_month / fast.microseconds_per_run_month
        yield replace(fast, note=f"{ratio:.0f} times the twin" + (" (aim: 50)" if runs > 1 else ""))


def command() -> Iterator[Result]:
    """The main scenario as a user runs it: counterfactual, tables and charts, start of Python included."""
    with tempfile.TemporaryDirectory() as out:
        words = [sys.executable, "-m", "sim", "run", SCENARIO, "--json", "--out", out]
        started = time.perf_counter()
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - started
    summary = json.loads(done.stdout)
    note = f"tables after {summary['seconds']:.1f} s, {len(summary['figures'])} figures; aim: under 60 s"
    yield Result("command", f"darkhorse run {SCENARIO}", 2 * int(summary["runs"]), 72, seconds, 2, 0.0, note)


SECTIONS: dict[str, Callable[[], Iterator[Result]]] = {
    "single": single, "ensemble": ensembles, "communities": communities, "labs": labs, "twin": twin, "command": command,
}  # fmt: skip


def ensemble(case: Case) -> tuple[int, float]:
    """Run a whole scenario through the ensemble's own code path, set-up included; return (months, seconds)."""
    from sim.scenario import load_scenario

    scenario = load_scenario(SCENARIO, [f"end={case.end}"] if case.end else [])
    seconds = float("inf")
    for _ in range(case.repeat):
        started = time.perf_counter()
        for block in run_blocks({"main": scenario}, range(case.runs), pace=Pace(case.jobs, case.block)):
            if block.record is None:
                raise RuntimeError(block.error)
        seconds = min(seconds, time.perf_counter() - started)
    return scenario.months, seconds


def months_of_world(case: Case) -> tuple[int, float]:
    """Play the first months of a world of another size, its set-up left out; return (months, seconds)."""
    import numpy as np

    from sim.data import load_tables
    from sim.engine import Engine
    from sim.scenario import load_scenario

    tables, scenario = load_tables(), load_scenario(SCENARIO)
    tables = with_communities(tables, case.communities) if case.communities else tables
    tables = with_labs(tables, case.labs) if case.labs else tables
    seconds = float("inf")
    for _ in range(case.repeat):
        engine = Engine(scenario, np.arange(case.runs), tables)
        started = time.perf_counter()
        for _ in range(case.months):
            engine.advance()
        seconds = min(seconds, time.perf_counter() - started)
    return case.months, seconds


def months_of_twin(case: Case) -> tuple[int, float]:
    """Play the first months of the per-agent twin, its set-up left out; return (months, seconds)."""
    from sim.data import load_tables
    from sim.scenario import load_scenario
    from tests.twin.build import twin_inputs
    from tests.twin.model import TwinModel

    model = TwinModel(twin_inputs(load_scenario(SCENARIO), load_tables(), 0))
    started = time.perf_counter()
    for _ in range(case.months):
        model.step()
    return case.months, time.perf_counter() - started


def table(results: Sequence[Result]) -> str:
    """Return the results as a plain table."""
    rows = [("section", "case", "runs", "months", "seconds", "runs/s/core", "us/run/month", "peak MB", "")]
    for result in results:
        numbers = f"{result.runs}", f"{result.months}", f"{result.seconds:.3f}"
        rates = f"{result.runs_per_second_and_core:.1f}", f"{result.microseconds_per_run_month:.0f}"
        memory = f"{result.peak_mb:.0f}" if result.peak_mb else "-"
        rows.append((result.section, result.case, *numbers, *rates, memory, result.note))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _measured(
    section: str, case_name: str, case: Case, play: Callable[[Case], tuple[int, float]], note: str = ""
) -> Result:
    """Measure a case in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        months, seconds, peak = pool.submit(_inside, play, case).result()
    return Result(section, case_name, case.runs, months, seconds, case.jobs, peak, note)


def _inside(play: Callable[[Case], tuple[int, float]], case: Case) -> tuple[int, float, float]:
    play(replace(case, runs=1, months=1, repeat=1, jobs=1))  # imports and caches
    months, seconds = play(case)
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return months, seconds, largest / (1024**2 if sys.platform == "darwin" else 1024)


def main(words: Sequence[str] | None = None) -> None:
    """Measure the sections named, or all of them, and print a table; `--json FILE` also writes the results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description="Speed and memory of the simulation."
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file as well")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    results: list[Result] = []
    for name in asked.sections or SECTIONS:
        for result in SECTIONS[name]():
            results.append(result)
            print(f"{result.section}: {result.case}: {result.seconds:.3f} s", file=sys.stderr, flush=True)
    print(table(results))
    if asked.json:
        about = {"python": platform.python_version(), "processors": os.cpu_count(), "machine": platform.machine()}
        asked.json.write_text(json.dumps({"about": about, "results": [asdict(r) for r in results]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
