"""What a scenario assumes, as rows of a table: its uncertain numbers and its policies, with source and grade."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.data import load_tables
from sim.parameter_facts import Number, numbers
from sim.policies import Policy, lever_catalogue
from sim.scenario import Scenario, scenario_from_resolved

NUMBER_HEADER = (
    "parameter", "what it is", "unit", "from", "p05", "p50", "p95", "prior p05", "prior p50", "prior p95", "source",
    "grade", "what would change it",
)  # fmt: skip
POLICY_HEADER = ("government", "lever", "from", "until", "value", "unit", "what it does", "source", "grade")
LEVELS = (0.05, 0.5, 0.95)


def number_rows(resolved: Mapping[str, Any]) -> list[list[object]]:
    """Return a row under `NUMBER_HEADER` for each uncertain number of a resolved scenario, as the scenario draws it."""
    scenario = scenario_from_resolved(resolved)
    known, written = numbers(), set(scenario.resolved()["world"])
    return [
        _number_row(known[name], scenario, name in written)
        for name in scenario.world
        if name in known
    ]  # fmt: skip


def policy_rows(resolved: Mapping[str, Any]) -> list[list[object]]:
    """Return a row under `POLICY_HEADER` for each dial and each step of a policy."""
    scenario = scenario_from_resolved(resolved)
    table = load_tables().levers.rows
    levers, facts = lever_catalogue(table), {str(row["name"]): row for row in table}
    rows: list[list[object]] = []
    for dial, value in scenario.dials.items():
        about = facts[dial]
        rows.append(["dial", dial, "", "", value, levers[dial].unit, levers[dial].phrase, *_evidence(about)])
    for (government, name), policy in scenario.policies.items():
        sources = _step_sources(resolved, government, name)
        for place, cells in enumerate(_steps(policy)):
            source, grade = _evidence(facts[name])
            own = sources[place] if place < len(sources) else ""
            tail = [own, "dated source"] if own else [source, grade]
            rows.append([government, name, *cells, levers[name].unit, levers[name].phrase, *tail])
    return rows


def _number_row(number: Number, scenario: Scenario, is_written: bool) -> list[object]:
    fit = scenario.posterior
    if is_written:
        origin = "the scenario"
    elif fit is not None and number.name in fit.values:
        origin = f"the fit to {fit.fitted_to}"
    else:
        origin = "its central value" if scenario.base == "central" else "its prior"
    drawn = scenario.world[number.name].quantile(np.array(LEVELS))
    prior = number.prior.quantile(np.array(LEVELS))
    spread = [float(value) for value in (*drawn, *prior)]
    return [
        number.name, number.phrase, number.unit, origin, *spread, number.source, number.grade, number.changed_by,
    ]  # fmt: skip


def _steps(policy: Policy) -> list[list[object]]:
    return [[step.start or "", step.until or "", step.value] for step in policy.steps]


def _step_sources(resolved: Mapping[str, Any], government: str, lever: str) -> Sequence[str]:
    """What each step of a policy gives as its own source; empty where it gives none."""
    written = resolved["policies"].get(government, {}).get(lever)
    steps = written if isinstance(written, list) else [written]
    return [str(step.get("source", "")) if isinstance(step, dict) else "" for step in steps]


def _evidence(row: Mapping[str, Any]) -> list[object]:
    return [str(row["source"]), str(row["grade"])]


def flat(value: Any, path: str = "") -> list[list[object]]:
    """Return (dotted path, value) rows of nested plain data; a list is one value, written as JSON."""
    if isinstance(value, Mapping):
        return [row for key, inner in value.items() for row in flat(inner, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list):
        return [[path, json.dumps(value, ensure_ascii=False)]]
    return [[path, value]]
