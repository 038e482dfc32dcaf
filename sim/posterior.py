"""The shipped fits: draws of the uncertain numbers with weights, one table for each month up to which data were used.

A table is `posterior/<month>.csv` beside the data tables, with the columns draw, weight and one for each name that was
fitted, in the units of parameters.csv; `posterior/<month>.json` says how it came about. `darkhorse calibrate` writes
both.
"""

import csv
import functools
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.distributions import Distribution, sample
from sim.errors import InputError, Problem, nearest_name
from sim.places import data_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDER = "posterior"
GOLDEN = 0.6180339887498949
"""Step between the places of successive draws: any run of draws is spread evenly over the table."""
_MONTH = re.compile(r"\d{4}-\d{2}\.csv")


@dataclass(frozen=True)
class Posterior:
    """One fit: `weights` of its draws (they sum to 1) and `values` by name, one for each draw.

    `fitted_to`: the last month of data that it has seen, or the file it was read from. `written`: how the scenario of
    the fit wrote the gains of dated events, by name; they hold for scenarios that write them the same. `learnt`:
    contraction and shift of the fitted names' normal scores, as the fit found them (empty for a table without a note);
    other columns of the table keep the prior of the fit.
    """

    fitted_to: str
    checksum: str
    weights: tuple[float, ...]
    values: Mapping[str, tuple[float, ...]]
    written: Mapping[str, Any]
    learnt: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def distribution(self, name: str) -> Distribution:
        """Return the weighted values of a name as a distribution. Raises KeyError."""
        return sample(self.values[name], self.weights)

    def row(self, draws: "NDArray[np.int64]", start: float) -> "NDArray[np.int64]":
        """Return the row of the table that each draw number takes, evenly spread by weight from `start` in [0, 1)."""
        import numpy as np

        place = np.mod(start + draws * GOLDEN, 1.0)
        ends = np.cumsum(np.array(self.weights))
        rows: NDArray[np.int64] = np.minimum(np.searchsorted(ends, place * ends[-1], side="right"), len(ends) - 1)
        return rows

    def levels(self, name: str) -> "Floats":
        """Return the level in `distribution(name)` of each row, so that the level gives the row's value."""
        import numpy as np

        values, weights = np.array(self.values[name]), np.array(self.weights)
        order = np.argsort(values, kind="stable")
        ends = np.cumsum(weights[order])
        level = np.empty(len(values))
        level[order] = (ends - 0.5 * weights[order]) / ends[-1]
        return level


def fitted_months() -> list[str]:
    """Return the months of the shipped fits, sorted."""
    folder = data_folder() / FOLDER
    return sorted(path.stem for path in folder.glob("*.csv") if _MONTH.fullmatch(path.name)) if folder.is_dir() else []


def load_posterior(fitted_to: str | None = None) -> Posterior:
    """Return a shipped fit (the latest by default), or the one in a CSV file.

    Raises InputError where there is none of that month, or where the file is no table of draws.
    """
    months = fitted_months()
    if fitted_to is not None and fitted_to.endswith(".csv"):
        return _read(Path(fitted_to), fitted_to)
    if not months:
        remedy = "Run `darkhorse calibrate`, or write prior"
        raise InputError(Problem("no fit is shipped with this installation", path="world.base", remedy=remedy))
    month = months[-1] if fitted_to is None else fitted_to
    if month not in months:
        near = nearest_name(month, months)
        remedy = f"The shipped fits are {', '.join(months)}; `darkhorse calibrate --until {month}` makes another"
        raise InputError(Problem(f"no fit to {month} is shipped", None, None, "world.fitted_to", near, remedy))
    return _read(data_folder() / FOLDER / f"{month}.csv", month)


@functools.lru_cache(maxsize=8)
def _read(path: Path, fitted_to: str) -> Posterior:
    try:
        text = path.read_bytes()
        note = path.with_suffix(".json")
        manifest = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
        header, *lines = list(csv.reader(text.decode("utf-8").splitlines()))
        if header[:2] != ["draw", "weight"] or len(set(header)) < len(header) or not lines:
            raise ValueError("it needs the columns draw and weight, one for each name, and rows")
        if any(len(line) != len(header) for line in lines):
            raise ValueError("every row needs one number for each column")
        table = zip(*[[_number(cell) for cell in line] for line in lines], strict=True)
        columns = dict(zip(header, table, strict=True))
        del columns["draw"]
        weights = columns.pop("weight")
        if min(weights) < 0.0 or not sum(weights) > 0.0:
            raise ValueError("weights must be positive")
    except (OSError, ValueError, TypeError, IndexError) as error:
        message = error.strerror if isinstance(error, OSError) else str(error)
        remedy = "`darkhorse calibrate` writes such tables"
        raise InputError(Problem(f"cannot be read as a table of draws: {message}", str(path), remedy=remedy)) from None
    total = sum(weights)
    checksum = hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest()
    written = dict(manifest.get("event_priors", {}))
    contraction, shift = manifest.get("contraction", {}), manifest.get("shift", {})
    learnt = {name: (float(part), float(shift[name])) for name, part in contraction.items()}
    return Posterior(fitted_to, checksum, tuple(weight / total for weight in weights), columns, written, learnt)


def _number(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(f"{cell} is no finite number")
    return value
