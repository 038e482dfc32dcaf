"""Draws every chart of a folder of results from its files, PNG, SVG and alternative text, in up to a few processes.

A chart that needs what was not recorded is left out with a message. Scripts that call `draw_all` with more
than one job must guard their entry (`if __name__ == "__main__"`), as the processes are started afresh.
"""

import importlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.charts.data import CannotDraw, open_record, pairs_of
from sim.results import FIGURES, RUN_KINDS, OutputError, read_manifest

if TYPE_CHECKING:
    from sim.charts.sheet import Drawn

DOTS_PER_INCH = 170
CHARTS = {
    "01_shares_by_lab": "sim.charts.shares.by_lab",
    "02_shares_by_bloc": "sim.charts.shares.by_bloc",
    "03_open_and_closed": "sim.charts.shares.open_closed",
    "04_tokens_and_revenue": "sim.charts.shares.tokens_revenue",
    "05_home_and_abroad": "sim.charts.shares.home_abroad",
    "06_frontier_and_gap": "sim.charts.compute.frontier",
    "07_compute": "sim.charts.compute.compute",
    "08_from_scarcity_to_share": "sim.charts.compute.chain",
    "09_price": "sim.charts.prices.price",
    "10_who_is_open_when": "sim.charts.prices.who_is_open",
    "11_lab_network": "sim.charts.networks.labs",
    "12_community_network": "sim.charts.networks.communities",
    "13_shares_as_measured": "sim.charts.prices.as_measured",
}
"""Every chart of a run or a comparison by name, and the function that draws it from a record."""


@dataclass(frozen=True)
class Kind:
    """How the folders of an experiment of one kind are drawn.

    `opener` names what opens a folder: `pathlib.Path` gives the folder itself, anything else a reader of its own.
    `charts`: names of figures, and the functions that draw them from what was opened. A function returns one `Drawn`,
    or yields (suffix, Drawn) for a figure that comes in several, as `name_suffix`; it raises CannotDraw where it does
    not apply.
    """

    opener: str
    charts: Mapping[str, str]


EXPERIMENT_CHARTS: dict[str, Kind] = {
    "sweep": Kind(
        "sim.charts.sweep_data.SweepRecord",
        {
            "01_effects": "sim.charts.sweep.effects",
            "02_levels": "sim.charts.sweep.levels",
            "03_heatmap": "sim.charts.heatmap.heatmaps",
            "04_trajectories": "sim.charts.multiples.trajectories",
            "05_overview": "sim.charts.forest.overview",
            "06_scatter": "sim.charts.scatter.scatters",
        },
    ),
    "sensitivity": Kind(
        "sim.charts.sensitivity_data.SensitivityRecord",
        {
            "01_drivers": "sim.charts.sensitivity.drivers",
            "02_variance": "sim.charts.sensitivity.variance",
            "03_parameters_structure_chance": "sim.charts.sensitivity_split.split",
            "04_structural_variants": "sim.charts.sensitivity_split.variants",
        },
    ),
    "discovery": Kind(
        "pathlib.Path",
        {"01_conditions": "sim.charts.discovery.conditions", "02_tree": "sim.charts.discovery_tree.tree"},
    ),
    "backcast": Kind(
        "sim.charts.backcast_data.BackcastRecord",
        {"01_scores": "sim.charts.backcast_scores.scores", "02_operator": "sim.charts.backcast.operators"},
    ),
    "memo": Kind(
        "sim.charts.memo_data.MemoRecord",
        {
            "01_claim": "sim.charts.memo.claims",
            "02_five_outcomes": "sim.charts.memo_summary.five",
            "03_price": "sim.charts.memo_summary.price",
            "04_shock": "sim.charts.memo_summary.shock",
        },
    ),
    "calibration": Kind(
        "sim.charts.calibration_data.CalibrationRecord",
        {
            "01_prior_and_posterior": "sim.charts.calibration.learnt",
            "02_targets": "sim.charts.calibration_targets.targets",
            "03_identifiability": "sim.charts.calibration.identifiability",
            "04_trace": "sim.charts.calibration_chain.trace",
            "05_pairs": "sim.charts.calibration_chain.pairs",
            "06_singular_values": "sim.charts.calibration.singular_values",
        },
    ),
    "regret": Kind(
        "pathlib.Path", {"01_front": "sim.charts.regret.front", "02_regret": "sim.charts.regret_strip.strip"}
    ),
}
"""The charts of experiments, by the `kind` of the manifest."""

REPLAYING = "sim.charts.networks."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Task:
    """Some charts for one process: of one pair of arms, or of an experiment of a `kind` (then there are no arms)."""

    run_dir: Path
    arms: tuple[str, ...]
    names: tuple[str, ...]
    folder: Path
    formats: tuple[str, ...]
    data: Path | None
    kind: str = ""

    def charts(self) -> Mapping[str, str]:
        """The functions to choose from, by name."""
        return EXPERIMENT_CHARTS[self.kind].charts if self.kind else CHARTS

    def open(self) -> Any:
        """What the functions draw from. Raises OutputError."""
        if self.kind:
            return _named(EXPERIMENT_CHARTS[self.kind].opener)(self.run_dir)
        return open_record(self.run_dir, self.arms, self.data)


