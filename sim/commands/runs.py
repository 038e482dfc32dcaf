"""The commands that compute or draw: run, compare, chart, replay."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from sim.calendar import month_label
from sim.commands.report import NAME as REPORT
from sim.commands.report import add_report
from sim.commands.show import HEADLINES, Progress, headline, headline_table, progress
from sim.commands.text import load, print_json
from sim.disk import disk_errors
from sim.ensemble import Pace, default_jobs, simulate_block
from sim.errors import InputError, Problem
from sim.experiments.sweep_results import is_sweep
from sim.history import Draw, Order, Outcome, carry_out, redraw
from sim.plan import Plan, code_digest, machine, plan_comparison, plan_run
from sim.results import FIGURES, OutputError, Results, check_tables, read_manifest

if TYPE_CHECKING:
    from sim.scenario import Scenario


@dataclass(frozen=True)
class Wish:
    """The options of `run` and `compare`, as given."""

    out: Path
    runs: int | None
    seed: int | None
    sets: tuple[str, ...]
    jobs: int | None
    quiet: bool
    as_json: bool
    charts: bool
    force: bool
    report: bool = False

    @property
    def all_sets(self) -> list[str]:
        """`--set` with `--runs` and `--seed` as two more."""
        numbers = {"runs": self.runs, "seed": self.seed}
        return [*self.sets, *(f"{key}={value}" for key, value in numbers.items() if value is not None)]


def run_scenario(file: str, wish: Wish) -> bool:
    """Run a scenario and its counterfactual; return whether all went well. Raises InputError, RunError, OutputError."""
    scenario = load(file, wish.all_sets)
    charts = None if scenario.outputs.charts == "all" else list(scenario.outputs.charts)
    return _carry_out(plan_run(scenario), wish, charts if wish.charts else [])


def compare_scenarios(base: str, alternatives: Sequence[str], wish: Wish) -> bool:
    """Run scenarios for the same draws and chance; the base's runs and seed hold for all. Raises as `run_scenario`."""
    first = load(base, wish.all_sets)
    same = [*wish.sets, f"runs={first.runs}", f"seed={first.seed}"]
    try:
        plan = plan_comparison(first, [load(name, same) for name in alternatives])
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(str(error), remedy="Give each scenario once, each with a name of its own")) from None
    return _carry_out(plan, wish, charts=[])


def draw_again(folder: Path, out: Path | None, jobs: int | None, quiet: bool, as_json: bool) -> bool:
    """Draw the charts of a folder from its tables, into the folder `out` if one is given.

    Raises OutputError where a table is not as it was written, or the figures cannot be.
    """
    check_tables(folder, read_manifest(folder))
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(out), remedy="Name a folder"))
    if out is None and not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} cannot be written; name another place for the figures with --out")
    with progress(quiet or as_json) as shown:
        if out is None:
            figures = redraw(folder, _drawing(jobs, shown))
        else:
            with disk_errors(out, "Some figures may be missing"):
                figures = list(_drawing(jobs, shown, into=out)(folder))
    if as_json:
        print_json({"status": "done", "folder": str(folder), "figures": [str(path) for path in figures]})
    else:
        typer.echo(f"{len(figures)} files in {out or folder / FIGURES}")
    return True


def replay_run(folder: Path, number: int, as_json: bool) -> bool:
    """Compute run `number` of every arm alone; return whether it equals the record bit for bit. Raises OutputError."""
    from sim.scenario import scenario_from_resolved

    if is_sweep(folder):
        from sim.commands.sweeps import replay_in_sweep

        return replay_in_sweep(folder, number, as_json)
    results = Results(folder)
    reports = []
    for arm in results.arms:
        scenario = scenario_from_resolved(results.manifest["arms"][arm])
        reports.append(_replayed(results, arm, number, scenario))
    equal = all(report["equal"] for report in reports)
    reasons = [] if equal else _reasons(results.manifest)
    if as_json:
        print_json({"status": "equal" if equal else "different", "run": number, "arms": reports, "reasons": reasons})
        return equal
    for report in reports:
        typer.echo(f"run {number} of {report['arm']}: {report['text']}")
        for name, value in report["numbers"].items():
            typer.echo(f"  {name:<28} {value:.10g}" if value is not None else f"  {name:<28} -")
    for reason in reasons:
        typer.echo(reason, err=True)
    return equal


def _carry_out(plan: Plan, wish: Wish, charts: list[str] | None) -> bool:
    """Carry out a plan and show what it gave; `charts` are the names of those to draw, None for all."""
    if wish.out.exists() and not wish.out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(wish.out), remedy="Name a folder"))
    with progress(wish.quiet or wish.as_json) as shown:
        order = Order(
            out=wish.out,
            pace=Pace(jobs=wish.jobs or default_jobs(), progress=shown.runs),
            force=wish.force,
            draw=None if charts == [] else _drawing(wish.jobs, shown, charts),
            command=shlex.join(["darkhorse", *sys.argv[1:]]),
        )
        outcome = carry_out(plan, order)
        problem = add_report(outcome.folder, outcome.found, shown) if wish.report else ""
    _show(outcome, wish, problem)
    return not (outcome.failure or outcome.chart_error or problem)


