"""Workbooks: tables with a frozen header, text that never becomes a formula, the same bytes for the same record."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Problem
from sim.results import read_manifest

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

LONGEST_CELL = 32767
WIDEST, NARROWEST, LINE_HEIGHT = 60, 9, 16
ROWS_LOOKED_AT = 200
GENERAL, WHOLE, SHARE, FINE, MONTH = "general", "whole", "share", "fine", "month"
NUMBER_FORMATS: Mapping[str, str] = {
    GENERAL: "General", WHOLE: "#,##0", SHARE: "0.0%", FINE: "0.0000", MONTH: "yyyy-mm",
}  # fmt: skip
HEADER_FILL, HEADER_INK, LINE = "#EDEDEB", "#1A1A1A", "#BDBDBD"


class Book:
    """A workbook in the making. Used in a `with` block, at whose end the file is there; after an error it is not whole.

    `folder`: the results that it tells of, whose time of creation becomes that of the workbook.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        """Open a workbook. Raises InputError where XlsxWriter is missing."""
        try:
            import xlsxwriter
        except ModuleNotFoundError:
            remedy = "Install it: pip install 'darkhorse[export]'"
            raise InputError(Problem("workbooks need the package XlsxWriter", remedy=remedy)) from None
        manifest = read_manifest(folder)
        plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self.workbook = xlsxwriter.Workbook(str(path), {**plain, "nan_inf_to_errors": False})
        self.workbook.set_properties(
            {"title": str(manifest.get("title", "")), "author": "darkhorse", "created": created(manifest)}
        )
        self.formats = {name: self.workbook.add_format({"num_format": code}) for name, code in NUMBER_FORMATS.items()}
        look = {"bold": True, "bg_color": HEADER_FILL, "font_color": HEADER_INK, "bottom": 1, "bottom_color": LINE}
        self.header = self.workbook.add_format({**look, "text_wrap": True, "valign": "top"})
        self.bold = self.workbook.add_format({"bold": True, "font_size": 14})
        self.wrapped = self.workbook.add_format({"text_wrap": True, "valign": "top"})

    def __enter__(self) -> "Book":
        """Return the book."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the file, unless something went wrong."""
        if kind is None:
            self.workbook.close()

    def table(
        self,
        name: str,
        header: Sequence[object],
        rows: Sequence[Sequence[object]],
        formats: Mapping[str, str] | None = None,
    ) -> "Worksheet":
        """Add a sheet with a table whose header stays in sight and can be filtered.

        `formats`: the number format (a key of `NUMBER_FORMATS`) by column.
        """
        sheet = self.workbook.add_worksheet(name)
        chosen = [self.formats[(formats or {}).get(str(column), GENERAL)] for column in header]
        widths = [_width(column, [row[place] for row in rows[:ROWS_LOOKED_AT]]) for place, column in enumerate(header)]
        lines = max(-(-len(str(column)) // (width - 2)) for column, width in zip(header, widths, strict=True))
        sheet.set_row(0, LINE_HEIGHT * lines)
        for place, (column, width) in enumerate(zip(header, widths, strict=True)):
            put(sheet, 0, place, column, self.header)
            sheet.set_column(place, place, width)
        for number, row in enumerate(rows, start=1):
            for place, (value, look) in enumerate(zip(row, chosen, strict=True)):
                put(sheet, number, place, value, look)
        sheet.freeze_panes(1, 0)
        if rows:
            sheet.autofilter(0, 0, len(rows), len(header) - 1)
        return sheet


def put(sheet: "Worksheet", row: int, column: int, value: object, look: Any = None) -> None:
    """Write one cell: text as text whatever it starts with, numbers as numbers, nothing for NaN and None."""
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, look)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value, look)
    elif isinstance(value, int | float):
        if abs(value) < float("inf"):
            sheet.write_number(row, column, value, look)
        elif value == value:
            sheet.write_string(row, column, str(value), look)
    else:
        sheet.write_string(row, column, str(value)[:LONGEST_CELL], look)


def number_or_text(cell: str) -> float | int | str:
    """Return the cell of a CSV file as a number where it is one."""
    try:
        value = float(cell)
    except ValueError:
        return cell
    plain = cell.lstrip("-").isdecimal() and len(cell) < 16
    return int(cell) if plain else value


def created(manifest: Mapping[str, Any]) -> datetime:
    """Return when the results of a manifest were computed, UTC without a zone; 1980 where it does not say."""
    try:
        return datetime.fromisoformat(str(manifest["created"])).astimezone(UTC).replace(tzinfo=None, microsecond=0)
    except (KeyError, ValueError):
        return datetime(1980, 1, 1)


def _width(header: object, cells: Sequence[object]) -> int:
    """Wide enough for the cells and for the longest word of the header, which wraps."""
    longest = max(len(text) for text in [*(_shown(cell) for cell in cells), *str(header).split()])
    return min(WIDEST, max(NARROWEST, longest + 3))


def _shown(cell: object) -> str:
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m}"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
