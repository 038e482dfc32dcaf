"""Overview of a sweep's effects: one row for each policy or named setting, one column for each outcome."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.charts.data import CannotDraw
from sim.charts.scale import number_tick
from sim.charts.sheet import Drawn, open_sheet, text_width
from sim.charts.style import INK, PAPER, SOFT
from sim.charts.sweep import heading_over, hue_of
from sim.charts.sweep_data import Curve, SweepRecord, evenly, same
from sim.charts.sweep_text import Outcome, change, lever_words, listed, value_words, with_unit
from sim.charts.sweep_words import finding, multiplicity, sweep_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.experiments.sweep_results import SweepPoint as Point

MOST_ROWS, COLUMNS = 20, 4
ROW, RIGHT, LABEL_POINTS = 0.25, 0.3, 8.2
WIDEST = 190.0
"""Points of width that the names of the rows may take; longer ones are cut."""


def overview(record: SweepRecord) -> Drawn:
    """Paired effects of each policy and named setting on the main outcomes, with both intervals."""
    rows = named_points(record)
    if not rows:
        raise CannotDraw("no policies or settings with names are compared")
    outcomes = record.outcomes
    if not outcomes:
        raise CannotDraw(f"no outcome is defined in {record.headline}")
    rows = _ordered(record, rows, outcomes[0])
    names, points = [name for name, _ in rows], [point for _, point in rows]
    curves = [record.effect(points, outcome) for outcome in outcomes]
    title = finding(record, outcomes[0], curves[0], "the policies" if len(record.policies) > 1 else "the settings")
    reading = f"Paired difference from the baseline in {record.headline}. {_drawn_as(record)}."
    words = sweep_heading(record, title, reading, _notes(record, points, curves, outcomes))
    left = min(max(text_width(name, LABEL_POINTS) for name in names), WIDEST) / 72 + 0.34
    heads = max(text_width(outcome.name, 9.0, bold=True) for outcome in outcomes) / 72 + 0.16
    columns = max(min(len(outcomes), COLUMNS, int((9.0 - left - RIGHT) / heads)), 1)
    deep = -(-len(outcomes) // columns)
    high = max(len(rows) * ROW, 0.7)
    sheet = open_sheet(
        9.0, deep * high + (deep - 1) * 0.8, deep, columns, words, left=left, right=RIGHT, wspace=0.1, hspace=0.8 / high
    )
    for place, (outcome, curve) in enumerate(zip(outcomes, curves, strict=True)):
        ax = sheet.figure.add_subplot(sheet.grid[place // columns, place % columns])
        _panel(ax, outcome, curve, names if place % columns == 0 else [])
    return Drawn(sheet.figure, title, _alt(title, names, outcomes[0], curves[0]))


def _drawn_as(record: SweepRecord) -> str:
    """What dots and lines are; of what is not drawn nothing."""
    if record.pairs == 1:
        return "Dot: the one run of a point"
    if record.draws == 1:
        return "Dot: mean; line: 90% of the runs; one draw gives no interval"
    return "Dot: mean; full: its 95% interval, the thick line, excludes zero; thin line: 90% of the runs"


def named_points(record: SweepRecord) -> "list[tuple[str, Point]]":
    """Return the points that have a name, with it: each policy, and each word of an axis, all else at home.

    Points that are their own baseline are left out, and so are sampled ones unless they differ in policy alone.
    """
    words = [] if record.sampled else [axis for axis in record.axes if not record.numeric(axis)]
    several = len(record.policies) > 1
    if not several and not words:
        return []
    found = []
    for point in record.points:
        moved = [axis for axis in record.axes if not same(point.values[axis.path], record.home[axis.path])]
        away = several and point.policy != record.home_policy
        if point.number == point.baseline or len(moved) + away > 1 or any(axis not in words for axis in moved):
            continue
        parts = [point.policy] if several and not moved else []
        parts += [f"{lever_words(axis.label)}: {value_words(point.values[axis.path])}" for axis in moved]
        found.append((", ".join(parts) or _home_name(record, words), point))
    kept = evenly(range(len(found)), MOST_ROWS)
    return [found[place] for place in kept]


def _home_name(record: SweepRecord, words: Any) -> str:
    return ", ".join(f"{lever_words(axis.label)}: {value_words(record.home[axis.path])}" for axis in words)


def _ordered(record: SweepRecord, rows: "list[tuple[str, Point]]", outcome: Outcome) -> "list[tuple[str, Point]]":
    """By the size of the effect on the first outcome, largest first; rows without one last."""
    mean = record.effect([point for _, point in rows], outcome)["mean"]
    return [rows[place] for place in np.argsort(np.where(np.isfinite(mean), -mean, np.inf), kind="stable")]


def _panel(ax: "Axes", outcome: Outcome, curve: Curve, names: list[str]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    places, colour = np.arange(len(curve.points)), hue_of(outcome)
    ax.axvline(0, color=INK, lw=0.8, zorder=1.5)
    ax.hlines(places, curve["p05"], curve["p95"], color=colour, lw=1.0, alpha=0.55, zorder=2)
    ax.hlines(places, curve["ci95_low"], curve["ci95_high"], color=colour, lw=3.0, zorder=3)
    faces = [colour if clear else PAPER for clear in curve.clear]
    ax.scatter(curve["mean"], places, s=26, c=faces, edgecolors=colour, linewidths=1.1, zorder=4)
    ax.set_ylim(len(places) - 0.5, -0.5)
    ax.set_yticks(places, [_short(name) for name in names] if names else [""] * len(places))
    ax.tick_params(axis="y", labelsize=LABEL_POINTS, labelcolor=INK, length=0)
    ax.tick_params(axis="x", labelsize=8.0)
    if curve.is_zero:
        ax.set_xlim(-1, 1)
        ax.set_xticks([0])
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_tick(value)))
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    for place in places[1::2]:
        ax.axhspan(place - 0.5, place + 0.5, color="#F5F5F3", lw=0, zorder=0)
    heading_over(ax, outcome.name, "")
    ax.set_xlabel(outcome.step, fontsize=7.4, color=SOFT, labelpad=1.5)


def _short(name: str) -> str:
    while text_width(name, LABEL_POINTS) > WIDEST:
        name = name.rstrip(".")[:-1].rstrip() + "..."[: 3 if len(name) > 4 else 0]
        if len(name) < 8:
            break
    return name


def _notes(record: SweepRecord, points: "list[Point]", curves: list[Curve], outcomes: list[Outcome]) -> list[str]:
    held = [axis for axis in record.axes if record.numeric(axis)]
    settings = [f"{lever_words(axis.label)} {value_words(record.home[axis.path])}" for axis in held]
    none = [
        outcome.name
        for outcome, curve in zip(outcomes, curves, strict=True)
        if curve.has_intervals and not curve.clear.any()
    ]
    total = len(record.sweep.outcomes) - len(record.undefined)
    return [
        f"Held at: {', '.join(settings)}." if settings else "",
        f"No clear effect of any on: {listed(none)}." if none else "",
        f"{len(outcomes)} of {total} outcomes are drawn." if total > len(outcomes) else "",
        multiplicity(curves[0]),
        f"Rows by the effect on {outcomes[0].name}.",
    ]


def _alt(title: str, names: list[str], outcome: Outcome, curve: Curve) -> str:
    told = [
        f"{name} {with_unit(change(float(mean)), outcome.step)}"
        for name, mean in list(zip(names, curve["mean"], strict=True))[:8]
    ]
    return f"Rows of dots with intervals. {title}. Mean effects on {outcome.name}: {'; '.join(told)}."
