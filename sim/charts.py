"""Draws every chart of a run folder from its files, PNG, SVG and alternative text, in up to a few processes.

A chart that needs what was not recorded is left out with a message. Scripts that call `draw_all` with more
than one job must guard their entry (`if __name__ == "__main__"`), as the processes are started afresh.
"""

import importlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.chart_data import CannotDraw, open_record, pairs_of
from sim.results import FIGURES, read_manifest

if TYPE_CHECKING:
    from sim.chart_sheet import Drawn

DOTS_PER_INCH = 170
CHARTS = {
    "01_shares_by_lab": "sim.chart_shares.by_lab",
    "02_shares_by_bloc": "sim.chart_shares.by_bloc",
    "03_open_and_closed": "sim.chart_shares.open_closed",
    "04_tokens_and_revenue": "sim.chart_shares.tokens_revenue",
    "05_home_and_abroad": "sim.chart_shares.home_abroad",
    "06_frontier_and_gap": "sim.chart_compute.frontier",
    "07_compute": "sim.chart_compute.compute",
    "08_from_scarcity_to_share": "sim.chart_compute.chain",
    "09_price": "sim.chart_prices.price",
    "10_who_is_open_when": "sim.chart_prices.who_is_open",
    "11_lab_network": "sim.chart_networks.labs",
    "12_community_network": "sim.chart_networks.communities",
    "13_shares_as_measured": "sim.chart_prices.as_measured",
}
"""Every chart by name, and the function that draws it from a record."""

REPLAYING = "sim.chart_networks."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Task:
    """Some charts of one pair of arms, for one process."""

    run_dir: Path
    arms: tuple[str, ...]
    names: tuple[str, ...]
    folder: Path
    formats: tuple[str, ...]
    data: Path | None


def draw_all(
    run_dir: Path,
    formats: tuple[str, ...] = ("png", "svg"),
    jobs: int = 2,
    *,
    only: Collection[str] | None = None,
    data: Path | None = None,
) -> list[Path]:
    """Draw the charts of `run_dir` into its folder `figures` and return the files written, in order of their names.

    `only` names some of `CHARTS`, by default those that the scenario asks for; `jobs` is the number of processes;
    `data` is a folder of data tables other than the packaged one. A comparison of several scenarios has a folder of
    figures for each. Every figure comes with a text file of one or two sentences for readers who do not see it.
    Raises OutputError where the folder is not whole, KeyError for a chart that does not exist.
    """
    manifest = read_manifest(run_dir)
    names = _asked(manifest) if only is None else chosen(only)
    pairs = pairs_of(manifest)
    tasks = [
        _Task(run_dir, arms, tuple(part), _folder(run_dir, arms, len(pairs)), formats, data)
        for arms in pairs
        for part in _parts(names, jobs)
    ]
    written: list[Path] = []
    for files, messages in _results(tasks, jobs):
        written.extend(files)
        for message in messages:
            log.warning(message)
    return sorted(written)


def chosen(only: Collection[str]) -> list[str]:
    """Return the names of the charts to draw, in order. Raises KeyError for one that does not exist."""
    unknown = [name for name in only if name not in CHARTS]
    if unknown:
        raise KeyError(f"no chart {', '.join(unknown)}; there are {', '.join(CHARTS)}")
    return [name for name in CHARTS if name in only]


def _asked(manifest: Mapping[str, Any]) -> list[str]:
    asked = manifest.get("scenario", {}).get("outputs", {}).get("charts", "all")
    return list(CHARTS) if asked == "all" else [name for name in CHARTS if name in asked]


def _folder(run_dir: Path, arms: tuple[str, ...], pairs: int) -> Path:
    return run_dir / FIGURES if pairs == 1 else run_dir / FIGURES / arms[0]


def _parts(names: Sequence[str], jobs: int) -> list[list[str]]:
    """Deal the charts out by their weight; those of `sim.chart_networks` share a replay and stay together."""
    together = [name for name in names if CHARTS[name].startswith(REPLAYING)]
    groups = [[name] for name in names if name not in together] + ([together] if together else [])
    parts: list[list[str]] = [[] for _ in range(max(jobs, 1))]
    for group in sorted(groups, key=len, reverse=True):
        min(parts, key=len).extend(group)
    return [part for part in parts if part]


def _results(tasks: Sequence[_Task], jobs: int) -> Iterable[tuple[list[Path], list[str]]]:
    if jobs <= 1 or len(tasks) == 1:
        return map(_draw_some, tasks)
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_draw_some, tasks))


def _draw_some(task: _Task) -> tuple[list[Path], list[str]]:
    from sim.chart_style import house_style

    record = open_record(task.run_dir, task.arms, task.data)
    task.folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    messages = []
    for name in task.names:
        module, _, function = CHARTS[name].rpartition(".")
        with house_style():
            try:
                drawn = getattr(importlib.import_module(module), function)(record)
            except CannotDraw as reason:
                messages.append(f"chart {name} is left out: {reason}")
                continue
            files.extend(_write(drawn, task.folder / name, task.formats))
    return files, messages


def _write(drawn: "Drawn", stem: Path, formats: Sequence[str]) -> list[Path]:
    files = []
    for kind in formats:
        file = stem.with_suffix(f".{kind}")
        # No date in the SVG: the same record gives the same file.
        about = {"Title": drawn.title, "Description": drawn.alt} | ({"Date": None} if kind == "svg" else {})
        drawn.figure.savefig(file, dpi=DOTS_PER_INCH, metadata=about)
        files.append(file)
    text = stem.with_suffix(".txt")
    text.write_text(drawn.alt + "\n", encoding="utf-8")
    return [*files, text]
