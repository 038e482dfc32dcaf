"""What an experiment keeps of a run: outcomes at stated months, path statistics, and monthly series where asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Array
from sim.calendar import month_label
from sim.errors import InputError, Problem, nearest_name

if TYPE_CHECKING:
    from sim.lots import Lot
    from sim.scenario import Scenario

PATH = ("mean", "min", "max")
"""Statistics over all months of a run; months in which a measure is not defined are left out."""
DEFAULT_OUTCOMES = (
    "frontier_capability.CN", "frontier_capability.US", "frontier_capability.open", "gap_months.CN", "gap_months.open",
    "token_share_abroad.CN", "token_share_abroad.US", "revenue_share_abroad.CN", "hub_share.CN", "hub_share.US",
    "token_share.CN", "token_share.open", "token_share.DeepSeek", "compute_owned.CN", "compute_share.CN",
    "efficiency_researchers.CN", "algorithmic_progress.CN", "algorithmic_efficiency.CN", "effective_compute_own.CN",
    "effective_compute_borrowed.CN", "scarcity_premium.CN", "leakage_rate", "self_reliance", "supplier_revenue_lost",
)  # fmt: skip
WORLD = "world."
"""What the columns of drawn parameters begin with."""


@dataclass(frozen=True)
class Ask:
    """What is kept: `outcomes` and `series` name columns of a record (`measure.entity`), `at` month numbers."""

    outcomes: tuple[str, ...]
    at: tuple[int, ...]
    series: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The names of the outcomes, `column@YYYY-MM` for each month and `column@mean`, `@min`, `@max`."""
        ends = [*(month_label(month) for month in self.at), *PATH]
        return [f"{column}@{end}" for column in self.outcomes for end in ends]

    @property
    def measures(self) -> list[str]:
        """The measures that have to be taken every month."""
        return list(dict.fromkeys(column.partition(".")[0] for column in (*self.outcomes, *self.series)))


@dataclass(frozen=True)
class Kept:
    """What is kept of runs: `values` (runs, columns), `series` (runs, columns, months), `drawn` (runs, 1) by name."""

    values: Array
    series: NDArray[np.float32]
    drawn: dict[str, Array]


def column_names(asked: Sequence[str], option: str) -> tuple[str, ...]:
    """Return columns of a record for measures (all their entities) or columns. Raises InputError for unknown names."""
    from sim.measures import CATALOGUE

    known = [column for measure in CATALOGUE.values() for column in measure.columns]
    found: list[str] = []
    problems = []
    for name in asked:
        if name in CATALOGUE:
            found += CATALOGUE[name].columns
        elif name in known:
            found.append(name)
        else:
            near = nearest_name(name, [*known, *CATALOGUE])
            problems.append(Problem("no such outcome", option, path=name, nearest=near, remedy="Name a measure"))
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(found))


def keep(lot: "Lot", ask: Ask) -> Kept:
    """Play runs that may advance together and keep what is asked of them."""
    from sim.engine import Engine

    engine = Engine(lot)
    kept = list(dict.fromkeys([*ask.outcomes, *ask.series]))
    record = engine.run(ask.measures, kept)
    place = {column: number for number, column in enumerate(kept)}
    paths = record.values[:, :, : len(ask.outcomes)]
    months = [month - int(record.months[0]) for month in ask.at]
    stated = np.swapaxes(np.take(paths, months, axis=1), 1, 2)
    values = np.concatenate([stated, np.stack(_statistics(paths), axis=2)], axis=2).reshape(len(lot), -1)
    series = np.take(record.values, [place[column] for column in ask.series], axis=2)
    return Kept(values, np.swapaxes(series, 1, 2).astype(np.float32), dict(engine.block.drawn))


def _statistics(paths: Array) -> tuple[Array, Array, Array]:
    """Mean, minimum and maximum over the months of `paths` (runs, months, columns); NaN where never defined."""
    known = ~np.isnan(paths)
    count = known.sum(axis=1)
    never = count == 0
    mean = np.where(known, paths, 0.0).sum(axis=1) / np.maximum(count, 1)
    lowest, highest = np.where(known, paths, np.inf).min(axis=1), np.where(known, paths, -np.inf).max(axis=1)
    found = (np.where(never, np.nan, values) for values in (mean, lowest, highest))
    return next(found), next(found), next(found)


def uncertain(cases: Sequence["Scenario"]) -> tuple[str, ...]:
    """Return the parameters that are drawn in at least one of the cases."""
    names = dict.fromkeys(name for case in cases for name in case.world)
    return tuple(name for name in names if any(name in c.world and not c.world[name].is_fixed for c in cases))
