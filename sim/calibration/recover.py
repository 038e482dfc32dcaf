"""Simulate and recover: what a fit says of worlds whose numbers are known.

Some runs of the first wave stand for the world: their targets, with errors added, are fitted like data. A name that
the fit finds in such worlds can be learnt from data of this kind; one that it does not find cannot, whatever the real
fit says.
"""

from dataclasses import dataclass, replace

import numpy as np

from sim.arrays import Array, Whole
from sim.calibration.chain import Likelihood, sample
from sim.calibration.emulator import Emulator
from sim.calibration.fitted import Targets
from sim.calibration.luck import normals

Z90 = 1.6448536269514722


@dataclass(frozen=True)
class Recovery:
    """By active name: `correlation` of true and recovered scores over worlds, `coverage` of the 90% interval, `spread`
    the mean posterior standard deviation in prior standard deviations. `worlds`: how many were fitted."""

    correlation: Array
    coverage: Array
    spread: Array
    worlds: int


def recover(emulator: Emulator, targets: Targets, worlds: tuple[Array, Array], steps: int, seed: int) -> Recovery:
    """Fit made-up worlds with scores (worlds, names) and stated targets (worlds, targets)."""
    scores, stated = worlds
    errors = normals(seed, "errors", *stated.shape) * np.sqrt(targets.variance)
    truth = scores[:, emulator.active]
    centre, spread = np.empty_like(truth), np.empty_like(truth)
    expected = emulator.mean(truth)
    for world in range(len(scores)):
        told = np.where(np.isfinite(stated[world]), stated[world], expected[world])
        made_up = replace(targets, observed=told + errors[world])
        chain = sample(Likelihood(emulator, made_up), steps, seed + world)
        flat = chain.samples.reshape(-1, truth.shape[1])
        centre[world], spread[world] = flat.mean(axis=0), flat.std(axis=0)
    inside = np.abs(truth - centre) <= Z90 * spread
    return Recovery(_correlation(truth, centre), inside.mean(axis=0), spread.mean(axis=0), len(scores))


def evenly(count: int, of: int) -> Whole:
    """Return `count` places spread evenly over `of`."""
    return np.floor((np.arange(count) + 0.5) * of / count).astype(np.int64)


def _correlation(one: Array, other: Array) -> Array:
    first, second = one - one.mean(axis=0), other - other.mean(axis=0)
    product = (first * second).sum(axis=0)
    size = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    correlation: Array = np.where(size > 0.0, product / np.where(size > 0.0, size, 1.0), 0.0)
    return correlation
