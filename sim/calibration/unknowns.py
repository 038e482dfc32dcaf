"""What a calibration fits: everything that a prior world draws, and numbers of labs that no source gives.

The second kind stands in `scenarios/data/posterior/priors.csv`: effects of single labs, which are nothing but what the
model leaves unexplained, and brands. Every number has a standard normal score, the normal quantile of its level in its
prior, and the fit works on scores: before data they are independent and standard normal.
"""

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Array, Whole
from sim.distributions import Distribution
from sim.errors import InputError, Problem
from sim.lots import Lot
from sim.places import data_folder
from sim.posterior import FOLDER
from sim.scenario import load_scenario
from sim.setup import names_drawn

if TYPE_CHECKING:
    from sim.scenario import Scenario

PRIORS = "priors.csv"
SLACK = "research.slack"
SLACK_PRIOR = Distribution("uniform", (-0.6, 0.6))
"""Prior of the response of progress to scarcity, where it is fitted: zero in the middle, so that either sign can win.
parameters.csv keeps it from 0 up, for scenarios that switch the channel on."""
LUCK = ".compute"
"""End of the names of what is drawn for labs but is no number of the world: it stays luck."""


@dataclass(frozen=True)
class Unknowns:
    """The scenario with the priors of the fit, and the names of what is fitted, in order."""

    scenario: "Scenario"
    names: tuple[str, ...]

    def lot(self, scores: Array, chances: Whole) -> Lot:
        """Return runs with these scores (runs, names) and chance numbers (runs,)."""
        from scipy.special import ndtr

        rows = len(scores)
        levels = np.clip(ndtr(scores), 1e-12, 1.0 - 1e-12)
        zeros = np.zeros(rows, dtype=np.int64)
        return Lot((self.scenario,), zeros, np.arange(rows, dtype=np.int64), chances, self.names, levels)

    def values(self, scores: Array) -> Array:
        """Return the numbers themselves, (rows, names), in the units of parameters.csv."""
        from scipy.special import ndtr

        columns = [self.scenario.world[name].quantile(ndtr(scores[:, k])) for k, name in enumerate(self.names)]
        return np.stack(columns, axis=1)


def unknowns(name: str, until: str, slack: bool = False) -> Unknowns:
    """Return what is fitted to data up to a month, in the world of a scenario with prior ranges.

    `slack`: with the response of own progress to lost relative position. Raises InputError.
    """
    priors = [
        f"world.{row['name']}={{p05: {row['low']}, p50: {row['central']}, p95: {row['high']}}}" for row in prior_rows()
    ]
    scenario = load_scenario(name, ["world.base=prior", f"end={until}", f"outputs.at=[{until}]", *priors,
                                    *(["model.channels.slack=true"] if slack else [])])  # fmt: skip
    if slack:
        scenario = replace(scenario, world={**scenario.world, SLACK: SLACK_PRIOR})
    drawn = names_drawn(scenario)
    return Unknowns(scenario, tuple(known for known in drawn if not known.endswith(LUCK)))


def prior_rows() -> list[dict[str, str]]:
    """Return the rows of `priors.csv`. Raises InputError where the file is missing."""
    file = data_folder() / FOLDER / PRIORS
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", str(file), remedy="Install again")) from None
