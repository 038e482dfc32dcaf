"""What the runs of a sensitivity study say about its targets: values, failures, and what has to be left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.analysis.sensitivity import CONSTANT, Floats, Whole, is_constant
from sim.analysis.sensitivity_lots import EFFECT, Question, Target
from sim.calendar import month_label
from sim.ensemble import RunError

MOST_DROPPED = 0.1
"""Share of trajectories, groups or draws with a failed run above which a study gives up."""


class Answered(Protocol):
    """Runs that are done (see `sim.experiments.batch.Batch`)."""

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which rows failed, (rows,)."""

    def read(self, columns: Sequence[str]) -> Mapping[str, Floats]:
        """Return columns `outcome@YYYY-MM`, (rows,) each, NaN where a row failed."""


@dataclass(frozen=True)
class LeftOut:
    """A target that a stage could not analyse, why, and in how many of how many runs."""

    stage: str
    target: Target
    reason: str
    runs: int
    out_of: int

    def plain(self) -> dict[str, Any]:
        """Return it as a manifest has it."""
        known = {"stage": self.stage, "of": self.target.of, "outcome": self.target.outcome}
        return {**known, "at": month_label(self.target.month), "reason": self.reason, "runs": self.runs,
                "out_of": self.out_of}  # fmt: skip

    def text(self) -> str:
        """Return it as a sentence."""
        target = f"{self.target.of} on {self.target.column}" if self.target.of == EFFECT else self.target.column
        return f"{self.stage}: {target} is left out, {self.reason} in {self.runs} of {self.out_of} runs"


@dataclass(frozen=True)
class Answers:
    """The values of every target in the shape of a design, and which runs failed in any arm, in the same shape."""

    values: Mapping[Target, Floats]
    failed: NDArray[np.bool_]

    def kept(self, stage: str, axis: int = 0) -> Whole:
        """Return the places along an axis without a failed run. Raises RunError where too many have one."""
        others = tuple(place for place in range(self.failed.ndim) if place != axis)
        bad = np.asarray(self.failed.any(axis=others))
        if bad.mean() > MOST_DROPPED:
            what = {"morris": "trajectories", "sobol": "groups"}.get(stage, "draws")
            raise RunError(
                f"{stage}: {int(bad.sum())} of {len(bad)} {what} have a run that failed, more than {MOST_DROPPED:.0%}; "
                "nothing is concluded from the others"
            )
        return np.flatnonzero(~bad)

    def usable(self, stage: str, kept: Whole, axis: int = 0) -> tuple[dict[Target, Floats], list[LeftOut]]:
        """Return the values at the kept places of an axis, without targets that are undefined or constant there."""
        found, left = {}, []
        for target, values in self.values.items():
            mine = np.take(values, kept, axis=axis)
            undefined = int(np.isnan(mine).sum())
            if undefined:
                left.append(LeftOut(stage, target, "not defined", undefined, mine.size))
            elif is_constant(mine):
                left.append(LeftOut(stage, target, "the same", mine.size, mine.size))
            else:
                found[target] = mine
        return found, left


def answers(question: Question, batch: Answered, shape: tuple[int, ...]) -> Answers:
    """Return what the runs of a lot say about the targets; `shape` is that of the design, without the arms."""
    raw = batch.read(question.columns)
    arms = len(question.arms())
    values = {}
    for target in question.targets:
        mine = raw[target.column].reshape(arms, *shape)
        values[target] = _effect(mine) if target.of == EFFECT else mine[0]
    return Answers(values, np.asarray(batch.failed.reshape(arms, *shape).any(axis=0)))


def _effect(arms: Floats) -> Floats:
    """First arm less second; differences that are but rounding, next to the levels, are 0."""
    change: Floats = arms[0] - arms[1]
    size = np.nanmax(np.abs(arms)) if not np.isnan(arms).all() else 0.0
    return np.where(np.abs(change) <= CONSTANT * size, 0.0, change)
