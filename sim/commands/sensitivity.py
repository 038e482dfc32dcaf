"""The command `sensitivity`: what drives outcomes, and what drives the effect of the controls on them."""

import csv
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sim.analysis.sensitivity import morris_design
from sim.analysis.sensitivity_lots import EFFECT, OUTCOMES, Question, morris_lot, question_of
from sim.analysis.sensitivity_split import CHANCE, PARAMETERS, STRUCTURE
from sim.analysis.sensitivity_stages import QUICK, Run, Sizes, runs_needed
from sim.analysis.sensitivity_study import Order, carry_out, cautions, check_sizes, folder_name
from sim.charts.sweep_text import counted
from sim.commands.probe import duration, seconds_for
from sim.commands.show import Progress, headline_rows, progress, short
from sim.commands.text import load, print_json
from sim.ensemble import default_jobs
from sim.errors import InputError, Problem
from sim.results import FIGURES

if TYPE_CHECKING:
    from sim.history import Draw, Outcome

SHOWN, LEAST = 5, 0.005
"""Drivers of each outcome that the table on the terminal names at most, and the least index that it names."""


@dataclass(frozen=True)
class SensitivityWish:
    """The options of `sensitivity`, as given; a size that is None has its default, or that of `quick`."""

    sets: tuple[str, ...]
    seed: int | None
    outcomes: str | None
    at: str | None
    of: str
    sizes: Mapping[str, int | None]
    quick: bool
    out: Path
    jobs: int | None
    executor: str
    scheduler: str | None
    quiet: bool
    as_json: bool
    charts: bool
    force: bool
    dry_run: bool

    @property
    def all_sizes(self) -> Sizes:
        """The sizes of the three stages."""
        given = {name: value for name, value in self.sizes.items() if value is not None}
        return Sizes(**{**asdict(QUICK if self.quick else Sizes()), **given})


def run_sensitivity(file: str, wish: SensitivityWish) -> bool:
    """Carry out a study and show what it found; return whether all went well.

    Raises InputError, RunError where too many runs failed, OutputError.
    """
    seed = [] if wish.seed is None else [f"seed={wish.seed}"]
    outcomes = OUTCOMES if wish.outcomes is None else _listed(wish.outcomes)
    question = question_of(load(file, [*wish.sets, *seed]), outcomes, _listed(wish.at or ""), wish.of)
    sizes = wish.all_sizes
    check_sizes(sizes)
    if wish.out.exists() and not wish.out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(wish.out), remedy="Name a folder"))
    if wish.dry_run:
        _show_plan(question, sizes, wish)
        return True
    with progress(wish.quiet or wish.as_json) as shown:
        order = Order(
            out=wish.out,
            run=_runner(question, wish, shown),
            draw=_drawing(wish) if wish.charts else None,
            force=wish.force,
            command=shlex.join(["darkhorse", *sys.argv[1:]]),
            say=shown.say,
        )
        outcome = carry_out(question, sizes, order)
    _show(outcome, wish)
    return not outcome.chart_error


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _runner(question: Question, wish: SensitivityWish, shown: Progress) -> Run:
    from sim.experiments.batch import Batch, How, compute
    from sim.experiments.outcomes import Ask
    from sim.lots import Lot

    ask = Ask(question.outcomes, question.at)
    how = How(executor=wish.executor, jobs=wish.jobs, scheduler=wish.scheduler, progress=shown.runs, say=shown.say)

    def run(folder: Path, lot: Lot) -> Batch:
        return compute(folder, lot, ask, how)

    return run


def _drawing(wish: SensitivityWish) -> "Draw":
    def draw(folder: Path) -> Sequence[Path]:
        from sim.charts.drawing import draw_all

        return draw_all(folder, jobs=wish.jobs or default_jobs())

    return draw


