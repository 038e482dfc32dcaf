"""Figures over all claims: the five outcomes side by side, why open Chinese models are cheap, the shock rewritten."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.charts.memo_data import BASE_HUE, HELD, NOT_HELD, MemoRecord
from sim.charts.scale import number_tick
from sim.charts.sheet import POINTS_PER_INCH, Drawn, Heading, Sheet, open_sheet, panel_heading, text_width
from sim.charts.style import BLOC_HUE, INK, PAPER, SOFT
from sim.memo.prices import PARTS
from sim.memo.quantities import AT, FIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Told = Mapping[str, Any]
SHORT = {
    "effort": "Effort", "progress": "Progress", "frontier": "Frontier", "tokens_abroad": "Tokens abroad",
    "revenue_abroad": "Spending abroad",
}  # fmt: skip
SETTINGS = ("main", "frozen_routines", "V1a", "V1b", "V2a", "V2b", "V3b", "V4", "V5", "smuggling low", "smuggling high",
            "state_reaction")  # fmt: skip


def five(record: MemoRecord) -> Drawn:
    """Draw the effect of controls on effort, progress, frontier, tokens and spending abroad, in the main settings."""
    rows = {row["setting"]: row for row in record.memo["five"][record.judged] if row["month"] == AT}
    kept = [key for key in SETTINGS if key in rows]
    main = rows["main"]
    up = [SHORT[name].lower() for name in FIVE if (main[name]["p05"] or 0.0) > 0.0]
    down = [SHORT[name].lower() for name in FIVE if (main[name]["p95"] or 0.0) < 0.0]
    open_ = [SHORT[name].lower() for name in FIVE if SHORT[name].lower() not in (*up, *down)]
    told = [f"{'raise' if group is up else 'lower'} {', '.join(group)}" for group in (up, down) if group]
    title = f"At {AT} the controls {' and '.join(told) if told else 'have no clear effect'} ({record.judged})"
    title += f"; 90% of the runs span both signs of {', '.join(open_)}" if told and open_ else ""
    reading = "Difference from the same world without chip controls: median and 90% of the runs, in every setting."
    labels = ["the scenario" if key == "main" else key.replace("_", " ") for key in kept]
    left = 0.3 + max(text_width(label, 8.0) for label in labels) / POINTS_PER_INCH
    words = Heading(title, reading, ["Effort, progress and frontier of Chinese labs; China's shares outside China.",
                                     record.source()])  # fmt: skip
    sheet = open_sheet(10.0, 0.24 * len(kept), 1, len(FIVE), words, left=left, right=0.3, wspace=0.16)
    for place, (name, (_, unit, _)) in enumerate(FIVE.items()):
        ax = sheet.figure.add_subplot(sheet.grid[0, place])
        _dots(ax, [rows[key][name] for key in kept], BASE_HUE[record.judged])
        ax.set_yticks(range(len(kept)), labels if place == 0 else [""] * len(kept))
        ax.set_xlabel(unit, fontsize=7.6)
        panel_heading(ax, SHORT[name])
    return Drawn(sheet.figure, title, f"Five panels of dots with intervals over {len(kept)} settings. {title}.")


def _dots(ax: "Axes", rows: list[Told], colour: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.axvline(0, color=INK, lw=0.8, zorder=1.5)
    for place, told in enumerate(rows):
        if told["median"] is not None:
            ax.hlines(place, told["p05"], told["p95"], color=colour, lw=1.2, zorder=2)
            ax.scatter([told["median"]], [place], s=22, c=HELD if told["median"] > 0 else NOT_HELD, edgecolors=PAPER,
                       linewidths=0.6, zorder=4)  # fmt: skip
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", labelsize=8.0, labelcolor=INK, length=0)
    ax.tick_params(axis="x", labelsize=7.6)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_tick(value)))
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")


def price(record: MemoRecord) -> Drawn:
    """Draw the parts of the price ratio of the best open Chinese over the best closed US model as a cascade."""
    found = record.memo["price"][record.judged]
    parts = found["parts"]
    means = [parts[name]["mean"] or 0.0 for name in PARTS]
    total, quality = sum(means), parts["quality"]["mean"] or 0.0
    title = (
        f"The best open Chinese model costs {np.exp(total):.2f} of the best closed US one in January 2025, "
        f"{np.exp(total + quality):.2f} at equal capability"
    )
    reading = (
        "Parts of ln of the price ratio, means over the runs (so prices are geometric means); they add up. A bar to "
        "the left makes it cheaper."
    )
    names = [*PARTS, "price ratio", "worth of the gap in capability", "ratio at equal capability"]
    starts = [*np.concatenate([[0.0], np.cumsum(means)[:-1]]), 0.0, total, 0.0]
    widths = [*means, total, quality, total + quality]
    left = 0.3 + max(text_width(name, 8.4) for name in names) / POINTS_PER_INCH
    share = "n/a" if found["markup_share"] is None else f"{found['markup_share']:.0%}"
    notes = [f"Hosting, markup and stickiness make {share} of the ratio. Premium: the US lab's own shadow price.",
             record.source()]  # fmt: skip
    sheet = open_sheet(8.4, 0.3 * len(names), 1, 1, Heading(title, reading, notes), left=left)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    for place, (start, width) in enumerate(zip(starts, widths, strict=True)):
        colour = INK if place in (len(PARTS), len(PARTS) + 2) else BLOC_HUE["CN"] if width < 0 else BLOC_HUE["US"]
        ax.barh(place, width, left=start, height=0.62, color=colour, zorder=2)
        ax.annotate(f"{width:+.2f}", (max(start, start + width), place), (4, 0), textcoords="offset points", fontsize=8,
                    va="center", color=SOFT)  # fmt: skip
    ax.axvline(0, color=INK, lw=0.8)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), [name.replace("_", "-") for name in names])
    ax.tick_params(axis="y", labelsize=8.4, labelcolor=INK, length=0)
    low, high = ax.get_xlim()
    ax.set_xlim(low - 0.02 * (high - low), high + 0.08 * (high - low))
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    ax.set_xlabel("ln", fontsize=8)
    return Drawn(sheet.figure, title, f"A cascade of bars for {len(PARTS)} parts of a price ratio. {title}.")


def shock(record: MemoRecord) -> Drawn:
    """Draw how often DeepSeek and Mistral come near the frontier when the event or the lab effect is changed."""
    rows = record.memo["shock"][record.judged]
    by_key = {row["setting"]: row for row in rows}
    main, zero = by_key["main"]["near.DeepSeek.controls"] or 0.0, by_key["effect_zero"]["near.DeepSeek.controls"] or 0.0
    free = by_key["main"]["near.DeepSeek.none"] or 0.0
    title = (
        f"DeepSeek comes near the frontier in {main:.0%} of the runs, in {zero:.0%} without its lab effect and in "
        f"{free:.0%} without controls"
    )
    reading = "Share of runs with a model within 3.5 ECI of the US frontier at some time from 2024-12 to 2025-06."
    labels = [row["label"] for row in rows]
    left = 0.3 + max(text_width(label, 8.4) for label in labels) / POINTS_PER_INCH
    notes = ["Full: with controls; hollow: without. Mistral is as poor a lab under no controls.", record.source()]
    sheet = open_sheet(9.0, 0.34 * len(rows), 1, 2, Heading(title, reading, notes), left=left, wspace=0.12)
    for place, (who, hue) in enumerate((("DeepSeek", BLOC_HUE["CN"]), ("Mistral", BLOC_HUE["EU"]))):
        _near(sheet, place, rows, who, hue, labels)
    return Drawn(sheet.figure, title, f"Two panels of dots for {len(rows)} versions of the event. {title}.")


def _near(sheet: Sheet, column: int, rows: list[Told], who: str, hue: str, labels: list[str]) -> None:
    ax = sheet.figure.add_subplot(sheet.grid[0, column])
    for place, row in enumerate(rows):
        on, off = (100 * (row[f"near.{who}.{arm}"] or 0.0) for arm in ("controls", "none"))
        ax.plot([on, off], [place, place], color=hue, lw=1.0, zorder=2)
        ax.scatter([off], [place], s=34, facecolors=PAPER, edgecolors=hue, linewidths=1.3, zorder=3)
        ax.scatter([on], [place], s=30, c=hue, zorder=4)
    ax.set_xlim(-3, 103)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(range(len(rows)), labels if column == 0 else [""] * len(rows))
    ax.tick_params(axis="y", labelsize=8.4, labelcolor=INK, length=0)
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    ax.set_xlabel("per cent of the runs", fontsize=8)
    panel_heading(ax, who)
