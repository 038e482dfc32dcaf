"""darkhorse in a notebook: load a scenario, change it, run it, compare, and read the result with pandas or xarray.

    import sim.api as darkhorse

    base = darkhorse.load("deepseek_shock")
    tight = darkhorse.change(base, {"policies.US.enforcement": 1}, name="enforced")
    result = darkhorse.compare(base, tight, runs=32)
    result.differences(at="2027-12")

The numbers are those of the command line, bit for bit. Errors in what is given are InputError, a ValueError.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.api_result import Result
from sim.ensemble import Pace
from sim.errors import InputError, Problem, nearest_name
from sim.held import held_run
from sim.measures import CATALOGUE
from sim.plan import Plan, plan_comparison, plan_run
from sim.results import RUN_KINDS, Results, check_tables, read_manifest
from sim.scenario import Scenario, load_scenario, scenario_from_resolved
from sim.scenario_merge import apply_values, known_paths
from sim.scenario_names import default_catalogues
from sim.yamlfile import node_of

__all__ = ["Result", "Scenario", "change", "compare", "load", "open_results", "run"]

GIVEN = "the values given"
"""What stands for a file's name in messages about values that code passed in."""


def load(name_or_path: str | Path, sets: Mapping[str, Any] | None = None) -> Scenario:
    """Return a scenario: a preset's name or a YAML file, with values laid over it by dotted path.

    The end of a path is enough where it is unique: `{"export_controls.strictness": 1}`. None takes a key away. Raises
    InputError, which lists everything that is wrong.
    """
    scenario = load_scenario(name_or_path, known_measures=CATALOGUE)
    return _laid_over(scenario, sets) if sets else scenario


def change(scenario: Scenario | str, values: Mapping[str, Any], name: str = "", title: str = "") -> Scenario:
    """Return a scenario with values laid over it, under a name of its own (`<name>_changed` unless given).

    Its counterfactual stays, and starts from the changed scenario. Raises InputError.
    """
    base = _scenario(scenario)
    words = {"name": name or f"{base.name}_changed"} | ({"title": title} if title else {})
    return _laid_over(base, {**values, **words})


def run(
    scenario: Scenario | str,
    runs: int | None = None,
    measures: Sequence[str] | None = None,
    seed: int | None = None,
    jobs: int = 1,
) -> Result:
    """Run a scenario with its counterfactual, if it has one, and hold the numbers in memory.

    `measures`: names as in `token_share`, all unless given. `jobs`: processes. Raises InputError, RunError.
    """
    return _held(plan_run(_set(_scenario(scenario), runs, measures, seed)), jobs)


def compare(
    base: Scenario | str,
    *alternatives: Scenario | str,
    runs: int | None = None,
    measures: Sequence[str] | None = None,
    seed: int | None = None,
    jobs: int = 1,
) -> Result:
    """Run scenarios with the same draws and chance; every alternative is held against the base, run by run.

    Runs, seed and measures are those of the base unless given. Each scenario needs a name of its own. Raises
    InputError, RunError.
    """
    first = _set(_scenario(base), runs, measures, seed)
    if not alternatives:
        raise InputError(Problem("there is nothing to compare with", remedy="Give one alternative or more"))
    others = [_set(_scenario(other), first.runs, None, first.seed) for other in alternatives]
    try:
        plan = plan_comparison(first, others)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(str(error), remedy="Give each its own with change(..., name=...)")) from None
    return _held(plan, jobs)


def open_results(folder: str | Path) -> Result:
    """Return the results of a run or comparison on disk, as the command line wrote them.

    Raises OutputError where the folder is not whole or was changed, InputError where it is of another kind.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    if manifest.get("kind") not in RUN_KINDS:
        remedy = "Open a run or a comparison; sweeps have tables of their own, which pandas reads"
        raise InputError(Problem(f"this is a folder of kind {manifest.get('kind')}", str(place), remedy=remedy))
    check_tables(place, manifest)
    return Result(Results(place, manifest))


def _held(plan: Plan, jobs: int) -> Result:
    outputs = plan.base.outputs
    measures = None if outputs.measures == "all" else list(outputs.measures)
    return Result(held_run(plan, range(plan.base.runs), measures, Pace(jobs=jobs)), plan)


def _scenario(scenario: Scenario | str) -> Scenario:
    return load(scenario) if isinstance(scenario, str) else scenario


def _set(
    scenario: Scenario, runs: int | None, measures: Sequence[str] | None, seed: int | None
) -> Scenario:  # fmt: skip
    """The scenario with another number of runs, other measures or another seed, where they are given."""
    wanted: dict[str, Any] = {"runs": runs, "seed": seed}
    if measures is not None:
        wanted["outputs.measures"] = [measures] if isinstance(measures, str) else list(measures)
    given = {path: value for path, value in wanted.items() if value is not None}
    return _laid_over(scenario, given) if given else scenario


def _laid_over(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """The scenario with values by dotted path. Raises InputError with everything that is wrong with them."""
    problems: list[Problem] = []
    nodes = [(path, node_of(_plain(value), GIVEN)) for path, value in values.items()]
    root = apply_values(node_of(scenario.resolved(), GIVEN), nodes, known_paths(default_catalogues()), problems)
    if problems:
        raise InputError(problems)
    try:
        found = scenario_from_resolved(root.plain())
    except InputError as error:
        raise InputError([replace(problem, file=GIVEN, line=None) for problem in error.problems]) from None
    for name in found.outputs.measures if found.outputs.measures != "all" else ():
        if name not in CATALOGUE:
            near = nearest_name(name.partition(".")[0], CATALOGUE)
            remedy = "Name whole measures, as in token_share"
            raise InputError(Problem(f"there is no measure '{name}'", GIVEN, nearest=near, remedy=remedy))
    return found


def _plain(value: Any) -> Any:
    """NumPy's numbers and dates as a file would have them."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, datetime.date) else value
