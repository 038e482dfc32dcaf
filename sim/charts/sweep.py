"""Response curves of a sweep: what a lever does to the main outcomes over its range, as effects and as levels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.data import CannotDraw
from sim.charts.panels import INNER_ALPHA, OUTER_ALPHA, draw_zero
from sim.charts.scale import Scale, dress, mark_baseline, scale_of, value_axis
from sim.charts.sheet import Drawn, EndLabel, Heading, Sheet, label_ends, open_sheet, text_width
from sim.charts.style import DASH, HUE, INK, PAPER, SOFT
from sim.charts.sweep_data import MOST_LINES, Curve, Group, SweepRecord, evenly
from sim.charts.sweep_text import Outcome, capital, lever_words, slug, value_words
from sim.charts.sweep_words import clear_count, effect_words, finding, multiplicity, strongest, sweep_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.experiments.axes import Axis

LINES = ("#0D0887", "#7E03A8", "#C03A83", "#E8704F", "#E0A100")
"""Colours of several lines, dark to light in steps that stay apart for every reader; from Matplotlib's plasma."""
LABEL_POINTS = 7.8
ROW, GAP = 1.62, 0.62
LEFT, RIGHT = 0.62, 0.26


@dataclass(frozen=True)
class Panels:
    """A lever, the lines along it, and where its values stand."""

    axis: "Axis"
    scale: Scale
    groups: list[Group]
    by: str

    @property
    def several(self) -> bool:
        """Whether there is more than one line."""
        return len(self.groups) > 1


def effects(record: SweepRecord) -> Iterator[tuple[str, Drawn]]:
    """Paired effects on the main outcomes along each numeric lever, with the interval of the mean and the runs."""
    for axis in _levers(record):
        panels = lines_along(record, axis)
        outcomes = record.outcomes
        main = main_group(record, panels)
        curves = [record.effect(main.points, outcome) for outcome in outcomes]
        what = lever_words(axis.label) + (f" with {panels.by} {main.label}" if panels.several else "")
        title = finding(record, outcomes[0], curves[0], what, axis)
        words = sweep_heading(record, title, _effect_reading(record, panels), _notes(record, panels, curves))
        sheet, axes = small_multiples(outcomes, words, panels, [outcome.step for outcome in outcomes])
        for ax, outcome in zip(axes, outcomes, strict=True):
            _effect_panel(record, ax, panels, outcome)
        yield slug(lever_words(axis.label)), Drawn(sheet.figure, title, _effect_alt(title, panels, outcomes, curves))


def levels(record: SweepRecord) -> Iterator[tuple[str, Drawn]]:
    """Levels of the main outcomes along each numeric lever: median and where the runs lie."""
    for axis in _levers(record):
        panels = lines_along(record, axis)
        outcomes = record.outcomes
        main = main_group(record, panels)
        title = _level_title(record, main, outcomes[0], axis)
        bands = f"lines: medians, by {panels.by}" if panels.several else _level_bands(record)
        reading = f"Levels in {record.headline} over {_lever_title(panels)}; {bands}{_dotted(record, panels)}."
        words = sweep_heading(record, title, reading, _line_notes(record, panels))
        sheet, axes = small_multiples(outcomes, words, panels, [outcome.unit for outcome in outcomes])
        for ax, outcome in zip(axes, outcomes, strict=True):
            _level_panel(record, ax, panels, outcome)
        alt = f"Line charts of {len(outcomes)} outcomes over {lever_words(axis.label)}. {title}."
        yield slug(lever_words(axis.label)), Drawn(sheet.figure, title, alt)


def _levers(record: SweepRecord) -> list["Axis"]:
    if record.sampled:
        raise CannotDraw("the points are a sample, not a grid")
    if not record.outcomes:
        raise CannotDraw(f"no outcome is defined in {record.headline}")
    found = [axis for axis in record.axes if record.numeric(axis) and len(lines_along(record, axis).groups)]
    if not found:
        raise CannotDraw("no axis has a range of numbers")
    return found


