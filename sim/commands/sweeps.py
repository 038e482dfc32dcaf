"""The commands on sweeps: sweep, merge, digest."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sim.charts.sweep_text import counted
from sim.commands.probe import duration, seconds_for
from sim.commands.report import add_report
from sim.commands.show import Progress, headline_rows, progress, short
from sim.commands.text import print_json
from sim.errors import InputError, Problem
from sim.experiments.axes import parse_axis
from sim.experiments.batch import How, part_size
from sim.experiments.experiment import POINT, Experiment, Point, plan_experiment
from sim.experiments.outcomes import DEFAULT_OUTCOMES
from sim.experiments.sweep import Order, Swept, carry_out_sweep, merge
from sim.experiments.sweep_results import Sweep, SweepPoint
from sim.yamlfile import parse_value

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN_POINTS = 24
HEADLINE = ("frontier_capability.CN", "gap_months.CN", "token_share_abroad.CN", "revenue_share_abroad.CN")
METHODS = {"lhs": "latin_hypercube"}
"""Short words for methods."""


@dataclass(frozen=True)
class SweepWish:
    """The options of `sweep`, as given; texts are parsed here."""

    sets: tuple[str, ...]
    seed: int | None
    vary: tuple[str, ...]
    policies: tuple[str, ...]
    baseline: tuple[str, ...]
    block: Mapping[str, Any]
    outcomes: str | None
    series: str | None
    at: str | None

    def changes(self) -> dict[str, Any]:
        """Return the keys of the block `experiment` that the options set. Raises InputError."""
        found = {key: METHODS.get(str(value), value) for key, value in self.block.items() if value is not None}
        lists = {"outcomes": self.outcomes, "series": self.series, "at": self.at}
        found |= {key: [part.strip() for part in text.split(",")] for key, text in lists.items() if text}
        found["vary"] = _each_once("--vary", [parse_axis(text) for text in self.vary])
        found["policies"] = _each_once("--policy", [_policy(text) for text in self.policies])
        if self.baseline:
            found["baseline"] = _baseline(self.baseline)
        return found

    @property
    def all_sets(self) -> list[str]:
        """`--set` with `--seed` as one more."""
        return [*self.sets, *([f"seed={self.seed}"] if self.seed is not None else [])]


@dataclass(frozen=True)
class Manner:
    """How a sweep is computed and shown."""

    out: Path
    jobs: int | None
    executor: str
    scheduler: str | None
    shard: str | None
    quiet: bool
    as_json: bool
    charts: bool
    force: bool
    report: bool = False


def sweep_scenario(file: str, wish: SweepWish, manner: Manner, dry: bool) -> bool:
    """Compute an experiment, or say what it would take. Return whether every run succeeded."""
    from sim.measures import CATALOGUE

    experiment = plan_experiment(file, wish.all_sets, wish.changes(), CATALOGUE)
    if dry:
        _show_plan(experiment, manner)
        return True
    if manner.force and manner.shard:
        message = "--force would throw away what other shards computed"
        raise InputError(Problem(message, "--shard", remedy="Delete the folder before the first shard starts"))
    if manner.out.exists() and not manner.out.is_dir():
        raise InputError(Problem("--out is a file, not a folder", str(manner.out), remedy="Name a folder"))
    with progress(manner.quiet or manner.as_json) as shown, _how(manner, shown) as how:
        order = Order(manner.out, how, manner.force, shlex.join(["darkhorse", *sys.argv[1:]]))
        swept = carry_out_sweep(experiment, order)
        if manner.charts and not swept.missing and not (swept.found and swept.manifest["figures"]):
            swept = _with_charts(swept, manner, shown)
        problem = add_report(swept.folder, swept.found, shown) if manner.report and not swept.missing else ""
    whole = _show(swept, manner.quiet, manner.as_json)
    if problem:
        typer.echo(problem, err=True)
    return whole and not problem


def merge_shards(folder: Path, quiet: bool, as_json: bool) -> bool:
    """Put the tables of a sweep together from the parts of its shards."""
    return _show(merge(folder), quiet, as_json)


def print_digest(folder: Path, as_json: bool) -> None:
    """Print the hash of the numbers in a folder's tables."""
    from sim.experiments.table_digest import folder_digest

    digest = folder_digest(folder)
    if as_json:
        print_json({"status": "done", "folder": str(folder), "digest": digest})
    else:
        typer.echo(digest)


@contextmanager
def _how(manner: Manner, shown: Progress) -> Iterator[How]:
    yield How(
        executor=manner.executor, jobs=manner.jobs, scheduler=manner.scheduler, shard=_shard(manner.shard),
        progress=shown.runs, say=shown.say,
    )  # fmt: skip


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        remedy = "Write i/n with i from 1 to n, as in --shard 2/8"
        raise InputError(Problem(f"'{text}' is no shard", "--shard", remedy=remedy))
    return int(first), int(second)


