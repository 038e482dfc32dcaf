"""The chart of a discovery's tree: its leaves with their conditions, drawn from the folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.derived import read_csv
from sim.analysis.discovery_study import TREE
from sim.charts.data import CannotDraw
from sim.charts.discovery_data import HIT, how, percent_ticks, record_of, source
from sim.charts.sheet import POINTS_PER_INCH, Drawn, Heading, open_sheet, panel_heading, text_width
from sim.charts.style import INK, PAPER, SOFT, lighter
from sim.charts.sweep_text import capital

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE, AIR = 0.16, 0.2
"""Height of a line of text and of what stands between rows, in inches."""
LEAST_SKILL = 0.05
"""Share of the squared error that a tree should take away on other draws before its title is told without a caveat."""


def tree(folder: Path) -> Drawn:
    """Draw the leaves of the tree as rows: their conditions, and the share of their runs that are of interest."""
    record = record_of(folder)
    nodes = read_csv(folder / TREE)
    leaves = sorted((n for n in nodes if n["below"] == "-1"), key=lambda node: -float(node["share"]))
    if len(leaves) < 2:
        raise CannotDraw("the tree has no split that is worth its place")
    base = float(record.manifest["base_rate"])
    lines = [_way(nodes, leaf) for leaf in leaves]
    top, bottom = float(leaves[0]["share"]), float(leaves[-1]["share"])
    title = f"{capital(record.what)} in {top:.0%} of the runs of one branch of the tree and in {bottom:.0%} of another"
    reading = (
        f"Rows: leaves of a CART tree. Bars: share of the leaf's runs in which it happens; line: all runs ({base:.0%})."
    )
    skill = max(record.manifest["tree"]["skill"] or 0.0, 0.0)
    title += ", but draws that it was not grown on hardly bear it out" if skill < LEAST_SKILL else ""
    taken = f"{skill:.0%} of the squared error of the base rate"
    told = f"On draws that it was not grown on, the tree takes away {taken}."
    words = Heading(title, reading, [told, how(record), source(record)])
    height = sum(AIR + LINE * len(text) for text in lines)
    left = 0.35 + max(text_width(line, 8.0) for text in lines for line in text) / POINTS_PER_INCH
    sheet = open_sheet(9.6, height, 1, 1, words, left=left, right=1.2)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    _leaf_bars(ax, leaves, lines, base)
    ways = ". ".join(f"{float(leaf['share']):.0%} where {' and '.join(_way(nodes, leaf))}" for leaf in leaves[:2])
    return Drawn(sheet.figure, title, f"Bars for {len(leaves)} leaves of a tree. {title}. {ways}.")


def _leaf_bars(ax: "Axes", leaves: Sequence[dict[str, str]], lines: Sequence[Sequence[str]], base: float) -> None:
    heights = [AIR + LINE * len(text) for text in lines]
    centres = np.cumsum(heights) - np.array(heights) / 2
    for leaf, text, y in zip(leaves, lines, centres, strict=True):
        share = float(leaf["share"])
        ax.barh(y, share, height=0.2, color=HIT if share > base else lighter(HIT, 0.55), lw=0, zorder=3)
        ax.annotate("\n".join(text), (0, y), (-8, 0), textcoords="offset points", ha="right", va="center", fontsize=8)
        words = f"{share:.0%} of {int(leaf['runs']):,} runs"
        ax.annotate(words, (share, y), (5, 0), textcoords="offset points", va="center", fontsize=8, color=SOFT,
                    annotation_clip=False, zorder=6, bbox={"fc": PAPER, "ec": "none", "pad": 0.8})  # fmt: skip
    ax.axvline(base, color=INK, lw=0.8, zorder=4)
    ax.set_ylim(sum(heights), 0)
    ax.set_xlim(0, max(float(leaf["share"]) for leaf in leaves) * 1.02)
    ax.set_yticks([])
    ax.grid(False)
    percent_ticks(ax.xaxis)
    panel_heading(ax, "How often it happens", "% of the leaf's runs")


def _way(nodes: Sequence[dict[str, str]], leaf: dict[str, str]) -> list[str]:
    """The conditions of a leaf in words, the tightest of each side of each dimension."""
    ends: dict[str, dict[str, float]] = {}
    node = leaf
    while int(node["parent"]) >= 0:
        parent = nodes[int(node["parent"])]
        side = "at most" if parent["below"] == node["node"] else "above"
        ends.setdefault(parent["label"], {}).setdefault(side, float(parent["threshold"]))
        node = parent
    return [_span(label, sides) for label, sides in reversed(ends.items())]


def _span(label: str, sides: dict[str, float]) -> str:
    """Limits by side in words; where one side is limited twice, the tighter limit is the one nearer to the leaf."""
    low, high = sides.get("above"), sides.get("at most")
    if " is " in label:  # a category: 1 where it is so
        return label if low is not None else label.replace(" is ", " is not ", 1)
    if low is not None and high is not None:
        return f"{label} between {low:.3g} and {high:.3g}"
    return f"{label} above {low:.3g}" if low is not None else f"{label} at most {high:.3g}"
