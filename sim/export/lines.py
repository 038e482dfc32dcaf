"""The rows of an IAMC file: quantiles and paired differences by scenario, region and variable, month by month."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.calendar import month_index
from sim.compare import SHARES, number_text, quantiles
from sim.errors import InputError, Problem
from sim.experiments.outcomes import PATH
from sim.experiments.sweep_results import Sweep, SweepPoint
from sim.export.variables import LEVELS, Variable, quantile_name, variable_of
from sim.results import RUN_KINDS, Floats, Months, Results, read_manifest

SWEEP = "sweep"
EFFECT_LEVELS: Mapping[str, str] = {"p05": "p05", "p50": "median", "p95": "p95"}
"""Columns of effects.csv by level."""


@dataclass(frozen=True)
class Line:
    """One row of a wide file: `values` in the unit, one for each month number of `months`, NaN where not defined."""

    scenario: str
    region: str
    variable: str
    unit: str
    months: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Told:
    """What an IAMC file says: the model with its version, the lines in order, and facts on each scenario by name."""

    model: str
    lines: tuple[Line, ...]
    meta: Mapping[str, Mapping[str, str]]


def told(folder: Path) -> Told:
    """Return what a folder says in IAMC terms. Raises InputError for a kind of folder that has no such form."""
    manifest = read_manifest(folder)
    version = str(manifest.get("versions", {}).get("darkhorse", ""))
    kind = manifest.get("kind")
    if kind in RUN_KINDS:
        results = Results(folder, manifest)
        lines, meta = [*_levels(results), *_differences(results)], _run_meta(results)
    elif kind == SWEEP:
        sweep = Sweep(folder, manifest)
        lines, meta = [*_sweep_levels(sweep), *_sweep_effects(sweep)], _sweep_meta(sweep)
    else:
        remedy = "Export a run, a comparison or a sweep; --xlsx and --zip take every folder"
        raise InputError(Problem(f"a folder of kind {kind} has no IAMC form", str(folder), remedy=remedy))
    ordered = sorted((line for line in lines if not np.isnan(line.values).all()), key=_order)
    return Told(f"darkhorse {version}".strip(), tuple(ordered), meta)


def scenario_name(manifest: Mapping[str, Any], arm: str) -> str:
    """Return the name of an arm as a scenario: the run's own name for its main arm, that and the arm for another."""
    if manifest["kind"] == "compare":
        return arm
    return str(manifest["name"]) if arm == next(iter(manifest["arms"])) else f"{manifest['name']} {arm}"


def difference_levels(first: Floats, second: Floats) -> Floats:
    """Return quantiles of first minus second, both (runs, months) of the same runs, shape (levels, months).

    Runs in which one of the two is NaN are left out of their month, as in differences.csv.
    """
    change = first - second
    shares = tuple(SHARES.values())
    found = np.full((len(shares), change.shape[1]), np.nan)
    for month in range(change.shape[1]):
        known = change[~np.isnan(change[:, month]), month]
        if len(known):
            found[:, month] = quantiles(known, shares)
    return found


def _order(line: Line) -> tuple[str, str, str]:
    return line.scenario, line.region, line.variable


def _named(scenario: str, variable: Variable, months: Months, levels: Floats, difference: bool) -> Iterator[Line]:
    unit = variable.difference_unit if difference else variable.unit
    numbers = tuple(int(month) for month in months)
    for level, row in zip(LEVELS, levels, strict=True):
        name = quantile_name(variable.name, level, difference)
        values = tuple(_rounded(float(value) * variable.factor) for value in row)
        yield Line(scenario, variable.region, name, unit, numbers, values)


def _rounded(value: float) -> float:
    """Ten significant digits, as in the tables of a folder."""
    return float(number_text(value) or "nan")


def _levels(results: Results) -> Iterator[Line]:
    for column, by_arm in results.in_parts():
        variable = variable_of(column)
        for arm, values in by_arm.items():
            levels = quantiles(values, tuple(SHARES.values()))
            yield from _named(scenario_name(results.manifest, arm), variable, results.months(arm), levels, False)


def _differences(results: Results) -> Iterator[Line]:
    pairs = results.manifest["pairs"]
    for column, by_arm in results.in_parts():
        variable = variable_of(column)
        for arm, against in pairs:
            months = np.intersect1d(results.months(arm), results.months(against))
            first, second = (by_arm[one][:, np.isin(results.months(one), months)] for one in (arm, against))
            levels = difference_levels(first, second)
            yield from _named(scenario_name(results.manifest, arm), variable, months, levels, True)


def _run_meta(results: Results) -> dict[str, dict[str, str]]:
    manifest = results.manifest
    against = {arm: scenario_name(manifest, other) for arm, other in manifest["pairs"]}
    return {
        scenario_name(manifest, arm): {
            "title": str(manifest["arms"][arm].get("title", "")) or arm,
            "difference_against": against.get(arm, ""),
            "runs": str(len(results.runs)),
            **_origin(manifest),
        }
        for arm in results.arms
    }


def _origin(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {"seed": str(manifest["seed"]), "manifest": str(manifest["hash"])}


def point_name(sweep: Sweep, point: SweepPoint) -> str:
    """Return the name of a point of a sweep as a scenario, with its number, policy and values."""
    cells = [f"{axis.label}={cell}" for axis, cell in zip(sweep.axes, sweep.cells(point), strict=True) if cell]
    return f"{sweep.manifest['name']} {point.number} ({', '.join([f'policy={point.policy}', *cells])})"


def _sweep_levels(sweep: Sweep) -> Iterator[Line]:
    yield from _of_rows(sweep, sweep.summary(), {level: level for level in LEVELS}, False)


def _sweep_effects(sweep: Sweep) -> Iterator[Line]:
    yield from _of_rows(sweep, sweep.effects(), EFFECT_LEVELS, True)


def _of_rows(
    sweep: Sweep, rows: Sequence[Mapping[str, str]], columns: Mapping[str, str], difference: bool
) -> Iterator[Line]:
    """Lines of a table of a sweep: a row of it for each point, outcome and month (statistics of paths are left out)."""
    names = {str(point.number): point_name(sweep, point) for point in sweep.points}
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        if row["at"] not in PATH:
            groups.setdefault((row["point"], row["outcome"]), []).append(row)
    for (point, outcome), found in groups.items():
        variable = variable_of(outcome)
        unit = variable.difference_unit if difference else variable.unit
        months = tuple(month_index(row["at"]) for row in found)
        for level, column in columns.items():
            values = tuple(_rounded(float(row[column] or "nan") * variable.factor) for row in found)
            name = quantile_name(variable.name, level, difference)
            yield Line(names[point], variable.region, name, unit, months, values)


def _sweep_meta(sweep: Sweep) -> dict[str, dict[str, str]]:
    names = {point.number: point_name(sweep, point) for point in sweep.points}
    return {
        names[point.number]: {
            "title": str(sweep.manifest["title"]),
            "difference_against": names.get(point.baseline, ""),
            "runs": str(sweep.shape[1] * sweep.shape[2]),
            **_origin(sweep.manifest),
            "role": point.role,
            "policy": point.policy,
            **{axis.label: cell for axis, cell in zip(sweep.axes, sweep.cells(point), strict=True)},
        }
        for point in sweep.points
    }
