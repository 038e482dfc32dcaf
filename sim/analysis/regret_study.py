"""Regret on sweeps: the policies of one sweep over its draws, or of several sweeps, each a named view of the world."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis import derived
from sim.analysis.objectives import Objective
from sim.analysis.regret import (
    Across,
    Regret,
    across,
    dominators,
    front_shares,
    on_front,
    regrets,
    resampled,
    stakes,
    summarise,
    twins,
    weighted,
    weightings,
    winners,
)
from sim.analysis.sweep_cases import POINT, point_labels
from sim.disk import csv_text
from sim.errors import InputError, Problem

if TYPE_CHECKING:
    from sim.experiments.sweep_results import Sweep, SweepPoint

Floats = NDArray[np.float64]

REGRET, FRONT, STATEMENT = "regret.csv", "front.csv", "statement.txt"
METHOD = 1
"""Raised when the method changes, so that folders of the old one are not taken for the new."""
MOST_POLICIES, FEW_DRAWS = 100, 30
"""Points that are taken for policies, and draws below which a high regret rests on two or three of them."""
WEIGHTED, ALL = "weighted score", "all worldviews"
REGRET_HEADER = ("worldview", "objective", "policy", "unit", "draws", "mean", "mean_error", "p90", "p90_error", "max",
                 "best", "lowest_p90", "lowest_max", "weightings_p90", "weightings_max")  # fmt: skip
FRONT_HEADER = ("worldview", "policy", "objective", "unit", "better", "mean", "error", "on_front", "front_share",
                "dominated_by")  # fmt: skip


@dataclass(frozen=True)
class World:
    """A sweep as a view of the world. `values` (policies, draws, objectives), larger is better; `lost`: draws left out.

    `regret` by objective and of the weighted score; `wins` the shares of the weightings, by high and largest regret.
    """

    name: str
    values: Floats
    lost: int
    regret: Mapping[str, Regret]
    wins: tuple[Floats, Floats]
    front: NDArray[np.bool_]
    front_share: Floats
    over: tuple[int | None, ...]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Study:
    """Policies by name, objectives with their weights and what is at stake in each, the worlds, and what spans them."""

    side: str
    policies: tuple[str, ...]
    reference: str
    objectives: tuple[Objective, ...]
    weights: Floats
    scale: Floats
    worlds: tuple[World, ...]
    spanning: Across | None
    twins: tuple[tuple[int, int], ...]

    @property
    def robust(self) -> list[int]:
        """Places of the policies with the least high weighted regret, or the least largest over several worldviews."""
        criterion = self.spanning.most if self.spanning is not None else self.worlds[0].regret[WEIGHTED].high
        return [int(place) for place in np.flatnonzero(criterion <= criterion.min() + 1e-9)]

    @property
    def cautious(self) -> list[int]:
        """Places of the policies with the least largest weighted regret in any single draw."""
        worst = np.max([world.regret[WEIGHTED].most for world in self.worlds], axis=0)
        return [int(place) for place in np.flatnonzero(worst <= worst.min() + 1e-9)]


def study(sweeps: Sequence["Sweep"], side: str, objectives: Sequence[Objective], weights: Floats) -> Study:
    """Return regret and front of the points of some sweeps, which have the same policies.

    The sweep's seed decides the resamples: the same folders give the same study. Raises InputError where the sweeps do
    not fit together or hold too little.
    """
    policies = _policies(sweeps)
    values = [values_of(sweep, objectives) for sweep in sweeps]
    scale = np.mean([stakes(found) for found, _ in values], axis=0)
    seed = int(sweeps[0].manifest["seed"])
    names = _names(sweeps)
    parts = [
        _world(name, *had, Setting(objectives, weights, scale, seed)) for name, had in zip(names, values, strict=True)
    ]
    spanning = None
    if len(parts) > 1:
        scores = [weighted(world.values, weights, scale) for world in parts]
        spanning = across(scores, [resampled(world.draws, seed) for world in parts])
    same = twins(np.concatenate([world.values for world in parts], axis=1))
    reference = point_labels(sweeps[0], sweeps[0].points)[reference_of(sweeps[0])]
    return Study(side, policies, reference, tuple(objectives), weights, scale, tuple(parts), spanning, tuple(same))


def _policies(sweeps: Sequence["Sweep"]) -> tuple[str, ...]:
    policies = policies_of(sweeps[0])
    if not 2 <= len(policies) <= MOST_POLICIES:
        raise InputError(Problem(f"the sweep has {len(policies)} points; regret compares 2 to {MOST_POLICIES}",
                                 str(sweeps[0].folder), remedy="Sweep named policies, or fewer values"))  # fmt: skip
    for sweep in sweeps[1:]:
        if policies_of(sweep) != policies:
            raise InputError(Problem("its policies are not those of the first sweep", str(sweep.folder),
                                     remedy=f"Worldviews need the same policies: {', '.join(policies)}"))  # fmt: skip
    return policies


def _names(sweeps: Sequence["Sweep"]) -> list[str]:
    names = [str(sweep.manifest["name"]) for sweep in sweeps]
    return names if len(set(names)) == len(names) else [sweep.folder.name for sweep in sweeps]


def policies_of(sweep: "Sweep") -> tuple[str, ...]:
    """Return the names of the points that a sweep asks about; those there only for comparison are no policies."""
    return tuple(point_labels(sweep, candidates(sweep)))


def candidates(sweep: "Sweep") -> list["SweepPoint"]:
    """Return the points that a sweep asks about."""
    return [point for point in sweep.points if point.role == POINT]


def reference_of(sweep: "Sweep") -> int:
    """Return the number of the point that all numbers are stated against: the common baseline, else the first point."""
    baselines = {point.baseline for point in candidates(sweep)}
    return baselines.pop() if len(baselines) == 1 else candidates(sweep)[0].number


def values_of(sweep: "Sweep", objectives: Sequence[Objective]) -> tuple[Floats, int]:
    """Return the values of the policies against the reference, (policies, draws, objectives), and the draws left out.

    Larger is better. A draw is the mean over its seeds; a seed counts only where every policy has every value. Raises
    InputError where fewer than two draws are left.
    """
    reference = reference_of(sweep)
    numbers = [point.number for point in candidates(sweep)]
    whole = np.stack(
        [objective.sign * objective.factor * sweep.grid(objective.column) for objective in objectives], axis=3
    )[[*numbers, reference]]
    known: NDArray[np.bool_] = np.asarray(np.isfinite(whole).all(axis=(0, 3)))
    kept = known.any(axis=1)
    if int(kept.sum()) < 2:
        raise InputError(Problem("fewer than two draws have every objective under every policy", str(sweep.folder),
                                 remedy="Look for failed runs, choose other objectives, use more draws"))  # fmt: skip
    counted = known[None, :, :, None]
    means = np.where(counted, whole, 0.0).sum(axis=2) / np.maximum(counted.sum(axis=2), 1)
    return (means[:-1] - means[-1:])[:, kept], int((~kept).sum())


@dataclass(frozen=True)
class Setting:
    """What holds for all worlds: objectives, their weights and scale, and the seed of the resamples."""

    objectives: Sequence[Objective]
    weights: Floats
    scale: Floats
    seed: int


def _world(name: str, values: Floats, lost: int, given: Setting) -> World:
    resamples = resampled(values.shape[1], given.seed)
    found = {objective.column: summarise(regrets(values[:, :, place]), resamples)
             for place, objective in enumerate(given.objectives)}  # fmt: skip
    found[WEIGHTED] = summarise(regrets(weighted(values, given.weights, given.scale)), resamples)
    means = values.mean(axis=1)
    wins = winners(values, given.scale, weightings(len(given.objectives), given.seed))
    return World(name, values, lost, found, wins, on_front(means), front_shares(values, resamples),
                 tuple(dominators(means)))  # fmt: skip


def folder_of(sweeps: Sequence["Sweep"], side: str, objectives: Sequence[Objective], weights: Floats) -> Path:
    """Return where a study is written: inside the first sweep, under a name with a hash of all inputs."""
    sources = [derived.identity(sweep.manifest) for sweep in sweeps]
    known = (METHOD, side, [asdict(objective) for objective in objectives], weights.tolist(), sources)
    return sweeps[0].folder / f"regret-{derived.digest_of(*known)}"


def write(sweeps: Sequence["Sweep"], found: Study, statement: str) -> dict[str, Any]:
    """Write the folder of a study and return its manifest. Raises OutputError."""
    folder = folder_of(sweeps, found.side, found.objectives, found.weights)
    tables: dict[str, str | derived.Writer] = {
        REGRET: csv_text(REGRET_HEADER, _regret_rows(found)),
        FRONT: csv_text(FRONT_HEADER, _front_rows(found)),
        STATEMENT: statement,
    }
    about = derived.about("regret", folder, [(sweep.folder, sweep.manifest) for sweep in sweeps])
    return derived.write(folder, {**about, **summary(found, sweeps)}, tables)


def summary(found: Study, sweeps: Sequence["Sweep"]) -> dict[str, Any]:
    """Return what the manifest says of a study: who chooses among what by which objectives, and the choice."""
    return {
        "side": found.side,
        "policies": list(found.policies),
        "reference": found.reference,
        "objectives": [
            {**asdict(objective), "weight": float(weight), "stake": float(stake)}
            for objective, weight, stake in zip(found.objectives, found.weights, found.scale, strict=True)
        ],
        "worldviews": [
            {"name": world.name, "draws": world.draws, "left_out": world.lost, "seeds": int(sweep.manifest["seeds"])}
            for world, sweep in zip(found.worlds, sweeps, strict=True)
        ],
        "robust": [found.policies[place] for place in found.robust],
        "least_largest": [found.policies[place] for place in found.cautious],
        "same": [[found.policies[first], found.policies[second]] for first, second in found.twins],
    }


def _regret_rows(found: Study) -> Iterator[tuple[object, ...]]:
    for world in found.worlds:
        for objective in (*found.objectives, None):
            had = world.regret[objective.column if objective else WEIGHTED]
            for place, policy in enumerate(found.policies):
                numbers = (had.mean, had.mean_error, had.high, had.high_error, had.most, had.best, had.least_high,
                           had.least_most)  # fmt: skip
                wins = (None, None) if objective else tuple(float(shares[place]) for shares in world.wins)
                named = (objective.column, policy, objective.unit) if objective else (WEIGHTED, policy, "stakes")
                yield (world.name, *named, world.draws, *(float(row[place]) for row in numbers), *wins)
    if found.spanning is not None:
        had_all = found.spanning
        for place, policy in enumerate(found.policies):
            yield (ALL, WEIGHTED, policy, "stakes", len(found.worlds), float(had_all.mean[place]),
                   float(had_all.mean_error[place]), None, None, float(had_all.most[place]),
                   float(had_all.best[place]), None, float(had_all.least_most[place]), None, None)  # fmt: skip


def _front_rows(found: Study) -> Iterator[tuple[object, ...]]:
    for world in found.worlds:
        means, errors = world.values.mean(axis=1), world.values.std(axis=1, ddof=1) / np.sqrt(world.draws)
        for place, policy in enumerate(found.policies):
            over = world.over[place]
            for column, objective in enumerate(found.objectives):
                yield (world.name, policy, objective.column, objective.unit, "higher" if objective.higher else "lower",
                       float(objective.sign * means[place, column]) + 0.0, float(errors[place, column]),
                       int(world.front[place]), float(world.front_share[place]),
                       "" if over is None else found.policies[over])  # fmt: skip
