"""The chart of a discovery's box: its conditions, the runs in and out of it, and how it was peeled."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.derived import read_csv
from sim.analysis.discovery_study import CASES, TRAJECTORY
from sim.charts.data import CannotDraw
from sim.charts.discovery_data import HIT, MISS, Limit, Record, how, percent_ticks, record_of, source
from sim.charts.sheet import Drawn, Heading, Sheet, open_sheet, panel_heading, wrapped
from sim.charts.style import INK, PAPER, SOFT, lighter
from sim.charts.sweep_text import capital

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

MOST_ROWS, MOST_DOTS, BINS = 6, 2500, 10
FEW_VALUES = 12
ROW, BAR = 0.98, 0.72
"""Height of a condition, and where its bar lies in it, in inches."""
PHRASE_WIDTH, PHRASE_POINTS, LONG_UNIT, LONG_LABEL = 220.0, 7.6, 30, 34
LEAST_BAR = 0.03
GOLDEN = 0.6180339887498949


def conditions(folder: Path) -> Drawn:
    """Draw the conditions over the ranges of the runs, the runs over the two leading ones, and the peeling trajectory.

    Raises CannotDraw where no conditions were found.
    """
    record = record_of(folder)
    if not record.limits:
        raise CannotDraw("PRIM found no conditions")
    shown = record.limits[:MOST_ROWS]
    title, held = _title(record), record.manifest["hold_out"]
    reading = (
        f"Left: range of the runs (thin) and of the box (thick). Middle: {_middle(record)}. Right: "
        "boxes passed while peeling, from all runs (coverage 100%) on."
    )
    check = _check(held)
    words = Heading(title, reading, [check, *_more(record), how(record), source(record)])
    height = max(2.5, ROW * len(shown))
    sheet = open_sheet(9.6, height, 1, 3, words, left=0.3, right=0.4, wspace=0.34, width_ratios=[1.25, 1, 1])
    _ranges(record, sheet, shown, height)
    _runs(record, sheet)
    _trajectory(record, sheet)
    alt = f"Ranges of {len(shown)} conditions, runs over the leading ones, and coverage against density. {title}."
    return Drawn(sheet.figure, title, alt)


def _ranges(record: Record, sheet: Sheet, shown: Sequence[Limit], height: float) -> None:
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    for row, limit in enumerate(shown):
        y = ROW * row + BAR
        low, high = _reach(limit)
        ax.plot([0, 1], [y, y], color="#B9B9B9", lw=1.2, zorder=2, solid_capstyle="butt")
        ax.plot([low, high], [y, y], color=HIT, lw=6, zorder=3, solid_capstyle="butt")
        _row_words(ax, limit, y)
        for end, place, side in ((limit.range_low, 0, "left"), (limit.range_high, 1, "right")):
            words = ("no", "yes")[place] if limit.category else f"{end:.3g}"
            ax.annotate(words, (place, y), (0, -6), textcoords="offset points", fontsize=6.8, color=SOFT,
                            ha=side, va="top")  # fmt: skip
    ax.set_ylim(height, 0)
    ax.set_xlim(0, 1)
    ax.axis("off")
    panel_heading(ax, "Conditions")


def _row_words(ax: "Axes", limit: Limit, y: float) -> None:
    """Above a bar: what the dimension is, its name, and its limits."""
    phrase = wrapped(limit.phrase or limit.label, PHRASE_WIDTH, PHRASE_POINTS)
    text = "\n".join([*phrase[:1], f"{phrase[1]}..." if len(phrase) > 2 else phrase[1]] if phrase[1:] else phrase)
    unit = "" if limit.category or len(limit.unit) > LONG_UNIT else f" {limit.unit}"
    ax.annotate(text, (0, y), (0, 32), textcoords="offset points", fontsize=PHRASE_POINTS, va="bottom", linespacing=1.2)
    ax.annotate(limit.label, (0, y), (0, 21), textcoords="offset points", fontsize=6.8, color=SOFT)
    ax.annotate(f"{limit.words}{unit}", (0, y), (0, 8), textcoords="offset points", fontsize=8.2, color=HIT,
                weight="bold")  # fmt: skip


def _reach(limit: Limit) -> tuple[float, float]:
    """Where the limits lie in the range of the runs, 0 to 1; at least a little wide, and half of it for a category."""
    if limit.category:
        return (0.5, 1.0) if math.isinf(limit.high) else (0.0, 0.5)
    span = limit.range_high - limit.range_low
    low = 0.0 if math.isinf(limit.low) else max((limit.low - limit.range_low) / span, 0.0)
    high = 1.0 if math.isinf(limit.high) else min((limit.high - limit.range_low) / span, 1.0)
    thin = max(LEAST_BAR - (high - low), 0.0) / 2.0
    return max(low - thin, 0.0), min(high + thin, 1.0)


def _runs(record: Record, sheet: Sheet) -> None:
    from pyarrow import parquet

    leading = record.limits[:2]
    names = [limit.name for limit in leading]
    table = parquet.read_table(record.folder / CASES, columns=["hit", *names])
    hit = table.column("hit").to_numpy(zero_copy_only=False)
    columns = np.stack([table.column(name).to_numpy() for name in names], axis=1)
    ax = sheet.figure.add_subplot(sheet.grid[0, 1])
    if len(leading) == 1:
        _shares(ax, leading[0], columns[:, 0], hit)
        panel_heading(ax, "Share of runs in which it happens", "%")
    else:
        _scatter(ax, leading, columns, hit)
        panel_heading(ax, _short(leading[1]))
    ax.set_xlabel(_short(leading[0]), fontsize=8)


def _scatter(ax: "Axes", leading: Sequence[Limit], columns: Floats, hit: NDArray[np.bool_]) -> None:
    """Draw a dot for each place with runs, in a colour between grey and orange by the share in which it happens."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    places, which, counts = np.unique(columns, axis=0, return_inverse=True, return_counts=True)
    shares = np.bincount(which.reshape(-1), weights=hit) / counts
    places, shares = (part[:: math.ceil(len(counts) / MOST_DOTS)] for part in (places, shares))
    dots = [_spread_out(places[:, column], column) for column in (0, 1)]
    colours = LinearSegmentedColormap.from_list("share", [MISS, HIT])
    ax.scatter(dots[0], dots[1], s=8, c=shares, cmap=colours, vmin=0, vmax=1, lw=0, alpha=0.8, zorder=3)
    corners = []
    for limit, values, axis in zip(leading, dots, (ax.xaxis, ax.yaxis), strict=True):
        low, high = float(values.min()), float(values.max())
        air = 0.04 * (high - low)
        half = 0.45 if limit.category else 0.0
        start = low - 0.5 * air if math.isinf(limit.low) else limit.low - half
        stop = high + 0.5 * air if math.isinf(limit.high) else limit.high + half
        corners.append((start, stop))
        (ax.set_xlim if axis is ax.xaxis else ax.set_ylim)(low - air, high + air)
        if limit.category:
            axis.set_ticks([0, 1], labels=["no", "yes"])
    (x0, x1), (y0, y1) = corners
    ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=INK, lw=1.3, zorder=6))
    ax.grid(False)