def lines_along(record: SweepRecord, axis: "Axis") -> Panels:
    """Return the lines to draw along a lever: by policy, by the values of the only other lever, or a single one."""
    others = [other for other in record.axes if other.path != axis.path]
    by = ""
    if len(record.policies) > 1:
        by = "policy"
        kept = evenly(record.policies, MOST_LINES, record.home_policy)
        groups = [Group(policy, record.along(axis, policy)) for policy in kept]
    elif len(others) == 1:
        other, by = others[0], lever_words(others[0].label)
        kept = evenly(record.values(other), MOST_LINES, record.home[other.path])
        groups = [Group(value_words(value), record.along(axis, **{other.path: value})) for value in kept]
    else:
        groups = [Group("", record.along(axis))]
    groups = [group for group in groups if len(group.points) > 1]
    seen = [
        value for value in record.values(axis) if any(value == p.values[axis.path] for g in groups for p in g.points)
    ]
    return Panels(axis, scale_of(seen), groups, by if len(groups) > 1 else "")


def main_group(record: SweepRecord, panels: Panels) -> Group:
    """Return the line that the title speaks of: on it the other lever, or the policy, is as the scenario has it.

    A line that is its own baseline says nothing, and gives way to the next.
    """
    home = {point.number for point in record.along(panels.axis)}
    with_home = [group for group in panels.groups if home & {point.number for point in group.points}]
    own = [group for group in with_home if any(point.baseline != point.number for point in group.points)]
    return (own or [g for g in panels.groups if any(p.baseline != p.number for p in g.points)] or panels.groups)[0]


