"""Discovery on a sweep: from the cases of a condition to the tables of a folder inside the sweep's own."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.analysis import derived
from sim.analysis.boxes import Box, Cases, score
from sim.analysis.condition import Condition, in_words
from sim.analysis.discovery import TOLERANCE, Found, HoldOut, Rule, find, hold_out, too_few
from sim.analysis.discovery_tree import Node, drawn, grow, skill
from sim.analysis.sweep_cases import Dimension, Table, cases_of
from sim.disk import csv_text

if TYPE_CHECKING:
    from sim.experiments.sweep_results import Sweep

BOX, TRAJECTORY, TREE, TREE_TEXT = "box.csv", "trajectory.csv", "tree.csv", "tree.txt"
CASES, STATEMENT = "cases.parquet", "statement.txt"
METHOD = 1
"""Raised when the method changes, so that folders of the old one are not taken for the new."""
BOX_HEADER = ("dimension", "low", "high", "quasi_p", "unit", "range_low", "range_high", "alone", "fits", "label",
              "category", "phrase")  # fmt: skip
TRAJECTORY_HEADER = ("box", "restricted", "runs", "hits", "coverage", "density", "chosen")
TREE_HEADER = ("node", "parent", "dimension", "threshold", "below", "above", "runs", "hits", "share", "label")


@dataclass(frozen=True)
class Study:
    """What was asked of a sweep and what came out; `found`, `held` and `nodes` are empty where `reason` says why."""

    condition: Condition
    rule: Rule
    seed: int
    points: int
    seeds: int
    table: Table
    reason: str | None
    found: Found | None
    held: HoldOut | None
    nodes: tuple[Node, ...]
    skill: float

    @property
    def cases(self) -> Cases:
        """The runs."""
        return self.table.cases

    @property
    def box(self) -> Found | None:
        """The box, unless there is none or it has no limits."""
        return self.found if self.found is not None and len(self.found.box) else None


def study(sweep: "Sweep", condition: Condition, rule: Rule) -> Study:
    """Look for the conditions under which `condition` holds in the runs of a sweep.

    The same sweep gives the same study: folds and ties are decided by the sweep's seed. Raises InputError where the
    sweep does not allow it or packages are missing.
    """
    table = cases_of(sweep, condition)
    seed = int(sweep.manifest["seed"])
    reason = too_few(table.cases)
    found, held, told = None, None, math.nan
    nodes: tuple[Node, ...] = ()
    if reason is None:
        found = find(table.cases, rule)
        held = hold_out(table.cases, rule, seed)
        nodes = tuple(grow(table.cases, rule, seed))
        told = skill(table.cases, rule, seed)
    _, _, seeds = sweep.shape
    return Study(condition, rule, seed, table.points, seeds, table, reason, found, held, nodes, told)


def folder_of(sweep: "Sweep", condition: Condition, rule: Rule) -> Path:
    """Return where the study of a condition is written: its name is made of the condition and a hash of all inputs."""
    known = (METHOD, str(condition), asdict(rule), derived.identity(sweep.manifest))
    return sweep.folder / f"discovery-{condition.slug}-{derived.digest_of(*known)}"


def write(sweep: "Sweep", found: Study, statement: str) -> dict[str, Any]:
    """Write the folder of a study and return its manifest. Raises OutputError."""
    folder = folder_of(sweep, found.condition, found.rule)
    tables: dict[str, str | derived.Writer] = {STATEMENT: statement}
    if found.found is not None:
        tables[TRAJECTORY] = csv_text(TRAJECTORY_HEADER, _trajectory_rows(found, found.found))
        tables[TREE] = csv_text(TREE_HEADER, _tree_rows(found))
        labels = {name: _labelled(dimension) for name, dimension in found.table.dimensions.items()}
        tables[TREE_TEXT] = drawn(found.nodes, labels)
    if found.box is not None and found.held is not None:
        tables[BOX] = csv_text(BOX_HEADER, _box_rows(found, found.box, found.held))
        tables[CASES] = lambda path: _write_cases(path, found)
    manifest = {**derived.about("discovery", folder, [(sweep.folder, sweep.manifest)]), **summary(found)}
    return derived.write(folder, manifest, tables)


def summary(found: Study) -> dict[str, Any]:
    """Return what the manifest says of a study: the question, how it was asked, the counts, and the scores."""
    cases, box, held = found.cases, found.box, found.held
    return {
        "when": str(found.condition),
        "what": in_words(found.condition),
        "clauses": [asdict(clause) for clause in found.condition.clauses],
        "rule": {**asdict(found.rule), "tolerance": TOLERANCE},
        "runs": len(cases),
        "hits": cases.hits,
        "base_rate": cases.base_rate if len(cases) else None,
        "points": found.points,
        "draws": len(np.unique(cases.draw)),
        "seeds": found.seeds,
        "left_out": {
            "own_baseline": found.table.own_baseline,
            "failed": found.table.failed,
            "undefined": found.table.undefined,
        },
        "unused": list(found.table.unused),
        "reason": found.reason,
        "box": box and {"restricted": len(box.box), "runs": box.score.inside, "hits": box.score.hits,
                        "density": box.score.density, "coverage": box.score.coverage, "design_effect": box.effect},
        "hold_out": held and {"density": _number(held.density), "density_error": _number(held.error),
                              "coverage": held.coverage, "holds": held.holds, "fits": held.fits},
        "tree": {"leaves": sum(node.is_leaf for node in found.nodes), "skill": _number(found.skill)},
    }  # fmt: skip


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _labelled(dimension: Dimension) -> str:
    return f"{dimension.label} is {dimension.category}" if dimension.category else dimension.label


def _box_rows(found: Study, box: Found, held: HoldOut) -> Iterator[tuple[object, ...]]:
    """A row for each restricted dimension, the most significant first; an open side has no number."""
    by_name = {name: max(p for side, p in box.quasi_p.items() if side[0] == name) for name in box.box.limits}
    for name in sorted(by_name, key=lambda name: by_name[name]):
        low, high = (end if math.isfinite(end) else None for end in box.box.limits[name])
        about, values = found.table.dimensions[name], found.cases.column(name)
        alone = float(Box({name: box.box.limits[name]}).holds(found.cases).mean())
        yield (name, low, high, by_name[name], about.unit, float(values.min()), float(values.max()), alone,
               held.limited[name], about.label, about.category, about.phrase)  # fmt: skip


def _trajectory_rows(found: Study, box: Found) -> Iterator[tuple[object, ...]]:
    for place, passed in enumerate(box.trajectory):
        done = score(passed, found.cases)
        yield place, len(passed), done.inside, done.hits, done.coverage, done.density, int(place == box.chosen)


def _tree_rows(found: Study) -> Iterator[tuple[object, ...]]:
    for node in found.nodes:
        label = _labelled(found.table.dimensions[node.dimension]) if node.dimension else ""
        yield (node.number, node.parent, node.dimension, node.threshold, node.below, node.above, node.runs, node.hits,
               node.share, label)  # fmt: skip


def _write_cases(path: Path, found: Study) -> None:
    """The runs with the dimensions that the box or its trajectory restricts, so that the figure can be drawn again."""
    import pyarrow
    from pyarrow import parquet

    assert found.box is not None
    cases, box = found.cases, found.box.box
    columns: Mapping[str, Any] = {
        "run": found.table.rows.astype(np.int32),
        "draw": cases.draw.astype(np.int32),
        "hit": cases.hit,
        "in_box": box.holds(cases),
        **{name: cases.column(name) for name in box.limits},
    }
    parquet.write_table(pyarrow.table(dict(columns)), path, compression="zstd")
