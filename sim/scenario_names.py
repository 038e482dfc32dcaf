"""The names that a scenario may use: parameters, levers, labs and chips with their numbers."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from sim.data import SCHEMAS, Tables, load_tables
from sim.distributions import Distribution, from_catalogue_row
from sim.policies import Lever, lever_catalogue

Row = Mapping[str, str | float]
Path = tuple[str, ...]

EVENTS: Mapping[str, Path] = {"reasoning_method": ("date", "lab", "gain_eci")}
"""The dated events of the world and their keys."""
LAB_ALIASES: Mapping[str, str] = {"compute_owned": "compute_2025"}
"""Names that a scenario may use for a column of labs.csv."""
LAB_COLUMNS = tuple(name for name, column in SCHEMAS["labs"].columns.items() if column.kind == "number")
CHIP_COLUMNS = tuple(name for name, column in SCHEMAS["chips"].columns.items() if column.kind == "number")
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
    def from_tables(cls, tables: Tables) -> "Catalogues":
        """Return the catalogues of the loaded data tables."""
        return cls.from_rows(tables.parameters.rows, tables.levers.rows, tables.labs.rows, tables.chips.rows)

    @property
    def governments(self) -> tuple[str, ...]:
        """Every government that may hold a lever."""
        holders = [holder for lever in self.levers.values() if not lever.is_dial for holder in lever.holders]
        return tuple(dict.fromkeys(holders))

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
        labs = {f"labs.{lab}.{column}" for lab in self.labs for column in (*LAB_COLUMNS, "entry")}
        chips = {f"chips.{chip}.{column}" for chip in self.chips for column in CHIP_COLUMNS}
        return frozenset({*self.parameters, *labs, *chips})

    def bounds(self, name: str) -> tuple[float, float]:
        """Return the hard bounds of a name of `world_names`."""
        if name in self.parameters:
            row = self.parameters[name]
            return float(row["hard_min"]), float(row["hard_max"])
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
    """Return the catalogues of the packaged data. Raises InputError when a table is bad."""
    return Catalogues.from_tables(load_tables())


def _by(rows: Iterable[Row], column: str) -> dict[str, Row]:
    return {str(row[column]): row for row in rows}
