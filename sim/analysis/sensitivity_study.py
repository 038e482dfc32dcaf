"""A sensitivity study on disk: its stages in turn, its tables, its manifest. What is done is found, not done again.

The folder takes its name from a hash of all that determines the numbers. Each stage keeps its runs in a folder of its
own, part by part, so that a study that was stopped goes on where it was.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from sim.analysis.sensitivity import salib
from sim.analysis.sensitivity_lots import EFFECT, Question
from sim.analysis.sensitivity_stages import (
    HEADERS,
    Run,
    Sizes,
    Stage,
    morris_stage,
    runs_needed,
    sobol_stage,
    split_stage,
)
from sim.calendar import month_label
from sim.disk import disk_errors, one_writer, write_csv
from sim.errors import InputError, Problem
from sim.history import Draw, Outcome, redraw, write_manifest
from sim.plan import code_digest, commit, machine, versions
from sim.results import FIGURES, FORMAT, MANIFEST, OutputError, check_tables, file_digest, read_manifest

KIND = "sensitivity"
LOCK = ".lock"
KEPT = "What was computed before stays; run the same command again to go on"
FEWEST_TRAJECTORIES, FEWEST_SAMPLES, FEWEST_DRAWS, FEWEST_CHANCES = 10, 256, 16, 4
"""Sizes below which a study warns that its numbers are rough."""


@dataclass(frozen=True)
class Order:
    """How a study is carried out: below which folder, what computes a lot, with which charts, and whether afresh."""

    out: Path
    run: Run
    draw: Draw | None = None
    force: bool = False
    command: str = ""
    say: Callable[[str], None] = lambda text: None


def check_sizes(sizes: Sizes) -> None:
    """Raise InputError, with every problem, for sizes that no estimator can use."""
    samples = sizes.samples
    wrong = {
        "--trajectories must be 2 or more": sizes.trajectories < 2,
        "--samples must be a power of two, 16 or more": samples < 16 or bool(samples & (samples - 1)),
        "--top must be 1 or more": sizes.top < 1,
        "--draws must be 3 or more": sizes.draws < 3,
        "--chances must be 3 or more": sizes.chances < 3,
    }
    problems = [Problem(text) for text, is_wrong in wrong.items() if is_wrong]
    if problems:
        raise InputError(problems)


def carry_out(question: Question, sizes: Sizes, order: Order) -> Outcome:
    """Carry out a study, go on with one that was stopped, or find it done.

    Raises InputError for sizes that cannot be used, where SALib is missing, and where the screening finds no outcome
    that varies (the later stages are then not run), OutputError where the folder cannot be
    written or is damaged, RunError where too many runs failed.
    """
    check_sizes(sizes)
    salib("SALib.sample.sobol")
    folder = order.out / folder_name(question, sizes)
    with disk_errors(order.out, KEPT):
        folder.mkdir(parents=True, exist_ok=True)
        with one_writer(folder / LOCK, lambda who: order.say(f"waiting for {who}, which computes the same study")):
            if order.force:
                _clear(folder)
            found = (folder / MANIFEST).exists()
            if not found:
                _compute(question, sizes, order, folder)
            manifest = read_manifest(folder)
            check_tables(folder, manifest)
            error = _charts(folder, manifest, order)
            return Outcome(folder, found, read_manifest(folder), "", error)


def folder_name(question: Question, sizes: Sizes) -> str:
    """Return `sensitivity-<name>-<hash>`; the hash is of the scenario, the question, the sizes, code and versions."""
    known = {
        "kind": KIND,
        "scenario": question.scenario.digest(),
        "outcomes": question.outcomes,
        "at": question.at,
        "of": question.of,
        "sizes": asdict(sizes),
        "code": code_digest("experiments", "analysis"),
        "versions": [np.__version__, metadata.version("SALib")],
    }
    digest = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:10]
    return f"sensitivity-{question.scenario.name}-{digest}"


def cautions(question: Question, sizes: Sizes) -> list[str]:
    """Return what a reader must know before the numbers are read."""
    found = []
    if question.scenario.correlation_ranks:
        names = sorted({name for pair in question.scenario.correlation_ranks for name in pair})
        found.append(
            f"The scenario correlates {', '.join(names)}. All indices assume independence: those of a correlated "
            "parameter are of the part of it that the ones before it in the alphabet leave unsaid, and with it move "
            "those after it"
        )
    if question.scenario.posterior is not None:
        found.append(
            "The scenario draws from a fit, in which numbers hang together. All indices take each number from its own "
            "range, independent of the others; `--set world.base=prior` says the same of the ranges before the fit"
        )
    if EFFECT not in question.of and question.scenario.counterfactual_scenario() is None:
        found.append("The scenario has no counterfactual: levels alone are explained, no effects")
    small = {
        f"{sizes.trajectories} trajectories": sizes.trajectories < FEWEST_TRAJECTORIES,
        f"{sizes.samples} samples": sizes.samples < FEWEST_SAMPLES,
        f"{sizes.draws} draws": sizes.draws < FEWEST_DRAWS,
        f"{sizes.chances} chances": sizes.chances < FEWEST_CHANCES,
    }
    few = [text for text, is_few in small.items() if is_few]
    return [*found, f"{', '.join(few)}: a rough look, nothing to conclude from"] if few else found


def _compute(question: Question, sizes: Sizes, order: Order, folder: Path) -> None:
    """Run the stages, then write the tables and, last, the manifest."""
    started = time.monotonic()
    stages = _stages(question, sizes, order, folder)
    tables = {name: rows for stage in stages.values() for name, rows in stage.tables.items()}
    for name, header in HEADERS.items():
        write_csv(folder / name, header, tables.get(name, []))
    manifest = _manifest(question, sizes, stages, order, folder)
    manifest["tables"] = {name: file_digest(folder / name) for name in HEADERS}
    manifest["seconds"] = round(time.monotonic() - started, 3)
    write_manifest(folder, manifest)


def _stages(question: Question, sizes: Sizes, order: Order, folder: Path) -> dict[str, Stage]:
    runs = runs_needed(question, sizes)
    order.say(f"1 of 3: Morris screening of {len(question.names())} uncertain names, {runs['morris']} runs")
    stages = {"morris": morris_stage(question, sizes, order.run, folder)}
    chosen = stages["morris"].selected
    if not chosen:
        raise InputError(_nothing_to_explain(stages["morris"]))
    order.say(f"2 of 3: Sobol' indices of the {len(chosen)} that matter most, {runs['sobol']} runs")
    stages["sobol"] = sobol_stage(question, chosen, sizes, order.run, folder)
    order.say(f"3 of 3: parameters, structure and chance, {runs['split']} runs")
    stages["split"] = split_stage(question, sizes, order.run, folder)
    return stages


def _nothing_to_explain(screening: Stage) -> list[Problem]:
    """Say of each target why it has no variance that could be explained."""
    remedy = "Name other outcomes with --outcomes, or another month with --at"
    targets = [Problem(f"{entry.text()}: nothing to explain", remedy=remedy) for entry in screening.left_out]
    return targets or [Problem("no uncertain name moves any outcome: nothing to explain", remedy=remedy)]


def _manifest(
    question: Question, sizes: Sizes, stages: Mapping[str, Stage], order: Order, folder: Path
) -> dict[str, Any]:
    scenario = question.scenario
    left = [entry for stage in stages.values() for entry in stage.left_out]
    dropped = {name: {"dropped": stage.dropped, "of": stage.groups} for name, stage in stages.items()}
    lost = [f"{name}: {stage.dropped} of {stage.groups} trajectories, groups or draws have a run that failed and are "
            "left out" for name, stage in stages.items() if stage.dropped]  # fmt: skip
    return {
        "format": FORMAT,
        "kind": KIND,
        "status": "done",
        "name": scenario.name,
        "hash": folder.name.rpartition("-")[2],
        "title": scenario.title,
        "seed": scenario.seed,
        "runs": sum(stage.runs for stage in stages.values()),
        "runs_by_stage": {name: stage.runs for name, stage in stages.items()},
        "sizes": asdict(sizes),
        "names": len(question.names()),
        "selected": list(stages["morris"].selected),
        "outcomes": list(question.outcomes),
        "at": [month_label(month) for month in question.at],
        "of": list(question.of),
        "dropped": dropped,
        "left_out": [entry.plain() for entry in left],
        "warnings": [*cautions(question, sizes), *lost, *(entry.text() for entry in left)],
        "scenario": scenario.resolved(),
        "versions": {**versions(), "SALib": metadata.version("SALib")},
        "commit": commit(),
        "command": order.command,
        "platform": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digests": {"code": code_digest("experiments", "analysis")},
        "figures": [],
    }


def _charts(folder: Path, manifest: Mapping[str, Any], order: Order) -> str:
    """Draw the charts where they are not all there, and return what went wrong: the tables stand in any case."""
    figures = manifest.get("figures") or []
    if order.draw is None or (figures and all((folder / name).is_file() for name in figures)):
        return ""
    order.say("drawing the charts")
    try:
        redraw(folder, order.draw)
    except OutputError as error:
        return str(error)
    return ""


def _clear(folder: Path) -> None:
    """Remove what an earlier study left in a folder, but not the lock that is held."""
    for path in folder.iterdir():
        if path.is_dir() and path.name in ("morris", "sobol", "split", FIGURES):
            shutil.rmtree(path)
        elif path.name in (MANIFEST, *HEADERS):
            path.unlink()
