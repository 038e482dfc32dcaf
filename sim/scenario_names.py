"""The names that a scenario may use: parameters, levers, labs and chips with their numbers."""

import csv
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim.distributions import Distribution, from_catalogue_row
from sim.errors import InputError, Problem
from sim.places import data_folder
from sim.policies import Lever, lever_catalogue

if TYPE_CHECKING:
    from sim.data import Tables

Row = Mapping[str, str | float]
Path = tuple[str, ...]

EVENTS: Mapping[str, Path] = {"reasoning_method": ("date", "lab", "gain_eci")}
"""The dated events of the world and their keys."""
LAB_ALIASES: Mapping[str, str] = {"compute_owned": "compute_2025"}
"""Names that a scenario may use for a column of labs.csv."""
RECORD_ONLY = ("researchers_start", "researchers_2025")
"""Columns of labs.csv that stand for comparison: the model's staff follows from budgets and wages."""
MAX_GAIN = 60.0
"""Largest capability gain of an event, in ECI points: about the whole way from the first to the latest models."""


@dataclass(frozen=True)
class Catalogues:
    """What scenarios are checked against; rows by name, as in parameters.csv, levers.csv, labs.csv and chips.csv."""

    parameters: Mapping[str, Row]
    levers: Mapping[str, Lever]
    labs: Mapping[str, Row]
    chips: Mapping[str, Row]

    @classmethod
    def from_rows(
        cls, parameters: Iterable[Row], levers: Iterable[Row], labs: Iterable[Row], chips: Iterable[Row]
    ) -> "Catalogues":
        """Return the catalogues of four tables given row by row."""
        return cls(_by(parameters, "name"), lever_catalogue(levers), _by(labs, "lab"), _by(chips, "chip"))

    @classmethod
    def from_tables(cls, tables: "Tables") -> "Catalogues":
        """Return the catalogues of the loaded data tables."""
        return cls.from_rows(tables.parameters.rows, tables.levers.rows, tables.labs.rows, tables.chips.rows)

    @property
    def governments(self) -> tuple[str, ...]:
        """Every government that may hold a lever."""
        holders = [holder for lever in self.levers.values() if not lever.is_dial for holder in lever.holders]
        return tuple(dict.fromkeys(holders))

    @property
    def blocs(self) -> tuple[str, ...]:
        """Every bloc that a lab belongs to."""
        return tuple(dict.fromkeys(str(row["bloc"]) for row in self.labs.values()))

    @property
    def dials(self) -> tuple[str, ...]:
        """The composite dials."""
        return tuple(name for name, lever in self.levers.items() if lever.is_dial)

    def levers_of(self, government: str) -> tuple[str, ...]:
        """Return the levers that a government may set."""
        return tuple(name for name, lever in self.levers.items() if government in lever.holders)

    @functools.cached_property
    def world_names(self) -> frozenset[str]:
        """Every name under `world:` that takes a number, a distribution or, for a lab's entry, a month."""
        used = [column for column in _numeric(self.labs) if column not in RECORD_ONLY]
        labs = {f"labs.{lab}.{column}" for lab in self.labs for column in (*used, "entry")}
        sold = [chip for chip, row in self.chips.items() if row.get("role", "flagship") == "flagship"]
        chips = {f"chips.{chip}.{column}" for chip in sold for column in _numeric(self.chips)}
        return frozenset({*self.parameters, *labs, *chips})

    def bounds(self, name: str) -> tuple[float, float]:
        """Return the hard bounds of a name of `world_names`."""
        if name in self.parameters:
            row = self.parameters[name]
            return float(row["hard_min"]), float(row["hard_max"])
        from sim.data import SCHEMAS  # late: it needs NumPy, and few scenarios change the data tables

        kind, column = name.split(".", 1)[0], name.rsplit(".", 1)[1]
        spec = SCHEMAS[kind].columns[column]
        return spec.low, spec.high

    def base_distribution(self, name: str, base: Literal["central", "prior"]) -> Distribution:
        """Return what a parameter is when the scenario says nothing of it."""
        return from_catalogue_row(self.parameters[name], base)


def is_entry(name: str) -> bool:
    """Whether a name of `world_names` is a lab's month of entry, which takes a date or `never`."""
    return name.startswith("labs.") and name.endswith(".entry")


@functools.cache
def default_catalogues() -> Catalogues:
    """Return the catalogues of the packaged data.

    Only the four files are read, and trusted: `sim.data.load_tables` checks them, too slowly for `validate`.
    """
    return Catalogues.from_rows(*(_rows(name) for name in ("parameters", "levers", "labs", "chips")))


def _rows(table: str) -> list[Row]:
    file = data_folder() / f"{table}.csv"
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", str(file), remedy="Install again")) from None


def _numeric(rows: Mapping[str, Row]) -> list[str]:
    """Return the columns that hold a number in every row."""
    columns = list(next(iter(rows.values()), {}))
    return [column for column in columns if all(_is_number(row[column]) for row in rows.values())]


def _is_number(cell: str | float) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _by(rows: Iterable[Row], column: str) -> dict[str, Row]:
    return {str(row[column]): row for row in rows}
