"""How a report writes numbers: one scale for each measure, the same digits in a value, its interval and its change."""

import math
from dataclasses import dataclass

from sim.charts.style import compact
from sim.measures import CATALOGUE

MINUS = "\N{MINUS SIGN}"
NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Scale:
    """How the numbers of one measure are written.

    `factor` turns the measure's unit into the one shown; `unit` follows a value and `step` a change (points for
    shares); `better` says who gains by more of it, '' where nobody would say.
    """

    factor: float = 1.0
    unit: str = ""
    step: str = ""
    large: bool = False
    better: str = ""

    def text(self, value: float) -> str:
        """Return a value with its unit: 6.2%, 8.0 months, 1.6M H100e."""
        return self._joined(plain(self.factor * value, self.large), self.unit)

    def range(self, low: float, high: float) -> str:
        """Return an interval with its unit: 1.7 to 18.5%."""
        return self._range(plain(self.factor * low, self.large), plain(self.factor * high, self.large), self.unit)

    def change(self, value: float) -> str:
        """Return a change with its sign: -1.1 points."""
        return self._joined(signed(self.factor * value, self.large), self.step)

    def change_range(self, low: float, high: float) -> str:
        """Return the interval of a change: -7.4 to +0.3 points."""
        return self._range(signed(self.factor * low, self.large), signed(self.factor * high, self.large), self.step)

    def _range(self, low: str, high: str, unit: str) -> str:
        if low == high == NOT_REACHED:
            return NOT_REACHED
        return f"{low} to {self._joined(high, unit)}"

    @staticmethod
    def _joined(text: str, unit: str) -> str:
        if not unit or text == NOT_REACHED:
            return text
        return f"{text}{unit}" if unit == "%" else f"{text} {unit}"


def plain(value: float, large: bool = False) -> str:
    """Return a number in few digits: 18.5, 6.2, 0.31, 0.04; 1.6M where `large`. 'not reached' for NaN."""
    if math.isnan(value):
        return NOT_REACHED
    text = compact(abs(value)) if large else _digits(abs(value))
    return f"{MINUS}{text}" if value < 0 and float(_bare(text)) != 0 else text


def percent(share: float) -> str:
    """Return a share in whole per cent, without a minus before zero."""
    whole = round(100 * share)
    return f"{MINUS if whole < 0 else ''}{abs(whole)}%"


def signed(value: float, large: bool = False) -> str:
    """Return a change with its sign; zero has none."""
    text = plain(value, large)
    return f"+{text}" if value > 0 and text != NOT_REACHED and float(_bare(text)) != 0 else text


def _digits(size: float) -> str:
    if size == 0:
        return "0"
    if size >= 1000:
        return f"{size:,.0f}"
    if size >= 99.95:
        return f"{size:.0f}"
    return f"{size:.1f}" if size >= 0.995 else f"{size:.2f}"


def _bare(text: str) -> str:
    return text.rstrip("kMbnT").replace(",", "")


def scale_of(measure: str) -> Scale:
    """Return the scale of any measure of the catalogue."""
    return SCALES.get(measure) or _general(measure)


def _general(measure: str) -> Scale:
    unit = CATALOGUE[measure].unit if measure in CATALOGUE else ""
    if unit.split()[:1] == ["share"]:
        return Scale(100.0, "%", "points")
    return Scale(unit=unit, step=unit, large=unit.startswith(("H100e", "FTE", "M$", "FLOP", "million")))


_SHARE = Scale(100.0, "%", "points", better="China")
SCALES = {
    "token_share_abroad": _SHARE,
    "revenue_share_abroad": _SHARE,
    "token_share_home": _SHARE,
    "gap_months": Scale(unit="months", step="months", better="US"),
    "frontier_capability": Scale(unit="ECI", step="ECI", better="China"),
    "compute_owned": Scale(unit="H100e", step="H100e", large=True, better="China"),
    "compute_share": _SHARE,
    "efficiency_researchers": Scale(unit="people", step="people", large=True),
    "algorithmic_progress": Scale(unit="ln units a year", step="ln units a year", better="China"),
    "token_share": Scale(100.0, "%", "points"),
}
"""The scales of what a report speaks of; `better` is for a higher value."""
