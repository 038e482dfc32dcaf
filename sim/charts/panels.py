"""The parts of a chart. Each function draws data on an axes and returns the axes; none reads a file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.data import Fan, Floats, Ints, Points, RunRecord
from sim.charts.policies import Mark
from sim.charts.style import DASH, INK, MARKERS, PAPER, SOFT, Dash, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUTER_ALPHA, INNER_ALPHA = 0.15, 0.24


def draw_fan(fan: Fan, ax: "Axes", colour: str, dash: Dash = (0, ())) -> "Axes":
    """Draw the bands of a fan, the widest palest, and its median as a line."""
    for place, (_, low, high) in enumerate(fan.bands):
        alpha = OUTER_ALPHA if place == 0 else INNER_ALPHA
        ax.fill_between(fan.months, low, high, color=colour, alpha=alpha, lw=0, zorder=2)
    ax.plot(fan.months, fan.median, color=colour, linestyle=dash, zorder=4)
    return ax


def draw_counterfactual(fan: Fan, ax: "Axes", colour: str) -> "Axes":
    """Draw the median of the counterfactual as a dashed line; its bands would hide those of the scenario."""
    ax.plot(fan.months, fan.median, color=colour, lw=1.25, linestyle=DASH, dash_capstyle="butt", zorder=3.5)
    return ax


def draw_points(markets: Sequence[Points], ax: "Axes", colour: str, factor: float = 1.0, size: float = 4.4) -> "Axes":
    """Draw observed values as hollow markers, one shape for each market, with their range where one is known.

    A mean over a year is also a level line over its twelve months. `factor` turns the unit of the table into that of
    the axis; `size` is in points.
    """
    for points in markets:
        values, low, high = points.values * factor, points.low * factor, points.high * factor
        if points.yearly:
            ax.hlines(values, points.months - 6.5, points.months + 5.5, color=colour, lw=1.1, zorder=6)
        known = np.isfinite(low) & np.isfinite(high)
        if known.any():
            ax.vlines(points.months[known], low[known], high[known], color=colour, lw=0.8, zorder=5)
        ax.plot(
            points.months,
            values,
            linestyle="none",
            marker=list(MARKERS)[points.shape % len(MARKERS)],
            ms=size,
            mfc="white",
            mec=colour,
            mew=1.1,
            zorder=7,
        )
    return ax


def draw_marks(marks: Sequence[Mark], ax: "Axes", numbered: bool = True, lines: bool = True) -> "Axes":
    """Draw a thin line at each policy date (a tick without `lines`), with its number above the axes if `numbered`."""
    nudge = 0.0
    for place, mark in enumerate(marks):
        if lines:
            ax.axvline(mark.month, color="#9A9A9A", lw=0.6, linestyle=(0, (1, 2)), zorder=1)
        else:
            ax.plot(
                [mark.month] * 2, [1.0, 1.012], transform=ax.get_xaxis_transform(), color=SOFT, lw=0.7, clip_on=False
            )
        if numbered:
            first, last = ax.get_xlim()
            close = place > 0 and mark.month - marks[place - 1].month < 0.022 * (last - first)
            nudge = nudge + 5 if close else 0.0
            ax.annotate(
                str(mark.number),
                (mark.month, 1),
                (nudge, 1 if lines else 5),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=6.8,
                color=SOFT,
                ha="center",
                va="bottom",
                annotation_clip=False,
            )
    return ax


def month_axis(record: RunRecord, ax: "Axes", short: bool = False) -> "Axes":
    """Give an axes the months of a record; `short` writes '23 for 2023."""
    time_axis(ax, int(record.months[0]), int(record.months[-1]), record.record_end, short)
    return ax


def draw_zero(ax: "Axes") -> "Axes":
    """Draw the line of no difference."""
    ax.axhline(0, color=INK, lw=0.8, zorder=3)
    return ax


def draw_strip(shares: Floats, months: Ints, ax: "Axes", colours: Sequence[str], entry: Ints) -> "Axes":
    """Draw shares (0 to 1) as cells, rows by months, each row in its colour from white (0) to full (1).

    Months before `entry` (one month number for each row) are left as a thin line: the lab does not exist yet.
    """
    full = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours], dtype=np.float64)
    weight = np.clip(np.nan_to_num(shares), 0, 1)[:, :, None]
    cells = 1 - weight * (1 - full[:, None, :])
    absent = months[None, :] < entry[:, None]
    cells = np.concatenate([cells, np.where(absent, 0.0, 1.0)[:, :, None]], axis=2)
    ax.imshow(
        cells,
        aspect="auto",
        interpolation="nearest",
        zorder=2,
        extent=(months[0] - 0.5, months[-1] + 0.5, len(shares) - 0.5, -0.5),
    )
    for row, month in enumerate(entry):
        if month > months[0]:
            ax.plot([months[0] - 0.5, min(month, months[-1]) - 0.5], [row, row], color="#BDBDBD", lw=0.6, zorder=3)
        ax.axhline(row + 0.5, color="white", lw=1.6, zorder=4)
    ax.grid(False)
    return ax


def draw_releases(observed: Sequence[Sequence[Points]], ax: "Axes") -> "Axes":
    """Draw observed releases on the rows of a strip: black if open (1), half black if only a small model is."""
    from matplotlib.markers import MarkerStyle

    styles = {fill: MarkerStyle("o", fillstyle=fill) for fill in ("full", "left")}
    for row, markets in enumerate(observed):
        for points in markets:
            for month, value in zip(points.months, points.values, strict=True):
                style = styles["left"] if 0 < value < 1 else styles["full"]
                ax.plot(
                    [month],
                    [row],
                    marker=style,
                    ms=4.2,
                    mfc=INK if value > 0 else PAPER,
                    mec=INK,
                    mew=0.7,
                    markerfacecoloralt=PAPER,
                    linestyle="none",
                    zorder=6,
                )
    return ax
