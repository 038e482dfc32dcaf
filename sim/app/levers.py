"""The controls of the desk, made from the catalogue of levers: sections, names, slider scales, tooltips."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sim.app.tables import tables
from sim.policies import LEVELS, Lever, lever_catalogue

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Export controls": ("export_controls",),
    "Enforcement": ("enforcement", "cloud_kyc", "tier_quota", "collaboration"),
    "Open source and access": ("open_models", "model_access", "model_ban", "content"),
    "Compute and energy": ("energy", "foundry", "mineral_control", "chip_allocation"),
    "Governments": ("purchase_veto", "subsidy", "talent"),
}
"""Groups of the catalogue, or single levers of a group that is shared out, by section."""
DIALS = {
    "export_controls.strictness": "Export controls",
    "open_source.diffusion": "Open source and access",
    "compute.constraint": "Compute and energy",
}
TELLING = (
    *DIALS, "export_controls.tpp_ceiling", "export_controls.hbm_control", "enforcement", "cloud_kyc",
    "open_restriction", "open_promotion", "energy_growth", "foundry_disruption", "purchase_veto", "subsidy",
)  # fmt: skip
"""Levers that are always in sight; the others are folded."""
ACRONYMS = {"tpp": "TPP", "hbm": "HBM", "kyc": "KYC", "api": "API"}
COUNTRIES = {
    "US": "US", "CN": "China", "EU": "EU", "TW": "Taiwan", "JP": "Japan", "KR": "Korea", "NL": "Netherlands",
    "IN": "India", "GULF": "Gulf", "ROW": "Rest of the world",
}  # fmt: skip
STEPS = 24
"""Steps of a slider over thresholds, besides the named levels."""
EVEN = 2.5
"""Step of a slider over thresholds that may be negative, in their unit."""
LEVEL_WORDS = dict(zip(LEVELS, ("Weak", "Moderate", "Strong", "Maximal"), strict=True))


@dataclass(frozen=True)
class Control:
    """A lever as it is shown. `scale`: the values of its slider, ascending; empty where it runs evenly."""

    lever: Lever
    section: str
    label: str
    help: str
    scale: tuple[float, ...]

    @property
    def telling(self) -> bool:
        """Whether it is always in sight."""
        return self.lever.name in TELLING

    @property
    def step(self) -> float:
        """Step of an even slider."""
        return 0.01 if self.lever.high - self.lever.low <= 1.0 else 0.05

    def shown(self, value: float) -> str:
        """Return a value as the desk writes it: 40%, 4,800 TPP, no limit."""
        if math.isinf(value):
            return "no limit"
        if self.lever.kind == "switch":
            return "on" if value else "off"
        if self.lever.kind == "share" and not self.lever.is_dial:
            return f"{100 * value:.0f}%"
        number = f"{value:.2g}" if value >= 1e7 else f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"
        unit = self.lever.unit if len(self.lever.unit) <= 10 and not self.lever.is_dial else ""
        return f"{number} {unit}" if unit not in ("", "mode", "multiple") else number


@cache
def controls() -> Mapping[str, Control]:
    """Return every control by the name of its lever: section by section, the telling ones first."""
    rows = {str(row["name"]): row for row in tables().levers.rows}
    found = []
    for name, lever in lever_catalogue(rows.values()).items():
        source, grade = str(rows[name]["source"]), str(rows[name]["grade"])
        found.append(Control(lever, section_of(lever), label_of(lever), _help(lever, source, grade), scale_of(lever)))
    places = {name: place for place, name in enumerate(TELLING)}
    order = list(SECTIONS)
    found.sort(key=lambda control: (order.index(control.section), places.get(control.lever.name, len(places))))
    return {control.lever.name: control for control in found}


def section_of(lever: Lever) -> str:
    """Return the section of a lever. Raises LookupError for one that has none."""
    if lever.is_dial:
        return DIALS[lever.name]
    for key in (lever.name, lever.group):
        for section, names in SECTIONS.items():
            if key in names:
                return section
    raise LookupError(f"the lever {lever.name} of group {lever.group} has no section on the desk")


def label_of(lever: Lever) -> str:
    """Return the name of a lever as people read it."""
    tail = lever.name.rpartition(".")[2].replace("_", " ")
    words = " ".join(ACRONYMS.get(word, word) for word in tail.split())
    text = words[:1].upper() + words[1:]
    if lever.is_dial:
        return f"Dial: {words}"
    return f"Ban: {words}" if lever.group == "model_ban" else text


def scale_of(lever: Lever) -> tuple[float, ...]:
    """Return the values that the slider of a threshold stops at, its named levels among them; empty for other kinds."""
    if lever.kind != "threshold":
        return ()
    levels = sorted(lever.levels.values())
    if min(levels) < 0.0:
        first, last = max(lever.low, 2.0 * levels[0]), levels[-1] + 4 * EVEN
        grid = [first + EVEN * step for step in range(int((last - first) / EVEN) + 1)]
    else:
        positive = [value for value in levels if value > 0.0]
        low, high = max(lever.low, positive[0] / 2.0), positive[-1] * 2.0
        grid = [_rounded(low * (high / low) ** (step / STEPS)) for step in range(STEPS + 1)]
    ends = [value for value in (lever.default, 0.0) if math.isfinite(value) and lever.low <= value]
    ends = ends if min(levels) >= 0.0 else ends[:0]
    unlimited = [math.inf] if math.inf in (lever.default, lever.high) else []
    return (*sorted({*grid, *levels, *ends}), *unlimited)


def with_value(scale: tuple[float, ...], value: float) -> tuple[float, ...]:
    """Return the scale with a value of the user's own in its place."""
    return scale if value in scale else tuple(sorted({*scale, value}))


def level_of(lever: Lever, value: float) -> str | None:
    """Return the named level that a value is, None for a value between them."""
    return next((level for level, number in lever.levels.items() if number == value), None)


def country(holder: str) -> str:
    """Return the name of a government for people."""
    return COUNTRIES.get(holder, holder)


def _help(lever: Lever, source: str, grade: str) -> str:
    levels = ", ".join(f"{level} {number:g}" for level, number in lever.levels.items())
    who = "" if lever.is_dial else f"\n\n**Set by** {', '.join(country(who) for who in lever.holders)}"
    text = f"{lever.phrase}.\n\n**Unit** {lever.unit}{who}\n\n**Levels** {levels}\n\n**Source** {source}"
    return f"{text}\n\n**Grade** {grade}"


def _rounded(value: float) -> float:
    """Two digits are enough between named levels."""
    return float(f"{value:.1e}")
