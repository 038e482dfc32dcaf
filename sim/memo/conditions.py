"""Under which conditions a claim holds: a box over what was drawn (PRIM), the pattern over the cells, and the switches.

The box is that of `sim.analysis.discovery`, checked on draws that it was not fitted to. It says where in the model a
claim holds, not why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.analysis.boxes import Cases, screened, separation
from sim.analysis.discovery import Rule, find, hold_out, too_few
from sim.analysis.discovery_words import limit_words
from sim.analysis.sweep_cases import Dimension
from sim.arrays import Array
from sim.data import load_tables
from sim.errors import InputError
from sim.memo.verdict import IN_VARIANTS, NEVER, SURE
from sim.memo.worlds import MAIN, PRINTED, Setting

DRIVERS = 3
CHANCE = 0.05
"""Chance that any parameter is named by accident as one that tells holding from failing."""
LOOKED_AT = 8
"""Parameters that PRIM may use: few, since the draws are few."""


@dataclass(frozen=True)
class Holds:
    """In which runs a claim holds: `hit` (draws, seeds) as 1, 0 or NaN where it cannot be said; what was `drawn`."""

    hit: Array
    drawn: Mapping[str, Array]

    def cases(self) -> Cases:
        """Return the runs that can be judged, with every parameter that varies."""
        seeds = self.hit.shape[1]
        known = np.isfinite(self.hit).reshape(-1)
        names = tuple(name for name, values in sorted(self.drawn.items()) if _varies(values))
        columns = [np.repeat(self.drawn[name], seeds)[known] for name in names]
        x = np.stack(columns, axis=1) if columns else np.empty((int(known.sum()), 0))
        draw = np.repeat(np.arange(len(self.hit)), seeds)[known]
        return Cases(names, x, self.hit.reshape(-1)[known] > 0.5, draw.astype(np.int64))


def holds(values: Array, sign: int, least: float, drawn: Mapping[str, Array]) -> Holds:
    """Return in which runs (draws, seeds) sign x value is above `least`."""
    hit = np.where(np.isfinite(values), (sign * np.where(np.isfinite(values), values, 0.0) > least) * 1.0, np.nan)
    return Holds(hit, drawn)


def _varies(values: Array) -> bool:
    return bool(np.isfinite(values).all() and values.max() > values.min())


def box(found: Holds, seed: int) -> dict[str, Any]:
    """Return the box in which a claim holds, as words and numbers; without one, `text` says why.

    Keys: text, limits, density, coverage, base_rate, held_out_density, held_out_error, holds_elsewhere.
    """
    cases = found.cases()
    reason = too_few(cases)
    if reason is not None:
        return {"text": f"No box was looked for: {reason[0].lower()}{reason[1:]}."}
    rule = Rule(keep=LOOKED_AT)
    try:
        inner = find(cases, rule)
        if not inner.box.limits:
            return {"text": "PRIM finds no parameter that tells the runs in which it holds from the others."}
        checked = hold_out(cases, rule, seed)
    except InputError as error:
        return {"text": f"No box was looked for: {error}"}
    limits = [limit_words(_dimension(name), low, high) for name, (low, high) in inner.box.limits.items()]
    trust = "it holds on draws left out" if checked.holds else "not clearly above the base rate on draws left out"
    text = (
        f"It holds in {inner.score.density:.0%} of the runs in which {' and '.join(limits)} "
        f"({inner.score.coverage:.0%} of all runs in which it holds; base rate {cases.base_rate:.0%}; {trust})."
    )
    return {
        "text": text, "limits": limits, "density": inner.score.density, "coverage": inner.score.coverage,
        "base_rate": cases.base_rate, "held_out_density": checked.density, "held_out_error": checked.error,
        "holds_elsewhere": checked.holds,
    }  # fmt: skip


def drivers(found: Holds) -> list[dict[str, Any]]:
    """Return the parameters that best tell holding from failing: name, distance, and on which side it holds."""
    cases = found.cases()
    if cases.hits in (0, len(cases)):
        return []
    rows = []
    for name in screened(cases, DRIVERS):
        values = cases.column(name)
        distance = separation(values, cases.hit)
        if distance >= _critical(cases):
            higher = float(np.median(values[cases.hit])) > float(np.median(values[~cases.hit]))
            rows.append({"name": name, "distance": distance, "side": "high" if higher else "low"})
    return rows


def _critical(cases: Cases) -> float:
    """Kolmogorov-Smirnov distance that chance exceeds for any of the parameters with probability `CHANCE`."""
    hits, others = cases.hits, len(cases) - cases.hits
    each = CHANCE / max(len(cases.names), 1)
    return float(np.sqrt(-0.5 * np.log(each / 2.0) * (1.0 / hits + 1.0 / others)))


def cell_pattern(shares: Mapping[str, float], settings: Sequence[Setting]) -> str:
    """Return in words how the share of runs in which a claim holds goes with the factors of the 18 cells."""
    cells = [setting for setting in settings if setting.group == PRINTED and np.isfinite(shares[setting.key])]
    if not cells:
        return "In no cell does any run have a value."
    known = [shares[setting.key] for setting in cells]
    text = f"Over {len(cells)} cells it holds in {min(known):.0%} to {max(known):.0%} of the runs"
    parts = []
    for factor in ("v0", "rationing", "sigma"):
        by_level: dict[Any, list[float]] = {}
        for setting in cells:
            by_level.setdefault(setting.factors[factor], []).append(shares[setting.key])
        means = {level: float(np.mean(values)) for level, values in by_level.items()}
        told = ", ".join(f"{level} {mean:.0%}" for level, mean in means.items())
        parts.append(f"by {factor}: {told}")
    return f"{text} ({'; '.join(parts)})."


def what_would_change(
    word: str, shares: Mapping[str, float], settings: Sequence[Setting], pushed: Sequence[Mapping[str, Any]]
) -> str:
    """Return in words where the claim would get another verdict by its share of runs, and what drives it."""
    others = [setting for setting in settings if setting.key != MAIN and np.isfinite(shares.get(setting.key, np.nan))]
    up = [setting for setting in others if shares[setting.key] >= SURE]
    down = [setting for setting in others if shares[setting.key] <= NEVER]
    parts = []
    if word != "supported":
        parts.append(_named(up, "It holds in at least nine runs in ten with", "In no setting that was tried does it "
                            "hold in nine runs in ten"))  # fmt: skip
    if word != "refuted":
        parts.append(_named(down, "It holds in at most one run in ten with", "In no setting that was tried does it "
                            "fail in nine runs in ten"))  # fmt: skip
    if word == "supported":
        weak = [setting for setting in others if NEVER < shares[setting.key] < IN_VARIANTS]
        parts.append(_named(weak, "It is weaker with", ""))
    told = [f"{'high' if row['side'] == 'high' else 'low'} {row['name']}" for row in pushed]
    if told:
        parts.append(f"Within the scenario it goes with {', '.join(told)}.")
    return " ".join(part for part in parts if part)


def _named(settings: Sequence[Setting], head: str, none: str) -> str:
    """Name settings; cells only by their number and what they share."""
    if not settings:
        return f"{none}." if none else ""
    cells = [setting for setting in settings if setting.group == PRINTED]
    names = [f"{setting.key} ({setting.label})" if setting.label != setting.key else setting.key
             for setting in settings if setting.group != PRINTED]  # fmt: skip
    if len(cells) == 1:
        names.append(f"the cell {cells[0].key}")
    elif cells:
        shared = [
            f"{factor} {value}"
            for factor, value in cells[0].factors.items()
            if all(setting.factors[factor] == value for setting in cells)
        ]
        names.append(f"{len(cells)} of 18 cells" + (f", all with {' and '.join(shared)}" if shared else ""))
    return f"{head}: {'; '.join(names)}."


def _dimension(name: str) -> Dimension:
    parameters = load_tables().parameters
    names = list(parameters.text("name"))
    if name not in names:
        return Dimension(name, name, "", "")
    place = names.index(name)
    return Dimension(name, name, parameters.text("unit")[place], parameters.text("phrase")[place])
