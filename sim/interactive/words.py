"""Numbers of the interactive charts in words, as d3 writes them in the chart itself."""

import math

from sim.charts.style import compact

PER_CENT = {".1%": 1, ".0%": 0}


def said(value: float, form: str, suffix: str = "") -> str:
    """Return a number in the format of an axis: ".1%" 21.4%, "+.1f" +0.3, ".3~s" 1.2M; n/a where it is not defined."""
    if not math.isfinite(value):
        return "n/a"
    if form in PER_CENT:
        digits = 0 if abs(value) >= 0.0995 else PER_CENT[form]
        return f"{100 * value:.{digits}f}%"
    if form.startswith("+."):
        text = f"{value:{form}}"
        return (text[1:] if float(text) == 0 else text) + suffix
    return ("-" if value < 0 else "") + compact(abs(value), tick=True) + suffix
