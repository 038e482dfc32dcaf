"""Trajectories of a sweep: the fan of the runs by month in one panel for each value of a lever, or each policy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import month_index
from sim.charts.data import CannotDraw, Fan, fan_of
from sim.charts.panels import draw_fan
from sim.charts.scale import value_axis
from sim.charts.sheet import Drawn, open_sheet
from sim.charts.style import DASH, INK, time_axis
from sim.charts.sweep import heading_over, hue_of
from sim.charts.sweep_data import SweepRecord, evenly
from sim.charts.sweep_text import Outcome, amount, lever_words, outcome_of, slug, value_words, with_unit
from sim.charts.sweep_words import finding, sweep_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.experiments.sweep_results import SweepPoint as Point

MOST_PANELS, MOST_SERIES, COLUMNS = 12, 4, 4
FIRST_MONTH = "2022-01"
BANDS = (0.5, 0.9)
ROW, BETWEEN = 1.4, 0.62


def trajectories(record: SweepRecord) -> Iterator[tuple[str, Drawn]]:
    """Runs by month for each value of each lever (and for each policy), beside the baseline's median."""
    recorded = list(record.manifest.get("series") or [])
    if not recorded:
        raise CannotDraw("the sweep recorded no series by month")
    if record.sampled:
        raise CannotDraw("the points are a sample, not a grid")
    lines = _lines(record)
    if not lines:
        raise CannotDraw("no axis and no policy varies")
    for column in recorded[:MOST_SERIES]:
        values = record.series(column)
        for what, name, points in lines:
            yield f"{slug(lever_words(name))}_{column}", _chart(record, outcome_of(column), values, what, points)


def _lines(record: SweepRecord) -> "list[tuple[str, str, dict[str, Point]]]":
    """What varies, its label, and the points by what heads their panels."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for axis in record.axes:
        home = record.home[axis.path]
        points = {value_words(point.values[axis.path]): point for point in record.along(axis)}
        kept = evenly(list(points), MOST_PANELS, value_words(home))
        if len(kept) > 1:
            found.append((lever_words(axis.label), axis.label, {name: points[name] for name in kept}))
    if len(record.policies) > 1:
        axes = record.sweep.axes
        by_policy = {
            point.policy: point
            for point in record.points
            if all(point.values[axis.path] == record.home[axis.path] for axis in axes)
        }
        kept = evenly(list(by_policy), MOST_PANELS, record.home_policy)
        found.append(("policy", "policy", {name: by_policy[name] for name in kept}))
    return [line for line in found if len(line[2]) > 1]


def _chart(record: SweepRecord, outcome: Outcome, values: Any, what: str, points: "dict[str, Point]") -> Drawn:
    curve = record.effect(list(points.values()), outcome)
    title = (
        _title(record, outcome, values, points)
        if np.isnan(curve["mean"]).all()
        else finding(record, outcome, curve, "the policy" if what == "policy" else what)
    )
    columns = 3 if len(points) in (5, 6, 9) else min(len(points), COLUMNS)
    rows = -(-len(points) // columns)
    drawn = "median of the runs of a point; bands: 50% and 90% of them" if record.pairs > 1 else "the run of a point"
    middle = "the baseline's median" if record.pairs > 1 else "the baseline's run"
    reading = f"{outcome.name}, {outcome.unit}, by {what}. Line: {drawn}; dashed: {middle}; shaded: after the record."
    words = sweep_heading(record, title, reading, _notes(record, what))
    sheet = open_sheet(9.0, rows * ROW + (rows - 1) * BETWEEN, rows, columns, words, wspace=0.12, hspace=BETWEEN / ROW)
    first: Axes | None = None
    for place, (name, point) in enumerate(points.items()):
        ax = sheet.figure.add_subplot(sheet.grid[place // columns, place % columns], sharey=first)
        first = first or ax
        _panel(record, ax, outcome, values, point)
        ax.tick_params(labelleft=place % columns == 0, labelsize=8.0)
        heading_over(ax, f"{name} (baseline)" if point.number == point.baseline else name, "")
    alt = f"{len(points)} line charts over time of {outcome.name} by {what}: {', '.join(points)}. {title}."
    return Drawn(sheet.figure, title, alt)


def _panel(record: SweepRecord, ax: "Axes", outcome: Outcome, values: Any, point: "Point") -> None:
    """The fan of one point, and the median of its baseline."""
    start = month_index(str(record.manifest["scenario"].get("start", FIRST_MONTH)))
    order = {other.number: place for place, other in enumerate(record.sweep.points)}
    draw_fan(_fan(values[order[point.number]], outcome, start), ax, hue_of(outcome))
    base = _fan(values[order[point.baseline]], outcome, start)
    ax.plot(base.months, base.median, color=INK, lw=1.0, linestyle=DASH, zorder=5, label="baseline")
    time_axis(ax, start, start + values.shape[-1] - 1, _record_end(), short=True)
    value_axis(ax)


def _fan(values: Any, outcome: Outcome, start: int = 0) -> Fan:
    """Quantiles over the runs of a point; failed ones, without any number, are left out."""
    runs = values.reshape(-1, values.shape[-1]).astype(np.float64)
    known = runs[np.isfinite(runs).any(axis=1)]
    return fan_of(start + np.arange(runs.shape[1]), known if len(known) else runs[:1], BANDS).scaled(outcome.factor)


def _record_end() -> int:
    from sim.data import load_tables

    return int(load_tables().world_supply.months("month").max())


def _title(record: SweepRecord, outcome: Outcome, values: Any, points: "dict[str, Point]") -> str:
    """Medians in the last month, for a column whose effects are not in the table."""
    order = {point.number: place for place, point in enumerate(record.sweep.points)}
    ends = [float(_fan(values[order[point.number]], outcome).median[-1]) for point in points.values()]
    names = list(points)
    return (
        f"{outcome.name} at the end: median {with_unit(amount(ends[0]), outcome.unit)} with {names[0]}, "
        f"{amount(ends[-1])} with {names[-1]}"
    )


def _notes(record: SweepRecord, what: str) -> list[str]:
    others = [axis for axis in record.axes if lever_words(axis.label) != what]
    held = [f"{lever_words(axis.label)} {value_words(record.home[axis.path])}" for axis in others]
    return [f"Held at: {', '.join(held)}." if held else ""]
