"""The stylised facts beside what the runs say: observed value and band, simulated median and 90% band.

    python -m sim.facts FOLDER|SCENARIO [--runs 128] [--set path=value] [--json | --markdown]

The facts are the rows of `targets.csv`; the `formula` of a row states the fact from monthly measures
(`sim.fact_formulas`). A formula whose measures or months are not on record leaves its fact unmeasured.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Array
from sim.data import Row, Tables, load_tables
from sim.ensemble import Pace, RunError, default_jobs, run_arms
from sim.errors import InputError
from sim.fact_formulas import columns_of, state
from sim.measures import CATALOGUE
from sim.monthly import Monthly, NotMeasured
from sim.results import OutputError, Results
from sim.scenario import load_scenario

ORDER = 10.0
"""Factor beyond which a simulated median is off by an order of magnitude."""
HEADER = ("fact", "part", "phrase", "unit", "role", "observed", "band", "median", "90% of runs", "inside")


@dataclass(frozen=True)
class FactRow:
    """One fact: what was observed (`low` to `high`), and what the runs say (`median`, `p05` to `p95`, in `runs` runs).

    `inside`: whether the median lies in the observed band. The numbers of a fact that is not measured are NaN. `role`:
    INPUT (put in, agreement proves nothing), FITTED, HELD OUT, or NOT STATED.
    """

    fact: str
    part: str
    phrase: str
    unit: str
    role: str
    observed: float
    low: float
    high: float
    median: float
    p05: float
    p95: float
    runs: int
    inside: bool

    @property
    def measured(self) -> bool:
        """Whether any run states the fact."""
        return self.runs > 0

    @property
    def near(self) -> bool:
        """Whether the median has the sign of what was observed and is within an order of magnitude of it."""
        return self.measured and 1.0 / ORDER <= self.median / self.observed <= ORDER


def facts_table(
    columns: Sequence[str], values: Array, months: Sequence[int] | np.ndarray, tables: Tables | None = None
) -> list[FactRow]:
    """Return every fact as the runs state it, in the order of `targets.csv`.

    `values` (runs, months, columns): monthly measures named by `columns`; `months`: month numbers, 2022-01 = 0.
    """
    record = Monthly(columns, values, months)
    return [_row(fact, record) for fact in (tables or load_tables()).targets.rows]


def measures_needed(tables: Tables) -> list[str]:
    """Return the measures of the catalogue that the formulas ask for."""
    found = {column.partition(".")[0] for row in tables.targets.rows for column in columns_of(str(row["formula"]))}
    return [name for name in CATALOGUE if name in found]


def facts_of(what: str, runs: int, sets: Sequence[str] = ()) -> list[FactRow]:
    """Return the facts of a folder of results (its first arm), or of `runs` runs of a scenario that are played now.

    Raises InputError, OutputError and RunError.
    """
    tables = load_tables()
    wanted = measures_needed(tables)
    if Path(what).is_dir():
        results = Results(Path(what))
        arm = results.arms[0]
        held = [column for name in wanted for column in CATALOGUE[name].columns if column in results.columns]
        found = results.read(held)
        values = np.stack([found[column][arm] for column in held], axis=2)
        return facts_table(held, values, results.months(arm), tables)
    record = run_arms({"main": load_scenario(what, sets)}, range(runs), wanted, Pace(jobs=default_jobs()))["main"]
    return facts_table(record.columns, record.values, record.months, tables)


def _row(fact: Row, record: Monthly) -> FactRow:
    try:
        found = state(record, str(fact["formula"]))
    except NotMeasured:
        found = np.empty(0)
    found = found[np.isfinite(found)]
    p05, median, p95 = np.quantile(found, (0.05, 0.5, 0.95)).tolist() if len(found) else (math.nan,) * 3
    name, part, phrase, unit, role = (str(fact[column]) for column in ("fact", "part", "phrase", "unit", "role"))
    observed, low, high = (float(fact[column]) for column in ("observed", "low", "high"))
    inside = low <= median <= high
    return FactRow(name, part, phrase, unit, role, observed, low, high, median, p05, p95, len(found), inside)


def as_text(rows: Sequence[FactRow]) -> str:
    """Return the table for a terminal, with a count at its end."""
    lines = [tuple(name for name in HEADER if name not in ("part", "unit"))]
    for row in rows:
        fact, part, phrase, _, role, *rest = _cells(row)
        lines.append((fact, f"{phrase} ({part})", role, *rest))
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "  ".join("-" * width for width in widths), *text[1:], "", count(rows)])


def as_markdown(rows: Sequence[FactRow]) -> str:
    """Return the table in Markdown, with a count at its end."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEADER, *map(_cells, rows))]
    return "\n".join([lines[0], "|" + "---|" * len(HEADER), *lines[1:], "", count(rows)])


def as_json(rows: Sequence[FactRow]) -> str:
    """Return the table as a JSON list; numbers of facts that are not measured are null."""
    return json.dumps([_plain(row) for row in rows], indent=1, allow_nan=False)


def count(rows: Sequence[FactRow]) -> str:
    """Return in one sentence how many medians lie inside their bands, by role."""
    parts = []
    for role in dict.fromkeys(row.role for row in rows):
        mine = [row for row in rows if row.role == role and row.measured]
        parts.append(f"{sum(row.inside for row in mine)} of {len(mine)} {role}")
    unmeasured = sum(not row.measured for row in rows)
    rest = f"; {unmeasured} not measured" if unmeasured else ""
    return f"Medians inside the observed band: {', '.join(parts)}{rest}."


def _plain(row: FactRow) -> dict[str, Any]:
    plain = {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in asdict(row).items()
    }
    return {**plain, "near": row.near}


def _cells(row: FactRow) -> tuple[str, ...]:
    band = f"{_short(row.low)} to {_short(row.high)}"
    found = ("not measured", "", "")
    if row.measured:
        verdict = "yes" if row.inside else "no" if row.near else "FAR OFF"
        found = (_short(row.median), f"{_short(row.p05)} to {_short(row.p95)}", verdict)
    return (row.fact, row.part, row.phrase, row.unit, row.role, _short(row.observed), band, *found)


def _short(number: float) -> str:
    return f"{number:.3g}" if abs(number) >= 0.001 or number == 0 else f"{number:.1e}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 0, or 2 where the scenario or the folder cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m sim.facts", description="Stylised facts: observed and simulated.")
    parser.add_argument("what", help="a folder of results, a preset's name or a scenario file")
    parser.add_argument("--runs", type=int, default=128, help="runs of a scenario (128)")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="a value laid over a scenario")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="show", const=as_json, help="a JSON list")
    form.add_argument("--markdown", action="store_const", dest="show", const=as_markdown, help="a Markdown table")
    given = parser.parse_args(arguments)
    if given.runs < 1:
        parser.error("--runs must be at least 1")
    try:
        rows = facts_of(given.what, given.runs, given.set)
    except (InputError, OutputError, RunError) as error:
        print(error, file=sys.stderr)
        return 2
    print((given.show or as_text)(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
