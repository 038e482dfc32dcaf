"""The command `memo`: the claims of the memo of early 2025, each with its verdict and what it rests on."""

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from sim.analysis import derived
from sim.commands.report import add_report
from sim.commands.show import Progress, progress
from sim.commands.text import print_json
from sim.ensemble import default_jobs
from sim.errors import InputError, Problem, nearest_name
from sim.memo.folder import JSON, folder_of, write
from sim.memo.play import Found, Sizes, compute, runs_needed
from sim.memo.study import Asked, memo
from sim.memo.words import band, share
from sim.memo.worlds import POSTERIOR, PRIOR, Setting, Worlds, settings
from sim.results import FIGURES

BOTH = "both"
BASES = (PRIOR, POSTERIOR, BOTH)
FEW = 100
"""Draws below which a warning says that the verdicts are rough."""


@dataclass(frozen=True)
class MemoWish:
    """The options of `memo`, as given. Without a base both are taken, or the prior where no posterior is there."""

    draws: int
    seeds: int
    base: str | None
    sets: tuple[str, ...]
    seed: int | None
    out: Path
    jobs: int | None
    quiet: bool
    as_json: bool
    charts: bool
    force: bool
    dry_run: bool
    report: bool = False


def try_memo(file: str, wish: MemoWish) -> bool:
    """Try the memo's claims on a scenario and show the verdicts; return whether all went well.

    Raises InputError for a scenario or base that cannot be used, RunError, OutputError.
    """
    if wish.base is not None and wish.base not in BASES:
        raise InputError(Problem(f"there is no base {wish.base}", path="--base", nearest=nearest_name(wish.base, BASES),
                                 remedy=f"Give one of {', '.join(BASES)}"))  # fmt: skip
    if wish.out.exists() and not wish.out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(wish.out), remedy="Name a folder"))
    worlds, warnings = _worlds(file, wish)
    first = next(iter(worlds.values())).scenario
    asked = Asked(settings(), Sizes(wish.draws, wish.seeds), first.name, first.title, first.seed)
    if wish.draws < FEW:
        warnings.append(f"{wish.draws} draws: a rough look, no verdict to rely on; use --draws {FEW} or more")
    folder = folder_of(wish.out, worlds, asked)
    runs = runs_needed(asked.settings, asked.sizes) * len(worlds)
    if wish.dry_run:
        _show_plan(asked.settings, runs, folder, worlds, wish)
        return True
    with progress(wish.quiet or wish.as_json) as shown:
        had = None if wish.force else derived.found(folder)
        manifest: Mapping[str, Any] = had if had is not None else _make(worlds, asked, folder, runs, wish, shown)
        problem = ""
        if wish.charts and not manifest["figures"]:
            shown.say("drawing the charts")
            problem = _draw(folder, wish.jobs or default_jobs())
        unwritten = add_report(folder, had is not None, shown) if wish.report else ""
    problems = [text for text in (problem, unwritten) if text]
    _show(folder, had is not None, [*warnings, *problems], wish)
    return not problems


def _worlds(file: str, wish: MemoWish) -> tuple[dict[str, Worlds], list[str]]:
    """The scenario on each base. Only a base that was not asked for may be missing."""
    if any(text.partition("=")[0].strip() in ("world", "world.base", "base") for text in wish.sets):
        raise InputError(Problem("the base of the memo's worlds is an option", "--set", remedy="Use --base"))
    sets = wish.sets if wish.seed is None else (*wish.sets, f"seed={wish.seed}")
    wanted = (PRIOR, POSTERIOR) if wish.base in (None, BOTH) else (str(wish.base),)
    found: dict[str, Worlds] = {}
    warnings = []
    for base in wanted:
        if base == POSTERIOR and wish.base is None:
            try:
                found[base] = Worlds(file, sets, base)
            except InputError as error:
                warnings.append(f"no posterior is used, the verdicts rest on the prior: {error}")
        else:
            found[base] = Worlds(file, sets, base)
    return found, warnings


def _make(
    worlds: Mapping[str, Worlds], asked: Asked, folder: Path, runs: int, wish: MemoWish, shown: Progress
) -> Mapping[str, Any]:
    done = _counter(shown, runs)
    bases: dict[str, dict[str, Found]] = {}
    for base, world in worlds.items():
        bases[base] = compute(world, asked.settings, asked.sizes, wish.jobs or default_jobs(), done)
    shown.say("looking for conditions")
    value = memo(bases, asked)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return write(folder, value, worlds, runs, shlex.join(["darkhorse", *sys.argv[1:]]))


def _counter(shown: Progress, total: int) -> Callable[[int], None]:
    finished = 0

    def count(runs: int) -> None:
        nonlocal finished
        finished += runs
        shown.runs(finished, total)

    count(0)
    return count


def _draw(folder: Path, jobs: int) -> str:
    """Draw the charts of a folder; return what went wrong, as the tables are worth keeping whatever it is."""
    from sim.charts.drawing import draw_all
    from sim.history import redraw
    from sim.results import OutputError

    try:
        redraw(folder, lambda place: draw_all(place, jobs=jobs))
    except OutputError as error:
        return str(error)
    return ""


def _show_plan(tried: Sequence[Setting], runs: int, folder: Path, worlds: Mapping[str, Worlds], wish: MemoWish) -> None:
    groups: dict[str, int] = {}
    for setting in tried:
        groups[setting.group] = groups.get(setting.group, 0) + 1
    if wish.as_json:
        print_json({"status": "planned", "settings": groups, "bases": list(worlds), "runs": runs,
                    "folder": str(folder)})  # fmt: skip
        return
    told = ", ".join(f"{count} {group}" for group, count in groups.items())
    typer.echo(f"{len(tried)} settings ({told}) on {' and '.join(worlds)}: {runs} runs, into {folder}")


def _show(folder: Path, was_there: bool, messages: Sequence[str], wish: MemoWish) -> None:
    value = json.loads((folder / JSON).read_text(encoding="utf-8"))
    if wish.as_json:
        print_json(value)
    elif wish.quiet:
        typer.echo(str(folder))
    else:
        _print_table(value)
        state = "These results were there already; --force computes them again" if was_there else "Written"
        drawn = sorted((folder / FIGURES).glob("*.png"))
        typer.echo(f"\n{state}: {folder}\n  manifest.json, memo.json, memo.csv, memo.md, {len(drawn)} figures")
    for text in messages:
        typer.echo(text, err=True)


def _print_table(value: Mapping[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    heads = [head for base in value["bases"] for head in (f"{base}: median (90%)", "holds in")]
    for head in ("", "claim", "memo", *heads, "unit", "verdict"):
        table.add_column(head, overflow="fold")
    for row in value["hypotheses"]:
        cells = [cell for base in value["bases"]
                 for cell in (band(row["effects"][base], _digits), share(row["effects"][base]["p_claim"]))]  # fmt: skip
        table.add_row(row["key"], row["title"], " ".join(row["memo_claims"]), *cells, row["unit"], row["verdict"])
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(table)
    console.print(f"Verdicts rest on the {value['judged_on']}. {value['rule']}", highlight=False)


def _digits(number: float | None) -> str:
    return "n/a" if number is None else f"{number:+.3g}"
