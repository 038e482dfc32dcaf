"""The summary chart of a backcast: CRPS of the model over that of each rule, by operator."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.charts.backcast_data import BackcastRecord, Row
from sim.charts.data import CannotDraw
from sim.charts.sheet import Drawn, open_sheet, panel_heading
from sim.charts.style import BLOC_HUE, FAINT, INK, PAPER, SOFT, lighter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RIVALS = {
    "last value": ("#8A6D00", "s"),
    "trend": (BLOC_HUE["CN"], "D"),
    "mean": (BLOC_HUE["EU"], "^"),
    "not fitted": ("#B0006D", "v"),
    "frozen routines": ("#4B1D5C", "o"),
    "no networks": (BLOC_HUE["US"], "o"),
    "model alone": (SOFT, "o"),
}
OWN = ("not fitted", "frozen routines", "no networks", "model alone")
"""Rivals that are the model itself, otherwise; their marks are hollow."""
LOW, HIGH = 0.05, 4.0
"""Ratios beyond are drawn at the edge."""
EQUAL = 0.98
"""Median ratio from which the prior does about as well as the fit."""
ROW, HEAD = 0.27, 0.1


def scores(record: BackcastRecord) -> Drawn:
    """CRPS ratios by operator. Raises CannotDraw where nothing was scored."""
    rows = [row for row in record.operators if row["scored"] and not row["given"]]
    if not rows:
        raise CannotDraw("no observation lies after the cuts")
    title = _title(record)
    reading = (
        "Mean CRPS of the model over that of each rule, per operator, all origins. Left of 1 the model is better; "
        "right of it the rule is. Filled: simple rules on the observed points. Hollow: the model itself with the "
        "prior, with frozen routines, without networks, or without conditioning."
    )
    cuts = ", ".join(f"{origin['cut']} ({origin['fit']})" for origin in record.found["origins"])
    few = "Numbers in brackets: scores. What the model is given is left out. An operator without a simple rule had no "
    words = record.heading(title, reading, [f"Cuts: {cuts}. {few}point before the cut."])
    sheet = open_sheet(8.4, HEAD + ROW * len(rows), 1, 1, words, left=2.75, right=1.35)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    _dots(ax, rows)
    return Drawn(sheet.figure, title, f"Dot chart of CRPS ratios for {len(rows)} operators. {title}.")


def _title(record: BackcastRecord) -> str:
    rules = record.found["baselines"]
    said = [
        f"{'the last value' if name == 'last value' else 'a trend'} on {rules[name]['beaten']} of "
        f"{rules[name]['targets']} targets"
        for name in ("last value", "trend") if rules[name]["targets"]
    ]  # fmt: skip
    text = f"The model beats {' and '.join(said)}" if said else "No target has a simple rule to beat"
    prior = rules["not fitted"]["ratio"]
    return text + ("; the prior does about as well as the fit" if prior is not None and prior > EQUAL else "")


def _dots(ax: "Axes", rows: Sequence[Row]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_xscale("log")
    ax.set_xlim(LOW / 1.15, HIGH * 1.15)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    for place, row in enumerate(rows):
        ax.axhline(place, color=FAINT, lw=0.7, zorder=1)
        for name, (colour, mark) in RIVALS.items():
            ratio = row["ratios"][name]
            if ratio is not None:
                at = min(max(ratio, LOW), HIGH)
                face = PAPER if name in OWN else colour
                ax.plot(at, place, ls="none", marker=mark, ms=5.5, mfc=face, mec=colour, mew=1.1, zorder=3)
    ax.axvline(1.0, color=INK, lw=0.9, zorder=2)
    ax.axvspan(1.0, HIGH * 1.15, color=lighter(BLOC_HUE["CN"], 0.93), lw=0, zorder=0)
    ax.set_yticks(range(len(rows)), [f"{row['operator']} ({row['scored']})" for row in rows], fontsize=7.8)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_locator(FixedLocator([0.05, 0.1, 0.2, 0.5, 1, 2, 4]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel_heading(ax, "CRPS of the model / CRPS of the rule")
    _key(ax)


def _key(ax: "Axes") -> None:
    for place, (name, (colour, mark)) in enumerate(RIVALS.items()):
        height = 0.97 - 0.075 * place
        face = PAPER if name in OWN else colour
        ax.plot(
            1.05, height, transform=ax.transAxes, clip_on=False, ls="none", marker=mark, ms=5.5, mfc=face, mec=colour,
            mew=1.1,
        )  # fmt: skip
        ax.annotate(
            name.capitalize(), (1.05, height), (7, 0), xycoords="axes fraction", textcoords="offset points",
            fontsize=8.0, color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
