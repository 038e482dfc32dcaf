"""The command `discover`, and what it shares with `regret`: finding a folder again, drawing it, showing it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from sim.analysis import derived
from sim.commands.show import progress
from sim.commands.text import print_json
from sim.errors import InputError, Problem
from sim.results import FIGURES

STATEMENT = "statement.txt"


@dataclass(frozen=True)
class Showing:
    """How results are shown, and whether what is there is made again."""

    quiet: bool
    as_json: bool
    charts: bool
    force: bool


def discover(folder: Path, when: str, coverage: float | None, showing: Showing) -> bool:
    """Look for the conditions of `when` in a sweep; return whether all went well, also where there are none.

    Raises InputError for a condition that cannot be read or asked of this sweep, OutputError for a folder that is no
    sweep or is damaged.
    """
    from sim.analysis.condition import parse
    from sim.analysis.discovery import Rule
    from sim.analysis.discovery_study import folder_of, study, write
    from sim.analysis.discovery_words import statement
    from sim.experiments.sweep_results import Sweep
    from sim.results import check_tables

    if coverage is not None and not 0.0 < coverage <= 1.0:
        raise InputError(Problem(f"a coverage of {coverage:g} is no share", path="--coverage",
                                 remedy="Give a number above 0 and up to 1, as in 0.5"))  # fmt: skip
    sweep = Sweep(folder)
    check_tables(folder, sweep.manifest)
    condition = parse(when, sweep.outcomes, sweep.at)
    rule = Rule() if coverage is None else Rule(coverage=coverage)

    def make() -> Mapping[str, Any]:
        found = study(sweep, condition, rule)
        return write(sweep, found, statement(found))

    return carry_out(folder_of(sweep, condition, rule), make, "looking for conditions", showing)


def carry_out(folder: Path, make: Callable[[], Mapping[str, Any]], what: str, showing: Showing) -> bool:
    """Make a derived folder unless it is there, draw it, and show it; return whether its charts could be drawn.

    Raises what `make` raises.
    """
    with progress(showing.quiet or showing.as_json) as shown:
        had = None if showing.force else derived.found(folder)
        if had is None:
            shown.say(what)
        manifest = make() if had is None else had
        problem = ""
        if showing.charts and manifest.get("reason") is None and not manifest["figures"]:
            shown.say("drawing the charts")
            problem = _draw(folder)
    _show(folder, had is not None, problem, showing)
    return not problem


def _draw(folder: Path) -> str:
    """Draw the charts of a folder; return what went wrong, as the tables are worth keeping whatever it is."""
    from sim.charts.drawing import draw_all
    from sim.history import redraw
    from sim.results import OutputError

    try:
        redraw(folder, lambda place: draw_all(place, jobs=1))
    except OutputError as error:
        return str(error)
    return ""


def _show(folder: Path, was_there: bool, problem: str, showing: Showing) -> None:
    from sim.results import read_manifest

    manifest = read_manifest(folder)
    text = (folder / STATEMENT).read_text(encoding="utf-8")
    if showing.as_json:
        status = "incomplete" if problem else "found" if was_there else "done"
        figures = [str(folder / name) for name in manifest["figures"]]
        tables = {name: derived.read_csv(folder / name) for name in ("box.csv", "front.csv", "regret.csv")
                  if name in manifest["tables"]}  # fmt: skip
        print_json({**manifest, "status": status, "folder": str(folder), "errors": [problem] if problem else [],
                    "figures": figures, "statement": text, "rows": tables})  # fmt: skip
        return
    if showing.quiet:
        typer.echo(str(folder))
    else:
        drawn = [f"{FIGURES} ({len(manifest['figures'])} files)"] if manifest["figures"] else []
        state = "These results were there already; --force makes them again" if was_there else "Written"
        typer.echo(f"{text}\n{state}: {folder}\n  {', '.join(['manifest.json', *manifest['tables'], *drawn])}")
    if problem:
        typer.echo(problem, err=True)
