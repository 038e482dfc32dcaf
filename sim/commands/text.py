"""The commands that only read scenarios and catalogues: list, validate, explain, schema. Nothing heavy is imported."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sim.errors import InputError, Problem

if TYPE_CHECKING:
    from sim.scenario import Scenario


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def print_problems(error: InputError, as_json: bool) -> None:
    """Print what is wrong with the input: a line each on standard error, or a JSON object on standard output."""
    if as_json:
        print_json({"status": "bad input", "problems": [_problem(problem) for problem in error.problems]})
        return
    for problem in error.problems:
        typer.echo(str(problem), err=True)


def print_failure(error: Exception, as_json: bool) -> None:
    """Print why a command failed: on standard error, or as a JSON object on standard output."""
    if as_json:
        print_json({"status": "failed", "error": str(error)})
    else:
        typer.echo(str(error), err=True)


def print_presets(as_json: bool) -> None:
    """Print name and title of every preset."""
    from sim.places import find_scenario, preset_names
    from sim.yamlfile import read_yaml

    rows = []
    for name in preset_names():
        root, _ = read_yaml(find_scenario(name))
        rows.append({"name": name, "title": str(root.entries["title"].plain()) if "title" in root.entries else ""})
    if as_json:
        print_json(rows)
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        typer.echo(f"{row['name']:<{width}}  {row['title']}".rstrip())


def validate_files(files: Sequence[str], as_json: bool) -> bool:
    """Print for each file that it is fine, or everything that is wrong with it; return whether all are fine."""
    found: list[tuple[str, Scenario | None, list[Problem]]] = []
    for file in files:
        try:
            loaded = load(file)
            if loaded.experiment is not None:
                _check_experiment(file)
            found.append((file, loaded, []))
        except InputError as error:
            found.append((file, None, error.problems))
    if as_json:
        print_json([
            {"file": file, "valid": scenario is not None, "problems": [_problem(problem) for problem in problems]}
            for file, scenario, problems in found
        ])  # fmt: skip
    else:
        for file, scenario, problems in found:
            if scenario is not None:
                typer.echo(f"{file}: fine ({scenario.title}; {scenario.months} months, {scenario.runs} runs)")
            for problem in problems:
                typer.echo(str(problem), err=True)
    return all(scenario is not None for _, scenario, _ in found)


def _check_experiment(file: str) -> None:
    """Make the points of a file's experiment. Raises InputError."""
    from sim.experiments.experiment import plan_experiment
    from sim.measures import CATALOGUE

    plan_experiment(file, [], {}, CATALOGUE)


def print_explanation(name: str, sets: Sequence[str], as_json: bool) -> None:
    """Print a scenario in words, or a row of a catalogue. Raises InputError."""
    from sim import explain

    if not explain.is_scenario(name):
        _print_row(explain.catalogue_row(name), as_json)
        return
    scenario = load(name, sets)
    if as_json:
        changes = [{"path": p, "parent": old, "here": new} for p, old, new in explain.parent_differences(scenario)]
        parents = [parent.stem for parent in scenario.parents]
        print_json({"scenario": scenario.resolved(), "parents": parents, "differences": changes})
    else:
        typer.echo(explain.explain_scenario(scenario))


def _print_row(row: dict[str, Any], as_json: bool) -> None:
    """Print a row of a catalogue; numbers that nobody knows have a page of their own."""
    from sim.explain import explain_row

    page = None
    if row["catalogue"] in ("parameter", "fitted number"):
        from sim.parameter_pages import explained, terminal_page

        page = explained(str(row["name"]))
    if as_json:
        told = {"page": dict(page.entries)} if page else {}
        print_json({key: _finite(value) for key, value in (row | told).items()})
    else:
        typer.echo(terminal_page(page, str(row["catalogue"])) if page else explain_row(row))


def print_schema() -> None:
    """Print the JSON Schema of scenario files."""
    from sim.scenario_json import scenario_json_schema
    from sim.scenario_names import default_catalogues

    print_json(scenario_json_schema(default_catalogues()))


def load(name_or_path: str | Path, sets: Sequence[str] = ()) -> "Scenario":
    """Return a scenario checked against every catalogue. Raises InputError.

    The catalogues of measures and charts are loaded only for a scenario that names some, or has something wrong.
    """
    from sim.scenario import load_scenario

    with contextlib.suppress(InputError):
        scenario = load_scenario(name_or_path, sets)
        if scenario.outputs.measures == scenario.outputs.charts == "all":
            return scenario
    from sim.charts.drawing import CHARTS
    from sim.measures import CATALOGUE

    return load_scenario(name_or_path, sets, known_measures=CATALOGUE, known_charts=CHARTS)


def _problem(problem: Problem) -> dict[str, Any]:
    return {**asdict(problem), "text": str(problem)}


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
