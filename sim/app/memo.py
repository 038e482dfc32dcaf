"""The memo's claims under the policy of the desk: in how many runs each of them holds.

This is one of the 47 settings that `darkhorse memo` tries, so it is no verdict: that needs structural variants, the
cells of what nobody knows, and ablations.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.app.files import FILE, yaml_of
from sim.app.staff import Staff, Ticket
from sim.app.state import DeskState
from sim.app.worker import MemoTask
from sim.arrays import Array
from sim.memo.claims import CLAIMS, Claim
from sim.memo.play import Part
from sim.memo.verdict import share_claimed
from sim.memo.worlds import MAIN, POSTERIOR, PRIOR, Worlds, settings
from sim.results import OutputError

RUNS, AT_ONCE = 64, 16
"""Runs of each arm, and how many of them are one task: a worker that is at it does not answer a slider."""


@dataclass(frozen=True)
class Holding:
    """In which share of the runs a claim holds. `median`, `low`, `high`: of its quantity, 5 and 95%, in `unit`."""

    key: str
    title: str
    share: float
    runs: int
    median: float
    low: float
    high: float
    unit: str
    against: str
    estimand: str


class MemoQuestion:
    """The claims under way."""

    def __init__(self, staff: Staff, state: DeskState) -> None:
        """Hand in the arms of the main setting. Raises InputError where the state leaves nothing to ask."""
        self._staff = staff
        self.state = state
        parts = parts_of(state)
        self._tickets: list[Ticket] = [
            staff.hand_in(place, MemoTask(part), urgent=False) for place, part in enumerate(parts)
        ]

    @property
    def done(self) -> float:
        """Share of the work that is done."""
        return sum(ticket.finished.is_set() for ticket in self._tickets) / len(self._tickets)

    def holdings(self) -> list[Holding]:
        """Return what was found, once all is done. Raises OutputError where a part failed."""
        errors = [ticket.error for ticket in self._tickets if ticket.error or ticket.value is None]
        if errors:
            raise OutputError(errors[0] or "a part was given up")
        answers = [ticket.value[MAIN] for ticket in self._tickets]
        return holdings({name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]})

    def close(self) -> None:
        """Give up what is not done."""
        for place, ticket in enumerate(self._tickets):
            if not ticket.finished.is_set():
                self._staff.give_up(place, ticket)


def parts_of(state: DeskState) -> list[Part]:
    """Return the runs of every arm of the memo with the alternative as what is done. Raises InputError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        file.write_text(yaml_of(state), encoding="utf-8")
        from sim.app.state import preset

        worlds = Worlds(str(file), (), POSTERIOR if preset(state.start).posterior is not None else PRIOR)
    setting = settings()[0]
    arms = {(setting.key, arm): worlds.arm(setting, arm) for arm in setting.arms}
    rows = [np.arange(start, start + AT_ONCE) for start in range(0, RUNS, AT_ONCE)]
    return [Part(arms, numbers, numbers) for numbers in rows]


def holdings(values: Mapping[str, Array], claims: Sequence[Claim] = CLAIMS) -> list[Holding]:
    """Return in how many runs each claim holds; `values`: (runs,) by quantity."""
    found = []
    for claim in claims:
        numbers = values[claim.quantity]
        known = numbers[np.isfinite(numbers)]
        low, middle, high = np.quantile(known, (0.05, 0.5, 0.95)).tolist() if len(known) else [np.nan] * 3
        share = share_claimed(numbers, claim.sign, claim.least)
        found.append(Holding(claim.key, claim.title, share, len(known), middle, low, high, claim.unit,
                             claim.counterfactual, claim.estimand))  # fmt: skip
    return found
