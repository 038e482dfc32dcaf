"""The command `backcast`: forecasts of every observation operator, and scores of what was observed after the cut."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim.backcast.folder import JSON, PAGE, SCORES, study_of
from sim.backcast.page import verdict
from sim.backcast.points import points_of
from sim.backcast.question import Question, ask
from sim.backcast.study import planned
from sim.commands.show import progress
from sim.commands.text import print_json
from sim.data import load_tables
from sim.ensemble import Pace, default_jobs
from sim.errors import InputError, Problem
from sim.results import FIGURES
from sim.studies import Order, fulfil

if TYPE_CHECKING:
    from sim.history import Draw, Outcome


@dataclass(frozen=True)
class BackcastWish:
    """The options of `backcast`, as given."""

    cut: str | None
    until: str
    scenario: str
    draws: int
    origins: str
    world: str
    sets: tuple[str, ...]
    out: Path
    jobs: int | None
    quiet: bool
    as_json: bool
    charts: bool
    force: bool
    dry_run: bool


def run_backcast(wish: BackcastWish) -> bool:
    """Carry out a backcast and show what it found; return whether all went well.

    Raises InputError, RunError where runs failed, OutputError.
    """
    origins = [part.strip() for part in wish.origins.split(",") if part.strip()]
    question = ask(wish.scenario, wish.cut, wish.until, wish.draws, origins, wish.world, wish.sets)
    if wish.out.exists() and not wish.out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(wish.out), remedy="Name a folder"))
    if wish.dry_run:
        _show_plan(question, wish)
        return True
    jobs = wish.jobs or default_jobs()
    with progress(wish.quiet) as shown:
        order = Order(
            out=wish.out,
            draw=_drawing(jobs) if wish.charts else None,
            force=wish.force,
            command=shlex.join(["darkhorse", *sys.argv[1:]]),
            say=shown.say,
        )
        outcome = fulfil(study_of(question, Pace(jobs=jobs, progress=shown.runs)), order)
    _show(outcome, wish)
    return not outcome.chart_error


def _drawing(jobs: int) -> "Draw":
    def draw(folder: Path) -> Sequence[Path]:
        from sim.charts.drawing import draw_all

        return draw_all(folder, jobs=jobs)

    return draw


def _show_plan(question: Question, wish: BackcastWish) -> None:
    arms = planned(question, points_of(load_tables().targets.rows))
    runs = {f"{fit}, {variant}": question.draws for fit, variant in arms}
    folder = wish.out / study_of(question, Pace()).folder_name
    if wish.as_json:
        cuts = {"fit_until": question.cut, "until": question.until, "origins": list(question.origins)}
        print_json({"status": "planned", **cuts, "all_runs": sum(runs.values()), "runs": runs, "folder": str(folder)})
        return
    typer.echo(f"Cut {question.cut}, forecasts to {question.until}, origins {', '.join(question.origins) or 'none'}")
    for name, count in runs.items():
        typer.echo(f"  {name:<36}{count:>6} runs")
    typer.echo(f"  {'in all':<36}{sum(runs.values()):>6} runs, into {folder}")


def _show(outcome: "Outcome", wish: BackcastWish) -> None:
    import json

    text = (outcome.folder / JSON).read_text(encoding="utf-8")
    if wish.as_json:
        typer.echo(text, nl=False)
    elif wish.quiet:
        typer.echo(str(outcome.folder))
    else:
        found = json.loads(text)
        head = f"Backcast of {found['scenario']}: data to {found['fit_until']}, forecasts to {found['until']}"
        typer.echo(f"{head}, fit: {found['fit']}, {found['runs']} runs\n\n{verdict(found)}\n")
        for row in found["operators"]:
            typer.echo(f"  {row['operator']:<34}{row['sentence']}")
        figures = f", {FIGURES} ({len(outcome.manifest['figures'])} files)" if outcome.manifest["figures"] else ""
        state = "These results were there already; --force computes them again" if outcome.found else "Written"
        typer.echo(f"\n{state}: {outcome.folder}\n  {PAGE}, {JSON}, {SCORES}{figures}")
    for warning in (*outcome.manifest["warnings"], *([f"charts: {outcome.chart_error}"] * bool(outcome.chart_error))):
        typer.echo(warning, err=True)
