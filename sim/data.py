"""The data tables of `scenarios/data`: one schema for each file, checked whenever a file is read.

A table is a CSV file with a header row. The schema below says for every column what it holds, in which unit and
between which bounds. Months are text `YYYY-MM` (2022-01 is month 0), days `YYYY-MM-DD`, shares lie in 0..1, money is
nominal USD, compute is in H100e. A file with anything wrong is refused with one `InputError` that lists every problem.
"""

import csv
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.calendar import month_index
from sim.errors import InputError, Problem, nearest_name
from sim.places import data_folder

Row = dict[str, str | float]
_MONTH = re.compile(r"\b\d{4}-\d{2}\b")

GOVERNMENTS = ("US", "CN", "EU", "JP", "KR", "TW", "NL", "GULF", "IN", "ROW")
BLOCS = ("US", "CN", "EU", "OTHER")
REGIONS = ("US", "CN", "EU", "JPKR", "IN", "GULF", "ROW_S", "RU_BY")
SEGMENTS = ("enterprise_regulated", "enterprise_other", "startup_dev", "hobby_research", "consumer_app")
STANCES = ("closed", "open_small", "open_flagship")
ROLES = ("INPUT", "FITTED", "HELD OUT", "NOT STATED")
SCALES = ("linear", "log", "logit")
GRADES = ("measured", "proxy", "judgement")
NO_END = 1_000_000
"""Month number that stands for an empty month cell: later than any horizon."""


