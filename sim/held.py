"""Results in memory, read like a folder of results: for notebooks and for the live policy desk."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_label
from sim.compare import count_warning
from sim.ensemble import Pace, run_arms
from sim.results import Floats, Months, OutputError

if TYPE_CHECKING:
    from sim.engine import Record
    from sim.plan import Plan


class HeldResults:
    """The numbers of some arms in memory. Same attributes and readers as `sim.results.Results`.

    `arms`: names in order, the base or main arm first. `columns`: measures as in `token_share.CN`. `runs`: run numbers.
    """

    def __init__(self, plan: "Plan", records: Mapping[str, "Record"]) -> None:
        """Hold the records of a plan's arms; all need the same runs and columns."""
        first = next(iter(records.values()))
        self.folder = Path(plan.name)
        self.arms = list(records)
        self.columns = list(first.columns)
        self.runs: Months = np.asarray(first.rows, dtype=np.int64)
        self.manifest: Mapping[str, Any] = _manifest(plan, len(self.runs), self.columns)
        self._records = dict(records)
        self._place = {column: place for place, column in enumerate(self.columns)}

    def months(self, arm: str) -> Months:
        """Return the month numbers of an arm. Raises KeyError."""
        return np.asarray(self._records[arm].months, dtype=np.int64)

    def record(self, arm: str) -> "Record":
        """Return the whole record of an arm. Raises KeyError."""
        return self._records[arm]

    def read(self, columns: Sequence[str]) -> dict[str, dict[str, Floats]]:
        """Return arrays of shape (runs, months) by column and arm. Raises OutputError where a column is missing."""
        missing = [column for column in columns if column not in self._place]
        if missing:
            raise OutputError(f"{', '.join(missing)} was not measured")
        return {
            column: {arm: record.values[:, :, self._place[column]] for arm, record in self._records.items()}
            for column in columns
        }

    def in_parts(self) -> Iterator[tuple[str, dict[str, Floats]]]:
        """Yield every column with its arrays by arm."""
        yield from self.read(self.columns).items()


def held_run(
    plan: "Plan", runs: Sequence[int], measures: Sequence[str] | None, pace: Pace | None = None
) -> HeldResults:
    """Compute the runs `runs` of every arm of a plan and hold their numbers. Raises RunError where a block failed."""
    return HeldResults(plan, run_arms(plan.arms, runs, measures, pace))


def _manifest(plan: "Plan", runs: int, columns: Sequence[str]) -> dict[str, Any]:
    """What the readers of a folder's manifest need; nothing is said of files, as there are none."""
    base = plan.base
    return {
        "kind": plan.kind,
        "name": plan.name,
        "title": base.title,
        "seed": base.seed,
        "runs": runs,
        "hash": "not on disk",
        "scenario": base.resolved(),
        "arms": {arm: scenario.resolved() for arm, scenario in plan.arms.items()},
        "pairs": [list(pair) for pair in plan.pairs],
        "at": [month_label(month) for month in plan.at],
        "measures": list(columns),
        "warnings": [warning] if (warning := count_warning(runs)) else [],
        "figures": [],
    }
