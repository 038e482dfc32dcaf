"""The stylised facts beside what the runs say: observed value and band, simulated median and 90% band.

    python -m sim.facts FOLDER|SCENARIO [--runs 128] [--set path=value] [--json | --markdown]

The facts are the rows of `targets.csv`; the `formula` of a row states the fact from monthly measures
(`sim.fact_formulas`). A formula whose measures or months are not on record leaves its fact unmeasured. What the runs
predict of an observation is their spread, widened by the error of the observation and the discrepancy of the model.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sim.arrays import Array
from sim.data import ROLES, Row, Tables, load_tables
from sim.ensemble import Pace, RunError, default_jobs, run_arms
from sim.errors import InputError
from sim.fact_formulas import columns_of, state
from sim.measures import CATALOGUE
from sim.monthly import Monthly, NotMeasured
from sim.operators import Scale, transform, untransform
from sim.results import OutputError, Results
from sim.scenario import load_scenario

ORDER = 10.0
"""Factor beyond which a simulated median is off by an order of magnitude."""
Z90 = 1.6448536269514722
"""Half width of a 90% band in standard deviations."""
HEADER = (
    "fact", "part", "phrase", "unit", "observed", "band", "median", "90% of runs", "inside",
    "predictive band", "covered", "z",
)  # fmt: skip


@dataclass(frozen=True)
class FactRow:
    """One fact: what was observed (`low` to `high`), and what the runs say (`median`, `p05` to `p95`, in `runs` runs).

    `inside`: whether the median lies in the observed band. `predicted_low` to `predicted_high`: the 90% predictive
    band, 5 to 95% of runs widened in quadrature by the error of the observation and the discrepancy of the model on the
    `scale` of the row; `covered`: whether the observed value lies in it. `z`: observed less the mean of the runs, over
    their standard deviation widened likewise, on the scale. The numbers of a fact that is not measured are NaN. `role`:
    INPUT (put in, agreement proves nothing), FITTED, HELD OUT, or NOT STATED. `date`: last month that it reads.
    """

    fact: str
    part: str
    phrase: str
    unit: str
    role: str
    minimum: bool
    date: str
    observed: float
    low: float
    high: float
    scale: Scale
    median: float
    p05: float
    p95: float
    predicted_low: float
    predicted_high: float
    z: float
    runs: int
    inside: bool
    covered: bool

    @property
    def measured(self) -> bool:
        """Whether any run states the fact."""
        return self.runs > 0

    @property
    def near(self) -> bool:
        """Whether the median has the sign of what was observed and is within an order of magnitude of it.

        What was observed as 0 has no magnitude: a median in the observed band is near, and so is one half-way to it.
        """
        if self.observed == 0.0:
            return self.measured and 2.0 * self.low <= self.median <= 2.0 * self.high
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
    name, part, phrase, unit, role, date = (
        str(fact[column]) for column in ("fact", "part", "phrase", "unit", "role", "date")
    )
    observed, low, high = (float(fact[column]) for column in ("observed", "low", "high"))
    scale = cast(Scale, fact["scale"])
    found = _stated(fact, record)
    p05, median, p95 = np.quantile(found, (0.05, 0.5, 0.95)).tolist() if len(found) else (math.nan,) * 3
    wide = math.hypot(float(fact["error"]), float(fact["discrepancy"]))
    bottom, top, z = _predicted(found, observed, scale, wide)
    return FactRow(
        name, part, phrase, unit, role, fact["minimum"] == 1, date, observed, low, high, scale, median, p05, p95,
        bottom, top, z, len(found), inside=low <= median <= high, covered=bottom <= observed <= top,
    )  # fmt: skip


def _stated(fact: Row, record: Monthly) -> Array:
    """What the runs that state a fact say of it; a lab that has released nothing has no capability."""
    try:
        found = state(record, str(fact["formula"]))
    except NotMeasured:
        return np.empty(0)
    kept: Array = found[np.isfinite(found) & ~((found == 0.0) & (fact["unit"] == "ECI"))]
    return kept


def _predicted(found: Array, observed: float, scale: Scale, wide: float) -> tuple[float, float, float]:
    """Ends of the 90% predictive band and the z-score; `wide` is the deviation on the scale that runs do not have."""
    if not len(found):
        return math.nan, math.nan, math.nan
    scaled = transform(found, scale)
    p05, median, p95 = np.quantile(scaled, (0.05, 0.5, 0.95)).tolist()
    ends = np.array([median - math.hypot(median - p05, Z90 * wide), median + math.hypot(p95 - median, Z90 * wide)])
    z = (float(transform(np.array(observed), scale)) - scaled.mean()) / math.hypot(scaled.std(), wide)
    bottom, top = untransform(ends, scale).tolist()
    return bottom, top, float(z)


def as_text(rows: Sequence[FactRow]) -> str:
    """Return the table for a terminal, a block for each role, with counts at its end."""
    header = ("fact", "phrase", *HEADER[4:])
    blocks = {
        role: [(row.fact, f"{row.phrase} ({row.part})", *_cells(row)[4:]) for row in mine]
        for role, mine in _by_role(rows).items()
    }
    lines = [header, *(line for block in blocks.values() for line in block)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]

    def written(line: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()

    text = [written(header), "  ".join("-" * width for width in widths)]
    for role, block in blocks.items():
        text += ["", role, *map(written, block)]
    return "\n".join([*text, "", counts(rows)])


def as_markdown(rows: Sequence[FactRow]) -> str:
    """Return the table in Markdown, one for each role, with counts at its end."""
    text: list[str] = []
    for role, mine in _by_role(rows).items():
        lines = ["| " + " | ".join(cells) + " |" for cells in (HEADER, *map(_cells, mine))]
        text += [f"### {role}", "", lines[0], "|" + "---|" * len(HEADER), *lines[1:], ""]
    return "\n".join([*text, counts(rows)])


def as_json(rows: Sequence[FactRow]) -> str:
    """Return the table as a JSON list; numbers of facts that are not measured are null."""
    return json.dumps([_plain(row) for row in rows], indent=1, allow_nan=False)


def counts(rows: Sequence[FactRow]) -> str:
    """Return a line for each role and one for the minimum set: how many facts agree with what was observed."""
    lines = []
    for role, mine in _by_role(rows).items():
        measured = [row for row in mine if row.measured]
        covered, inside = sum(row.covered for row in measured), sum(row.inside for row in measured)
        parts = [f"{covered} of {len(measured)} observed values in the predictive band"] if measured else []
        parts += [f"{inside} medians in the observed band"] if measured else []
        parts += [f"{len(mine) - len(measured)} not measured"] if len(mine) > len(measured) else []
        lines.append(f"{role}: {', '.join(parts)}.")
    verdicts = minimum_set(rows)
    if verdicts:
        outside = [fact for fact, inside in verdicts.items() if not inside]
        rest = f"; outside: {', '.join(outside)}" if outside else ""
        lines.append(f"Minimum set: {sum(verdicts.values())} of {len(verdicts)} facts in the predictive band{rest}.")
    return "\n".join(lines)


def minimum_set(rows: Sequence[FactRow]) -> dict[str, bool]:
    """Return for each fact of the minimum set whether every one of its rows of the set is covered, in file order."""
    verdicts: dict[str, bool] = {}
    for row in rows:
        if row.minimum:
            verdicts[row.fact] = verdicts.get(row.fact, True) and row.covered
    return verdicts


def _by_role(rows: Sequence[FactRow]) -> dict[str, list[FactRow]]:
    """Rows by role, in the order of the roles; roles that no row has are left out."""
    found = {role: [row for row in rows if row.role == role] for role in ROLES}
    return {role: mine for role, mine in found.items() if mine}


def _plain(row: FactRow) -> dict[str, Any]:
    plain = {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in asdict(row).items()
    }
    return {**plain, "near": row.near}


def _cells(row: FactRow) -> tuple[str, ...]:
    band = f"{_short(row.low)} to {_short(row.high)}"
    found = ("not measured", "", "", "", "", "")
    if row.measured:
        verdict = "yes" if row.inside else "no" if row.near else "FAR OFF"
        predicted = f"{_short(row.predicted_low)} to {_short(row.predicted_high)}"
        covered = "yes" if row.covered else "no"
        runs = f"{_short(row.p05)} to {_short(row.p95)}"
        found = (_short(row.median), runs, verdict, predicted, covered, f"{row.z:+.1f}")
    return (row.fact, row.part, row.phrase, row.unit, _short(row.observed), band, *found)


def _short(number: float) -> str:
    if abs(number) >= 1000.0:
        return f"{number:,.0f}"
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