@dataclass(frozen=True)
class Column:
    """What a column holds: `kind` is text, number, month, day or choice; `low` and `high` bound numbers (inclusive).

    `latest` bounds months and days. Numbers may be `inf` only where `infinite`; cells may be empty only where
    `optional`.
    """

    kind: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    latest: str | None = None
    optional: bool = False
    infinite: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a file, in order, and those that together name a row."""

    key: tuple[str, ...]
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class Table:
    """One checked table: its name and its rows in file order; numbers are floats, all other cells text."""

    name: str
    rows: list[Row]

    def number(self, column: str) -> NDArray[np.float64]:
        """Return a number column as float64, shape (rows,); an empty optional cell is NaN. Raises KeyError."""
        return np.array([math.nan if row[column] == "" else row[column] for row in self.rows], dtype=np.float64)

    def text(self, column: str) -> list[str]:
        """Return a column as text, one entry for each row. Raises KeyError."""
        return [str(row[column]) for row in self.rows]

    def months(self, column: str) -> NDArray[np.int64]:
        """Return the month numbers of a month or day column, 2022-01 = 0; an empty cell is `NO_END`."""
        return np.array([month_index(text) if text else NO_END for text in self.text(column)], dtype=np.int64)


@dataclass(frozen=True)
class Tables:
    """Every table of a data folder; `labs.csv` is the attribute `labs`, and so on."""

    labs: Table
    governments: Table
    blocs: Table
    communities: Table
    access: Table
    chips: Table
    controls: Table
    world_supply: Table
    paths: Table
    observed: Table
    targets: Table
    parameters: Table
    levers: Table


def _number(unit: str, low: float = -math.inf, high: float = math.inf, optional: bool = False) -> Column:
    return Column("number", unit, low, high, optional=optional)


def _limit(unit: str, low: float = -math.inf) -> Column:
    return Column("number", unit, low, infinite=True)


def _choice(*choices: str) -> Column:
    return Column("choice", choices=choices)


TEXT = Column("text")
MONTH = Column("month")
SHARE = _number("share", 0, 1)
POSITIVE_H100E = _number("H100e", 1)
PEOPLE = _number("people", 1)
LOG_ODDS = _number("log-odds", -12, 12)
SOURCED = {"source": TEXT, "grade": _choice(*GRADES)}
NOTED = {**SOURCED, "note": Column("text", optional=True)}

SCHEMAS: dict[str, Schema] = {
    "labs": Schema(
        ("lab",),
        {
            "lab": TEXT,
            "bloc": _choice(*BLOCS),
            "government": _choice(*GOVERNMENTS),
            "entry": MONTH,
            "compute_start": POSITIVE_H100E,
            "compute_2023": POSITIVE_H100E,
            "compute_2024": POSITIVE_H100E,
            "compute_2025": POSITIVE_H100E,
            "researchers_start": PEOPLE,
            "researchers_2025": PEOPLE,
            "algorithmic_position": _number("ln efficiency against the best at entry", -6, 2),
            "lab_effect": _number("ln effective compute", -4, 4),
            "stance_start": _choice(*STANCES),
            "complement_value": SHARE,
            "open_culture": _number("share of usage value", -1, 1),
            "final_run_share": _number("share", 0.01, 1),
            "coding_fit": SHARE,
            "brand_enterprise": LOG_ODDS,
            "brand_developer": LOG_ODDS,
            "brand_consumer": LOG_ODDS,
            "consumer_consideration": SHARE,
            **NOTED,
        },
    ),
    "governments": Schema(
        ("government",),
        {
            "government": _choice(*GOVERNMENTS),
            "bloc": _choice(*BLOCS),
            "role": TEXT,
            "hawkishness_start": _number("index", -1, 1),
            **NOTED,
        },
    ),
    "blocs": Schema(
        ("bloc",),
        {
            "bloc": _choice(*BLOCS),
            "pre_2022_stock": _number("H100e", 0),
            "rest_supply_share": SHARE,
            "energy_gw_2025": _number("GW", 0, 1000),
            "energy_gw_per_year": _number("GW a year", 0, 1000),
            "wage_research": _number("USD million a month", 0.001, 1),
            **NOTED,
        },
    ),
    "communities": Schema(
        ("region", "segment"),
        {
            "region": _choice(*REGIONS),
            "segment": _choice(*SEGMENTS),
            "spend_share_2025": SHARE,
            "users_2025": _number("million", 0.001, 9000),
            "users_2022": _number("million", 0, 9000),
            "launch": MONTH,
            "bass_innovation": _number("per year", 0, 2),
            "bass_imitation": _number("per year", 0, 6),
            **{f"taste_{bloc}": LOG_ODDS for bloc in BLOCS},
            **{f"consideration_{bloc}": SHARE for bloc in BLOCS},
            **NOTED,
        },
    ),
    "access": Schema(
        ("from", "region", "segment", "origin", "scope"),
        {
            "from": MONTH,
            "until": Column("month", optional=True),
            "region": _choice(*REGIONS),
            "segment": _choice("all", *SEGMENTS),
            "origin": _choice(*BLOCS),
            "scope": _choice("closed", "open", "all"),
            "utility": LOG_ODDS,
            **NOTED,
        },
    ),
    "chips": Schema(
        ("chip",),
        {
            "chip": TEXT,
            "vendor": TEXT,
            "vendor_bloc": _choice(*BLOCS),
            "release": MONTH,
            "role": _choice("flagship", "compliant", "challenger", "domestic", "custom"),
            "tpp": _number("TOPS x bits", 1, 1e6),
            "performance_density": _number("TPP per mm2", 0.01, 1000),
            "interconnect_gbs": _number("GB/s", 1, 1e5),
            "memory_bandwidth_gbs": _number("GB/s", 1, 1e6),
            "h100e": _number("H100e", 0.001, 100),
            "price_usd": _number("USD", 1, 1e6),
            **NOTED,
        },
    ),
    "controls": Schema(
        ("date", "government", "lever"),
        {
            "date": Column("day", latest="2026-05-31"),
            "announced": Column("day"),
            "until": Column("day", optional=True),
            "government": _choice(*GOVERNMENTS),
            "lever": TEXT,
            "value": _limit("unit of the lever"),
            "description": TEXT,
            **NOTED,
        },
    ),
    "world_supply": Schema(
        ("month",),
        {
            "month": Column("month", latest="2025-12"),
            "nvidia_h100e": _number("H100e a month", 0),
            "other_h100e": _number("H100e a month", 0),
            "price_usd_per_h100e": _number("USD", 1, 1e6),
            **NOTED,
        },
    ),
    "paths": Schema(
        ("series", "month"), {"series": TEXT, "month": MONTH, "value": _number("see unit", 0), "unit": TEXT, **NOTED}
    ),
    "observed": Schema(
        ("month", "measure", "entity", "market"),
        {
            "month": Column("month", latest="2025-12"),
            "measure": TEXT,
            "entity": Column("text", optional=True),
            "value": _number("see unit"),
            "low": _number("see unit", optional=True),
            "high": _number("see unit", optional=True),
            "unit": TEXT,
            "market": TEXT,
            **NOTED,
        },
    ),
    "targets": Schema(
        ("fact", "part"),
        {
            "fact": TEXT,
            "part": TEXT,
            "phrase": TEXT,
            "formula": TEXT,
            "operator": Column("text", optional=True),
            "date": Column("month", latest="2025-12"),
            "observed": _number("see unit"),
            "low": _number("see unit"),
            "high": _number("see unit"),
            "scale": _choice(*SCALES),
            "error": _number("see scale", 1e-9),
            "discrepancy": _number("see scale", 1e-9),
            "unit": TEXT,
            "role": _choice(*ROLES),
            "minimum": _number("0 or 1", 0, 1),
            **NOTED,
        },
    ),
    "parameters": Schema(
        ("name",),
        {
            "name": TEXT,
            "central": _limit("see unit"),
            "dist": _choice("fixed", "two_piece", "uniform", "loguniform"),
            "low": _number("see unit", optional=True),
            "high": _number("see unit", optional=True),
            "hard_min": _limit("see unit"),
            "hard_max": _limit("see unit"),
            "unit": TEXT,
            "phrase": TEXT,
            **SOURCED,
            "changed_by": TEXT,
        },
    ),
    "levers": Schema(
        ("name",),
        {
            "name": TEXT,
            "group": TEXT,
            "holders": TEXT,
            "default": _limit("see unit"),
            "unit": TEXT,
            "low": _limit("see unit"),
            "high": _limit("see unit"),
            "weak": _limit("see unit"),
            "moderate": _limit("see unit"),
            "strong": _limit("see unit"),
            "maximal": _limit("see unit"),
            "kind": _choice("threshold", "share", "switch", "amount"),
            "phrase": TEXT,
            **SOURCED,
        },
    ),
}


def load_tables(folder: Path | None = None) -> Tables:
    """Read and check every table of `folder` (default: the packaged data).

    Raises `InputError` with every problem of every file: unreadable or missing files, unknown, missing or repeated
    columns, empty cells, values of the wrong kind or out of bounds, repeated keys, rows that contradict each other.
    """
    place = data_folder() if folder is None else folder
    problems: list[Problem] = []
    tables = {field.name: _read(place / f"{field.name}.csv", field.name, problems) for field in fields(Tables)}
    if not problems:
        problems.extend(_contradictions(place, tables))
    if problems:
        raise InputError(problems)
    return Tables(**tables)


def path_series(paths: Table, series: str, months: int) -> NDArray[np.float64]:
    """Return a series of `paths.csv` by month, shape (months,): linear between its points, flat outside them.

    Raises KeyError for a series that the table does not have.
    """
    rows = [index for index, name in enumerate(paths.text("series")) if name == series]
    if not rows:
        known = nearest_name(series, paths.text("series"))
        raise KeyError(f"paths.csv has no series '{series}'" + (f"; did you mean {known}?" if known else ""))
    at, value = paths.months("month")[rows], paths.number("value")[rows]
    order = np.argsort(at)
    return np.interp(np.arange(months, dtype=np.float64), at[order], value[order])


def _read(file: Path, name: str, problems: list[Problem]) -> Table:
    schema = SCHEMAS[name]
    rows: list[Row] = []
    lines: dict[tuple[str | float, ...], int] = {}
    for line, cells in _cells(file, schema, problems):
        row: Row = {}
        for column, spec in schema.columns.items():
            try:
                row[column] = _value(cells[column], spec)
            except ValueError as error:
                problems.append(Problem(f"{error}", str(file), line, column, remedy=_remedy(spec)))
        if len(row) < len(schema.columns):
            continue
        key = tuple(row[column] for column in schema.key)
        if key in lines:
            where = ", ".join(schema.key)
            problems.append(
                Problem(
                    f"the row {key} repeats line {lines[key]}", str(file), line, where, remedy="Keep one of the two"
                )
            )
        lines[key] = line
        rows.append(row)
    return Table(name, rows)


def _cells(file: Path, schema: Schema, problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            wrong = _header_problems(file, header, schema)
            problems.extend(wrong)
            for cells in () if wrong else reader:
                if len(cells) == len(header):
                    yield reader.line_num, dict(zip(header, cells, strict=True))
                else:
                    problems.append(
                        Problem(
                            f"the row has {len(cells)} cells, the header {len(header)}",
                            str(file),
                            reader.line_num,
                            remedy="Fill every column; quote text that has commas",
                        )
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        problems.append(Problem(f"the table cannot be read ({reason})", str(file), remedy="Restore it as UTF-8 CSV"))


def _header_problems(file: Path, header: list[str], schema: Schema) -> list[Problem]:
    if not header:
        return [Problem("the table is empty", str(file), remedy="Give it the header row " + ",".join(schema.columns))]
    found = []
    for column in dict.fromkeys(header):
        if column not in schema.columns:
            found.append(
                Problem(
                    f"unknown column '{column}'",
                    str(file),
                    1,
                    column,
                    nearest_name(column, schema.columns),
                    "Rename or remove it",
                )
            )
        elif header.count(column) > 1:
            found.append(Problem(f"the column '{column}' appears twice", str(file), 1, column, remedy="Keep one"))
    return found + [
        Problem(f"the column '{column}' is missing", str(file), 1, column, remedy="Add it")
        for column in schema.columns
        if column not in header
    ]


def _value(cell: str, spec: Column) -> str | float:
    text = cell.strip()
    if not text:
        if spec.optional:
            return ""
        raise ValueError("the cell is empty")
    if spec.kind == "number":
        return _checked_number(text, spec)
    if spec.kind == "choice" and text not in spec.choices:
        nearest = nearest_name(text, spec.choices)
        raise ValueError(f"'{text}' is not allowed" + (f"; did you mean {nearest}?" if nearest else ""))
    if spec.kind in ("month", "day"):
        month = month_index(text)
        if len(text) != (7 if spec.kind == "month" else 10):
            raise ValueError(f"'{text}' is not a {spec.kind}")
        if spec.latest is not None and (text > spec.latest or month > month_index(spec.latest)):
            raise ValueError(f"{text} is later than {spec.latest}")
    return text


def _checked_number(text: str, spec: Column) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a number") from None
    if math.isnan(number) or (math.isinf(number) and not spec.infinite):
        raise ValueError(f"'{text}' is not a finite number")
    if not spec.low <= number <= spec.high:
        raise ValueError(f"{text} lies outside {spec.low:g} to {spec.high:g}")
    return number


def _remedy(spec: Column) -> str:
    if spec.kind == "choice":
        return "Write one of " + ", ".join(spec.choices)
    if spec.kind == "number":
        bounds = "" if math.isinf(spec.low) and math.isinf(spec.high) else f" from {spec.low:g} to {spec.high:g}"
        return f"Write a number{bounds} in the unit: {spec.unit}"
    return {"text": "Write a few words", "month": "Write YYYY-MM", "day": "Write YYYY-MM-DD"}[spec.kind]


def _contradictions(folder: Path, tables: Mapping[str, Table]) -> Iterator[Problem]:
    checks: dict[str, Callable[[Row], str]] = {
        "levers": _lever_fault,
        "parameters": _parameter_fault,
        "observed": lambda row: _interval_fault(row, "value"),
        "targets": _target_fault,
    }
    levers = {str(row["name"]): row for row in tables["levers"].rows}
    checks["controls"] = lambda row: _control_fault(row, levers)
    for name, check in checks.items():
        for row in tables[name].rows:
            fault = check(row)
            if fault:
                key = ", ".join(str(row[column]) for column in SCHEMAS[name].key)
                yield Problem(fault, str(folder / f"{name}.csv"), path=key, remedy="Correct the row")
    for name, columns in (("blocs", ("rest_supply_share",)), ("communities", ("spend_share_2025",))):
        for column in columns:
            total = float(tables[name].number(column).sum())
            if abs(total - 1) > 1e-9:
                yield Problem(
                    f"the shares sum to {total:g}",
                    str(folder / f"{name}.csv"),
                    path=column,
                    remedy="Make them sum to 1",
                )


def _floats(row: Row, *columns: str) -> list[float]:
    return [float(row[column]) for column in columns if row[column] != ""]


def _ordered(values: list[float]) -> bool:
    return all(first <= second for first, second in itertools.pairwise(values))


def _lever_fault(row: Row) -> str:
    low, high = _floats(row, "low", "high")
    unknown = [holder for holder in str(row["holders"]).split() if holder not in (*GOVERNMENTS, "WORLD")]
    if unknown:
        return f"unknown holder {', '.join(unknown)}"
    settings = ("default", "weak", "moderate", "strong", "maximal")
    outside = [name for name in settings if not low <= float(row[name]) <= high]
    return f"{', '.join(outside)} outside {low:g} to {high:g}" if outside else ""


def _parameter_fault(row: Row) -> str:
    if row["dist"] != "fixed" and len(_floats(row, "low", "high")) < 2:
        return f"a {row['dist']} distribution needs low and high"
    ordered = _ordered(_floats(row, "hard_min", "low", "central", "high", "hard_max"))
    return "" if ordered else "hard_min <= low <= central <= high <= hard_max does not hold"


def _interval_fault(row: Row, middle: str) -> str:
    return "" if _ordered(_floats(row, "low", middle, "high")) else f"low <= {middle} <= high does not hold"


def _target_fault(row: Row) -> str:
    months = _MONTH.findall(str(row["formula"]))
    if months and row["date"] != max(months):
        return f"{row['date']} is not the last month of '{row['formula']}'"
    low, high = _floats(row, "low", "high")
    if row["scale"] == "log" and low <= 0.0:
        return "a band on the log scale must be above 0"
    if row["scale"] == "logit" and not (low > 0.0 and high < 1.0):
        return "a band on the logit scale must lie inside 0 to 1"
    return _interval_fault(row, "observed")


def _control_fault(row: Row, levers: Mapping[str, Row]) -> str:
    lever = levers.get(str(row["lever"]))
    if lever is None:
        nearest = nearest_name(str(row["lever"]), levers)
        return f"unknown lever {row['lever']}" + (f"; did you mean {nearest}?" if nearest else "")
    if row["government"] not in str(lever["holders"]).split():
        return f"{row['government']} does not hold {row['lever']}"
    if not float(lever["low"]) <= float(row["value"]) <= float(lever["high"]):
        return f"the value {float(row['value']):g} lies outside the range of {row['lever']}"
    if str(row["announced"]) > str(row["date"]) or (row["until"] and str(row["until"]) < str(row["date"])):
        return "announced <= date <= until does not hold"
    return ""
