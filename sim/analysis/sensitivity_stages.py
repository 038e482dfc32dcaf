"""The three stages of a sensitivity study, each from its runs to the rows of its tables.

1 morris   every uncertain name, one at a time: what matters at all, in which direction, and what is inert
2 sobol    the names that matter most, all else that is drawn, and chance: shares of the variance; and PAWN
3 split    structural variants x draws x chances: parameters, structure and chance, and their interaction
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.analysis import sensitivity_split
from sim.analysis.sensitivity import (
    Floats,
    MorrisDesign,
    elementary_effects,
    monotone,
    morris_design,
    morris_indices,
    pawn_indices,
    sobol_design,
    sobol_indices,
)
from sim.analysis.sensitivity_answers import Answered, LeftOut, answers
from sim.analysis.sensitivity_inert import NOISE, why_inert
from sim.analysis.sensitivity_lots import (
    CHANCE,
    EFFECT,
    Question,
    Target,
    grouped,
    morris_lot,
    sobol_lot,
    split_lot,
    structure_count,
    structures,
)
from sim.calendar import month_label
from sim.compare import number_text
from sim.lots import Lot

Run = Callable[[Path, Lot], Answered]
"""Computes a lot in a folder, or finds it there, wholly or in part."""
Rows = list[list[str]]
TARGET = ("of", "outcome", "at", "unit")
HEADERS: Mapping[str, tuple[str, ...]] = {
    "morris.csv": (*TARGET, "rank", "parameter", "mu", "mu_star", "mu_star_low", "mu_star_high", "sigma", "monotone",
                   "trajectories"),
    "sobol.csv": (*TARGET, "factor", "first", "first_low", "first_high", "total", "total_low", "total_high",
                  "variance", "groups"),
    "pawn.csv": (*TARGET, "parameter", "median", "largest", "threshold", "above_noise", "runs"),
    "variance.csv": (*TARGET, "part", "variance", "error", "share", "share_error", "variants", "draws", "chances"),
    "variants.csv": (*TARGET, "variant", "mean", "error", "change", "change_error"),
    "inert.csv": ("parameter", "moves", "largest", "why"),
}  # fmt: skip
"""The tables of a study and their columns."""


@dataclass(frozen=True)
class Sizes:
    """How much is run: Morris trajectories, Sobol' samples (a power of two) and factors, draws and chances."""

    trajectories: int = 20
    samples: int = 512
    top: int = 16
    draws: int = 32
    chances: int = 4


QUICK = Sizes(4, 32, 6, 8, 3)
"""Enough to see that a study runs, too little to conclude from."""


@dataclass
class Stage:
    """What a stage gave: rows by table, targets that it left out, how many of how many groups of runs it dropped."""

    tables: dict[str, Rows]
    left_out: list[LeftOut]
    dropped: int
    groups: int
    runs: int
    selected: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def runs_needed(question: Question, sizes: Sizes) -> dict[str, int]:
    """Return how many runs each stage takes at most, both arms counted."""
    arms, names = len(question.arms()), len(question.names())
    factors = min(sizes.top, names) + len(grouped(question.names(), ())) + 1
    return {
        "morris": arms * sizes.trajectories * (names + 1),
        "sobol": arms * sizes.samples * (factors + 2),
        "split": arms * structure_count(question.scenario) * sizes.draws * sizes.chances,
    }


def morris_stage(question: Question, sizes: Sizes, run: Run, folder: Path) -> Stage:
    """Screen every uncertain name; `selected` are those that matter most. Raises RunError."""
    names = question.names()
    seed = question.scenario.seed
    design = morris_design(names, sizes.trajectories, seed)
    lot = morris_lot(question, names, design)
    found = answers(question, run(folder / "morris", lot), design.places.shape[:2])
    kept = found.kept("morris")
    values, left = found.usable("morris", kept)
    part = MorrisDesign(design.places[kept], design.moved[kept], design.sign[kept])
    effects = {target: elementary_effects(part, outcome) for target, outcome in values.items()}
    tables = {
        "morris.csv": [row for target, mine in effects.items() for row in _morris_rows(target, names, mine, seed)],
        "inert.csv": _inert_rows(names, effects, values),
    }
    chosen = most_important(names, effects, sizes.top)
    return Stage(tables, left, len(design.places) - len(kept), len(design.places), len(lot), chosen)


def most_important(names: Sequence[str], effects: Mapping[Target, Floats], top: int) -> tuple[str, ...]:
    """Return at most `top` names, by the largest share that each has in the squared mean effects on any target.

    The square, because variances are what the next stage splits; the largest over targets, so that what drives one of
    them alone is not lost among the others.
    """
    score = np.zeros(len(names))
    for mine in effects.values():
        square = np.abs(mine).mean(axis=0) ** 2
        score = np.maximum(score, square / square.sum())
    order = np.argsort(-score, kind="stable")[:top]
    return tuple(names[place] for place in order if score[place] > 0.0)


