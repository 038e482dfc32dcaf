"""Heatmaps of a sweep: the effect on an outcome over two levers, in facets by a third or by policy."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.charts.contour import zero_lines
from sim.charts.data import CannotDraw
from sim.charts.scale import number_tick
from sim.charts.sheet import EDGE, Drawn, Sheet, open_sheet, text_width, wrapped
from sim.charts.style import INK, PAPER, SOFT
from sim.charts.sweep_data import Curve, SweepRecord, evenly, same
from sim.charts.sweep_text import Outcome, change, lever_words, listed, value_words
from sim.charts.sweep_words import finding, multiplicity, setting_words, strongest, sweep_heading
from sim.charts.text import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.experiments.axes import Axis
    from sim.experiments.sweep_results import SweepPoint as Point

Floats = NDArray[np.float64]
COLOURS = "BrBG"
"""Brown below zero, teal above: neither is the colour of a bloc, and no reader confuses them."""
MOST_FACETS, PRINTED = 6, 7
POINTS, UNIT_POINTS = 8.0, 7.4
UNKNOWN = "#EDEDED"
BAR = 1.15
"""Inches right of the panels for the colour bar and its numbers."""


@dataclass(frozen=True)
class Facet:
    """One panel: its name, a point for each cell (None where there is none), rows by columns, and the numbers."""

    name: str
    cells: list[list["Point | None"]]
    curve: Curve

    def table(self, name: str) -> Floats:
        """Return a column of the effects by row and column; NaN where there is no point."""
        return self.placed(self.curve[name])

    def placed(self, values: NDArray[Any]) -> Floats:
        """Return what is known of the points by row and column; NaN where there is no point."""
        found = iter(values)
        return np.array([[next(found) if point else np.nan for point in row] for row in self.cells], dtype=np.float64)


@dataclass(frozen=True)
class Plane:
    """The two levers of a heatmap with their values, and what the facets are."""

    x: "Axis"
    y: "Axis"
    columns: list[Any]
    rows: list[Any]
    facets: list[tuple[str, list[list["Point | None"]]]]
    by: str

    @property
    def printed(self) -> bool:
        """Whether the cells are large enough for their numbers."""
        return max(len(self.columns), len(self.rows)) <= PRINTED


def heatmaps(record: SweepRecord) -> Iterator[tuple[str, Drawn]]:
    """Mean paired effect on each main outcome over two levers, with the line of no effect where it is known."""
    if record.sampled:
        raise CannotDraw("the points are a sample, not a grid")
    if len(record.axes) < 2:
        raise CannotDraw("fewer than two axes vary")
    plane = plane_of(record)
    for outcome in record.outcomes:
        facets = [
            Facet(name, cells, record.effect([point for row in cells for point in row if point], outcome))
            for name, cells in plane.facets
        ]
        yield outcome.column, _heatmap(record, outcome, plane, facets)


def plane_of(record: SweepRecord) -> Plane:
    """Choose the two levers of the plane: those with ranges first, then those with most values; facets by the next.

    Levers beyond the third are held at home.
    """
    ranked = sorted(record.axes, key=lambda axis: (not record.numeric(axis), -len(record.values(axis))))
    x, y = (axis for axis in record.axes if axis in ranked[:2])
    settings: list[tuple[str, str, dict[str, Any]]]
    if len(record.policies) > 1:
        kept = evenly(record.policies, MOST_FACETS, record.home_policy)
        by, settings = "policy", [(f"Policy {policy}", policy, {}) for policy in kept]
    elif len(ranked) > 2:
        third = ranked[2]
        by = lever_words(third.label)
        kept = evenly(record.values(third), MOST_FACETS, record.home[third.path])
        settings = [(f"{by} {value_words(value)}", "", {third.path: value}) for value in kept]
    else:
        by, settings = "", [("", "", {})]
    facets = [(name, _cells(record, x, y, policy, fixed)) for name, policy, fixed in settings]
    return Plane(x, y, record.values(x), record.values(y), facets, by)


def _cells(record: SweepRecord, x: "Axis", y: "Axis", policy: str, fixed: dict[str, Any]) -> list[list["Point | None"]]:
    columns, cells = record.values(x), []
    for row in record.values(y):
        line = record.along(x, policy, **{**fixed, y.path: row})
        cells.append([next((p for p in line if same(p.values[x.path], column)), None) for column in columns])
    return cells


def _heatmap(record: SweepRecord, outcome: Outcome, plane: Plane, facets: Sequence[Facet]) -> Drawn:
    from matplotlib.colors import Normalize

    whole = _joined(facets)
    levers = listed([lever_words(axis.label) for axis in (plane.x, plane.y)])
    title = finding(record, outcome, whole, levers)
    top = float(np.nanmax(np.abs(np.append(whole["mean"], 0.0))))
    norm = Normalize(-top, top) if top > 0 else Normalize(-1, 1)
    lines = [no_effect(facet) if _ordered(record, plane) else [] for facet in facets]
    reading = _reading(record, outcome, plane, whole, any(lines))
    words = sweep_heading(record, title, reading, _notes(record, plane, whole))
    sheet, panels = _layout(plane, words)
    for ax, facet, segments in zip(panels, facets, lines, strict=True):
        _cells_on(ax, plane, facet, norm, whole.has_intervals)
        _mark_baseline(record, ax, facet)
        _zero_on(ax, segments)
        ax.set_title(_fitting(facet.name, ax), loc="left", fontsize=9.0, weight="bold", pad=6)
    _colour_bar(sheet, norm, outcome, flat=top == 0)
    return Drawn(sheet.figure, title, _alt(record, outcome, title, levers, whole))


def _joined(facets: Sequence[Facet]) -> Curve:
    points = [point for facet in facets for point in facet.curve.points]
    names = facets[0].curve.numbers
    numbers = {name: np.concatenate([facet.curve[name] for facet in facets]) for name in names}
    return Curve(points, numbers, facets[0].curve.draws)


def _ordered(record: SweepRecord, plane: Plane) -> bool:
    return record.numeric(plane.x) and record.numeric(plane.y)


def no_effect(facet: Facet) -> list[Floats]:
    """Return the pieces of the line of no effect, in cells; none unless some cell is surely above zero, some below."""
    mean, clear = facet.curve["mean"], facet.curve.sure
    if not ((mean > 0) & clear).any() or not ((mean < 0) & clear).any():
        return []
    return zero_lines(facet.table("mean"))


def _layout(plane: Plane, words: Any) -> "tuple[Sheet, list[Axes]]":
    count = len(plane.facets)
    columns = min(count, 3)
    rows = -(-count // columns)
    left = 0.36 + max(text_width(value_words(value), POINTS) for value in plane.rows) / 72 + 0.14
    width = 9.0 if count > 1 or len(plane.columns) > 5 else 7.4
    inside = (width - left - BAR - (columns - 1) * 0.3) / columns
    cell = 0.46 if plane.printed else 0.24
    high = min(max(len(plane.rows) * cell, 1.5), 4.4)
    sheet = open_sheet(
        width, rows * high + (rows - 1) * 0.62, rows, columns, words, left=left, right=BAR,
        wspace=0.3 / inside, hspace=0.62 / high,
    )  # fmt: skip
    axes = []
    for place in range(count):
        ax = sheet.figure.add_subplot(sheet.grid[place // columns, place % columns])
        _ticks(ax, plane, inside, outer=place % columns == 0)
        if place + columns >= count:
            ax.set_xlabel(_axis_title(plane.x), fontsize=POINTS, labelpad=1.5)
        if place % columns == 0:
            ax.set_ylabel(_axis_title(plane.y), fontsize=POINTS)
        axes.append(ax)
    return sheet, axes


def _fitting(name: str, ax: "Axes") -> str:
    """The name of a facet, or its last word (the value) where the whole is wider than the panel."""
    room = ax.get_position().width * ax.figure.get_figwidth() * 72  # type: ignore[union-attr]
    return name if text_width(name, 9.0, bold=True) < room else name.rpartition(" ")[2]


def _axis_title(axis: "Axis") -> str:
    return lever_words(axis.label) + (f" ({axis.unit})" if axis.unit else "")


def _ticks(ax: "Axes", plane: Plane, inches: float, outer: bool) -> None:
    """Values at the middles of their cells; on the horizontal axis only as many as do not touch."""
    wide = max(text_width(value_words(value), POINTS) for value in plane.columns) / 72 + 0.08
    shown = evenly(plane.columns, max(int(inches / wide), 1))
    ax.set_xticks([plane.columns.index(value) for value in shown], [value_words(value) for value in shown])
    rows = evenly(plane.rows, 12)
    ax.set_yticks([plane.rows.index(value) for value in rows], [value_words(value) for value in rows])
    ax.tick_params(labelsize=POINTS, labelleft=outer, length=0)
    ax.set_xlim(-0.5, len(plane.columns) - 0.5)
    ax.set_ylim(-0.5, len(plane.rows) - 0.5)
    ax.grid(False)


def _cells_on(ax: "Axes", plane: Plane, facet: Facet, norm: Any, hatching: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    colours = colormaps[COLOURS]
    mean, clear, nil = (facet.placed(values) for values in (facet.curve["mean"], facet.curve.clear, facet.curve.nil))
    for (row, column), value in np.ndenumerate(mean):
        point = facet.cells[row][column]
        known = bool(np.isfinite(value))
        face = colours(norm(value)) if known else UNKNOWN if point else PAPER
        place, size = (column - 0.5, row - 0.5), (1, 1)
        ax.add_patch(Rectangle(place, *size, facecolor=face, edgecolor=PAPER, lw=0.8, zorder=2))
        unclear = hatching and known and not nil[row, column] and not clear[row, column]
        if unclear:
            hatched = Rectangle(place, *size, fill=False, hatch="////", edgecolor="#9C9C9C", lw=0, zorder=2.5)
            hatched.set_gid("unclear")
            ax.add_patch(hatched)
        if plane.printed and point:
            _number_on(ax, (column, row), _number(float(value), norm.vmax), face)


def _number(value: float, top: float) -> str:
    """An effect with as many decimals as all the others of the figure: two digits of the largest."""
    return change(value) if top >= 1000 else signed(value, max(math.ceil(1 - math.log10(top / 3)), 0))


def _number_on(ax: "Axes", at: tuple[int, int], text: str, face: Any) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patheffects import withStroke

    red, green, blue = to_rgb(face)
    colour = PAPER if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK
    effects = [withStroke(linewidth=2.6, foreground=face)]  # hatching and the line of no effect stay behind
    ax.text(*at, text, ha="center", va="center", fontsize=POINTS, color=colour, zorder=6, path_effects=effects)


def _mark_baseline(record: SweepRecord, ax: "Axes", facet: Facet) -> None:
    from matplotlib.patches import Rectangle

    for row, line in enumerate(facet.cells):
        for column, point in enumerate(line):
            if point is not None and point is record.reference:
                box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, lw=1.8, zorder=5)
                box.set_gid("baseline")
                ax.add_patch(box)


def _zero_on(ax: "Axes", segments: Sequence[Floats]) -> None:
    from matplotlib.collections import LineCollection

    if segments:
        lines = LineCollection(list(segments), colors=INK, linewidths=1.5, zorder=4, capstyle="round")
        lines.set_gid("zero")
        ax.add_collection(lines, autolim=False)


def _colour_bar(sheet: Sheet, norm: Any, outcome: Outcome, flat: bool) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    width, height = sheet.figure.get_size_inches()
    panels = [ax.get_position() for ax in sheet.figure.axes]
    top, bottom = max(box.y1 for box in panels), min(box.y0 for box in panels)
    high = min((top - bottom) * height, 3.2)
    box = (1 - (BAR - 0.22) / width, top - high / height, 0.14 / width, high / height)
    bar = sheet.figure.add_axes(box)
    locator = FixedLocator([0]) if flat else MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])
    drawn = sheet.figure.colorbar(ScalarMappable(norm, COLOURS), cax=bar, ticks=locator)
    drawn.outline.set_visible(False)
    bar.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number_tick(value)))
    bar.tick_params(labelsize=POINTS, length=0)
    unit = "points" if outcome.step == "percentage points" else outcome.step
    lines = wrapped(unit, (BAR - 0.22 - EDGE) * 72, UNIT_POINTS)
    bar.annotate(
        "\n".join(lines), (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", fontsize=UNIT_POINTS,
        color=SOFT, linespacing=1.15,
    )  # fmt: skip


def _reading(record: SweepRecord, outcome: Outcome, plane: Plane, whole: Curve, zero: bool) -> str:
    parts = []
    if whole.has_intervals and not whole.is_zero:
        parts.append("hatched: the 95% interval of the mean includes zero")
    if record.reference in record.points:
        parts.append("outlined: the baseline")
    if zero:
        parts.append("black line: no effect, linear between cells")
    if plane.by:
        parts.append(f"panels: {plane.by}")
    start = f"{outcome.name} in {record.headline}: mean paired difference from the baseline"
    return f"{'; '.join([start, *parts])}."


def _notes(record: SweepRecord, plane: Plane, whole: Curve) -> list[str]:
    known = np.isfinite(whole["mean"])
    told = whole.has_intervals and not whole.is_zero
    unclear, equal = int((known & ~whole.clear & ~whole.nil).sum()), int(whole.nil.sum())
    notes = [
        f"In {unclear} of {whole.compared} cells the interval includes zero or is not known." if told else "",
        f"In {equal} more every run equals its baseline." if told and equal else "",
        multiplicity(whole),
    ]
    uneven = [
        lever_words(axis.label)
        for axis, values in ((plane.x, plane.columns), (plane.y, plane.rows))
        if record.numeric(axis) and len({round(b - a, 12) for a, b in pairwise(values)}) > 1
    ]
    if uneven:
        notes.append(f"Cells are evenly spaced, values of {listed(uneven)} are not.")
    drawn = {plane.x.path, plane.y.path}
    held = [axis for axis in record.axes if axis.path not in drawn and lever_words(axis.label) != plane.by]
    if held:
        settings = [f"{lever_words(axis.label)} {value_words(record.home[axis.path])}" for axis in held]
        notes.append(f"Held at: {', '.join(settings)}.")
    return notes


def _alt(record: SweepRecord, outcome: Outcome, title: str, levers: str, whole: Curve) -> str:
    start = f"Heatmap of the effect on {outcome.name} over {levers}. {title}."
    if not whole.has_intervals:
        return start
    above, below = (int((whole.clear & sign).sum()) for sign in (whole["mean"] > 0, whole["mean"] < 0))
    best = strongest(whole)
    most = ""
    if best:
        size = np.abs(whole["mean"])
        what = "the largest" if size[best[0]] == np.nanmax(size) else "the largest clear one"
        most = f"; {what} at {setting_words(record, whole.points[best[0]])}"
    return f"{start} Of {len(whole.points)} cells {above} are clearly above zero and {below} clearly below{most}."
