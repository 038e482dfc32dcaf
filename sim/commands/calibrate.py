"""The command `calibrate`: fit the uncertain numbers to the stylised facts, and say what the facts do not tell."""

import csv
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sim.commands.show import progress
from sim.commands.text import print_json
from sim.errors import InputError, Problem
from sim.results import FIGURES

if TYPE_CHECKING:
    from sim.history import Draw, Outcome

REPORTED = (
    "fitted_to", "runs", "effort", "targets_fitted", "names_drawn", "names_fitted", "learnt", "r_hat", "ess",
    "accepted", "space_left", "explained", "singular_values", "rank", "effective_draws", "pareto_k",
    "recovered_worlds", "recovered_coverage", "ridges", "scarcity_response", "warnings", "tables",
)  # fmt: skip
OF_PRESETS = "history_hold"
MET = 1.1
"""Largest R-hat of a fit that may be shipped."""
SHOWN = 12
"""Names that the table on the terminal shows."""


@dataclass(frozen=True)
class CalibrateWish:
    """The options of `calibrate`, as given; a size that is None has its default, or that of `quick`."""

    scenario: str
    until: str
    quick: bool
    slack: bool
    sizes: Mapping[str, int | None]
    seed: int | None
    ship: bool
    out: Path
    jobs: int | None
    quiet: bool
    as_json: bool
    charts: bool
    force: bool
    dry_run: bool


def run_calibrate(wish: CalibrateWish) -> bool:
    """Calibrate and show what was found; return whether all went well.

    Raises InputError, RunError where runs failed, OutputError.
    """
    _need_packages()
    from sim.calibration.study import Pace, ask, study_of
    from sim.ensemble import default_jobs
    from sim.studies import Order, fulfil

    if wish.out.exists() and not wish.out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(wish.out), remedy="Name a folder"))
    if wish.ship and wish.slack:
        remedy = "Ship the fit without --slack"
        raise InputError(Problem("presets leave slack off, so a fit with it cannot be theirs", "--ship", remedy=remedy))
    if wish.ship:
        _check_ship(wish)
    question = ask(wish.scenario, wish.until, wish.quick, wish.seed, wish.slack, wish.sizes)
    with progress(wish.quiet or wish.as_json) as shown:
        study = study_of(question, Pace(wish.jobs or default_jobs(), shown.runs, shown.say))
        if wish.dry_run:
            _show_plan(question.effort.runs, wish.out / study.folder_name, asdict(question.effort), wish.as_json)
            return True
        command = shlex.join(["darkhorse", *sys.argv[1:]])
        order = Order(wish.out, _drawing() if wish.charts else None, wish.force, command, shown.say)
        outcome = fulfil(study, order)
    if wish.ship:
        _ship(outcome.folder, wish.until)
    _show(outcome, wish)
    return not outcome.chart_error


def _check_ship(wish: CalibrateWish) -> None:
    """Refuse to make a fit the default of the presets that is of another world, or has seen no more than the last."""
    from sim.calibration.study import LAST

    if wish.scenario != OF_PRESETS:
        remedy = f"Ship a fit of {OF_PRESETS}; `fitted_to: FILE.csv` takes any other"
        raise InputError(
            Problem(f"presets draw from a fit of {OF_PRESETS}, not {wish.scenario}", "--ship", remedy=remedy)
        )
    if wish.until > LAST:
        remedy = f"Give {LAST} or earlier"
        raise InputError(Problem(f"no target is later than {LAST}", path="--until", remedy=remedy))


def _need_packages() -> None:
    try:
        import arviz  # noqa: F401
        import emcee  # noqa: F401
    except ImportError as error:
        remedy = "Install them with `pip install darkhorse[calibrate]`"
        raise InputError(
            Problem(f"calibrating needs emcee and arviz ({error.name} is missing)", remedy=remedy)
        ) from None


def _drawing() -> "Draw":
    def draw(folder: Path) -> Sequence[Path]:
        from sim.charts.drawing import draw_all

        return draw_all(folder, jobs=1)

    return draw