def sobol_stage(question: Question, names: tuple[str, ...], sizes: Sizes, run: Run, folder: Path) -> Stage:
    """Split the variance over the names, groups of all others, and chance; PAWN on the same runs. Raises RunError."""
    seed = question.scenario.seed
    factors = [*names, *grouped(question.names(), names), CHANCE]
    rows = sobol_design(len(factors), sizes.samples, seed)
    lot = sobol_lot(question, names, rows)
    found = answers(question, run(folder / "sobol", lot), rows.shape[:2])
    kept = found.kept("sobol")
    values, left = found.usable("sobol", kept)
    free = rows[kept][:, [0, -1], : len(names)].reshape(2 * len(kept), len(names))
    tables: dict[str, Rows] = {"sobol.csv": [], "pawn.csv": []}
    for target, outcome in values.items():
        tables["sobol.csv"] += _sobol_rows(target, factors, outcome, seed)
        if names:
            tables["pawn.csv"] += _pawn_rows(target, names, free, outcome[:, [0, -1]].ravel(), seed)
    return Stage(tables, left, len(rows) - len(kept), len(rows), len(lot))


def split_stage(question: Question, sizes: Sizes, run: Run, folder: Path) -> Stage:
    """Split the variance into parameters, structure and chance. Raises RunError.

    The split of an effect leaves out the variant with the other form of government: where governments decide by
    themselves they undo the counterfactual, so that is another question. Its mean stands in variants.csv.
    """
    variants = structures(question.scenario)
    shape = (len(variants), sizes.draws, sizes.chances)
    lot = split_lot(question, list(variants.values()), sizes.draws, sizes.chances)
    found = answers(question, run(folder / "split", lot), shape)
    kept = found.kept("split", axis=1)
    values, left = found.usable("split", kept, axis=1)
    tables: dict[str, Rows] = {"variance.csv": [], "variants.csv": []}
    governed = [v.model.governments == question.scenario.model.governments for v in variants.values()]
    for target, outcome in values.items():
        tables["variance.csv"] += _variance_rows(target, outcome[governed] if target.of == EFFECT else outcome)
        tables["variants.csv"] += _variant_rows(target, list(variants), outcome)
    return Stage(tables, left, sizes.draws - len(kept), sizes.draws, len(lot))


def _head(target: Target) -> list[str]:
    from sim.measures import CATALOGUE

    unit = CATALOGUE[target.outcome.partition(".")[0]].unit
    return [target.of, target.outcome, month_label(target.month), unit]


def _numbers(*values: float) -> list[str]:
    return [number_text(float(value)) for value in values]


def _morris_rows(target: Target, names: Sequence[str], effects: Floats, seed: int) -> Rows:
    found = morris_indices(effects, seed)
    direction = monotone(found)
    order = np.argsort(-found.mu_star, kind="stable")
    columns = (found.mu, found.mu_star, found.low, found.high, found.sigma, direction)
    return [
        [*_head(target), str(rank + 1), names[i], *_numbers(*(column[i] for column in columns)), str(len(effects))]
        for rank, i in enumerate(order)
    ]


def _inert_rows(names: Sequence[str], effects: Mapping[Target, Floats], values: Mapping[Target, Floats]) -> Rows:
    """Names whose largest effect on any target, in standard deviations of the target over the runs, is as nothing."""
    largest = np.zeros(len(names))
    for target, mine in effects.items():
        largest = np.maximum(largest, np.abs(mine).max(axis=0) / values[target].std())
    quiet = [place for place in np.argsort(largest, kind="stable") if largest[place] <= NOISE] if effects else []
    return [
        [names[place], "nothing" if largest[place] == 0.0 else "rounding", *_numbers(largest[place]),
         why_inert(names[place])]
        for place in quiet
    ]  # fmt: skip


def _sobol_rows(target: Target, factors: Sequence[str], outcome: Floats, seed: int) -> Rows:
    found = sobol_indices(outcome, seed)
    rows = []
    for i, factor in enumerate(factors):
        one, reach, all_in, all_reach = (
            float(column[i]) for column in (found.first, found.first_reach, found.total, found.total_reach)
        )
        numbers = _numbers(one, one - reach, one + reach, all_in, all_in - all_reach, all_in + all_reach)
        rows.append([*_head(target), factor, *numbers, *_numbers(found.variance), str(len(outcome))])
    return rows


def _pawn_rows(target: Target, names: Sequence[str], places: Floats, outcome: Floats, seed: int) -> Rows:
    found = pawn_indices(places, outcome, seed)
    above: NDArray[np.bool_] = found.median > found.threshold
    return [
        [*_head(target), name, *_numbers(found.median[i], found.largest[i], found.threshold),
         "yes" if above[i] else "no", str(len(outcome))]
        for i, name in enumerate(names)
    ]  # fmt: skip


def _variance_rows(target: Target, outcome: Floats) -> Rows:
    counts = [str(count) for count in outcome.shape]
    split = sensitivity_split.variance_split(outcome)
    return [
        [*_head(target), name, *_numbers(part.variance, part.error, part.share, part.share_error), *counts]
        for name, part in split.items()
    ]


def _variant_rows(target: Target, variants: Sequence[str], outcome: Floats) -> Rows:
    columns = sensitivity_split.variant_means(outcome)
    return [[*_head(target), name, *_numbers(*(column[i] for column in columns))] for i, name in enumerate(variants)]
