"""The posterior of the scores, given an emulator: a synthetic likelihood sampled by emcee, checked by ArviZ.

Likelihood of scores z: normal, with the emulator's mean and the covariance of luck, emulator, observation and model
discrepancy together (Wood 2010; Kennedy and O'Hagan 2001). Prior: independent standard normals.
"""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sim.arrays import Array
from sim.calibration.emulator import Emulator
from sim.calibration.fitted import Targets
from sim.calibration.luck import normals, twister_state

NEWTON_STEPS = 40
STRIDE = 0.4
"""Part of a proposal that is fresh."""
FAR = 5.0
"""Standard deviations of the prior beyond which nothing is proposed: the quadratic surface means nothing there."""


@dataclass(frozen=True)
class Likelihood:
    """The log posterior of the active scores; `heat` above 1 widens the data's errors (a temperature on variances)."""

    emulator: Emulator
    targets: Targets
    heat: float = 1.0

    @cached_property
    def precision(self) -> Array:
        """Inverse of the covariance of luck, emulator, observation and discrepancy, (targets, targets)."""
        return np.asarray(
            np.linalg.inv(self.heat * (self.emulator.rest + np.diag(self.targets.variance))), dtype=np.float64
        )

    def __call__(self, scores: Array) -> Array:
        """Return the log posterior of points (points, active), up to a constant."""
        off = self.emulator.mean(scores) - self.targets.observed
        fit = ((off @ self.precision) * off).sum(axis=1)
        outside = (np.abs(scores) > FAR).any(axis=1)
        result: Array = np.where(outside, -np.inf, -0.5 * (fit + (scores**2).sum(axis=1)))
        return result

    def mode(self) -> tuple[Array, Array]:
        """Return the highest point (by damped Gauss-Newton steps) and the covariance of its normal approximation."""
        precision = self.precision
        point = np.zeros(len(self.emulator.active))
        for step in range(NEWTON_STEPS):
            slope = self.emulator.slope(point)
            off = self.emulator.mean(point[np.newaxis])[0] - self.targets.observed
            curvature = slope.T @ precision @ slope + np.eye(len(point))
            move = -np.linalg.solve(curvature, slope.T @ precision @ off + point)
            reach = (0.3 if step < NEWTON_STEPS // 2 else 0.1) * move
            point = np.clip(point + reach, -0.8 * FAR, 0.8 * FAR)
        slope = self.emulator.slope(point)
        return point, np.asarray(np.linalg.inv(slope.T @ precision @ slope + np.eye(len(point))), dtype=np.float64)


def _toward(centre: Array, covariance: Array) -> Callable[[Array, Any], tuple[Array, Array]]:
    """Return a proposal that keeps the normal approximation of the posterior as it is, of step `STRIDE`.

    Preconditioned Crank-Nicolson (Cotter and others 2013): only what is not normal about the posterior is rejected, so
    mixing does not suffer from the number of names.
    """
    root, precision = np.linalg.cholesky(covariance), np.linalg.inv(covariance)

    def log_normal(points: Array) -> Array:
        off = points - centre
        density: Array = -0.5 * ((off @ precision) * off).sum(axis=1)
        return density

    def propose(points: Array, random: Any) -> tuple[Array, Array]:
        fresh = random.standard_normal(points.shape) @ root.T
        moved = centre + np.sqrt(1.0 - STRIDE**2) * (points - centre) + STRIDE * fresh
        return moved, log_normal(points) - log_normal(moved)

    return propose


@dataclass(frozen=True)
class Chain:
    """`samples` (walkers, steps, active) after burn-in; `r_hat`, `ess` (active,); `accepted` share of proposals."""

    samples: Array
    r_hat: Array
    ess: Array
    accepted: float

    def draws(self, count: int) -> Array:
        """Return `count` points (count, active) evenly spread over steps and walkers."""
        walkers, steps, width = self.samples.shape
        flat = np.swapaxes(self.samples, 0, 1).reshape(walkers * steps, width)
        places = np.floor((np.arange(count) + 0.5) * len(flat) / count).astype(np.int64)
        # A stride that is a multiple of the walkers would take one walker again and again.
        shifted = (places + np.arange(count) * 7919) % len(flat)
        chosen: Array = flat[shifted]
        return chosen


def sample(likelihood: Likelihood, steps: int, seed: int, walkers: int | None = None) -> Chain:
    """Return a chain of `steps` steps, of which the first third is burnt; the same seed gives the same bits."""
    import emcee

    count = walkers or 4 * len(likelihood.emulator.active)
    centre, covariance = likelihood.mode()
    root = np.linalg.cholesky(covariance)
    start = np.clip(centre + normals(seed, "start", count, len(centre)) @ root.T, -0.95 * FAR, 0.95 * FAR)
    local = emcee.moves.MHMove(_toward(centre, covariance))
    moves = [(local, 0.6), (emcee.moves.DEMove(), 0.3), (emcee.moves.DESnookerMove(), 0.1)]
    sampler = emcee.EnsembleSampler(count, len(centre), likelihood, vectorize=True, moves=moves)
    sampler.random_state = twister_state(seed, "moves")
    sampler.run_mcmc(start, steps, progress=False)
    thin = max(1, steps // 500)
    kept = np.swapaxes(sampler.get_chain(discard=steps // 3, thin=thin), 0, 1)
    r_hat, ess = diagnose(kept)
    return Chain(np.ascontiguousarray(kept), r_hat, ess, float(np.mean(sampler.acceptance_fraction)))


def diagnose(samples: Array) -> tuple[Array, Array]:
    """Return the rank-normalised split R-hat and the bulk effective sample size of (walkers, steps, active)."""
    arviz = quiet_arviz()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short chain has more walkers than steps; R-hat says whether it is too short
        data = arviz.convert_to_dataset({"z": samples})
        r_hat = np.asarray(arviz.rhat(data)["z"], dtype=np.float64)
        ess = np.asarray(arviz.ess(data)["z"], dtype=np.float64)
    return r_hat, ess


def quiet_arviz() -> Any:
    """Return ArviZ, imported without its notice about later versions."""
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import arviz
    return arviz
