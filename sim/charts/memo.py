"""A figure for each claim of the memo: its effect in every setting, and the share of runs in which it holds by cell."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.charts.memo_data import BASE_HUE, HELD, NOT_HELD, WORD_HUE, MemoRecord
from sim.charts.scale import number_tick
from sim.charts.sheet import POINTS_PER_INCH, Drawn, Heading, Sheet, open_sheet, panel_heading, text_width
from sim.charts.style import INK, PAPER, SOFT, lighter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Told = Mapping[str, Any]
ROW, LABEL_POINTS, WIDE = 0.215, 7.8, 9.6
GROUPS = (("variants", "variant"), ("smuggling", "smuggling"), ("ablations", "switch"))
REACH = 1.6
"""Axes reach this far beyond the intervals of the scenario itself; longer ones are cut and say so by an arrow."""


def claims(record: MemoRecord) -> Iterator[tuple[str, Drawn]]:
    """Draw each claim: intervals of its effect in all settings at the left, the 18 cells at the right."""
    for row in record.memo["hypotheses"]:
        yield row["key"], _claim(record, row)


def _claim(record: MemoRecord, row: Told) -> Drawn:
    base = record.judged
    lines = _lines(record, row)
    effect = row["effects"][base]
    title = f"{row['key']}. {row['title'].lstrip('. ')}: {row['verdict']} on the {base}"
    reading = (
        "Left: median and 90% of the runs; a green dot where the claim holds in most runs, else red. Right: the "
        "18 cells, "
        "median above and share of runs in which it holds below; green above one half, red below."
    )
    notes = [
        f"D: {row['estimand']}. Against: {row['counterfactual']}.",
        f"The claim: D {'above' if row['claimed_sign'] > 0 else 'below'} {row['claimed_sign'] * row['d_min']:g} "
        f"{row['unit']}. Verdict: {'; '.join(row['reasons'])}.",
        record.source(),
    ]
    left = 0.3 + max(text_width(label, LABEL_POINTS) for label, _, _ in lines) / POINTS_PER_INCH
    sheet = open_sheet(WIDE, max(ROW * len(lines), 2.6), 1, 2, Heading(title, reading, notes), left=left, right=0.25,
                       width_ratios=(1.0, 1.0), wspace=0.42)  # fmt: skip
    _intervals(sheet, row, lines)
    _cells(sheet, row["cells"][base])
    shown = "n/a" if effect["median"] is None else f"{effect['median']:+.3g}"
    held = "n/a" if effect["p_claim"] is None else f"{effect['p_claim']:.0%}"
    alt = (
        f"Rows of dots with intervals for {len(lines)} settings, and a grid of 18 cells. {title}. Median {shown} "
        f"{row['unit']}; it holds in {held} of the runs."
    )
    return Drawn(sheet.figure, title, alt)


def _lines(record: MemoRecord, row: Told) -> list[tuple[str, Told, str]]:
    """Rows of the left panel: label, numbers, colour of the interval."""
    lines = [(f"the scenario, {base}", row["effects"][base], BASE_HUE.get(base, INK)) for base in record.memo["bases"]]
    for group, _ in GROUPS:
        for entry in row[group][record.judged]:
            label = entry["key"].replace("_", " ")
            lines.append((label, entry, BASE_HUE[record.judged]))
    return lines


def _intervals(sheet: Sheet, row: Told, lines: Sequence[tuple[str, Told, str]]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    edge = row["claimed_sign"] * row["d_min"]
    low, high = _reach(lines, edge)
    ax.set_xlim(low, high)
    ax.set_ylim(len(lines) - 0.5, -0.5)
    side = (edge, high) if row["claimed_sign"] > 0 else (low, edge)
    ax.axvspan(*side, color=lighter(HELD, 0.9), lw=0, zorder=0)
    ax.axvline(0, color=INK, lw=0.8, zorder=1.5)
    for place, (_, told, colour) in enumerate(lines):
        if told["median"] is None:
            ax.text(0.5, place, "no value", transform=ax.get_yaxis_transform(), fontsize=7, color=SOFT, va="center")
            continue
        ax.hlines(place, max(told["p05"], low), min(told["p95"], high), color=colour, lw=1.3, zorder=2)
        _arrows(ax, place, told, (low, high), colour)
        dot = HELD if (told["p_claim"] or 0.0) > 0.5 else NOT_HELD
        ax.scatter(
            [np.clip(told["median"], low, high)], [place], s=24, c=dot, edgecolors=PAPER, linewidths=0.6, zorder=4
        )
    ax.set_yticks(range(len(lines)), [label for label, _, _ in lines])
    ax.tick_params(axis="y", labelsize=LABEL_POINTS, labelcolor=INK, length=0)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_tick(value)))
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    ax.set_xlabel(f"D, {row['unit']} (shaded: what the claim says)", fontsize=8)
    panel_heading(ax, "Effect by setting", colour=WORD_HUE[row["verdict"]])


def _reach(lines: Sequence[tuple[str, Told, str]], edge: float) -> tuple[float, float]:
    """Ends of the axis: the widest interval of the scenario itself with room, and all medians."""
    known = [told for _, told, _ in lines if told["median"] is not None]
    if not known:
        return -1.0, 1.0
    ends = [0.0, edge, *(REACH * known[0][end] for end in ("p05", "p95")), *(told["median"] for told in known)]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _arrows(ax: "Axes", place: int, told: Told, ends: tuple[float, float], colour: str) -> None:
    if told["p05"] < ends[0]:
        ax.scatter([ends[0]], [place], marker="<", s=16, c=colour, clip_on=False, zorder=3)
    if told["p95"] > ends[1]:
        ax.scatter([ends[1]], [place], marker=">", s=16, c=colour, clip_on=False, zorder=3)


def _cells(sheet: Sheet, cells: Sequence[Told]) -> None:
    ax = sheet.figure.add_subplot(sheet.grid[0, 1])
    sigmas = sorted({cell["factors"]["sigma"] for cell in cells})
    pairs = list(dict.fromkeys((cell["factors"]["rationing"], cell["factors"]["v0"]) for cell in
                               sorted(cells, key=lambda cell: cell["factors"]["rationing"])))  # fmt: skip
    for cell in cells:
        x = sigmas.index(cell["factors"]["sigma"])
        y = pairs.index((cell["factors"]["rationing"], cell["factors"]["v0"]))
        share = cell["p_claim"]
        hue = PAPER if share is None else lighter(HELD if share > 0.5 else NOT_HELD, 1.0 - 1.3 * abs(share - 0.5))
        ax.fill_between([x, x + 1], y, y + 1, color=hue, lw=0)
        shown = "n/a" if cell["median"] is None else f"{cell['median']:+.2g}"
        held = "" if share is None else f"{share:.0%}"
        ax.text(x + 0.5, y + 0.36, shown, ha="center", va="center", fontsize=8.5, color=INK)
        ax.text(x + 0.5, y + 0.74, held, ha="center", va="center", fontsize=7.2, color=INK)
    for place in range(1, len(pairs)):
        ax.axhline(place, color=PAPER, lw=5 if place == len(pairs) // 2 else 1.5)
    for place in range(1, len(sigmas)):
        ax.axvline(place, color=PAPER, lw=1.5)
    ax.set_xlim(0, len(sigmas))
    ax.set_ylim(len(pairs), 0)
    ax.set_xticks(np.arange(len(sigmas)) + 0.5, [f"sigma {sigma:g}" for sigma in sigmas], fontsize=8)
    ax.set_yticks(np.arange(len(pairs)) + 0.5, [f"{regime}, v0 {share:g}" for regime, share in pairs], fontsize=8)
    ax.tick_params(axis="both", length=0, colors=INK)
    ax.spines["bottom"].set_visible(False)
    ax.grid(False)
    panel_heading(ax, "By what nobody knows")