def _each_once(option: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InputError(Problem("it is given twice", option, path=name, remedy="Give each name once"))
    return dict(pairs)


def _policy(text: str) -> tuple[str, Any]:
    """Return name and values of `name={path: value}`, `name=counterfactual` or `name=as_written`."""
    name, equals, values = text.partition("=")
    if not equals or not values.strip() or not name.strip():
        remedy = "Write --policy 'name={path: value, ...}'"
        raise InputError(Problem(f"'{text}' is no policy", "--policy", remedy=remedy))
    return name.strip(), parse_value(values.strip(), "--policy").plain()


def _baseline(texts: Sequence[str]) -> Any:
    """Return a word, or the values of one or several `path=value`."""
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0].strip()
    values = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not value.strip():
            remedy = "Write --baseline path=value, or one of as_written, counterfactual and the policies"
            raise InputError(Problem(f"'{text}' is no baseline", "--baseline", remedy=remedy))
        values[path.strip()] = parse_value(value.strip(), "--baseline").plain()
    return values


def _show_plan(experiment: Experiment, manner: Manner) -> None:
    """Say how many runs, how long and how large; the time is measured on a small part of the first block."""
    seconds = seconds_for(experiment.lot(), experiment.runs) / max(1, manner.jobs or 2)
    width = len(experiment.ask.columns) + sum(not dist.is_fixed for dist in experiment.base.world.values())
    megabytes = experiment.runs * (8 * width + 4 * len(experiment.ask.series) * experiment.base.months) / 1e6
    known: dict[str, Any] = {
        **_counts(experiment.points),
        "draws": experiment.block.draws, "seeds": experiment.block.seeds, "runs": experiment.runs,
        "months": experiment.base.months, "parts": -(-experiment.runs // part_size(experiment.runs)),
        "against": experiment.against, "seconds": round(seconds, 1), "megabytes": round(megabytes, 1),
        "folder": str(manner.out / experiment.folder_name), "warnings": experiment.warnings,
    }  # fmt: skip
    if manner.as_json:
        print_json({"status": "dry run", **known})
        return
    typer.echo(f"{_size(known)} = {experiment.runs:,} runs of {known['months']} months, "
               f"in {counted(known['parts'], 'part')}")  # fmt: skip
    typer.echo(f"compared with: {experiment.against}")
    processes = counted(manner.jobs or 2, "process", "processes")
    typer.echo(f"about {duration(seconds)} with {processes} like this one, about {megabytes:,.1f} MB")
    typer.echo(f"folder: {known['folder']}")
    for text in experiment.warnings:
        typer.echo(text, err=True)


def replay_in_sweep(folder: Path, number: int, as_json: bool) -> bool:
    """Compute run `number` of a sweep alone; return whether it equals the record bit for bit. Raises OutputError."""
    from sim.experiments.sweep_replay import replay

    found = replay(folder, number)
    if as_json:
        print_json({"status": "equal" if found.equal else "different", "run": number, **vars(found)})
        return found.equal
    typer.echo(
        f"run {number}, point {found.point} ({found.setting}), draw {found.draw}, seed {found.seed}: {found.text}"
    )
    for name, value in found.numbers.items():
        typer.echo(f"  {name:<36} {value:.10g}")
    return found.equal


def _with_charts(swept: Swept, manner: Manner, shown: Progress) -> Swept:
    """Draw the charts; where they cannot be drawn the tables stand, and a warning says so."""
    from sim.charts.drawing import draw_all
    from sim.ensemble import default_jobs
    from sim.history import redraw
    from sim.results import OutputError, read_manifest

    shown.say("drawing the charts")
    draw: Callable[[Path], Sequence[Path]] = lambda folder: draw_all(folder, jobs=manner.jobs or default_jobs())  # noqa: E731
    try:
        redraw(swept.folder, draw)
    except OutputError as error:
        shown.say(str(error))
        return swept
    return Swept(swept.folder, swept.found, swept.missing, read_manifest(swept.folder))


def _show(swept: Swept, quiet: bool, as_json: bool) -> bool:
    """Show what a sweep gave; return whether every run succeeded (runs that other shards owe are no failure)."""
    failed = swept.manifest.get("failed", [])
    if as_json:
        print_json(_summary(swept, failed))
    elif quiet:
        typer.echo(str(swept.folder))
    elif swept.missing:
        typer.echo(f"{swept.missing} runs of other shards are missing; then: darkhorse merge {swept.folder}")
    else:
        typer.echo(_report(swept))
    if not as_json:
        for text in swept.manifest.get("warnings", []):
            typer.echo(text, err=True)
        for entry in failed[:5]:
            typer.echo(f"run {entry['run']} failed: {entry['error']}; {entry['replay']}", err=True)
        if failed:
            typer.echo(f"{len(failed)} runs failed and are kept as data in {swept.folder}; the others stand", err=True)
    return not failed


def _summary(swept: Swept, failed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = (
        "name",
        "hash",
        "title",
        "runs",
        "draws",
        "seeds",
        "at",
        "against",
        "warnings",
        "digests",
        "tables",
    )
    status = "incomplete" if failed else "partial" if swept.missing else "found" if swept.found else "done"
    figures = [str(swept.folder / name) for name in swept.manifest.get("figures", [])]
    known = {key: swept.manifest[key] for key in keys if key in swept.manifest}
    if not swept.missing:
        known |= _counts(Sweep(swept.folder, swept.manifest).points)
    return {"status": status, "folder": str(swept.folder), "missing": swept.missing, "failed": list(failed), **known,
            "figures": figures}  # fmt: skip


def _report(swept: Swept) -> str:
    manifest = swept.manifest
    sweep = Sweep(swept.folder, manifest)
    size = _size({**manifest, **_counts(sweep.points)})
    shares = "; shares run from 0 to 1" if any(sweep.unit(name).startswith("share") for name in _shown(sweep)) else ""
    what = f"mean effect in {manifest['at'][-1]} against: {manifest['against']} [95% interval of the mean]{shares}"
    title = f"{manifest['title']}: {size}\n{what}"
    state = "These results were there already; --force computes them again" if swept.found else "Written"
    files = ", ".join(["manifest.json", *manifest["tables"]])
    return (
        f"{title}\n\n{_table(sweep)}\n\n{state}: {swept.folder}\n  {files}, figures ({len(manifest['figures'])} files)"
    )


def _counts(points: "Sequence[Point | SweepPoint]") -> dict[str, int]:
    """How many points were asked for, and how many are there only to be compared with."""
    asked = sum(point.role == POINT for point in points)
    return {"points": asked, "baselines": len(points) - asked}


def _size(known: Mapping[str, Any]) -> str:
    """Points, baselines, draws and seeds in words."""
    extra = f" and {counted(known['baselines'], 'baseline')}" if known["baselines"] else ""
    size = " x ".join(counted(known[f"{what}s"], what) for what in ("draw", "seed"))
    return f"{counted(known['points'], 'point')}{extra} x {size}"


def _shown(sweep: Sweep) -> list[str]:
    """The outcomes of the table on the terminal."""
    usual = tuple(sweep.outcomes) == DEFAULT_OUTCOMES
    return list(HEADLINE) if usual else sweep.outcomes[: len(HEADLINE)]


def _table(sweep: Sweep) -> str:
    outcomes = _shown(sweep)
    asked = [point for point in sweep.points if point.role == POINT]
    effects = {(row["point"], row["outcome"]): row for row in sweep.effects() if row["at"] == sweep.at[-1]}
    rows = [[*(["policy"] if len({point.policy for point in asked}) > 1 else []),
             *(axis.label for axis in sweep.axes), *outcomes]]  # fmt: skip
    units = [*[""] * (len(rows[0]) - len(outcomes) - len(sweep.axes)),
             *(axis.unit for axis in sweep.axes), *(sweep.unit(name) for name in outcomes)]  # fmt: skip
    rows.append(units)
    for point in asked[:SHOWN_POINTS]:
        rows.append([*_names(sweep, point, rows[0]), *(_cell(effects[str(point.number), name]) for name in outcomes)])
    text = headline_rows(rows, heads=2)
    more = len(sweep.outcomes) - len(outcomes)
    text += f"\n({more} more outcomes in effects.csv)" if more else ""
    left = len(asked) - SHOWN_POINTS
    return text + (f"\n({left} more points in effects.csv)" if left > 0 else "")


def _names(sweep: Sweep, point: SweepPoint, header: Sequence[str]) -> list[str]:
    cells = [
        f"{value:.4g}" if isinstance(value, float) else cell[:12]
        for value, cell in zip(point.values.values(), sweep.cells(point), strict=True)
    ]
    return [*([point.policy] if header[0] == "policy" else []), *cells]


def _cell(row: Mapping[str, str]) -> str:
    numbers = [float(row[key]) if row[key] else None for key in ("mean", "ci95_low", "ci95_high")]
    return f"{short(numbers[0])} [{short(numbers[1])}, {short(numbers[2])}]"