def _spread_out(values: Floats, column: int) -> Floats:
    """Values of a grid moved a little apart, evenly by their order, so that dots do not hide each other."""
    levels = np.unique(values)
    if len(levels) > FEW_VALUES:
        return values
    gap = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
    moved: Floats = values + 0.6 * gap * ((np.arange(len(values)) * GOLDEN * (1 + column)) % 1.0 - 0.5)
    return moved


def _shares(ax: "Axes", limit: Limit, values: Floats, hit: NDArray[np.bool_]) -> None:
    """Share of hits by value: at each value of a grid, or in tenths of the runs."""
    levels = np.unique(values)
    groups = (
        [values == level for level in levels]
        if len(levels) <= FEW_VALUES
        else [np.isin(np.arange(len(values)), part) for part in np.array_split(np.argsort(values), BINS)]
    )
    x = [float(np.median(values[group])) for group in groups]
    y = [float(hit[group].mean()) for group in groups]
    start = max(limit.low, float(values.min()))
    ax.axvspan(start, min(limit.high, float(values.max())), color=lighter(HIT, 0.8), lw=0, zorder=1)
    ax.axhline(float(hit.mean()), color=INK, lw=0.8, zorder=2)
    ax.plot(x, y, color=HIT, marker="o", ms=4, lw=1.4, zorder=4)
    ax.set_ylim(0, min(1.0, max(y) * 1.15))
    percent_ticks(ax.yaxis)
    if limit.category:
        ax.set_xticks([0, 1], ["no", "yes"])


