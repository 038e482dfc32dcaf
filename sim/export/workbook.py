"""The workbook of a folder: what it is, series and outcomes with charts, then a sheet for each table."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.export.assumptions import NUMBER_HEADER, POLICY_HEADER, flat, number_rows, policy_rows
from sim.export.book import FINE, LINE_HEIGHT, WHOLE, Book, number_or_text, put
from sim.export.pages import CAVEAT
from sim.export.series import CHARTS, OUTCOME_HEADER, add_charts, add_series, chosen_series, outcome_rows
from sim.export.variables import variable_of
from sim.measures import CATALOGUE, columns
from sim.results import RUN_KINDS, OutputError, Results, read_manifest, tables_of

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_575
TEXT_WIDTH = 96
LEFT_TO_THEIR_SHEETS = ("arms", "scenario", "measures", "months", "experiment")
DICTIONARY_HEADER = ("column", "measure", "entity", "unit", "what it is", "formula", "IAMC variable", "IAMC region")
TABLE_FORMATS: Mapping[str, str] = {"runs": WHOLE, "share_positive": FINE}
_ABOUT: Mapping[str, str] = {
    "Outcomes": "the main outcomes in the months that results are stated at, with paired differences",
    "summary": "quantiles over the runs of every column, by month and scenario",
    "differences": "paired differences between scenarios, run by run, with 90% intervals and Monte Carlo errors",
    "Parameters": "every uncertain number, as the scenario draws it, with prior, source and grade",
    "Policies": "what governments do and when, with source",
    "Scenario": "the resolved scenario, path by path",
    "Manifest": "what made these numbers: seed, versions, hashes, command",
    "Data dictionary": "every column: measure, unit, formula, and its name in IAMC files",
}


def write_workbook(folder: Path, path: Path) -> None:
    """Write the workbook of a folder of results. Raises OutputError where the folder cannot be read."""
    manifest = read_manifest(folder)
    tables = _tables(folder, manifest)
    is_run = manifest.get("kind") in RUN_KINDS
    with Book(path, folder) as book:
        first = book.workbook.add_worksheet("Read me")
        told: dict[str, str] = {}
        if is_run:
            told |= _results(book, Results(folder, manifest))
        for name, (header, rows) in tables.items():
            book.table(name, header, rows, TABLE_FORMATS)
            told[name] = _ABOUT.get(name, f"the table {name}.csv of the folder")
        told |= _background(book, manifest)
        _read_me(book, first, manifest, told)
        first.activate()


def _results(book: Book, results: Results) -> dict[str, str]:
    """Charts, the series that they show, then the outcomes."""
    told = {}
    series = list(chosen_series(results))
    if series:
        add_charts(book, series)
        told[CHARTS] = "market shares with 90% bands, and the differences made, as charts"
    for one in series:
        add_series(book, one)
        told[one.sheet] = f"{one.title}, by month"
    rows = outcome_rows(results)
    if rows:
        book.table("Outcomes", OUTCOME_HEADER, rows)
        told["Outcomes"] = _ABOUT["Outcomes"]
    return told


def _background(book: Book, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Sheets on the scenario, the manifest and the columns. A folder without a scenario gets none on it."""
    sheets: dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {}
    scenario = manifest.get("scenario")
    if isinstance(scenario, Mapping):
        sheets["Parameters"] = (NUMBER_HEADER, number_rows(scenario))
        sheets["Policies"] = (POLICY_HEADER, policy_rows(scenario))
        sheets["Scenario"] = (("path", "value"), flat(scenario))
    rest = {key: value for key, value in manifest.items() if key not in LEFT_TO_THEIR_SHEETS}
    sheets["Manifest"] = (("key", "value"), flat(rest))
    sheets["Data dictionary"] = (DICTIONARY_HEADER, dictionary_rows())
    for name, (header, rows) in sheets.items():
        book.table(name, header, rows)
    return {name: _ABOUT[name] for name in sheets}


def dictionary_rows() -> list[list[object]]:
    """Return a row under `DICTIONARY_HEADER` for each column that a record can have."""
    rows: list[list[object]] = []
    for column in columns():
        name, _, entity = column.partition(".")
        about, variable = CATALOGUE[name], variable_of(column)
        rows.append([column, name, entity, about.unit, about.phrase, about.formula, variable.name, variable.region])
    return rows


def _tables(folder: Path, manifest: Mapping[str, Any]) -> dict[str, tuple[list[str], list[list[object]]]]:
    """The CSV tables of a folder by name, with numbers as numbers. Raises OutputError where one has too many rows."""
    found: dict[str, tuple[list[str], list[list[object]]]] = {}
    for name in tables_of(manifest):
        if Path(name).suffix == ".csv":
            with (folder / name).open(encoding="utf-8", newline="") as stream:
                header, *rows = list(csv.reader(stream))
            if len(rows) > MOST_ROWS:
                raise OutputError(f"{folder / name} has {len(rows):,} rows, more than a sheet can hold; use --zip")
            found[Path(name).stem[:31]] = (header, [[number_or_text(cell) for cell in row] for row in rows])
    return found


def _read_me(book: Book, sheet: "Worksheet", manifest: Mapping[str, Any], told: Mapping[str, str]) -> None:
    """The first sheet: title, what made it, how to read it, and the other sheets with links to them."""
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, TEXT_WIDTH)
    sheet.hide_gridlines(2)
    put(sheet, 0, 0, str(manifest.get("title") or manifest.get("name")), book.bold)
    version = manifest.get("versions", {}).get("darkhorse", "")
    facts: list[tuple[str, object]] = [
        ("What this is", f"Results of darkhorse {version}, a simulation of AI competition under chip controls."),
        ("How to take it", CAVEAT),
        ("Runs, seed", f"{manifest.get('runs')} runs, seed {manifest.get('seed')}"),
        ("Manifest", f"{manifest.get('hash')}, computed {manifest.get('created')}"),
        ("Command", str(manifest.get("command", ""))),
        ("Intervals", "p05 to p95 holds 90% of the runs: what is uncertain in the scenario, and chance. Differences "
         "are taken run by run between scenarios that share draws and chance."),
        ("An empty cell", "The number is not defined there, such as a lag behind a frontier that no lab has reached."),
        *(("Warning", text) for text in manifest.get("warnings", [])),
    ]  # fmt: skip
    for row, (name, text) in enumerate(facts, start=2):
        sheet.set_row(row, LINE_HEIGHT * -(-len(str(text)) // TEXT_WIDTH))
        put(sheet, row, 0, name, book.header)
        put(sheet, row, 1, text, book.wrapped)
    start = len(facts) + 3
    put(sheet, start, 0, "Sheet", book.header)
    put(sheet, start, 1, "What it holds", book.header)
    for row, (name, text) in enumerate(told.items(), start=start + 1):
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        put(sheet, row, 1, text, book.wrapped)
