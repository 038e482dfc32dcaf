"""The look of the charts: one hue for each bloc, Matplotlib's settings, axes and how they write numbers.

Hues are from Okabe and Ito (2008) for the blocs, with greys and an aubergine chosen so that every pair stays apart for
a reader with deuteranopia or protanopia. The fonts are the ones Matplotlib ships, so a figure is the same everywhere.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sim.calendar import month_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLOC_HUE = {"US": "#0072B2", "CN": "#D55E00", "EU": "#009E73", "OTHER": "#555555"}
HUE = {**BLOC_HUE, "open": "#4B1D5C", "closed": "#808080", "world": "#1A1A1A"}
NAME = {
    "US": "US",
    "CN": "China",
    "EU": "EU",
    "OTHER": "Other",
    "open": "Open",
    "closed": "Closed",
    "world": "World",
    "labs": "Labs",
    "blocs": "Blocs",
    "GoogleDeepMind": "Google DeepMind",
    "AlibabaQwen": "Alibaba Qwen",
    "FringeUS": "Other US labs",
    "FringeCN": "Other Chinese labs",
    "FringeOther": "Other labs abroad",
}
ADJECTIVE = {"US": "US", "CN": "Chinese", "EU": "European", "OTHER": "Other"}
INK, SOFT, FAINT, PAPER = "#1A1A1A", "#5C5C5C", "#E4E4E4", "#FFFFFF"
AFTER_RECORD = "#F5F5F3"
DASH = (0, (4.0, 2.0))
Dash = tuple[float, tuple[float, ...]]
STROKES: tuple[Dash, ...] = ((0, ()), (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = {"o": "circles", "D": "diamonds", "s": "squares", "^": "triangles", "v": "triangles down"}
"""Markers of observed points, by the place of the market."""
LIGHTEN = (0.0, 0.28, 0.48, 0.62)

FONT = "DejaVu Sans"
RC: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": "#8A8A8A",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "xtick.major.size": 3.5,
    "xtick.minor.size": 0,
    "xtick.major.width": 0.7,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,
    "svg.hashsalt": "darkhorse",
    "path.simplify": True,
}
"""Matplotlib settings of every figure; the salt makes the SVG the same file each time."""


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Draw with the settings above over Matplotlib's own, whatever the user's configuration says."""
    from matplotlib import rc_context, rcdefaults, rcParams

    with rc_context():
        rcdefaults()
        rcParams.update(RC)
        yield


def lighter(colour: str, share: float) -> str:
    """Return `colour` (#RRGGBB) mixed with white; `share` 0 leaves it, 1 is white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02X}" for part in parts)


def display(name: str) -> str:
    """Return the name of a bloc or lab as a reader would write it."""
    return NAME.get(name, name)


def lab_strokes(blocs: dict[str, str]) -> dict[str, tuple[str, Dash]]:
    """Return colour and dash of each lab: the hue of its bloc, a shade and a dash by its place within the bloc."""
    placed: dict[str, int] = {}
    strokes = {}
    for lab, bloc in blocs.items():
        place = placed.get(bloc, 0)
        placed[bloc] = place + 1
        shade = LIGHTEN[place % len(LIGHTEN)]
        strokes[lab] = (lighter(BLOC_HUE[bloc], shade), STROKES[place % len(STROKES)])
    return strokes


def time_axis(ax: "Axes", first: int, last: int, record_end: int, short: bool = False) -> None:
    """Set a month axis from month `first` to `last` (2022-01 = 0) with the years named, and shade what has no record.

    `record_end` is the last month of observed input; `short` writes '23 for 2023.
    """
    start = -(-first // 12) * 12
    step = 1 if last - first < 96 else 2
    ticks = list(range(start, last + 1, 12 * step))
    years = [month_label(month)[:4] for month in ticks]
    ax.set_xlim(first - 0.5, last + 0.5)
    ax.set_xticks(ticks, ["'" + year[2:] if short else year for year in years])
    if first <= record_end < last:
        ax.axvspan(record_end + 0.5, last + 0.5, color=AFTER_RECORD, lw=0, zorder=0)


def percent_axis(ax: "Axes", top: float | None = None) -> None:
    """Label a vertical axis of shares (0 to 1) in per cent, from 0; `top` fixes its upper end."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}"))
    ax.set_ylim(0, top if top is not None else max(ax.get_ylim()[1], 1e-3))


def log_axis(ax: "Axes", prefix: str = "") -> None:
    """Make a vertical axis logarithmic and write its ticks as 1k, 10k, 1M, with `prefix` ($) before them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(10, numticks=8))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: prefix + compact(value, tick=True)))
    ax.yaxis.set_minor_formatter(NullFormatter())


def compact(value: float, tick: bool = False) -> str:
    """Return a number in few characters, with two digits or three: 0.25, 12, 1.5k, 20M; a `tick` has no final zeros."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "n/a"
    for size, letter in ((1e12, "T"), (1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{letter}"
    if abs(value) >= 10:
        return f"{value:.0f}"
    text = f"{value:.{max(1 - math.floor(math.log10(abs(value))), 0)}f}"
    return text.rstrip("0").rstrip(".") if tick else text
