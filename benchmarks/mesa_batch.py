"""The per-agent Mesa twin through Mesa's own `batch_run`, beside the arrays: the same runs of the same scenario.

    python -m benchmarks.mesa_batch [--runs N] [--months N] [--communities N,N]

Both sides collect the same outcome in the last month; it is compared, run by run, before anything is timed as equal.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
from mesa import DataCollector
from mesa.batchrunner import batch_run

from sim.data import Tables, load_tables
from sim.engine import Engine
from sim.scenario import load_scenario
from tests.twin.build import cut_tables, twin_inputs
from tests.twin.model import TwinModel

SCENARIO = "deepseek_shock"
MEASURE, OUTCOME = "frontier_capability", "frontier"
BLOCK = 384


def world(communities: int) -> Tables:
    """The data tables with so many of the communities, evenly spaced over them."""
    tables = load_tables()
    rows = np.linspace(0, len(tables.communities.rows) - 1, communities).round().astype(int)
    return cut_tables(tables, tables.labs.text("lab"), rows.tolist())


class BatchTwin(TwinModel):
    """One run of the twin as `batch_run` wants it: made from plain arguments, with a data collector."""

    def __init__(self, run: int, months: int, communities: int) -> None:
        """Run `run` of the main scenario over so many months."""
        super().__init__(twin_inputs(load_scenario(SCENARIO), world(communities), run))
        self.last = months
        self.datacollector = DataCollector({OUTCOME: lambda model: max(model.frontiers["CN"])})
        self.running = True

    def step(self) -> None:
        """Play a month and collect, as `batch_run` expects of every step; end after the last."""
        super().step()
        self.datacollector.collect(self)
        self.running = self.month < self.last


def with_mesa(runs: int, months: int, communities: int) -> tuple[float, np.ndarray]:
    """Return seconds for so many runs, one after the other, and the outcome of each."""
    started = time.perf_counter()
    rows = batch_run(
        BatchTwin, {"run": list(range(runs)), "months": months, "communities": communities}, number_processes=1,
        max_steps=months, data_collection_period=-1, display_progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    return seconds, np.array([row[OUTCOME] for row in sorted(rows, key=lambda row: row["run"])])


def with_arrays(runs: int, months: int, communities: int) -> tuple[float, np.ndarray]:
    """Return the same from the arrays, set-up and all measures of the last month included."""
    from sim.measures import columns, record

    started = time.perf_counter()
    scenario, tables = load_scenario(SCENARIO), world(communities)
    place = columns([MEASURE]).index(f"{MEASURE}.CN")
    outcome = []
    for start in range(0, runs, BLOCK):
        engine = Engine(scenario, np.arange(start, min(start + BLOCK, runs)), tables)
        for _ in range(months):
            engine.advance()
        outcome.append(record(engine, [MEASURE])[:, place])
    return time.perf_counter() - started, np.concatenate(outcome)


def compare(runs: int, months: int, communities: int) -> str:
    """Return a line of the table: both sides on the same runs, and the arrays at a full block."""
    with_arrays(1, 1, communities)
    slow, expected = with_mesa(runs, months, communities)
    few, found = with_arrays(runs, months, communities)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    many, _ = with_arrays(BLOCK, months, communities)
    each = slow / runs, few / runs, many / BLOCK
    ratios = f"{each[0] / each[1]:8.0f} {each[0] / each[2]:8.0f}"
    return f"{communities:11d} {runs:5d} {months:6d} {each[0]:12.3f} {each[1]:12.4f} {each[2]:12.4f} {ratios}"


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mesa_batch", description=__doc__)
    parser.add_argument("--runs", default="2,8", help="numbers of runs, with commas between")
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--communities", default="10,20,40", help="numbers of communities, at most 40")
    asked = parser.parse_args(words)
    print("communities  runs months  s/run twin  s/run arrays  s/run of 384  ratio  ratio of 384")
    for communities in (int(number) for number in asked.communities.split(",")):
        for runs in (int(number) for number in asked.runs.split(",")):
            print(compare(runs, asked.months, communities), flush=True)


if __name__ == "__main__":
    main()
