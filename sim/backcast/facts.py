"""The minimum set of facts in the posterior predictive band, and how wide the band is beside a simple rule's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.backcast.baselines import pools_of, rules
from sim.backcast.points import Point, by_operator, in_units, series_of
from sim.backcast.predict import DRAWS
from sim.backcast.scores import SHARES, weighted_quantiles
from sim.backcast.study import LEVEL_UNITS, Study
from sim.data import Row, load_tables
from sim.fact_formulas import state
from sim.monthly import Monthly, NotMeasured
from sim.operators import OPERATORS, transform, untransform
from sim.tape import Tape


@dataclass(frozen=True)
class FactBand:
    """One part of a fact: the 90% predictive band of the fit, in natural units.

    `inside50` is of the 50% band, `inside_bare` of the 90% band without the discrepancy. `measured`: width of the 90%
    band of the observation itself. `naive`: width of the 90% band that the narrowest simple rule gives from the
    operator's points before it; NaN for facts that are no point of an operator, or where there are none.
    """

    fact: str
    part: str
    phrase: str
    role: str
    observed: float
    low: float
    median: float
    high: float
    inside: bool
    inside50: bool
    inside_bare: bool
    measured: float
    naive: float

    @property
    def width(self) -> float:
        """Width of the band."""
        return self.high - self.low


def fact_bands(study: Study) -> list[FactBand]:
    """Return the bands of the minimum set as the fit at the main cut gives them; what is not measured is left out."""
    record = Monthly(study.record.columns, study.record.values, study.record.months)
    rows = [row for row in load_tables().targets.rows if row["minimum"] == 1.0]
    found = []
    for row in rows:
        try:
            values = state(record, str(row["formula"]))
        except NotMeasured:
            continue
        if np.isfinite(values).any():
            found.append(_band(study, row, values))
    return found


def facts_summary(bands: Sequence[FactBand]) -> dict[str, Any]:
    """Return the counts: facts with all parts inside, parts inside (by role), and the median ratio of widths."""
    by_fact: dict[str, list[FactBand]] = {}
    for band in bands:
        by_fact.setdefault(band.fact, []).append(band)
    roles: Mapping[str, list[FactBand]] = {
        role: [band for band in bands if band.role == role] for role in sorted({band.role for band in bands})
    }
    ratios = [band.width / band.naive for band in bands if band.naive > 0.0]
    return {
        "facts": len(by_fact),
        "facts_all_inside": sum(all(band.inside for band in mine) for mine in by_fact.values()),
        "facts_half_inside": sum(2 * sum(b.inside for b in mine) >= len(mine) for mine in by_fact.values()),
        "parts": len(bands),
        "parts_inside": sum(band.inside for band in bands),
        "parts_inside50": sum(band.inside50 for band in bands),
        "parts_inside_without_discrepancy": sum(band.inside_bare for band in bands),
        "by_role": {role: {"parts": len(m), "inside": sum(b.inside for b in m)} for role, m in roles.items()},
        "widths_compared": len(ratios),
        "median_width_over_naive": float(np.median(ratios)) if ratios else None,
        "median_width_over_observation": float(np.median([band.width / band.measured for band in bands])),
        "rows": [_plain(band) for band in bands],
    }


def _band(study: Study, row: Row, values: np.ndarray) -> FactBand:
    scale: Any = row["scale"]
    held = np.where(np.isfinite(values), values, np.nanmedian(values))
    path = transform(held, scale)[:, np.newaxis]
    name, rows = f"backcast.fact.{row['fact']}.{row['part']}", range(len(held))
    normals = Tape(study.scenario.seed).normal(name, 0, rows, 2 * DRAWS)
    error, discrepancy = float(row["error"]), float(row["discrepancy"])
    bare = path + error * normals[:, :DRAWS]
    full = bare + discrepancy * normals[:, DRAWS:]
    observed = float(row["observed"])
    (low, low50, median, high50, high), (bare_low, *_, bare_high) = (
        untransform(weighted_quantiles(draws.ravel(), np.ones(draws.size), list(SHARES.values())), scale).tolist()
        for draws in (full, bare)
    )
    return FactBand(
        fact=str(row["fact"]),
        part=str(row["part"]),
        phrase=str(row["phrase"]),
        role=str(row["role"]),
        observed=observed,
        low=low,
        median=median,
        high=high,
        inside=low <= observed <= high,
        inside50=low50 <= observed <= high50,
        inside_bare=bare_low <= observed <= bare_high,
        measured=float(row["high"]) - float(row["low"]),
        naive=_naive(study, row),
    )


def _naive(study: Study, row: Row) -> float:
    """Width of the narrowest 90% band that the simple rules give from the operator's points before this one."""
    name, label = str(row["operator"]), f"{row['fact']} ({row['part']})"
    if not name:
        return math.nan
    mine = next(point for point in study.points if point.label == label)
    scale = OPERATORS[name].scale
    known = {
        operator: [point for point in points if point.known < mine.known]
        for operator, points in by_operator(study.points).items()
    }
    pools = pools_of([series_of(points) for other, points in known.items() if OPERATORS[other].scale == scale])
    otherwise = mine.discrepancy**2 / 12.0
    found = rules(series_of(known[name]), mine.time, mine.error, pools, otherwise, OPERATORS[name].unit in LEVEL_UNITS)
    widths = [_width(rule.sample(), mine) for rule in found.values()]
    return min(widths, default=math.nan)


def _width(sample: np.ndarray, point: Point) -> float:
    low, high = in_units(np.quantile(sample, (0.05, 0.95)), point.operator).tolist()
    return float(high - low)


def _plain(band: FactBand) -> dict[str, Any]:
    return {**{key: None if value != value else value for key, value in vars(band).items()}, "width": band.width}
