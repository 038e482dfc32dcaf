"""What a side wants: the objectives that policies are weighed by, where a sweep has them, and their weights."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.analysis.condition import PATH_STATISTICS
from sim.errors import InputError, Problem, nearest_name

if TYPE_CHECKING:
    from sim.experiments.sweep_results import Sweep

Floats = NDArray[np.float64]

_OWN = re.compile(r"(?P<outcome>[A-Za-z_][\w.]*)(?:@(?P<place>[\w-]+))?:(?P<better>higher|lower)")


@dataclass(frozen=True)
class Objective:
    """One thing that is wanted: a column of runs.parquet, in words and units.

    `higher`: whether more of it is better; `factor` turns the unit of the column into `unit`.
    """

    column: str
    name: str
    unit: str
    higher: bool
    factor: float = 1.0

    @property
    def sign(self) -> float:
        """1 where more is better, else -1."""
        return 1.0 if self.higher else -1.0


@dataclass(frozen=True)
class Wanted:
    """An objective of a side before it is known which months a sweep holds; `summed`: over all months, not at one."""

    outcome: str
    name: str
    unit: str
    higher: bool
    factor: float = 1.0
    summed: bool = False


SIDES: Mapping[str, tuple[Wanted, ...]] = {
    "sender": (
        Wanted("gap_months.CN", "Chinese lag", "months", True),
        Wanted("supplier_revenue_lost", "chip sales lost", "bn$ in all", False, 1e-3, True),
        Wanted("hub_share.US", "US share of open models", "points", True, 100.0),
    ),
    "challenger": (
        Wanted("gap_months.CN", "Chinese lag", "months", False),
        Wanted("token_share_abroad.CN", "Chinese share of tokens abroad", "points", True, 100.0),
        Wanted("self_reliance", "domestic share of new chips", "points", True, 100.0),
    ),
}
"""The sender sets the controls (US), the challenger is under them (CN). Each wants some of one thing and of another."""


def objectives_of(sweep: "Sweep", side: str, own: Sequence[str], at: str | None) -> tuple[Objective, ...]:
    """Return the objectives of a side, or those written as `OUTCOME[@PLACE]:higher` or `:lower`, as a sweep has them.

    `at`: the month (YYYY-MM), by default the last on record. Raises InputError for what the sweep does not hold.
    """
    month = at or max(sweep.at)
    if month not in sweep.at:
        raise InputError(Problem(f"nothing was recorded @{month}", path="--at",
                                 remedy=f"Recorded are {', '.join(sweep.at)}"))  # fmt: skip
    found = [_written(text, month) for text in own] or [_of_side(sweep, wanted, month) for wanted in SIDES[side]]
    if len({objective.column for objective in found}) < 2:
        raise InputError(Problem("a trade-off needs two objectives or more", path="--objective",
                                 remedy="Give the option once for each, with different outcomes"))  # fmt: skip
    held = {f"{outcome}@{place}" for outcome in sweep.outcomes for place in (*sweep.at, *PATH_STATISTICS)}
    missing = [objective.column for objective in found if objective.column not in held]
    if missing:
        raise InputError([_missing(column, sorted(held)) for column in missing])
    return tuple(found)


def _missing(column: str, held: Sequence[str]) -> Problem:
    remedy = "Name it under outcomes: in the experiment and sweep again, or choose objectives with --objective"
    return Problem(f"{column} was not recorded", path="--objective", nearest=nearest_name(column, held), remedy=remedy)


def _of_side(sweep: "Sweep", wanted: Wanted, month: str) -> Objective:
    if wanted.summed:
        months = float(sweep.manifest["months"])
        return Objective(f"{wanted.outcome}@mean", wanted.name, wanted.unit, wanted.higher, wanted.factor * months)
    return Objective(f"{wanted.outcome}@{month}", wanted.name, wanted.unit, wanted.higher, wanted.factor)


def _written(text: str, month: str) -> Objective:
    from sim.measures import CATALOGUE

    found = _OWN.fullmatch(text.replace(" ", ""))
    if found is None:
        raise InputError(Problem(f"'{text[:80]}' is not an objective", path="--objective",
                                 remedy="Write OUTCOME[@YYYY-MM|@mean|@min|@max]:higher or :lower"))  # fmt: skip
    known = CATALOGUE.get(found["outcome"].partition(".")[0])
    unit = known.unit if known else ""
    is_share = unit.startswith("share")
    place = found["place"] or month
    name = found["outcome"] if place == month else f"{found['outcome']}@{place}"
    return Objective(f"{found['outcome']}@{place}", name, "points" if is_share else unit, found["better"] == "higher",
                     100.0 if is_share else 1.0)  # fmt: skip


def weights_of(text: str | None, count: int) -> Floats:
    """Return the weights of `count` objectives, summing to 1: equal, or as written (`2,1,1`). Raises InputError."""
    if text is None:
        return np.full(count, 1.0 / count)
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    good = len(numbers) == count and all(math.isfinite(number) and number >= 0.0 for number in numbers)
    if not good or sum(numbers) <= 0.0:
        remedy = f"Write {count} numbers from 0 up with commas between them, as in 2,1,1"
        raise InputError(
            Problem(f"'{text[:80]}' are no weights for {count} objectives", path="--weights", remedy=remedy)
        )
    return np.array(numbers) / sum(numbers)
