"""Sheets of monthly series with native charts, and the table of outcomes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from sim.calendar import month_index, month_label
from sim.charts.data import COUNTERFACTUAL, MAIN, RunRecord, pairs_of, record_of
from sim.charts.style import ADJECTIVE, BLOC_HUE, FAINT, HUE, SOFT, lighter
from sim.charts.sweep_data import FIRST
from sim.compare import SHARES, paired_difference, quantiles
from sim.export.book import MONTH, SHARE, Book
from sim.export.lines import difference_levels, scenario_name
from sim.measures import CATALOGUE
from sim.results import Floats, Results

OUTCOME_HEADER = (
    "month", "column", "unit", "what it is", "scenario", "median", "p05", "p95", "against", "difference",
    "difference p05", "difference p95", "share of runs above 0",
)  # fmt: skip
SHOWN = (
    ("token_share_abroad.CN", "Tokens abroad"),
    ("revenue_share_abroad.CN", "Revenue abroad"),
    ("token_share.CN", "Tokens"),
    ("token_share.open", "Tokens of open models"),
)
"""Market shares that get a sheet, as far as they were recorded, and its name."""
CHARTS = "Charts"
SIZE = {"width": 630, "height": 355}
ROWS_OF_A_CHART, COLUMNS_OF_A_CHART = 18, 10
"""Cells of the usual size from one chart to the next."""


@dataclass(frozen=True)
class Series:
    """One sheet: `header` and a row for each month. `names`: the scenario, and the one it is held against if any."""

    sheet: str
    title: str
    colour: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    names: tuple[str, ...]


def chosen_series(results: Results) -> Iterator[Series]:
    """Yield the sheets of market shares: for each pair of scenarios, each share of `SHOWN` that was recorded."""
    pairs = pairs_of(results.manifest)
    for place, arms in enumerate(pairs):
        record = record_of(results, arms)
        names = tuple(scenario_name(results.manifest, arm) for arm in arms)
        for column, name in SHOWN:
            if record.has(column):
                sheet = name if len(pairs) == 1 else f"{name} {place + 1}"
                yield _series(record, column, sheet, names)


def _series(record: RunRecord, column: str, sheet: str, names: tuple[str, ...]) -> Series:
    """Levels of a share by month, and of the other scenario and the difference where there is one."""
    levels = quantiles(record.values(column), tuple(SHARES.values()))
    header = ["month", *(f"{names[0]} {level}" for level in SHARES), "width of the 90% band"]
    parts: list[Floats] = [*levels, levels[-1] - levels[0]]
    if record.has_counterfactual:
        other = record.values(column, COUNTERFACTUAL)
        parts.append(quantiles(other, (0.5,))[0])
        header.append(f"{names[1]} p50")
        parts += list(difference_levels(record.values(column, MAIN), other))
        header += [f"difference {level}" for level in SHARES]
    months = [datetime.fromisoformat(f"{month_label(int(month))}-01") for month in record.months]
    rows = [[month, *(float(part[place]) for part in parts)] for place, month in enumerate(months)]
    return Series(sheet, _title(column), _hue(column), header, rows, names)


def _title(column: str) -> str:
    measure, _, entity = column.partition(".")
    who = f"{ADJECTIVE[entity]} models" if entity in ADJECTIVE else f"{entity.capitalize()} models"
    return f"{who}: {CATALOGUE[measure].phrase}"


def _hue(column: str) -> str:
    entity = column.partition(".")[2]
    return BLOC_HUE.get(entity, HUE.get(entity, SOFT))


def add_series(book: Book, series: Series) -> None:
    """Add a sheet with the numbers of a series."""
    shares = dict.fromkeys(series.header[1:], SHARE)
    book.table(series.sheet, series.header, series.rows, {series.header[0]: MONTH, **shares})


def add_charts(book: Book, series: Sequence[Series]) -> None:
    """Add a sheet of native charts: a row for each series, its level with the 90% band and the paired difference."""
    sheet = book.workbook.add_worksheet(CHARTS)
    sheet.hide_gridlines(2)
    for place, one in enumerate(series):
        row = place * ROWS_OF_A_CHART
        words = {"description": f"{one.title}, median and 90% band by month"}
        sheet.insert_chart(row, 0, _level_chart(book, one), words)
        if len(one.names) > 1:
            words = {"description": f"{one.names[0]} less {one.names[1]}, median and 90% interval by month"}
            sheet.insert_chart(row, COLUMNS_OF_A_CHART, _difference_chart(book, one), words)


def _level_chart(book: Book, series: Series) -> Any:
    """A band (an unseen area up to p05, and the width of the band on it) with the medians as lines."""
    low, median, width = 1, 3, 1 + len(SHARES)
    band = book.workbook.add_chart({"type": "area", "subtype": "stacked"})
    hidden = {"fill": {"none": True}, "border": {"none": True}}
    band.add_series({**_cells(series, low), **hidden})
    pale = {"fill": {"color": lighter(series.colour, 0.72)}, "border": {"none": True}}
    band.add_series({**_cells(series, width), "name": "90% of runs", **pale})
    lines = book.workbook.add_chart({"type": "line"})
    lines.add_series({**_cells(series, median), "name": series.names[0], "line": {"color": series.colour, "width": 2}})
    if len(series.names) > 1:
        dashed = {"color": series.colour, "width": 1.25, "dash_type": "dash"}
        lines.add_series({**_cells(series, width + 1), "name": series.names[1], "line": dashed})
    band.combine(lines)
    _finish(band, series.title, {"min": 0})
    band.set_legend({"position": "bottom", "delete_series": [0]})
    return band


def _difference_chart(book: Book, series: Series) -> Any:
    """Median and ends of the 90% interval of the difference as lines, as bands across zero cannot be stacked."""
    first = len(series.header) - len(SHARES)
    chart = book.workbook.add_chart({"type": "line"})
    for offset, name, line in (
        (0, "p05", {"width": 1, "dash_type": "square_dot"}),
        (2, "median", {"width": 2}),
        (4, "p95", {"width": 1, "dash_type": "square_dot"}),
    ):
        chart.add_series(
            {**_cells(series, first + offset), "name": name, "line": {"color": series.colour, **line}}
        )  # fmt: skip
    _finish(chart, f"Difference made, points of share: {series.names[0]} less {series.names[1]}", {})
    chart.set_legend({"position": "bottom"})
    return chart


def _cells(series: Series, column: int) -> dict[str, Any]:
    """Categories and values of a column of the sheet, for a chart."""
    last = len(series.rows)
    return {
        "categories": [series.sheet, 1, 0, last, 0],
        "values": [series.sheet, 1, column, last, column],
    }


def _finish(chart: Any, title: str, scale: dict[str, float]) -> None:
    chart.set_title({"name": title, "name_font": {"size": 11, "bold": True}, "overlay": False})
    years = {"date_axis": True, "major_unit": 1, "major_unit_type": "years", "num_format": "yyyy"}
    chart.set_x_axis({**years, "label_position": "low"})
    grid = {"visible": True, "line": {"color": FAINT, "width": 0.75}}
    chart.set_y_axis({"num_format": "0%" if scale else "0.0%", "major_gridlines": grid, **scale})
    chart.set_size(SIZE)
    chart.show_na_as_empty_cell()


def outcome_rows(results: Results) -> list[list[object]]:
    """Return a row under `OUTCOME_HEADER` for each stated month, outcome and pair of scenarios."""
    manifest = results.manifest
    outcomes = [column for column in FIRST if column in results.columns]
    read = results.read(outcomes) if outcomes else {}
    rows: list[list[object]] = []
    for month in (month_index(text) for text in manifest["at"]):
        for column in outcomes:
            about = CATALOGUE[column.partition(".")[0]]
            for arms in pairs_of(manifest):
                values = [_in_month(results, read[column][arm], arm, month) for arm in arms]
                middle, low, high = (float(level) for level in quantiles(values[0], (0.5, 0.05, 0.95)))
                row: list[object] = [month_label(month), column, about.unit, about.phrase]
                row += [scenario_name(manifest, arms[0]), middle, low, high]
                if len(arms) > 1:
                    found = paired_difference(*values)
                    row += [scenario_name(manifest, arms[1]), found.median, found.p05, found.p95, found.share_positive]
                rows.append(row + [None] * (len(OUTCOME_HEADER) - len(row)))
    return rows


def _in_month(results: Results, values: Floats, arm: str, month: int) -> Floats:
    """The runs of an arm in a month, (runs,); NaN where it does not reach it."""
    places = np.flatnonzero(results.months(arm) == month)
    return values[:, places[0]] if len(places) else np.full(len(values), np.nan)
