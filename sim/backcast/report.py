"""The backcast as one JSON value and as the rows of a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sim.backcast.baselines import LAST, MEAN, TREND
from sim.backcast.facts import fact_bands, facts_summary
from sim.backcast.points import Z90, Point, in_units
from sim.backcast.question import ALONE, FROZEN, MODEL, PRIOR, UNFITTED, UNTIED, VARIANTS, Origin, fits_read, origin_of
from sim.backcast.study import Scored, Study
from sim.backcast.summary import operator_rows, pooled, targets_of
from sim.calendar import month_label
from sim.operators import OPERATORS

CONDITIONAL = (
    "The backcast is conditional: world chip supply, NVIDIA's output, the compute of labs and the policies of "
    "governments after the cut are the recorded ones as far as the record goes. The simple rules do not get them. "
    "Observations of these quantities are marked as given, not forecast, and are in no count"
)
FEW = (
    "The targets are few and not independent: an operator is scored at several dates and from several cuts. No test of "
    "significance is made"
)
RULES: Mapping[str, str] = {
    LAST: "the last observed value, with a random walk",
    TREND: "a straight line through the points on the operator's scale, with Student's t band",
    MEAN: "the mean of the points, for shares, ratios, lags and growth factors",
    UNFITTED: "the model with the prior instead of the fit, conditioned alike",
    FROZEN: f"the model with {', '.join(VARIANTS[FROZEN])}, not fitted anew",
    UNTIED: f"the model with {', '.join(VARIANTS[UNTIED])}, not fitted anew",
    ALONE: "the model without conditioning on the points before the cut",
}
HEADER = (
    "origin", "fit", "operator", "target", "month", "role", "given", "horizon", "method", "observed", "p05", "p25",
    "p50", "p75", "p95", "crps", "crps_scale", "inside50", "inside90", "z", "width90",
)  # fmt: skip
"""Columns of scores.csv."""


def notes(study: Study) -> list[str]:
    """Return what a reader must know before the numbers are read; warnings first."""
    question, found = study.question, []
    absent = [origin.cut for origin in study.origins if origin.stands_in]
    if absent:
        which = (
            f"No fit to {', '.join(absent)} is shipped: the prior stands in there. The prior was written by people who"
        )
        found.append(f"{which} knew the record to 2025-12, so these scores flatter the model")
    elif question.world == PRIOR:
        text = "The prior was used. It was written by people who knew the record to 2025-12"
        found.append(f"{text}, so the scores flatter the model")
    filled = {name: one.missing for name, one in study.forecasts.items() if one.missing}
    if filled:
        names = ", ".join(f"{name} ({count})" for name, count in filled.items())
        found.append(f"Months in which a run does not have an operator took the median of the others: {names}")
    found += [CONDITIONAL, FEW]
    found.append(
        "Mechanisms, ranges and data tables were written after 2025-12. A fit to an earlier month forgets the later "
        "observations, not what its authors knew"
    )
    return found


def as_json(study: Study) -> dict[str, Any]:
    """Return everything but the wall clock of `made` as a function of scenario, code and data."""
    question = study.question
    main = origin_of(question, question.cut)
    pools = pooled(study)
    return {
        "made": datetime.now(UTC).date().isoformat(),
        "scenario": question.scenario,
        "fit_until": question.cut,
        "until": question.until,
        "fit": main.fit,
        "draws": question.draws,
        "runs": study.runs,
        "seed": study.scenario.seed,
        "notes": notes(study),
        "forecasts": {name: dict(one.quantiles) for name, one in study.forecasts.items()},
        "operators": operator_rows(study),
        "scores": [_target(methods) for methods in targets_of(study.scored).values()],
        "baselines": {name: {"what": what, **pools["all origins"]["baselines"][name]} for name, what in RULES.items()},
        "coverage": pools["all origins"]["coverage"],
        "origins": [_origin(origin, pools[origin.cut]) for origin in study.origins],
        "facts": facts_summary(fact_bands(study)),
        "observed": _observed(study),
        "rules": {name: one.rule_lines for name, one in study.forecasts.items()},
        "discrepancy": {name: one.spread for name, one in study.forecasts.items()},
        "fits": fits_read(question),
    }


def score_rows(study: Study) -> list[list[str]]:
    """Return the rows of scores.csv in the order of HEADER."""
    return [_cells(row) for row in study.scored]


def _target(methods: Mapping[str, Scored]) -> dict[str, Any]:
    first = methods[MODEL]
    return {
        "origin": first.origin.cut,
        "fit": first.origin.fit,
        "operator": first.point.operator,
        "target": first.point.label,
        "month": month_label(first.point.known),
        "role": first.point.role,
        "given": first.point.given,
        "horizon": first.horizon,
        "observed": first.point.observed,
        "methods": {name: _numbers(row) for name, row in methods.items()},
    }


def _numbers(row: Scored) -> dict[str, Any]:
    score = row.score
    return {
        "crps": score.crps,
        "crps_scale": score.crps_scale,
        "inside50": score.inside50,
        "inside90": score.inside90,
        "z": score.z,
        "width90": score.width90,
        **score.quantiles,
    }


def _cells(row: Scored) -> list[str]:
    point, found = row.point, _numbers(row)
    start: list[Any] = [row.origin.cut, row.origin.fit, point.operator, point.label, month_label(point.known),
                        point.role, int(point.given), row.horizon, row.method, point.observed]  # fmt: skip
    values = [*start, *(found[name] for name in HEADER[len(start) :])]
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _origin(origin: Origin, pool: Mapping[str, Any]) -> dict[str, Any]:
    return {"cut": origin.cut, "fit": origin.fit, "prior_stands_in": origin.stands_in, **pool}


def _observed(study: Study) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in OPERATORS}
    for point in study.points:
        found[point.operator].append(_seen(point))
    return found


def _seen(point: Point) -> dict[str, Any]:
    away = Z90 * point.error
    low, high = in_units(np.array([point.value - away, point.value + away]), point.operator).tolist()
    return {
        "target": point.label,
        "first": month_label(point.months[0]),
        "last": month_label(point.known),
        "value": point.observed,
        "low": low,
        "high": high,
        "role": point.role,
    }
