"""The calibration itself: waves of runs that close in on the data, a posterior, and runs of the model at its draws.

1. Runs at points spread over the prior; an emulator of every target; history matching says how much of the prior is
   left (no more than one target further than three standard deviations from what was observed).
2. Further waves at points of a heated posterior of the last emulator, so that the emulator is good where it counts.
3. The posterior by emcee, and the model itself at draws from it, some chances each, weighted by how far the model's
   own targets differ from the emulator's (Pareto-smoothed importance sampling).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import Array, Whole
from sim.calibration.chain import Chain, Likelihood, quiet_arviz, sample
from sim.calibration.emulator import Emulator, fit_emulator
from sim.calibration.fitted import Targets
from sim.calibration.luck import normals
from sim.calibration.play import Player
from sim.calibration.recover import Recovery, evenly, recover
from sim.experiments.sampling import unit_points

IMPLAUSIBLE = 3.0
"""Standard deviations beyond which a point of the prior is ruled out (Vernon and others 2010)."""
PROBES = 100_000
WORST = 2
"""A point is ruled out by its second worst target: the worst may be the emulator's or the model's own failure."""
FEWEST = 0.5
"""Part of the draws that must be effective: weights are tempered until it is reached."""


@dataclass(frozen=True)
class Effort:
    """How much is spent: `points` runs a wave, `heats` of the waves after the first, `steps` of the last chain,
    `recovered` made-up worlds with chains of `recover_steps`, `draws` of the posterior with `chances` runs each, `most`
    names that are fitted."""

    points: int = 8192
    heats: tuple[float, ...] = (4.0, 1.5)
    steps: int = 6000
    wave_steps: int = 1500
    recovered: int = 24
    recover_steps: int = 1500
    draws: int = 400
    chances: int = 16
    most: int = 56

    @property
    def runs(self) -> int:
        """Runs of the model in all."""
        return self.points * (1 + len(self.heats)) + self.draws * self.chances


QUICK = Effort(2048, (2.0,), 2500, 600, 6, 500, 256, 4, 40)


@dataclass(frozen=True)
class Fit:
    """What a calibration found. Scores are (…, names) of all unknowns, targets are on their scales.

    `prior`, `posterior`: (scores, stated, last) of the first wave and of the draws, one row a run; `weights` of the
    draws (they sum to 1), each with `chances` runs in a row. `left`: share of the prior that every wave leaves.
    """

    emulator: Emulator
    first: Emulator
    chain: Chain
    recovery: Recovery
    prior: tuple[Array, Array, Array]
    posterior: tuple[Array, Array, Array]
    weights: Array
    tail: float
    left: tuple[float, ...]
    singular: Array


def fit(
    player: Player, fitted: Whole, targets: Targets, effort: Effort, seed: int, say: Callable[[str], None],
    asked: Sequence[str] = (),
) -> Fit:  # fmt: skip
    """Calibrate. `player` states many rows of targets.csv, of which those at the places `fitted` are fitted.

    `targets`: those rows. `asked`: names that are fitted in any case. Raises RunError where runs fail.
    """
    names = len(player.unknowns.names)
    say("wave 1: over the prior")
    scores = _normal(unit_points("sobol", effort.points, names, seed, "calibration"))
    chances = np.arange(effort.points, dtype=np.int64)
    stated, last = player.play(scores, chances, "wave1")
    prior = (scores, stated, last)
    first = emulator = _first(scores, stated[:, fitted], effort.most, [player.unknowns.names.index(n) for n in asked])
    probes = normals(seed, "probes", PROBES, len(emulator.active))
    left = [_left(emulator, targets, probes)]
    for number, heat in enumerate(effort.heats, start=2):
        say(f"wave {number}: where the data leave room")
        chain = sample(Likelihood(emulator, targets, heat), effort.wave_steps, seed + number)
        scores = normals(seed, f"wave{number}", effort.points, names)
        scores[:, emulator.active] = chain.draws(effort.points)
        stated, _ = player.play(scores, number * effort.points + chances, f"wave{number}")
        emulator = fit_emulator(scores, stated[:, fitted], emulator.active)
        left.append(_left(emulator, targets, probes))
    say("the posterior")
    likelihood = Likelihood(emulator, targets)
    chain = sample(likelihood, effort.steps, seed)
    drawn = normals(seed, "draws", effort.draws, names)
    drawn[:, emulator.active] = chain.draws(effort.draws)
    say("the model at draws from the posterior")
    rows = np.repeat(np.arange(effort.draws), effort.chances)
    luck = 100 * effort.points + np.arange(len(rows), dtype=np.int64)
    stated, last = player.play(drawn[rows], luck, "posterior")
    weights, tail = _weights(likelihood, drawn[:, emulator.active], stated[:, fitted], effort)
    say("worlds whose numbers are known")
    places = evenly(effort.recovered, effort.points)
    worlds = prior[0][places], prior[1][places][:, fitted]
    recovery = recover(first, targets, worlds, effort.recover_steps, seed + 1000)
    singular = _singular(likelihood, chain)
    return Fit(
        emulator, first, chain, recovery, prior, (drawn[rows], stated, last), weights, tail, tuple(left), singular
    )


def _first(scores: Array, stated: Array, most: int, asked: Sequence[int]) -> Emulator:
    """Return the emulator of the first wave, whose names are the strongest and those that are asked for."""
    found = fit_emulator(scores, stated, most=most)
    wanted = np.union1d(found.active, np.array(asked, dtype=np.int64))
    return found if len(wanted) == len(found.active) else fit_emulator(scores, stated, wanted)


def _normal(levels: Array) -> Array:
    from scipy.special import ndtri

    scores: Array = ndtri(levels)
    return scores


def _left(emulator: Emulator, targets: Targets, probes: Array) -> float:
    """Share of prior points that no more than one target rules out."""
    spread = np.sqrt(np.diag(emulator.rest) + targets.variance)
    kept = 0
    for start in range(0, len(probes), 5000):
        off = np.abs(emulator.mean(probes[start : start + 5000]) - targets.observed) / spread
        kept += int((np.sort(off, axis=1)[:, -WORST] <= IMPLAUSIBLE).sum())
    return kept / len(probes)


def _weights(likelihood: Likelihood, drawn: Array, stated: Array, effort: Effort) -> tuple[Array, float]:
    """Return weights (draws,) that correct the emulator by the model's own mean, and the Pareto tail index.

    The weights are tempered, where need be, until half of the draws are effective.
    """
    emulator, targets = likelihood.emulator, likelihood.targets
    expected = emulator.mean(drawn)
    found = stated.reshape(effort.draws, effort.chances, -1)
    found = np.where(np.isfinite(found), found, expected[:, np.newaxis])
    precision = np.linalg.inv(emulator.rest + np.diag(targets.variance))

    def log_density(values: Array) -> Array:
        off = values - targets.observed
        density: Array = -0.5 * ((off @ precision) * off).sum(axis=1)
        return density

    ratio = log_density(found.mean(axis=1)) - log_density(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tail index is reported, and weights are tempered
        smooth, tail = quiet_arviz().psislw(ratio)
    log_weights = np.asarray(smooth, dtype=np.float64)
    power, step = 1.0, 0.5
    if _effective(log_weights) < FEWEST * effort.draws:
        power = 0.5
        for _ in range(30):
            step /= 2.0
            power += step if _effective(power * log_weights) >= FEWEST * effort.draws else -step
    with np.errstate(under="ignore"):
        weights = np.exp(power * (log_weights - log_weights.max()))
    return weights / weights.sum(), float(tail)


def _effective(log_weights: Array) -> float:
    with np.errstate(under="ignore"):
        weights = np.exp(log_weights - log_weights.max())
        return float(weights.sum() ** 2 / (weights**2).sum())


def _singular(likelihood: Likelihood, chain: Chain) -> Array:
    """Singular values of the Jacobian at the posterior mean: targets in standard deviations, scores in prior ones."""
    emulator, targets = likelihood.emulator, likelihood.targets
    slope = emulator.slope(chain.samples.reshape(-1, chain.samples.shape[2]).mean(axis=0))
    root = np.linalg.cholesky(emulator.rest + np.diag(targets.variance))
    singular: Array = np.linalg.svd(np.linalg.solve(root, slope), compute_uv=False)
    return singular