def _trajectory(record: Record, sheet: Sheet) -> None:
    ax = sheet.figure.add_subplot(sheet.grid[0, 2])
    rows = read_csv(record.folder / TRAJECTORY)
    coverage, density = (np.array([float(row[name]) for row in rows]) for name in ("coverage", "density"))
    box, held = record.manifest["box"], record.manifest["hold_out"]
    ax.plot(coverage, density, color=SOFT, lw=1.0, marker="o", ms=2.6, zorder=3)
    ax.plot(box["coverage"], box["density"], marker="D", ms=8, mfc=HIT, mec=PAPER, zorder=6, linestyle="none")
    ax.annotate("box", (box["coverage"], box["density"]), (7, 5), textcoords="offset points", fontsize=8)
    if held["density"] is not None:
        error = 2.0 * held["density_error"]
        ax.errorbar(held["coverage"], held["density"], error, marker="D", ms=7, mfc=PAPER, mec=HIT, color=HIT, lw=1.0,
                    zorder=5, linestyle="none")  # fmt: skip
        place = (held["coverage"], held["density"])
        ax.annotate("other draws", place, (-7, -11), textcoords="offset points", fontsize=8, ha="right")
    ax.axhline(record.manifest["base_rate"], color=INK, lw=0.8, zorder=2)
    ax.set_xlim(0, 1.03)
    ax.set_ylim(0, min(1.03, float(max(density.max(), box["density"])) * 1.12))
    percent_ticks(ax.yaxis)
    percent_ticks(ax.xaxis)
    ax.set_xlabel("coverage, % of the cases", fontsize=8)
    panel_heading(ax, "Density", "% of the runs in the box")


def _title(record: Record) -> str:
    box, base = record.manifest["box"], record.manifest["base_rate"]
    count = "one condition" if len(record.limits) == 1 else f"{len(record.limits)} conditions"
    found = f"{capital(record.what)} in {box['density']:.0%} of runs under {count}, in {base:.0%} of all"
    return found if record.manifest["hold_out"]["holds"] else f"{found}, but not clearly on other draws"


def _middle(record: Record) -> str:
    if len(record.limits) == 1:
        return "how often it happens along the condition (shaded: in the box)"
    return "the two leading conditions and the box; a dot is orange where it happens in all runs, grey in none"


def _check(held: dict[str, Any]) -> str:
    if held["density"] is None:
        return "Other draws: none of them lies in a box fitted without them."
    return (
        f"Other draws (hollow, with two standard errors): boxes fitted without them have density {held['density']:.0%} "
        f"and coverage {held['coverage']:.0%} there, over {held['fits']} fits. Horizontal line: all runs."
    )


def _more(record: Record) -> list[str]:
    hidden = record.limits[MOST_ROWS:]
    return [f"Not shown: {', '.join(f'{limit.label} {limit.words}' for limit in hidden)}."] if hidden else []


def _short(limit: Limit) -> str:
    label = f"{limit.label} is {limit.category}" if limit.category else limit.label
    return label if len(label) <= LONG_LABEL else f"...{label[3 - LONG_LABEL :]}"
