"""What the scores say together: by operator, by origin and pooled, the model beside each rule.

Observations of what the model is given are in no count. Ratios are of the CRPS on the operator's scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.backcast.baselines import LAST, MEAN, TREND
from sim.backcast.points import by_operator
from sim.backcast.question import ALONE, FROZEN, MODEL, UNFITTED, UNTIED
from sim.backcast.study import METHODS, Scored, Study
from sim.operators import OPERATORS

RIVALS = (LAST, TREND, MEAN, UNFITTED, FROZEN, UNTIED, ALONE)
"""What the model is set beside."""
SIMPLE = (LAST, TREND, MEAN)
EQUAL = 0.05
"""Ratios this near to 1 are called about equal."""
ENOUGH = 0.75
"""Share of an operator's observations in the 90% band below which the model is said to miss."""
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Beside:
    """The model beside one rule: `targets` that both foretell, `beaten` of them, median ratio of CRPS.

    `operators` likewise, by their mean CRPS; `width`: median ratio of the widths of the 90% bands.
    """

    targets: int
    beaten: int
    ratio: float | None
    operators: int
    operators_beaten: int
    width: float | None


@dataclass(frozen=True)
class Cover:
    """Share of `targets` inside the central 50% and 90% band, and the root mean square of z (1 is right)."""

    targets: int
    inside50: float | None
    inside90: float | None
    z: float | None


def targets_of(scored: Sequence[Scored]) -> dict[Key, dict[str, Scored]]:
    """Return the scores by target (cut, operator, label) and method."""
    found: dict[Key, dict[str, Scored]] = {}
    for row in scored:
        found.setdefault((row.origin.cut, row.point.operator, row.point.label), {})[row.method] = row
    return found


def counted(scored: Sequence[Scored], origins: Sequence[str]) -> list[Scored]:
    """Return the scores of these origins without what the model is given."""
    return [row for row in scored if not row.point.given and row.origin.cut in origins]


def beside(scored: Sequence[Scored], rival: str) -> Beside:
    """Return the model beside `rival` over the targets that both foretell."""
    both = [methods for methods in targets_of(scored).values() if rival in methods]
    ratios = [ratio(methods[MODEL], methods[rival]) for methods in both]
    widths = [methods[MODEL].score.width90 / max(methods[rival].score.width90, 1e-12) for methods in both]
    by_name = {
        name: mean_ratio(scored, name, rival) for name in {methods[MODEL].point.operator for methods in both}
    }  # fmt: skip
    return Beside(
        targets=len(both),
        beaten=sum(one < 1.0 for one in ratios),
        ratio=_median(ratios),
        operators=len(by_name),
        operators_beaten=sum(one is not None and one < 1.0 for one in by_name.values()),
        width=_median(widths),
    )


def cover(scored: Sequence[Scored], method: str) -> Cover:
    """Return how often the targets lie in the bands of a method."""
    mine = [row.score for row in scored if row.method == method]
    if not mine:
        return Cover(0, None, None, None)
    inside50, inside90 = (
        float(np.mean([getattr(one, name) for one in mine])) for name in ("inside50", "inside90")
    )  # fmt: skip
    return Cover(len(mine), inside50, inside90, float(np.sqrt(np.mean([one.z**2 for one in mine]))))


def ratio(model: Scored, rival: Scored) -> float:
    """Return the CRPS of the model over that of a rival, on the scale."""
    return model.score.crps_scale / max(rival.score.crps_scale, 1e-12)


def mean_ratio(scored: Sequence[Scored], operator: str, rival: str) -> float | None:
    """Return the mean CRPS of the model over that of a rival, over the targets of an operator that both foretell."""
    mine = [row for row in scored if row.point.operator == operator]
    both = [methods for methods in targets_of(mine).values() if rival in methods]
    if not both:
        return None
    ours, theirs = (float(np.mean([methods[name].score.crps_scale for methods in both])) for name in (MODEL, rival))
    return ours / max(theirs, 1e-12)


