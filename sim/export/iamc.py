"""IAMC files: yearly tables, long and wide, as CSV and XLSX, a monthly one, and definitions of variables and regions.

The value of a year is that of December, as in `summary.csv` for that month; a year without December has none.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sim.calendar import BASE_YEAR, month_label
from sim.disk import csv_text
from sim.export.book import Book
from sim.export.definitions import definition_files, mapping_rows
from sim.export.lines import Line, Told, told
from sim.export.pages import iamc_page

KEYS = ("model", "scenario", "region", "variable", "unit")
DECEMBER = 11
YEARLY_WIDE, YEARLY_LONG, MONTHLY_WIDE = "iamc_yearly_wide", "iamc_yearly_long", "iamc_monthly_wide"
META, MAPPING = "iamc_meta.csv", "variables.csv"


def write_iamc(folder: Path, place: Path) -> list[str]:
    """Write the IAMC files of a results folder into the empty folder `place`; return their names.

    Raises InputError for a kind of folder that has no such form, OutputError where it cannot be read.
    """
    said = told(folder)
    wide = list(wide_rows(said, yearly=True))
    long = list(long_rows(said))
    meta = list(meta_rows(said))
    texts = {f"{MONTHLY_WIDE}.csv": _csv(list(wide_rows(said, yearly=False)))}
    if len(wide) > 1:
        texts |= {f"{YEARLY_WIDE}.csv": _csv(wide), f"{YEARLY_LONG}.csv": _csv(long)}
    texts |= {META: _csv(meta), MAPPING: _csv(mapping_rows()), "README.md": iamc_page(said, len(wide) > 1)}
    texts |= definition_files()
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8", newline="\n")
    books = {f"{YEARLY_WIDE}.xlsx": wide, f"{YEARLY_LONG}.xlsx": long} if len(wide) > 1 else {}
    for name, rows in books.items():
        _write_book(place / name, rows, meta, folder)
    return sorted([*texts, *books])


def wide_rows(said: Told, yearly: bool) -> Iterator[list[object]]:
    """Yield the header and the rows of a wide table: a column for each year, or for the first day of each month."""
    months = sorted({month for line in said.lines for month in line.months if not yearly or month % 12 == DECEMBER})
    yield [*KEYS, *(_column(month, yearly) for month in months)]
    for line in said.lines if months else ():
        by_month = dict(zip(line.months, line.values, strict=True))
        numbers = [by_month.get(month, float("nan")) for month in months]
        if any(number == number for number in numbers):
            yield [*_keys(said, line), *numbers]


def long_rows(said: Told) -> Iterator[list[object]]:
    """Yield the header and the rows of the yearly long table; values that are not defined have no row."""
    yield [*KEYS, "year", "value"]
    for line in said.lines:
        for month, value in zip(line.months, line.values, strict=True):
            if month % 12 == DECEMBER and value == value:
                yield [*_keys(said, line), _column(month, True), value]


def meta_rows(said: Told) -> Iterator[list[object]]:
    """Yield the header and a row for each scenario with what it is; for sweeps also its policy and values."""
    keys = list(dict.fromkeys(key for facts in said.meta.values() for key in facts))
    yield ["model", "scenario", *keys]
    for scenario, facts in said.meta.items():
        yield [said.model, scenario, *(facts.get(key, "") for key in keys)]


def _keys(said: Told, line: Line) -> list[object]:
    return [said.model, line.scenario, line.region, line.variable, line.unit]


def _column(month: int, yearly: bool) -> object:
    return BASE_YEAR + month // 12 if yearly else f"{month_label(month)}-01"


def _csv(rows: Sequence[Sequence[object]]) -> str:
    return csv_text(rows[0], rows[1:])


def _write_book(path: Path, rows: Sequence[Sequence[object]], meta: Sequence[Sequence[object]], folder: Path) -> None:
    """A workbook as pyam reads it: sheet `data`, and sheet `meta` with what each scenario is."""
    with Book(path, folder) as book:
        book.table("data", rows[0], rows[1:])
        book.table("meta", meta[0], meta[1:])
