"""Sampled sweeps: the effect at each point of the design over each lever, with a local average and its band."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.charts.data import CannotDraw
from sim.charts.panels import INNER_ALPHA, draw_zero
from sim.charts.scale import Scale, dress, scale_of, value_axis
from sim.charts.sheet import Drawn, open_sheet
from sim.charts.style import INK
from sim.charts.sweep import LABEL_POINTS, flat, heading_over, hue_of
from sim.charts.sweep_data import Curve, SweepRecord
from sim.charts.sweep_text import Outcome, capital, change, counted, lever_words, value_words, with_unit
from sim.charts.sweep_words import sweep_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.experiments.axes import Axis

Floats = NDArray[np.float64]
MOST_LEVERS, FEWEST_POINTS = 12, 8
POINTS_A_LEVER, DRAWS_TO_TELL = 16, 32
"""Points for each lever, and draws, from which a title says which levers move an outcome."""
REACH = 0.12
"""Standard deviation of the weights of the local average, as a share of the lever's range."""
STEPS = 41
ROW, BETWEEN = 1.5, 0.8


@dataclass(frozen=True)
class Local:
    """A local average of the effects over a lever: places on the scale, mean, and the ends of its 95% interval."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats

    @property
    def swing(self) -> tuple[int, int]:
        """Where the average is lowest and where it is highest."""
        return int(np.argmin(self.mean)), int(np.argmax(self.mean))

    @property
    def moves(self) -> bool:
        """Whether the interval at the highest place lies above that at the lowest."""
        low, high = self.swing
        return bool(self.low[high] > self.high[low])

    @property
    def range(self) -> float:
        """From the lowest to the highest local average."""
        low, high = self.swing
        return float(self.mean[high] - self.mean[low])


def scatters(record: SweepRecord) -> Iterator[tuple[str, Drawn]]:
    """One figure for each main outcome, one panel for each lever, all on one vertical scale."""
    if not record.sampled:
        raise CannotDraw("the points are a grid, not a sample")
    points = [point for point in record.points if point.number != point.baseline]
    if len(points) < FEWEST_POINTS:
        raise CannotDraw(f"{len(points)} points are too few for a local average")
    for outcome in record.outcomes:
        curve = record.effect(points, outcome)
        if np.isfinite(curve["mean"]).sum() >= FEWEST_POINTS:
            yield outcome.column, _scatter(record, outcome, curve)


def _scatter(record: SweepRecord, outcome: Outcome, curve: Curve) -> Drawn:
    axes = record.axes[:MOST_LEVERS]
    scales = [scale_of(record.values(axis), sampled=True) for axis in axes]
    averages = [local_average(axis, scale, curve) for axis, scale in zip(axes, scales, strict=True)]
    title = _title(record, outcome, curve, axes, averages)
    reading = (
        f"{outcome.name} in {record.headline}: mean paired difference from the baseline at each point. Line: local "
        "average over the points; band: its 95% interval, with all other levers varying."
    )
    words = sweep_heading(record, title, reading, _notes(record, curve))
    columns = min(len(axes), 3 if len(axes) != 4 else 2)
    width = 9.0 if columns > 1 else 6.2
    inside = (width - 0.92 - (columns - 1) * 0.3) / columns
    rows = -(-len(axes) // columns)
    high = rows * ROW + (rows - 1) * BETWEEN
    sheet = open_sheet(width, high, rows, columns, words, wspace=0.3 / inside, hspace=BETWEEN / ROW)
    first: Axes | None = None
    for place, (axis, scale, average) in enumerate(zip(axes, scales, averages, strict=True)):
        ax = sheet.figure.add_subplot(sheet.grid[place // columns, place % columns], sharey=first)
        first = first or ax
        _panel(ax, outcome, axis, scale, curve, average)
        dress(ax, scale, inside)
        ax.tick_params(labelleft=place % columns == 0)
        heading_over(ax, capital(lever_words(axis.label)), outcome.step if place % columns == 0 else "")
    if curve.is_zero and first is not None:
        flat(first)
    alt = f"Scatter charts of the effect on {outcome.name} over {len(axes)} levers. {title}.{_spread(outcome, curve)}"
    return Drawn(sheet.figure, title, alt)


def local_average(axis: "Axis", scale: Scale, curve: Curve) -> Local:
    """Return the average of the effects near each place of a lever, weighted by a normal curve in the distance.

    For words, the plain mean of the points with each. The interval is that of a weighted mean of independent points.
    """
    x = scale.places([point.values[axis.path] for point in curve.points])
    known = np.isfinite(curve["mean"])
    x, y = (np.log(x) if scale.kind == "log" else x)[known], curve["mean"][known]
    if scale.kind == "even":
        at = np.arange(len(scale.values), dtype=np.float64)
        weight = (x[None, :] == at[:, None]).astype(np.float64)
    else:
        at = np.linspace(x.min(), x.max(), STEPS)
        weight = np.exp(-0.5 * ((x[None, :] - at[:, None]) / (REACH * (x.max() - x.min()))) ** 2)
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    mean = (weight * y).sum(axis=1) / total
    heard = total**2 / np.maximum((weight**2).sum(axis=1), np.finfo(float).tiny)
    spread = (weight * (y[None, :] - mean[:, None]) ** 2).sum(axis=1) / total
    error = np.sqrt(spread / np.maximum(heard - 1, 1e-9)) * 1.96
    error = np.where(heard > 1.5, error, np.nan)
    return Local(np.exp(at) if scale.kind == "log" else at, mean, mean - error, mean + error)


def _panel(ax: "Axes", outcome: Outcome, axis: "Axis", scale: Scale, curve: Curve, average: Local) -> None:
    colour = hue_of(outcome)
    x = scale.places([point.values[axis.path] for point in curve.points])
    if scale.kind == "even":
        x = x + 0.3 * (np.arange(len(x)) * 0.6180339887 % 1 - 0.5)  # apart, the same each time
        ax.vlines(average.x, average.low, average.high, color=INK, lw=2.6, zorder=4)
        ax.plot(
            average.x, average.mean, linestyle="none", marker="_", ms=16, mew=1.8, color=INK, zorder=5, label="mean"
        )
    else:
        ax.fill_between(average.x, average.low, average.high, color=INK, alpha=INNER_ALPHA, lw=0, zorder=3)
        ax.plot(average.x, average.mean, color=INK, lw=1.6, zorder=5, label="mean")
    ax.scatter(x, curve["mean"], s=9, color=colour, alpha=0.5, linewidths=0, zorder=2)
    draw_zero(ax)
    value_axis(ax)
    ax.set_xlabel(", ".join(text for text in (axis.unit, scale.note) if text), fontsize=LABEL_POINTS, labelpad=1.5)


def _title(record: SweepRecord, outcome: Outcome, curve: Curve, axes: "list[Axis]", averages: list[Local]) -> str:
    where = f"{outcome.subject} in {record.headline}"
    if curve.is_zero:
        return f"No lever has an effect on {where}: every run equals its baseline"
    if short := too_few(record, curve):
        return f"Too few points to tell which levers move {where}: {short}"
    moving = [(axis, average) for axis, average in zip(axes, averages, strict=True) if average.moves]
    if not moving:
        return f"No lever clearly moves {where} over its range"
    axis, average = max(moving, key=lambda pair: pair[1].range)
    low, high = average.swing
    ends = sorted((low, high))
    scale = scale_of(record.values(axis), sampled=True)
    sizes = [change(float(average.mean[place])) for place in ends]
    first, last = (f"{size} at {_value(scale, average, place)}" for size, place in zip(sizes, ends, strict=True))
    first = first.replace(" at ", f" {outcome.step} at ", 1)
    others = f"; {len(moving)} of {len(axes)} levers clearly move it" if len(axes) > 1 else ""
    return f"Effects on {where} move most with {lever_words(axis.label)}: {first}, {last}{others}"


def too_few(record: SweepRecord, curve: Curve) -> str:
    """Return the size of a sample in words where it is too small to say what moves an outcome, else nothing."""
    known, levers = int(np.isfinite(curve["mean"]).sum()), len(record.axes)
    if known >= POINTS_A_LEVER * levers and curve.draws >= DRAWS_TO_TELL:
        return ""
    return f"{counted(known, 'point')} over {counted(levers, 'lever')}, with {counted(curve.draws, 'draw')} at each"


def _value(scale: Scale, average: Local, place: int) -> str:
    return value_words(scale.values[place]) if scale.kind == "even" else f"{average.x[place]:.2g}"


def _notes(record: SweepRecord, curve: Curve) -> list[str]:
    missing = int((~np.isfinite(curve["mean"])).sum())
    return [
        f"{missing} of {len(curve.points)} points have no effect that is defined." if missing else "",
        f"{MOST_LEVERS} of {len(record.axes)} levers are drawn." if len(record.axes) > MOST_LEVERS else "",
        f"Which levers move it is said from {POINTS_A_LEVER} points a lever and {DRAWS_TO_TELL} draws on."
        if too_few(record, curve) and not curve.is_zero
        else "",
        f"Local average: normal weights, standard deviation {REACH:.0%} of the range.",
    ]


def _spread(outcome: Outcome, curve: Curve) -> str:
    known = curve["mean"][np.isfinite(curve["mean"])]
    low, high = (change(float(end)) for end in (known.min(), known.max()))
    return f" Effects at the {len(known)} points lie between {low} and {with_unit(high, outcome.step)}."
