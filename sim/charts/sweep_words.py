"""Titles, readings and notes of the charts of a sweep. A title claims only what a 95% interval supports."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.charts.sheet import GLUE, Heading
from sim.charts.sweep_data import Curve, SweepRecord, same
from sim.charts.sweep_text import Outcome, amount, capital, change, counted, lever_words, listed, value_words, with_unit
from sim.charts.text import CAVEAT
from sim.experiments.axes import Axis
from sim.experiments.effects import FEWEST_DRAWS
from sim.experiments.sweep_results import SweepPoint as Point

METHODS = {"grid": "grid", "latin_hypercube": "Latin hypercube", "sobol": "Sobol' sequence"}
MOST_NAMED = 4
POINT = "point"
"""The role of points that were asked for; others are there to be compared with."""


def setting_words(record: SweepRecord, point: Point, axis: Axis | None = None) -> str:
    """Return what sets a point apart: 'enforcement 1', 'policy tight and enforcement 0.5', 'a 1 and b on'.

    Against one point of the sweep, what differs from it; else all levers that vary. On a line along `axis` its value is
    always said, and those of others only where two levers vary.
    """
    base = record.by_number[point.baseline]
    told = record.axes if axis is None or len(record.axes) <= 2 else [axis]
    if record.reference is not None and record.reference.role == POINT:
        told = [some for some in told if some == axis or not same_at(some, point, base)]
    policy = (
        [f"policy {point.policy}"] if len(record.policies) > 1 and (not told or point.policy != base.policy) else []
    )
    parts = [*policy, *(f"{lever_words(some.label)} {value_words(point.values[some.path])}" for some in told)]
    return listed(parts) or "the only point"


def same_at(axis: Axis, one: Point, other: Point) -> bool:
    """Whether two points have the same value on an axis."""
    return same(one.values[axis.path], other.values[axis.path])


def than_words(record: SweepRecord, point: Point) -> str:
    """Return what a point is compared with: 'than with 0', 'than as written', 'than without chip controls'.

    A value is named only where nothing else can differ: a baseline outside the grid may set more than the levers.
    """
    base, against = record.by_number[point.baseline], str(record.manifest.get("against", ""))
    changed = [axis for axis in record.axes if not same_at(axis, point, base)]
    if base.role == POINT and not changed and point.policy != base.policy:
        return f"than with policy {base.policy}"
    if base.role == POINT and len(changed) == 1 and point.policy == base.policy:
        return f"than with {value_words(base.values[changed[0].path])}"
    if "as written" in against:
        return "than as written"
    shorter = re.sub(r"^(the )?same world,? ?", "", against, flags=re.IGNORECASE)
    return f"than {shorter}" if re.match(r"(with|without|if|under) ", shorter) else "than at the baseline"


def held_against(record: SweepRecord) -> str:
    """Return the baseline in full for a note: its levers and values, or what each point is compared with."""
    base, against = record.reference, str(record.manifest.get("against", ""))
    if base is None:
        return f"for each point its own ({against})" if against else "for each point its own"
    known = [axis for axis in record.axes if base.values[axis.path] is not None]
    parts = [f"{lever_words(axis.label)} {value_words(base.values[axis.path])}" for axis in known[:MOST_NAMED]]
    if len(known) > MOST_NAMED:
        parts.append(f"{len(known) - MOST_NAMED} more")
    if len(record.policies) > 1:
        parts.append(f"policy {base.policy}")
    return listed(parts) if known else against or listed(parts) or "the only point"


def finding(record: SweepRecord, outcome: Outcome, curve: Curve, what: str, axis: Axis | None = None) -> str:
    """Return the sentence that the effects of a curve support.

    `what` is varied (a lever, the policies); the value on `axis` is always said.
    """
    where = f"{outcome.subject} in {record.headline}"
    if curve.is_zero:
        return f"No difference from the baseline in {where}, by {what}: every run equals it"
    known = np.isfinite(curve["mean"])
    if not known.any():
        return f"No difference from the baseline in {where}, by {what}, can be computed"
    if not np.isfinite(curve["ci95_low"][known]).any():
        ends = listed([amount(float(np.min(curve["mean"][known]))), amount(float(np.max(curve["mean"][known])))])
        return f"{capital(what)}: {where} differs by between {ends} {outcome.step}, with too few runs for an interval"
    best = strongest(curve)
    if not best and curve.clear.any():
        many = f"once all {curve.compared} points are compared"
        return f"No difference from the baseline in {where}, by {what}, is clear {many}"
    if not best:
        return f"No clear difference from the baseline in {where}, by {what}"
    said = f"With {clause(record, outcome, curve, best[0], axis)}"
    for place in best[1:]:
        setting = setting_words(record, curve.points[place], axis)
        said += f"; with {setting} it is {_size(outcome, curve, place)}"
    return f"{said}, in {record.headline}"


def strongest(curve: Curve) -> list[int]:
    """Return the places of the largest sure effect and of the largest sure one of the other sign."""
    clear, mean = np.flatnonzero(curve.sure), curve["mean"]
    if not len(clear):
        return []
    best = int(clear[np.argmax(np.abs(mean[clear]))])
    other = [int(place) for place in clear if mean[place] * mean[best] < 0]
    return [best] + ([max(other, key=lambda place: abs(mean[place]))] if other else [])


def clause(record: SweepRecord, outcome: Outcome, curve: Curve, place: int, axis: Axis | None = None) -> str:
    """Return one effect in words: "enforcement 1 China's frontier is 1.5 ECI (95%: 1.2 to 1.8) lower than with 0"."""
    point = curve.points[place]
    setting = setting_words(record, point, axis)
    return f"{setting} {outcome.subject} is {_size(outcome, curve, place)} {than_words(record, point)}"


def _size(outcome: Outcome, curve: Curve, place: int) -> str:
    mean, low, high = (float(curve[name][place]) for name in ("mean", "ci95_low", "ci95_high"))
    ends = sorted((abs(low), abs(high)))
    between = f"(95%: {amount(ends[0])} to {amount(ends[1])})"
    return f"{with_unit(amount(abs(mean)), outcome.step)} {between} {'higher' if mean > 0 else 'lower'}"


def multiplicity(curve: Curve) -> str:
    """Return what a reader must know of many intervals at once, for a note; points equal to their baseline are none."""
    if not curve.clear.any() or curve.compared < 2:
        return ""
    return f"Each interval holds for its point alone; the title allows for all {curve.compared}."


def clear_count(curves: Sequence[Curve], names: Sequence[Outcome]) -> str:
    """Return on how many of several outcomes an effect is clear somewhere, naming those where it is not."""
    unclear = [name.name for name, curve in zip(names, curves, strict=True) if not curve.clear.any()]
    if len(names) < 2 or not any(curve.has_intervals for curve in curves):
        return ""
    if not unclear:
        return f"On all {len(names)} outcomes the effect is clear for some value."
    if len(unclear) == len(names):
        return f"On none of the {len(names)} outcomes is it clear for any value."
    return f"No value has a clear effect on {listed([name[0].lower() + name[1:] for name in unclear])}."


def sweep_notes(record: SweepRecord, extra: Sequence[str] = (), baseline: bool = True) -> list[str]:
    """Return the notes below a chart of a sweep, ending with what a reader needs to find it again."""
    held = [f"Baseline: {held_against(record)}."] if baseline else []
    return [" ".join([*held, *(note for note in extra if note), *_missing(record)]), source_line(record)]


def _missing(record: SweepRecord) -> list[str]:
    notes = []
    failed, draws = len(record.manifest.get("failed") or []), int(record.manifest["draws"])
    if failed:
        notes.append(f"{failed} of {record.manifest['runs']} runs failed and are left out.")
    if draws < FEWEST_DRAWS:
        notes.append("1 draw: no intervals." if draws == 1 else f"{draws} draws: intervals are rough.")
    undefined = record.undefined
    if undefined:
        names = [outcome.name for outcome in undefined[:MOST_NAMED]]
        more = f" and {len(undefined) - MOST_NAMED} more" if len(undefined) > MOST_NAMED else ""
        notes.append(f"Not defined in {record.headline} in any run: {', '.join(names)}{more}.")
    return notes


def source_line(record: SweepRecord) -> str:
    """Return scenario, sweep, method, draws and seeds, seed and manifest of a sweep, and the caveat."""
    manifest = record.manifest
    scenario: Any = manifest.get("scenario") or {}
    name, method = str(manifest.get("name", "")), str(manifest.get("method", "grid"))
    size = [
        counted(len(record.points), "point"),
        counted(int(manifest["draws"]), "draw"),
        counted(int(manifest["seeds"]), "seed"),
    ]
    parts = [
        str(scenario.get("name") or name),
        f"sweep {name}, {METHODS.get(method, method)}: {' x '.join(size)}",
        f"seed {manifest.get('seed', 'n/a')}",
        f"manifest {str(manifest.get('hash', ''))[:12]}",
        CAVEAT,
    ]
    return " | ".join(parts)


def sweep_heading(
    record: SweepRecord, title: str, reading: str, extra: Sequence[str] = (), baseline: bool = True
) -> Heading:
    """Return the words around a chart of a sweep."""
    glued = re.sub(r"(\d\S*) (?=[A-Za-z%]+ \()", rf"\1{GLUE}", title)
    return Heading(glued, reading, sweep_notes(record, extra, baseline))


def effect_words(outcome: Outcome, curve: Curve, place: int) -> str:
    """Return one effect for an alternative text: 'Frontier capability, China +1.5 ECI (95%: +1.2 to +1.8)'."""
    mean, low, high = (float(curve[name][place]) for name in ("mean", "ci95_low", "ci95_high"))
    between = f" (95%: {change(low)} to {change(high)})" if math.isfinite(low) and low < high else ""
    return f"{outcome.name} {with_unit(change(mean), outcome.step)}{between}"
