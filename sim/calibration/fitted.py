"""The data that a calibration fits: rows of targets.csv with the role FITTED up to a month, on their scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Array
from sim.calendar import month_index
from sim.data import Row, Tables
from sim.errors import InputError, Problem
from sim.fact_formulas import columns_of, state
from sim.measures import CATALOGUE
from sim.operators import Scale, transform

if TYPE_CHECKING:
    from sim.monthly import Monthly

FITTED = "FITTED"


@dataclass(frozen=True)
class Targets:
    """Some rows of targets.csv; arrays (rows,) are on each row's scale.

    `observed`: what the source says. `error`: its standard deviation. `discrepancy`: that of what the model leaves out.
    """

    rows: tuple[Row, ...]
    observed: Array
    error: Array
    discrepancy: Array

    @property
    def names(self) -> list[str]:
        """Short name of each row: fact and part."""
        return [f"{row['fact']} {row['part']}" for row in self.rows]

    @property
    def variance(self) -> Array:
        """Variance of observation and model discrepancy together, (rows,)."""
        return self.error**2 + self.discrepancy**2

    def measures(self) -> list[str]:
        """Return the measures of the catalogue that the rows are stated from."""
        found = {column.partition(".")[0] for row in self.rows for column in columns_of(str(row["formula"]))}
        return [name for name in CATALOGUE if name in found]

    def state(self, record: "Monthly") -> Array:
        """Return what runs say of each row on its scale, (runs, rows); NaN where a run does not state it.

        A lab that has released nothing has no capability, and its zero is no statement.
        """
        stated = []
        for row in self.rows:
            found = state(record, str(row["formula"]))
            found = np.where((found == 0.0) & (str(row["unit"]) == "ECI"), np.nan, found)
            stated.append(transform(found, scale_of(row)))
        return np.stack(stated, axis=1)


def targets_of(rows: Sequence[Row]) -> Targets:
    """Return rows with their numbers on their scales."""
    observed = [float(transform(np.array([float(row["observed"])]), scale_of(row))[0]) for row in rows]
    error, discrepancy = ([float(row[column]) for row in rows] for column in ("error", "discrepancy"))
    return Targets(tuple(rows), np.array(observed), np.array(error), np.array(discrepancy))


def fitted_targets(tables: Tables, until: str) -> Targets:
    """Return the rows that a fit to `until` may see. Raises InputError where there is none."""
    last = month_index(until)
    rows = [row for row in tables.targets.rows if row["role"] == FITTED and month_index(str(row["date"])) <= last]
    if not rows:
        first = min(str(row["date"]) for row in tables.targets.rows if row["role"] == FITTED)
        raise InputError(
            Problem(f"there is nothing to fit up to {until}", path="--until", remedy=f"Give {first} or later")
        )
    return targets_of(rows)


def scale_of(row: Row) -> Scale:
    """Return the scale of a row."""
    scale = str(row["scale"])
    return "logit" if scale == "logit" else "log" if scale == "log" else "linear"