def _show(outcome: Outcome, wish: Wish, problem: str) -> None:
    charts = outcome.chart_error and f"charts: {outcome.chart_error}"
    errors = [text for text in (outcome.failure, charts, problem) if text]
    if wish.quiet and not wish.as_json:
        typer.echo(str(outcome.folder))
    else:
        entries = headline(Results(outcome.folder))
        if wish.as_json:
            print_json(_summary(outcome, entries, errors))
            return
        typer.echo(_report(outcome, headline_table(entries)))
    for text in (*outcome.manifest["warnings"], *errors):
        typer.echo(text, err=True)


def _report(outcome: Outcome, table: str) -> str:
    manifest = outcome.manifest
    title = f"{manifest['title']}: {manifest['runs']} runs, seed {manifest['seed']}; median [90% interval]"
    files = [*manifest["tables"], *([f"{FIGURES} ({len(manifest['figures'])} files)"] if manifest["figures"] else [])]
    files += [REPORT] if (outcome.folder / REPORT).is_file() else []
    state = "These results were there already; --force computes them again" if outcome.found else "Written"
    return f"{title}\n\n{table}\n\n{state}: {outcome.folder}\n  {', '.join(['manifest.json', *files])}"


def _summary(outcome: Outcome, entries: list[dict[str, Any]], errors: list[str]) -> dict[str, Any]:
    manifest = outcome.manifest
    keys = ("name", "hash", "title", "seed", "runs", "at", "seconds", "warnings", "versions", "digests", "tables")
    return {
        "status": "incomplete" if errors else "found" if outcome.found else "done",
        "folder": str(outcome.folder),
        "errors": errors,
        **{key: manifest[key] for key in keys},
        "figures": [str(outcome.folder / name) for name in manifest["figures"]],
        "report": str(outcome.folder / REPORT) if (outcome.folder / REPORT).is_file() else None,
        "headline": entries,
    }


def _drawing(jobs: int | None, shown: Progress, charts: list[str] | None = None, into: Path | None = None) -> Draw:
    def draw(folder: Path) -> Sequence[Path]:
        from sim.charts.drawing import draw_all

        shown.say("drawing the charts")
        return draw_all(folder, jobs=jobs or default_jobs(), only=charts, into=into)

    return draw


def _replayed(results: Results, arm: str, number: int, scenario: "Scenario") -> dict[str, Any]:
    """Compare one run, computed alone, with its record."""
    recorded = results.one_run(arm, number)
    asked = scenario.outputs.measures
    record = simulate_block(scenario, np.array([number]), None if asked == "all" else list(asked))
    computed = record.values[0][np.isin(record.months, results.months(arm))]
    same_shape = record.columns == results.columns and computed.shape == recorded.shape
    differing = ~_same_bits(recorded, computed) if same_shape else np.ones_like(recorded, dtype=bool)
    text = "equal to the record, bit for bit"
    if differing.any():
        month, column = (int(index[0]) for index in np.nonzero(differing))
        where = f"first in {month_label(int(results.months(arm)[month]))}, {results.columns[column]}"
        text = f"NOT equal: {int(differing.sum())} of {differing.size} numbers differ, {where}"
    numbers = dict(zip(record.columns, record.values[0, -1].tolist(), strict=True))
    return {"arm": arm, "equal": not differing.any(), "text": text, "numbers": _headlines(numbers)}


def _same_bits(first: Any, second: Any) -> Any:
    """Where two float64 arrays have the same bits; every NaN counts as the same."""
    both_nan = np.isnan(first) & np.isnan(second)
    return both_nan | (np.ascontiguousarray(first).view(np.int64) == np.ascontiguousarray(second).view(np.int64))


def _headlines(numbers: dict[str, float]) -> dict[str, float | None]:
    found = {name: numbers[name] for name in HEADLINES if name in numbers}
    return {name: None if np.isnan(number) else number for name, number in found.items()}


def _reasons(manifest: Mapping[str, Any]) -> list[str]:
    """What has changed since the record was written, as far as that can explain other numbers."""
    reasons = []
    if manifest["digests"]["code"] != code_digest():
        reasons.append("the model's code or data have changed since the record was written")
    if manifest["versions"].get("numpy") != np.__version__:
        reasons.append(f"NumPy was {manifest['versions'].get('numpy')} and is {np.__version__}")
    if manifest["platform"]["vector_instructions"] != machine()["vector_instructions"]:
        reasons.append("the processor has other vector instructions, which can give other last bits")
    return reasons or ["nothing that is on record explains it: please report it with the manifest"]