def _ship(folder: Path, until: str) -> None:
    """Copy the fit to the data tables, where `world.base: posterior` finds it."""
    from sim.calibration.study import INFLUENCE, LAST, NOTE, POSTERIOR
    from sim.disk import disk_errors
    from sim.places import data_folder
    from sim.posterior import FOLDER

    worst = float(json.loads((folder / NOTE).read_text(encoding="utf-8"))["r_hat"])
    if worst > MET:
        remedy = "Give more --steps"
        raise InputError(Problem(f"its chain has not met (R-hat {worst:.2f}, above {MET})", "--ship", remedy=remedy))
    place = data_folder() / FOLDER
    with disk_errors(place):
        place.mkdir(exist_ok=True)
        shutil.copyfile(folder / POSTERIOR, place / f"{until}.csv")
        shutil.copyfile(folder / NOTE, place / f"{until}.json")
        if until == LAST:
            shutil.copyfile(folder / INFLUENCE, place / INFLUENCE)


def _show_plan(runs: int, folder: Path, effort: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"status": "planned", "runs": runs, "effort": dict(effort), "folder": str(folder)})
        return
    typer.echo(f"{runs} runs in {1 + len(effort['heats'])} waves and at {effort['draws']} draws, into {folder}")


def _show(outcome: "Outcome", wish: CalibrateWish) -> None:
    manifest = outcome.manifest
    if wish.as_json:
        print_json({
            "status": "found" if outcome.found else "done",
            "folder": str(outcome.folder),
            "errors": [f"charts: {outcome.chart_error}"] if outcome.chart_error else [],
            **{key: manifest[key] for key in REPORTED},
            "figures": [str(outcome.folder / name) for name in manifest["figures"]],
        })  # fmt: skip
        return
    typer.echo(str(outcome.folder) if wish.quiet else _report(outcome))
    for text in (*manifest["warnings"], *([f"charts: {outcome.chart_error}"] if outcome.chart_error else [])):
        typer.echo(text, err=True)


def _report(outcome: "Outcome") -> str:
    from sim.calibration.study import IDENTIFIABILITY

    manifest = outcome.manifest
    lines = [
        f"{manifest['title']}: {manifest['runs']} runs, {manifest['targets_fitted']} targets, "
        f"{len(manifest['names_fitted'])} of {manifest['names_drawn']} names fitted",
        f"The data learn {manifest['rank']} directions (singular values of the Jacobian above 1) and "
        f"{len(manifest['learnt'])} names; R-hat {manifest['r_hat']:.3f}, effective sample {manifest['ess']:.0f}, "
        f"{manifest['effective_draws']:.0f} effective draws of {manifest['effort']['draws']}",
        "",
        f"  {'most learnt':<38}{'prior 5 to 95%':>22}{'posterior 5 to 95%':>22}  contraction",
    ]
    with (outcome.folder / IDENTIFIABILITY).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows[:SHOWN]:
        ranges = (
            f"{float(row[f'{kind}_p05']):.3g} to {float(row[f'{kind}_p95']):.3g}" for kind in ("prior", "posterior")
        )
        lines.append("  {:<38}{:>22}{:>22}  {:.0%}".format(row["name"], *ranges, float(row["contraction"])))
    silent = sum(row["verdict"] == "the data say nothing" for row in rows)
    lines += [f"  The data say nothing (contraction below 10%) of {silent} of the {len(rows)} names.", ""]
    figures = f", {FIGURES} ({len(manifest['figures'])} files)" if manifest["figures"] else ""
    state = "These results were there already; --force computes them again" if outcome.found else "Written"
    return "\n".join([*lines, f"{state}: {outcome.folder}", f"  {', '.join(manifest['tables'])}{figures}"])


def _range(row: Mapping[str, str], kind: str) -> str:
    return f"{float(row[f'{kind}_p05']):.3g} to {float(row[f'{kind}_p95']):.3g}"
