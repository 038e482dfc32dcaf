"""Numbers and worlds of the interactive charts in words, as d3 writes them in the chart itself."""

import math

from sim.charts.data import Estimate, RunRecord
from sim.charts.style import compact
from sim.charts.text import otherwise, signed, signed_band

ONE_DECIMAL = 0.0995
"""Shares below this have a decimal at line ends."""


def said(value: float, form: str, suffix: str = "") -> str:
    """Return a number in the format of an axis: ".1%" 21.4%, "+.1f" +0.3, ".3~s" 1.2M; n/a where it is not defined."""
    if not math.isfinite(value):
        return "n/a"
    if form.endswith("%"):
        return f"{100 * value:.{0 if abs(value) >= ONE_DECIMAL else 1}f}%"
    if form.startswith("+") and form.endswith("s"):
        return ("+" if value > 0 else "-" if value < 0 else "") + compact(abs(value), tick=True) + suffix
    if form.startswith("+"):
        text = f"{value:{form}}"
        return (text[1:] if float(text) == 0 else text) + suffix
    if form.endswith("e"):
        return f"{value:{form}}{suffix}"
    return ("-" if value < 0 else "") + compact(abs(value), tick=True) + suffix


def other_world(record: RunRecord) -> str:
    """Return the counterfactual as a noun: 'the world without chip controls', 'the counterfactual'."""
    phrase = otherwise(record)
    return "the counterfactual" if phrase == "in the counterfactual" else f"the world {phrase}"


def change_band(change: Estimate, band: float, digits: int, unit: str) -> str:
    """Return a difference with its band, without one where there is but one run: +0.4 points (90%: -1.0 to +2.2)."""
    if change.low == change.high:
        return f"{signed(change.median, digits)} {unit}".rstrip()
    return signed_band(change, band, digits, unit)
