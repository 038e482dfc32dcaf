"""The horizontal axis of a lever: where its values stand, linear, logarithmic or one step apart, and its ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.charts.sheet import text_width
from sim.charts.style import SOFT, compact
from sim.charts.sweep_data import evenly, is_numeric
from sim.charts.sweep_text import value_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOG_RATIO, LOG_SKEW, CROWDED = 20.0, 0.2, 0.01
TICK_POINTS = 8.0
MARGIN = 0.04


@dataclass(frozen=True)
class Scale:
    """Where the values of a lever stand. `even` puts them one step apart: words, and numbers too crowded to be read."""

    values: Sequence[Any]
    kind: Literal["linear", "log", "even"]

    def at(self, value: Any) -> float:
        """Return the place of a value on the axis."""
        if self.kind == "even":
            return float([repr(other) for other in self.values].index(repr(value)))
        return float(value)

    def places(self, values: Sequence[Any]) -> np.ndarray:
        """Return the places of several values."""
        return np.array([self.at(value) for value in values], dtype=np.float64)

    @property
    def ends(self) -> tuple[float, float]:
        """The limits of the axis, with a little air."""
        low, high = self.at(self.values[0]), self.at(self.values[-1])
        if self.kind == "even":
            return low - 0.5, high + 0.5
        if self.kind == "log":
            air = (high / low) ** MARGIN
            return low / air, high * air
        air = MARGIN * (high - low)
        return low - air, high + air

    def holds(self, value: Any) -> bool:
        """Whether a value has a place on the axis: among the values, or between numbers."""
        if self.kind == "even":
            return any(repr(other) == repr(value) for other in self.values)
        return value is not None and is_numeric([value]) and bool(self.values[0] <= value <= self.values[-1])

    @property
    def note(self) -> str:
        """What a reader must know of the axis, or nothing."""
        numbers = is_numeric(self.values)
        uneven = self.kind == "even" and numbers and len(set(np.round(np.diff(self.values), 12))) > 1
        return "log scale" if self.kind == "log" else "values evenly spaced" if uneven else ""


def scale_of(values: Sequence[Any], sampled: bool = False) -> Scale:
    """Return the scale on which ordered values of a lever can be told apart."""
    if not is_numeric(values) or len(values) < 2:
        return Scale(values, "even")
    low, high = values[0], values[-1]
    middle = float(np.median(values))
    if low > 0 and high / low >= LOG_RATIO and (middle - low) / (high - low) < LOG_SKEW:
        return Scale(values, "log")
    crowded = float(np.diff(values).min()) / (high - low) < CROWDED
    return Scale(values, "even" if crowded and not sampled else "linear")


def dress(ax: "Axes", scale: Scale, inches: float) -> None:
    """Give a horizontal axis, `inches` wide, the limits and ticks of a scale: at the values where there is room."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if scale.kind == "log":
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(*scale.ends)
    shown = _with_room(scale, inches)
    if shown:
        ax.xaxis.set_major_locator(FixedLocator([scale.at(value) for value in shown]))
        ax.set_xticklabels([value_words(value) for value in shown])
        return
    ax.xaxis.set_major_locator(
        LogLocator(10, numticks=5) if scale.kind == "log" else MaxNLocator(4, steps=[1, 2, 5, 10])
    )
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_tick(value)))


def _with_room(scale: Scale, inches: float) -> list[Any]:
    """The values to write at the ticks: all, or some of those one step apart; none where round numbers are better."""
    for most in (len(scale.values), 7, 6, 5, 4, 3, 2):
        some = evenly(scale.values, most)
        if scale.kind != "even" and len(some) < len(scale.values):
            return []
        if len(some) <= 9 and _apart(scale, some, inches):
            return some
    return [scale.values[0]] if scale.kind == "even" else []


def _apart(scale: Scale, values: Sequence[Any], inches: float) -> bool:
    low, high = scale.ends
    places = scale.places(values)
    if scale.kind == "log":
        low, high, places = float(np.log(low)), float(np.log(high)), np.log(places)
    points = (places - low) / (high - low) * inches * 72
    wide = np.array([text_width(value_words(value), TICK_POINTS) for value in values])
    return bool((np.diff(points) > (wide[1:] + wide[:-1]) / 2 + 5).all())


def number_tick(value: float) -> str:
    """Return a number at a tick as it is, without rounding: 137.5, 0.025, 12.5k."""
    if abs(value) >= 1e4:
        return ("-" if value < 0 else "") + compact(abs(value), tick=True)
    text = f"{value:.8g}"
    return "0" if float(text) == 0 else text


def value_axis(ax: "Axes", bins: int = 5) -> None:
    """Give a vertical axis a few round ticks, written in full."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number_tick(value)))


def mark_baseline(ax: "Axes", scale: Scale, home: Any) -> None:
    """Draw a thin line at the baseline's value of a lever, where it has a place on this axis."""
    if scale.holds(home):
        ax.axvline(scale.at(home), color=SOFT, lw=0.8, linestyle=(0, (1, 2)), zorder=1)