def draw_all(
    run_dir: Path,
    formats: tuple[str, ...] = ("png", "svg"),
    jobs: int = 2,
    *,
    only: Collection[str] | None = None,
    data: Path | None = None,
    into: Path | None = None,
) -> list[Path]:
    """Draw the charts of `run_dir` into its folder `figures` and return the files written, in order of their names.

    `into`: another folder for the figures, for results that cannot be written.

    The kind of the folder says which charts there are: `CHARTS` for a run or a comparison, else those of its row in
    `EXPERIMENT_CHARTS`. `only` names some of them, by default those that the scenario asks for; `jobs` is the number of
    processes; `data` is a folder of data tables other than the packaged one. A comparison of several scenarios has a
    folder of figures for each. Every figure comes with a text file of one or two sentences for readers who do not see
    it. Raises OutputError where the folder is not whole, KeyError for a chart that does not exist.
    """
    manifest, place = read_manifest(run_dir), into or run_dir / FIGURES
    if manifest.get("kind", RUN_KINDS[0]) in RUN_KINDS:
        names = _asked(manifest) if only is None else chosen(only)
        tasks = _run_tasks(run_dir, manifest, names, place, formats, jobs, data)
    else:
        tasks = _experiment_tasks(run_dir, str(manifest["kind"]), only, place, formats, jobs)
    written: list[Path] = []
    left_out: list[tuple[str, str]] = []
    for files, missing in _results(tasks, jobs):
        written.extend(files)
        left_out.extend(missing)
    if left_out:
        log.warning("charts left out: %s", by_reason(left_out))
    return sorted(written)


def by_reason(left_out: Collection[tuple[str, str]]) -> str:
    """Return names of charts and why each is left out, gathered by reason: 'a, b (too few points); c (no series)'."""
    found: dict[str, list[str]] = {}
    for name, reason in sorted(set(left_out)):
        found.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in found.items())


def _run_tasks(
    run_dir: Path,
    manifest: Mapping[str, Any],
    names: Sequence[str],
    place: Path,
    formats: tuple[str, ...],
    jobs: int,
    data: Path | None,
) -> list[_Task]:
    pairs = pairs_of(manifest)
    return [
        _Task(run_dir, arms, tuple(part), place if len(pairs) == 1 else place / arms[0], formats, data)
        for arms in pairs
        for part in _parts(names, jobs)
    ]


def _experiment_tasks(
    run_dir: Path, kind: str, only: Collection[str] | None, place: Path, formats: tuple[str, ...], jobs: int
) -> list[_Task]:
    if kind not in EXPERIMENT_CHARTS:
        raise OutputError(f"{run_dir} is of kind '{kind}', of which there are no charts")
    charts = EXPERIMENT_CHARTS[kind].charts
    names = list(charts) if only is None else chosen(only, charts)
    dealt = [tuple(names[start :: max(jobs, 1)]) for start in range(max(jobs, 1))]
    return [_Task(run_dir, (), part, place, formats, None, kind) for part in dealt if part]


def chosen(only: Collection[str], charts: Mapping[str, str] = CHARTS) -> list[str]:
    """Return the names of the `charts` to draw, in order. Raises KeyError for one that does not exist."""
    unknown = [name for name in only if name not in charts]
    if unknown:
        raise KeyError(f"no chart {', '.join(unknown)}; there are {', '.join(charts)}")
    return [name for name in charts if name in only]


def _asked(manifest: Mapping[str, Any]) -> list[str]:
    asked = manifest.get("scenario", {}).get("outputs", {}).get("charts", "all")
    return list(CHARTS) if asked == "all" else [name for name in CHARTS if name in asked]


def _parts(names: Sequence[str], jobs: int) -> list[list[str]]:
    """Deal the charts out by their weight; those of `sim.charts.networks` share a replay and stay together."""
    together = [name for name in names if CHARTS[name].startswith(REPLAYING)]
    groups = [[name] for name in names if name not in together] + ([together] if together else [])
    parts: list[list[str]] = [[] for _ in range(max(jobs, 1))]
    for group in sorted(groups, key=len, reverse=True):
        min(parts, key=len).extend(group)
    return [part for part in parts if part]


def _results(tasks: Sequence[_Task], jobs: int) -> Iterable[tuple[list[Path], list[tuple[str, str]]]]:
    if jobs <= 1 or len(tasks) <= 1:
        return map(_draw_some, tasks)
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_draw_some, tasks))


def _draw_some(task: _Task) -> tuple[list[Path], list[tuple[str, str]]]:
    """Draw the charts of a task; return the files, and the names of charts that do not apply with the reasons."""
    from sim.charts.style import house_style

    record = task.open()
    task.folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    left_out = []
    for name in task.names:
        with house_style():
            try:
                for suffix, drawn in _figures(_named(task.charts()[name])(record)):
                    stem = task.folder / (f"{name}_{suffix}" if suffix else name)
                    files.extend(_write(drawn, stem, task.formats))
            except CannotDraw as reason:
                left_out.append((name, str(reason)))
    return files, left_out


def _named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _figures(drawn: "Drawn | Iterable[tuple[str, Drawn]]") -> "Iterator[tuple[str, Drawn]]":
    """Yield the figures of a chart with the suffixes of their names: one without, or each as it is drawn."""
    from sim.charts.sheet import Drawn

    if isinstance(drawn, Drawn):
        yield "", drawn
    else:
        yield from drawn


def _write(drawn: "Drawn", stem: Path, formats: Sequence[str]) -> list[Path]:
    files = []
    for kind in formats:
        file = stem.with_name(f"{stem.name}.{kind}")  # a name may hold a dot
        # No date in the SVG: the same record gives the same file.
        about = {"Title": drawn.title, "Description": drawn.alt} | ({"Date": None} if kind == "svg" else {})
        drawn.figure.savefig(file, dpi=DOTS_PER_INCH, metadata=about)
        files.append(file)
    text = stem.with_name(f"{stem.name}.txt")
    text.write_text(drawn.alt + "\n", encoding="utf-8")
    return [*files, text]