def _show_plan(question: Question, sizes: Sizes, wish: SensitivityWish) -> None:
    runs = runs_needed(question, sizes)
    folder = wish.out / folder_name(question, sizes)
    names, jobs = question.names(), wish.jobs or default_jobs()
    probed = morris_lot(question, names, morris_design(names, 1, question.scenario.seed))
    seconds = seconds_for(probed, sum(runs.values())) / jobs
    if wish.as_json:
        counts = {"names": len(names), "targets": len(question.targets), "all_runs": sum(runs.values())}
        words = {"seconds": round(seconds, 1), "folder": str(folder), "warnings": cautions(question, sizes)}
        print_json({"status": "planned", **counts, "runs": runs, **words})
        return
    typer.echo(f"{len(names)} uncertain names, {len(question.targets)} targets ({', '.join(question.of)})")
    for stage, count in runs.items():
        typer.echo(f"  {stage:<8}{count:>8} runs")
    typer.echo(f"  {'in all':<8}{sum(runs.values()):>8} runs, into {folder}")
    typer.echo(f"about {duration(seconds)} with {counted(jobs, 'process', 'processes')} like this one")
    for text in cautions(question, sizes):
        typer.echo(text, err=True)


def _show(outcome: "Outcome", wish: SensitivityWish) -> None:
    manifest = outcome.manifest
    if wish.as_json:
        keys = ("name", "hash", "title", "seed", "runs", "runs_by_stage", "sizes", "selected", "at", "of", "dropped",
                "left_out", "warnings", "versions", "tables")  # fmt: skip
        print_json({
            "status": "found" if outcome.found else "done",
            "folder": str(outcome.folder),
            "errors": [f"charts: {outcome.chart_error}"] if outcome.chart_error else [],
            **{key: manifest[key] for key in keys},
            "figures": [str(outcome.folder / name) for name in manifest["figures"]],
        })  # fmt: skip
        return
    if wish.quiet:
        typer.echo(str(outcome.folder))
    else:
        typer.echo(_report(outcome))
    for text in (*manifest["warnings"], *([f"charts: {outcome.chart_error}"] if outcome.chart_error else [])):
        typer.echo(text, err=True)


def _report(outcome: "Outcome") -> str:
    manifest = outcome.manifest
    month = manifest["at"][0]
    of = EFFECT if EFFECT in manifest["of"] else manifest["of"][0]
    what = "the effect of the controls" if of == EFFECT else "the level"
    lines = [f"{manifest['title']}: {manifest['runs']} runs, seed {manifest['seed']}"]
    lines += ["", f"What drives {what} in {month}: share of the variance in which a factor has a hand"]
    lines.append(drivers_table(_by_outcome(outcome.folder / "sobol.csv", of, month)))
    lines += ["", f"Shares of its variance in {month}: {PARAMETERS}, {STRUCTURE}, {CHANCE}, and their interaction"]
    for name, rows in _by_outcome(outcome.folder / "variance.csv", of, month).items():
        lines.append(f"  {name:<26}{shares_text(rows)}")
    figures = f", {FIGURES} ({len(manifest['figures'])} files)" if manifest["figures"] else ""
    state = "These results were there already; --force computes them again" if outcome.found else "Written"
    return "\n".join([*lines, "", f"{state}: {outcome.folder}", f"  {', '.join(manifest['tables'])}{figures}"])


def drivers_table(totals: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """Return the largest total indices of each outcome with their intervals, as a plain table."""
    table = [["outcome", "factor", "total Sobol' index [95% interval]"]]
    for name, rows in totals.items():
        best = sorted(rows, key=lambda row: -float(row["total"]))[:SHOWN]
        told = [[row["factor"], _index(row)] for row in best if float(row["total"]) >= LEAST]
        table += [[name if place == 0 else "", *cells] for place, cells in enumerate(told or [["none", ""]])]
    return headline_rows(table)


def _index(row: Mapping[str, str]) -> str:
    total, low, high = (float(row[key]) for key in ("total", "total_low", "total_high"))
    return f"{total:.2f} [{max(0.0, low):.2f}, {high:.2f}]"


def shares_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the shares of the variance of an outcome in per cent, and its standard deviation."""
    share = {row["part"]: row["share"] for row in rows}
    if not share[PARAMETERS]:
        return "no variance"
    alone = [float(share[name]) for name in (PARAMETERS, STRUCTURE, CHANCE)]
    spread = float(next(row["variance"] for row in rows if row["part"] == "total")) ** 0.5
    return (
        ", ".join(f"{round(100 * part)}%" for part in [*alone, 1.0 - sum(alone)])
        + f" (standard deviation {short(spread)})"
    )


def _by_outcome(path: Path, of: str, month: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["of"] == of and row["at"] == month:
                found.setdefault(row["outcome"], []).append(row)
    return found
