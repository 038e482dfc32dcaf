"""What an outcome depends on: designs and estimators over plain arrays, without a model.

All designs are places in (0, 1): the share of a parameter's own distribution that lies below its value. Chance comes
from the tape, by name, so a design is the same whenever seed and names are, and another parameter or trajectory moves
no other. Methods: Morris (1991) with the mean absolute effect of Campolongo, Cariboni and Saltelli (2007); Sobol'
indices as estimated by Saltelli et al. (2010), by way of SALib; PAWN from one sample (Pianosi and Wagener 2018).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError, Problem
from sim.tape import Tape

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LEVELS = 8
"""Places of a parameter in a Morris design: the middles of eight slices of equal probability. A step passes four."""
RESAMPLES = 500
CONFIDENCE = 0.95
SLICES = 10
"""Slices of equal probability into which PAWN cuts a parameter."""
DUMMIES = 200
"""Shuffled parameters, which cannot matter, that tell PAWN how large an index is by accident."""
CONSTANT = 1e-12
"""Spread of an outcome, relative to its size, at which it counts as constant."""
EDGE = 2.0**-31
"""Places keep this distance from 0 and 1, where some distributions are infinite."""


@dataclass(frozen=True)
class MorrisDesign:
    """Trajectories through the unit cube that move one parameter at a time.

    `places` (trajectories, steps + 1, parameters); `moved` (trajectories, steps): the parameter that step s moves;
    `sign` (trajectories, steps): 1 where it goes up, -1 where it goes down.
    """

    places: Floats
    moved: Whole
    sign: Floats


@dataclass(frozen=True)
class MorrisIndices:
    """Per parameter: mean effect, mean absolute effect with its 95% bootstrap interval, spread of the effects."""

    mu: Floats
    mu_star: Floats
    low: Floats
    high: Floats
    sigma: Floats


@dataclass(frozen=True)
class SobolIndices:
    """Per factor: first-order and total index with the half-width of their 95% intervals; `variance` of the output."""

    first: Floats
    first_reach: Floats
    total: Floats
    total_reach: Floats
    variance: float


@dataclass(frozen=True)
class PawnIndices:
    """Per parameter: median and largest distance over the slices. `threshold`: the median that noise rarely passes."""

    median: Floats
    largest: Floats
    threshold: float


def morris_design(names: Sequence[str], trajectories: int, seed: int) -> MorrisDesign:
    """Return `trajectories` random paths that move every parameter of `names` once, by half of its probability.

    Each parameter starts in a random one of its `LEVELS` places; the order of the moves is random too.
    """
    tape, rows = Tape(seed), np.arange(trajectories)
    level = np.hstack([tape.uniform(f"morris/level/{name}", 0, rows) for name in names])
    order = np.hstack([tape.uniform(f"morris/order/{name}", 0, rows) for name in names])
    start = np.floor(level * LEVELS)
    step = np.where(start < LEVELS / 2, LEVELS / 2, -LEVELS / 2)
    moved = np.argsort(order, axis=1, kind="stable")
    rank = np.argsort(moved, axis=1, kind="stable")
    done = rank[:, np.newaxis, :] < np.arange(len(names) + 1)[np.newaxis, :, np.newaxis]
    places = (start[:, np.newaxis, :] + done * step[:, np.newaxis, :] + 0.5) / LEVELS
    return MorrisDesign(places, moved, np.take_along_axis(np.sign(step), moved, axis=1))


def elementary_effects(design: MorrisDesign, outcome: Floats) -> Floats:
    """Return the change of an outcome (trajectories, steps + 1) with each parameter: (trajectories, parameters).

    In the unit of the outcome, for a move up by half of the parameter's probability; not divided by the step.
    """
    change = np.diff(outcome, axis=1) * design.sign
    effects = np.empty_like(change)
    np.put_along_axis(effects, design.moved, change, axis=1)
    return effects


def morris_indices(effects: Floats, seed: int) -> MorrisIndices:
    """Return the indices of elementary effects (trajectories, parameters); at least two trajectories.

    The interval of the mean absolute effect resamples whole trajectories. Raises ValueError for fewer than two.
    """
    count = len(effects)
    if count < 2:
        raise ValueError(f"Morris needs two trajectories or more, not {count}")
    size = np.abs(effects)
    picks = _picks(seed, "morris/bootstrap", RESAMPLES, count)
    means = np.stack([size[pick].mean(axis=0) for pick in picks])
    low, high = np.quantile(means, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], axis=0)
    return MorrisIndices(effects.mean(axis=0), size.mean(axis=0), low, high, effects.std(axis=0, ddof=1))


def monotone(indices: MorrisIndices) -> Floats:
    """Return mean effect over mean absolute effect, (parameters,): 1 always up, -1 always down, 0 both or no effect."""
    ratio = np.zeros_like(indices.mu)
    np.divide(indices.mu, indices.mu_star, out=ratio, where=indices.mu_star > 0.0)
    return np.clip(ratio, -1.0, 1.0)


def sobol_design(factors: int, samples: int, seed: int) -> Floats:
    """Return Saltelli's rows (samples, factors + 2, factors): A, then A with one column of B each, then B.

    A scrambled Sobol' sequence; `samples` must be a power of two. Raises ValueError where it is not, InputError where
    SALib is missing.
    """
    if samples < 2 or samples & (samples - 1):
        raise ValueError(f"the number of samples must be a power of two, not {samples}")
    sampler = salib("SALib.sample.sobol")
    rows: Floats = sampler.sample(
        _problem(factors), samples, calc_second_order=False, seed=seed_of(seed, "sobol/design")
    )
    return np.clip(rows.reshape(samples, factors + 2, factors), EDGE, 1.0 - EDGE)


def from_second(factors: int) -> NDArray[np.bool_]:
    """Return which factor a row of a group takes from B, (factors + 2, factors)."""
    return np.vstack([np.zeros(factors), np.eye(factors), np.ones(factors)]).astype(bool)


def sobol_indices(outcome: Floats, seed: int) -> SobolIndices:
    """Return the indices of an outcome (groups, factors + 2) in the order of `sobol_design`.

    Intervals are normal, from bootstrap samples of whole groups. Raises ValueError for a constant outcome: it has no
    variance to split.
    """
    if is_constant(outcome[:, [0, -1]]):
        raise ValueError("the outcome is constant")
    analyser = salib("SALib.analyze.sobol")
    found = analyser.analyze(
        _problem(outcome.shape[1] - 2),
        outcome.ravel(),
        calc_second_order=False,
        num_resamples=RESAMPLES,
        conf_level=CONFIDENCE,
        seed=seed_of(seed, "sobol/bootstrap"),  # never 0, at which SALib falls back on a global generator
    )
    first, first_reach, total, total_reach = (
        np.asarray(found[key], dtype=np.float64) for key in ("S1", "S1_conf", "ST", "ST_conf")
    )
    return SobolIndices(first, first_reach, total, total_reach, float(outcome[:, [0, -1]].var()))


def pawn_indices(places: Floats, outcome: Floats, seed: int) -> PawnIndices:
    """Return how far the distribution of an outcome (n,) moves when a parameter is known, `places` (n, parameters).

    The distance is Kolmogorov and Smirnov's between a slice and all; the threshold is the 95% point of the same number
    for shuffled dummies. Written here because SALib's version seeds NumPy's global generator. Raises ValueError
    with fewer than two runs in a slice.
    """
    count = len(outcome)
    if count < 2 * SLICES:
        raise ValueError(f"PAWN needs {2 * SLICES} runs or more, not {count}")
    levels, rank = np.unique(outcome, return_inverse=True)
    below = np.cumsum(np.bincount(rank, minlength=len(levels))) / count
    luck = Tape(seed).uniform("pawn/dummies", 0, np.arange(DUMMIES * count)).reshape(DUMMIES, count)
    distances = np.stack([_distances(np.argsort(column, kind="stable"), rank, below) for column in places.T])
    noise = np.stack([_distances(np.argsort(column, kind="stable"), rank, below) for column in luck])
    threshold = float(np.quantile(np.median(noise, axis=1), CONFIDENCE))
    return PawnIndices(np.median(distances, axis=1), distances.max(axis=1), threshold)


def is_constant(outcome: Floats) -> bool:
    """Return whether an outcome of any shape has one value, but for rounding."""
    return bool(np.ptp(outcome) <= CONSTANT * np.abs(outcome).max())


def salib(module: str) -> ModuleType:
    """Return a module of SALib. Raises InputError, with what to install, where it is missing."""
    try:
        return import_module(module)
    except ImportError:
        problem = Problem("Sobol' indices need the package SALib", remedy="Run: pip install darkhorse[analysis]")
        raise InputError(problem) from None


def seed_of(seed: int, name: str) -> int:
    """Return a positive 31-bit seed for one use of a scenario's seed."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=4).digest()) >> 1 | 1


def _distances(order: Whole, rank: Whole, below: Floats) -> Floats:
    """Return the distance of each slice of the runs, put in order by a parameter, from the distribution of all."""
    found: list[float] = []
    for part in np.array_split(order, SLICES):
        inside = np.cumsum(np.bincount(rank[part], minlength=len(below))) / len(part)
        found.append(float(np.abs(inside - below).max()))
    return np.array(found)


def _picks(seed: int, name: str, resamples: int, size: int) -> Whole:
    """Return indices with replacement, (resamples, size)."""
    luck = Tape(seed).uniform(name, 0, np.arange(resamples * size)).reshape(resamples, size)
    return np.floor(luck * size).astype(np.int64)


def _problem(factors: int) -> dict[str, object]:
    return {"num_vars": factors, "names": [f"x{i}" for i in range(factors)], "bounds": [[0.0, 1.0]] * factors}