def operator_rows(study: Study) -> list[dict[str, Any]]:
    """Return one entry for each operator: its points, its scores over all origins, the ratios, and a sentence."""
    points, cuts = by_operator(study.points), study.question.origins
    rows = []
    for name, operator in OPERATORS.items():
        mine = [row for row in study.scored if row.point.operator == name and row.origin.cut in cuts]
        model = [row.score for row in mine if row.method == MODEL]
        given = bool(points[name]) and all(point.given for point in points[name])
        ratios = {rival: mean_ratio(mine, name, rival) for rival in RIVALS}
        rows.append({
            "operator": name,
            "phrase": operator.phrase,
            "unit": operator.unit,
            "scale": operator.scale,
            "given": given,
            "observations": len(points[name]),
            "scored": len(model),
            "crps": float(np.mean([one.crps for one in model])) if model else None,
            "crps_scale": float(np.mean([one.crps_scale for one in model])) if model else None,
            "inside50": sum(one.inside50 for one in model),
            "inside90": sum(one.inside90 for one in model),
            "ratios": ratios,
            "sentence": sentence(given, len(points[name]), [one.inside90 for one in model], ratios),
        })  # fmt: skip
    return rows


def sentence(given: bool, observations: int, inside: Sequence[bool], ratios: Mapping[str, float | None]) -> str:
    """Return in plain words how the model does on an operator beside the simple rules.

    `inside`: for every score of the model, whether the observation lies in the 90% band.
    """
    if given:
        return "Given to 2025-12, not forecast: the record of inputs holds it, so a good score proves nothing."
    if not observations:
        return "Never observed: the forecast stands unscored."
    if not inside:
        return "Nothing was observed after these cuts: the forecast stands unscored."
    end = _missed(inside) + _channels(ratios)
    known = {rule: value for rule in SIMPLE if (value := ratios[rule]) is not None}
    if not known:
        return f"No point before the cut, so no simple rule to beat.{end}"
    worse = [rule for rule, value in known.items() if value > 1.0 + EQUAL]
    better = [rule for rule, value in known.items() if value < 1.0 - EQUAL]
    words = {LAST: "the last value", TREND: "a simple trend", MEAN: "the mean of the past"}
    text = ""
    if worse:
        text = f"{_listed([words[rule] for rule in worse])} {'do' if len(worse) > 1 else 'does'} better here"
        text += f", the model better than {_listed([words[rule] for rule in better])}" if better else ""
    elif better:
        text = f"the model does better than {_listed([words[rule] for rule in better])}"
        text += f", about as well as {_listed([words[rule] for rule in known if rule not in better])}" * (
            len(better) < len(known)
        )
    else:
        text = "no better and no worse than the simple rules"
    scores = f" ({len(inside)} {'score' if len(inside) == 1 else 'scores'})"
    return f"{text[0].upper()}{text[1:]}{scores}.{end}"


def pooled(study: Study) -> dict[str, Any]:
    """Return the counts and coverages over all origins and by origin, without what the model is given."""
    cuts = list(study.question.origins)
    found = {}
    for name, chosen in [("all origins", cuts), *((cut, [cut]) for cut in cuts)]:
        rows = counted(study.scored, chosen)
        found[name] = {
            "targets": len(targets_of(rows)),
            "baselines": {rival: vars(beside(rows, rival)) for rival in RIVALS},
            "coverage": {method: vars(cover(rows, method)) for method in METHODS},
        }
    return found


def _missed(inside: Sequence[bool]) -> str:
    """Say where the model misses: fewer than three of four observations in the 90% band."""
    if sum(inside) >= ENOUGH * len(inside):
        return ""
    return f" It misses: {sum(inside)} of {len(inside)} observations lie in its 90% band."


def _channels(ratios: Mapping[str, float | None]) -> str:
    """Say where the same model does better when it is not fitted, or when something is off."""
    words = {UNFITTED: "with the prior", FROZEN: "with frozen routines", UNTIED: "without networks"}
    better = [name for name in words if (value := ratios[name]) is not None and value > 1.0 + EQUAL]
    return f" The model {' and '.join(words[name] for name in better)} does better still." if better else ""


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