def small_multiples(
    outcomes: Sequence[Outcome], words: Heading, panels: Panels, units: Sequence[str]
) -> "tuple[Sheet, list[Axes]]":
    """Return the axes for one panel an outcome, headed, with the lever below."""
    wide = max((text_width(group.label, LABEL_POINTS) for group in panels.groups), default=0.0) / 72
    columns = min(len(outcomes), 2 if len(outcomes) <= 4 or wide > 0.6 else 3)
    rows = -(-len(outcomes) // columns)
    air = wide + 0.22 if panels.several else 0.0
    width = 9.0 if columns > 1 else 6.2
    inside = (width - LEFT - RIGHT - air - (columns - 1) * (GAP + air)) / columns
    sheet = open_sheet(
        width, rows * ROW + (rows - 1) * 0.78, rows, columns, words, left=LEFT, right=RIGHT + air,
        wspace=(GAP + air) / inside, hspace=0.78 / ROW,
    )  # fmt: skip
    axes = []
    for place, (outcome, unit) in enumerate(zip(outcomes, units, strict=True)):
        ax = sheet.figure.add_subplot(sheet.grid[place // columns, place % columns])
        dress(ax, panels.scale, inside)
        value_axis(ax)
        heading_over(ax, outcome.name, unit)
        if place + columns >= len(outcomes):
            ax.set_xlabel(_lever_title(panels), fontsize=LABEL_POINTS, labelpad=1.5)
        axes.append(ax)
    return sheet, axes


def heading_over(ax: "Axes", name: str, unit: str) -> None:
    """Write what a panel shows above it and, on a second line in grey, the unit of its vertical axis."""
    style = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "baseline", "annotation_clip": False}
    raised = 18 if unit else 7
    ax.annotate(name, (0, 1), (0, raised), fontsize=9.0, weight="bold", color=INK, **style)  # type: ignore[arg-type]
    ax.set_ylabel(unit, rotation=0, ha="left", va="baseline", fontsize=LABEL_POINTS, color=SOFT)
    from matplotlib.transforms import ScaledTranslation

    shift = ScaledTranslation(0, 7 / 72, ax.figure.dpi_scale_trans)
    ax.yaxis.set_label_coords(0.0, 1.0, transform=ax.transAxes + shift)


def _lever_title(panels: Panels) -> str:
    axis = panels.axis
    extras = [text for text in (axis.unit, panels.scale.note) if text]
    return lever_words(axis.label) + (f" ({', '.join(extras)})" if extras else "")


def _effect_panel(record: SweepRecord, ax: "Axes", panels: Panels, outcome: Outcome) -> None:
    labels, drawn, main = [], [], main_group(record, panels)
    for place, group in enumerate(panels.groups):
        colour = LINES[place % len(LINES)] if panels.several else hue_of(outcome)
        x = panels.scale.places([point.values[panels.axis.path] for point in group.points])
        curve = record.effect(group.points, outcome)
        drawn.append(curve)
        if not panels.several:
            ax.fill_between(x, curve["p05"], curve["p95"], color=colour, alpha=OUTER_ALPHA, lw=0, zorder=2)
        if group is main:
            ax.fill_between(x, curve["ci95_low"], curve["ci95_high"], color=colour, alpha=INNER_ALPHA, lw=0, zorder=2.5)
        ax.plot(x, curve["mean"], color=colour, lw=1.5, zorder=4, label=group.label or "mean")
        faces = [colour if clear else PAPER for clear in curve.clear]
        ax.scatter(x, curve["mean"], s=11, c=faces, edgecolors=colour, linewidths=0.9, zorder=5)
        labels.append(EndLabel(last_of(curve["mean"]), group.label, colour))
    if not panels.several:
        _later(record, ax, panels, outcome)
    draw_zero(ax)
    mark_baseline(ax, panels.scale, record.given.get(panels.axis.path))
    if all(curve.is_zero for curve in drawn):
        flat(ax)
    if panels.several:
        label_ends(ax, labels, LABEL_POINTS)


def flat(ax: "Axes") -> None:
    """Show that there is no effect at all: no scale but zero."""
    from matplotlib.ticker import FixedLocator

    ax.set_ylim(-1, 1)
    ax.yaxis.set_major_locator(FixedLocator([0]))
    ax.annotate(
        "every run equals its baseline", (0.5, 0.5), (0, 7), xycoords="axes fraction", textcoords="offset points",
        ha="center", fontsize=LABEL_POINTS, color=SOFT,
    )  # fmt: skip


def _later(record: SweepRecord, ax: "Axes", panels: Panels, outcome: Outcome) -> None:
    """The mean effect in the other month asked for, thin and dashed."""
    for at in other_month(record):
        points = panels.groups[0].points
        x = panels.scale.places([point.values[panels.axis.path] for point in points])
        ax.plot(x, record.effect(points, outcome, at)["mean"], color=SOFT, lw=1.0, linestyle=DASH, zorder=3.5, label=at)


def other_month(record: SweepRecord) -> list[str]:
    """Return the last month asked for if it is not the one that the charts speak of."""
    return [at for at in record.sweep.at[-1:] if at != record.headline]


def _level_panel(record: SweepRecord, ax: "Axes", panels: Panels, outcome: Outcome) -> None:
    labels = []
    for place, group in enumerate(panels.groups):
        colour = LINES[place % len(LINES)] if panels.several else hue_of(outcome)
        x = panels.scale.places([point.values[panels.axis.path] for point in group.points])
        curve = record.level(group.points, outcome)
        if not panels.several:
            ax.fill_between(x, curve["p05"], curve["p95"], color=colour, alpha=OUTER_ALPHA, lw=0, zorder=2)
            ax.fill_between(x, curve["p25"], curve["p75"], color=colour, alpha=INNER_ALPHA, lw=0, zorder=2.5)
        ax.plot(x, curve["p50"], color=colour, lw=1.5, marker="o", ms=2.6, zorder=4, label=group.label or "median")
        labels.append(EndLabel(last_of(curve["p50"]), group.label, colour))
    mark_baseline(ax, panels.scale, record.given.get(panels.axis.path))
    if panels.several:
        label_ends(ax, labels, LABEL_POINTS)


def hue_of(outcome: Outcome) -> str:
    """Return the colour of an outcome's bloc, or ink."""
    return HUE.get(outcome.column.partition(".")[2], INK)


def last_of(values: np.ndarray) -> float:
    """Return the last number that is defined; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else float("nan")


def _effect_reading(record: SweepRecord, panels: Panels) -> str:
    bands = _effect_bands(record, panels)
    if not panels.several:
        bands += "".join(f"; dashed: mean in {at}" for at in other_month(record))
    return (
        f"Mean paired difference from the baseline in {record.headline}, run by run, over {_lever_title(panels)}. "
        f"{bands}{_dotted(record, panels)}."
    )


def _effect_bands(record: SweepRecord, panels: Panels) -> str:
    """What lines, bands and dots are; of intervals only where there are any, which takes two draws."""
    runs = "one run a point" if record.pairs == 1 else "one draw, so no interval"
    if panels.several:
        if record.draws == 1:
            return f"Lines: {panels.by}; {runs}"
        banded = main_group(record, panels).label
        return f"Lines: {panels.by}. Full dots: the 95% interval of the mean excludes zero; band: it, for {banded}"
    if record.pairs == 1:
        return "One run a point"
    if record.draws == 1:
        return "Band: 90% of the runs of the one draw, which gives no interval"
    return "Inner band: 95% interval of the mean; full dots: it excludes zero; outer band: 90% of the runs"


def _level_bands(record: SweepRecord) -> str:
    return "one run a point" if record.pairs == 1 else "line: median of the runs; bands: 50% and 90% of them"


def _dotted(record: SweepRecord, panels: Panels) -> str:
    return "; dotted: the baseline's value" if panels.scale.holds(record.given.get(panels.axis.path)) else ""


def _notes(record: SweepRecord, panels: Panels, curves: Sequence[Curve]) -> list[str]:
    about = f" (with {panels.by} {main_group(record, panels).label})" if panels.several else ""
    clear = "" if all(curve.is_zero for curve in curves) else clear_count(curves, record.outcomes)
    return [f"{clear[:-1]}{about}." if clear else "", multiplicity(curves[0]), *_line_notes(record, panels)]


def _line_notes(record: SweepRecord, panels: Panels) -> list[str]:
    others = [axis for axis in record.axes if axis.path != panels.axis.path and lever_words(axis.label) != panels.by]
    held = [f"{lever_words(axis.label)} {value_words(record.home[axis.path])}" for axis in others]
    total = len(record.sweep.outcomes) - len(record.undefined)
    left = f"{len(record.outcomes)} of {total} outcomes are drawn." if total > len(record.outcomes) else ""
    return [f"Held at: {', '.join(held)}." if held else "", left]


def _level_title(record: SweepRecord, group: Group, outcome: Outcome, axis: "Axis") -> str:
    from sim.charts.sweep_text import amount, with_unit

    curve = record.level(group.points, outcome)
    first, last = (amount(float(curve["p50"][place])) for place in (0, -1))
    low, high = (value_words(group.points[place].values[axis.path]) for place in (0, -1))
    return (
        f"{capital(outcome.subject)} in {record.headline}: median {with_unit(first, outcome.unit)} with "
        f"{lever_words(axis.label)} {low}, {last} with {high}"
    )


def _effect_alt(title: str, panels: Panels, outcomes: Sequence[Outcome], curves: Sequence[Curve]) -> str:
    told = []
    for outcome, curve in zip(outcomes, curves, strict=True):
        best = strongest(curve)
        if best:
            value = value_words(curve.points[best[0]].values[panels.axis.path])
            told.append(f"{effect_words(outcome, curve, best[0])} at {value}")
    largest = f" Largest clear effects: {'; '.join(told)}." if told else ""
    over = lever_words(panels.axis.label)
    return f"Line charts of paired effects on {len(outcomes)} outcomes over {over}. {title}.{largest}"
