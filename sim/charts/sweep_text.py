"""The words on charts of sweeps: levers, values, outcomes and effects, as a reader would write them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sim.charts.style import compact, display
from sim.charts.text import unit_of

SHORT = {
    "gap_months": "lag behind the US",
    "hhi": "concentration",
    "release_open": "openness",
    "legal_share_stock": "legal slice of chip output",
    "blocked_market_share": "blocked share of spending",
    "price_fixed_capability": "price at ECI",
    "compute_inflow": "chip inflow",
    "compute_labs": "compute in use",
    "efficiency_researchers": "efficiency staff",
    "research_effort_share": "staff on efficiency",
    "supplier_revenue_lost": "chip revenue lost",
    "developer_token_share": "developers' token share",
    "developer_revenue_share": "developers' revenue share",
    "token_share_abroad": "token share abroad",
}
"""What a measure is called on a panel, where its name with blanks would not do."""
OWNERS = {
    "US": "US",
    "CN": "China's",
    "EU": "the EU's",
    "OTHER": "other countries'",
    "open": "open models'",
    "closed": "closed models'",
    "world": "the world's",
}
BARE = ("labs", "blocs", "legal", "smuggled", "cloud", "domestic")
"""Entities that own nothing: the part of a measure that is meant."""
PLURAL = {"open": "open models", "closed": "closed models", "OTHER": "other countries"}
APOSTROPHE = "'s"
SMALL = 1e-9


@dataclass(frozen=True)
class Outcome:
    """A column as the charts show it: `factor` turns the unit of the tables into that of the axis (shares: per cent).

    `name` heads a panel, `subject` stands in a sentence; `unit` is that of a level, `step` that of a difference.
    """

    column: str
    factor: float
    name: str
    subject: str
    unit: str
    step: str


def outcome_of(column: str) -> Outcome:
    """Return how a column `measure.entity` is shown."""
    measure, _, entity = column.partition(".")
    words = SHORT.get(measure, measure.replace("_", " "))
    unit = unit_of(measure)
    share = unit.startswith("%")
    if not entity:
        name, subject = words, words
    elif entity.isdigit():
        name = subject = f"{words} {entity}"
    elif entity in BARE:
        name = subject = f"{words} ({entity})"
    else:
        name, subject = (
            f"{words}, {PLURAL.get(entity) or display(entity)}",
            f"{OWNERS.get(entity, display(entity) + chr(39) + 's')} {words}",
        )
    step = "percentage points" if share else unit
    return Outcome(column, 100.0 if share else 1.0, capital(name), subject, unit, step)


def capital(text: str) -> str:
    """Return text with its first letter large."""
    return text[:1].upper() + text[1:]


def lever_words(label: str) -> str:
    """Return the label of an axis with blanks: 'export controls strictness'."""
    text = label.removeprefix("policies.").removeprefix("dials.")
    return re.sub(r"[._]+", " ", text).strip()


def value_words(value: Any) -> str:
    """Return a value of an axis: 0.25, 1.5k, on, 'maximal'."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return compact(float(value), tick=True) if abs(value) >= 1e4 else f"{value:.4g}"
    return {"true": "on", "false": "off", "None": "as written"}.get(str(value), str(value))


def slug(label: str) -> str:
    """Return a label as part of a file name."""
    return re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_").lower()


def amount(value: float) -> str:
    """Return a number of any size in two digits or three; n/a where it is not defined."""
    return ("-" if value < 0 else "") + compact(abs(value)) if math.isfinite(value) else "n/a"


def change(value: float) -> str:
    """Return a difference with its sign: +0.42, -1.5, +1.2k; 0 where there is none."""
    if not math.isfinite(value):
        return "n/a"
    return "0" if abs(value) < SMALL else f"{'+' if value > 0 else '-'}{compact(abs(value))}"


def with_unit(text: str, step: str) -> str:
    """Return an amount with its unit: '1.5 ECI', '2.1 percentage points'."""
    return f"{text} {step}" if step else text


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def counted(number: int, one: str, more: str = "") -> str:
    """Return a count with its noun: '1 draw', '24 draws'."""
    return f"{number} {one if number == 1 else more or one + 's'}"
