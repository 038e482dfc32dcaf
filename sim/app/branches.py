"""Plays worlds that part from one another late: the months that they share are played once.

A world that is kept (a trunk) leaves its state behind every few months. Another world that equals it up to a month goes
on from the last state before that month. Nothing is approximate: up to the news of the first difference two worlds with
the same draws and luck are the same, bit for bit, and the first month that is played again is compared with the trunk.
"""

import hashlib
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.app.tables import tables
from sim.arrays import Array
from sim.engine import Engine, Record
from sim.measures import columns, record
from sim.policies import lever_paths

if TYPE_CHECKING:
    from sim.scenario import Scenario

EVERY = 6
"""Months between the states that a trunk leaves behind, besides the one that is asked for."""
MOST_TRUNKS = 5
"""Trunks held at a time; one takes some 30 MB for 32 runs of 72 months."""
NOT_STATE = ("lot", "block", "_numbers", "_place")
"""Attributes of an engine that are made from its scenario and do not move with the months."""

Stop = Callable[[], bool]
_Key = tuple[str, bytes, tuple[str, ...]]


class Stopped(Exception):
    """The answer is no longer wanted."""


@dataclass
class Played:
    """What a block of runs gave.

    `lead`: (months, labs, labs), what a lab (row) can learn from another, and `compute`: (months, labs), H100e in use,
    both the mean of the runs. `months_played` says how many were not taken over.
    """

    record: Record
    lead: Array
    compute: Array
    labs: tuple[str, ...]
    months_played: int


@dataclass
class _Trunk:
    scenario: "Scenario"
    played: Played
    states: dict[int, bytes] = field(default_factory=dict)


class Branches:
    """Plays blocks of runs, and holds the trunks that they may start from."""

    def __init__(self) -> None:
        """Start without trunks."""
        self._trunks: OrderedDict[_Key, _Trunk] = OrderedDict()

    def play(
        self, scenario: "Scenario", rows: Sequence[int], measures: Sequence[str], keep: bool, stop: Stop, since: int = 0
    ) -> Played:
        """Play the runs `rows` of a scenario; `keep` makes it a trunk, from which others will part in month `since`.

        Raises Stopped when `stop` says so.
        """
        numbers = np.asarray(rows, dtype=np.int64)
        key = (world_key(scenario), numbers.tobytes(), tuple(measures))
        if key in self._trunks:
            self._trunks.move_to_end(key)
            return self._trunks[key].played
        trunk, month = self._nearest(scenario, key)
        run = _Run(scenario, numbers, list(measures), {} if keep else None, since)
        if trunk is not None and not run.start_from(trunk, month):
            run = _Run(scenario, numbers, list(measures), {} if keep else None, since)
        played = run.finish(stop)
        if keep and run.states is not None:
            self._trunks[key] = _Trunk(scenario, played, run.states)
            while len(self._trunks) > MOST_TRUNKS:
                self._trunks.popitem(last=False)
        return played

    def _nearest(self, scenario: "Scenario", key: "_Key") -> tuple["_Trunk | None", int]:
        """Return the trunk with the same runs that parts latest, and the month of its last state before that."""
        best: tuple[_Trunk | None, int] = (None, -1)
        for (_, runs, measures), trunk in self._trunks.items():
            if (runs, measures) == key[1:]:
                parting = first_difference(trunk.scenario, scenario)
                # one month more is played again, to be compared
                month = max((month for month in trunk.states if month < parting - 1), default=-1)
                if month > best[1]:
                    best = (trunk, month)
        return best


def first_difference(one: "Scenario", other: "Scenario") -> int:
    """Return the first month in which two worlds may differ: 0 where more than dated steps of levers do.

    A difference counts from the news of it. Worlds that do not differ part after the last month.
    """
    if one.dials != other.dials or _frame(one) != _frame(other):
        return 0
    months = one.months
    rows = tables().levers.rows
    first, second = (lever_paths(scenario, rows, months) for scenario in (one, other))
    if first.against != second.against:
        return 0
    parting = months
    for key, values in first.value.items():
        apart = np.flatnonzero(values != second.value[key])
        changed = first.announced[key] != second.announced[key]
        if len(apart) == 0 and not changed:
            continue
        here = int(apart[0]) if len(apart) else months
        steps = set(first.announced[key]) | set(second.announced[key])
        same = set(first.announced[key]) & set(second.announced[key])
        news = [news for news, binds in steps if binds >= here or (news, binds) not in same]
        parting = min(parting, here, *news)
    return max(0, parting)


def world_key(scenario: "Scenario") -> str:
    """Return a hash of all that moves the numbers of a run: worlds of equal keys are the same under any name."""
    policies = {" ".join(key): repr(policy) for key, policy in scenario.policies.items()}
    known = [_frame(scenario), sorted(policies.items()), sorted(scenario.dials.items())]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _frame(scenario: "Scenario") -> str:
    """Everything that can move a number except the policies."""
    resolved = scenario.resolved()
    named = ("name", "title", "storyline", "sources", "policies", "counterfactual", "runs", "outputs")
    posterior = scenario.posterior.checksum if scenario.posterior is not None else None
    return json.dumps([{k: v for k, v in resolved.items() if k not in named}, posterior], sort_keys=True)


class _Run:
    """A block under way."""

    def __init__(
        self, scenario: "Scenario", rows: Any, measures: list[str], states: dict[int, bytes] | None, since: int
    ) -> None:
        self.since = since
        self.engine = Engine(scenario, rows, tables())
        self.measures, self.states = measures, states
        self.names = columns(measures)
        self.first, self.last = scenario.start, scenario.end
        months, labs = scenario.months, len(self.engine.block.labs.names)
        self.values = np.full((len(rows), months, len(self.names)), np.nan)
        self.lead, self.compute = np.zeros((months, labs, labs)), np.zeros((months, labs))
        self.taken = 0

    def start_from(self, trunk: _Trunk, month: int) -> bool:
        """Take over a trunk up to a month and play the next; return whether that gives what the trunk has."""
        for name, value in pickle.loads(trunk.states[month]).items():
            setattr(self.engine, name, value)
        self.taken = month + 1
        for mine, theirs in (
            (self.values, trunk.played.record.values.swapaxes(0, 1)),
            (self.lead, trunk.played.lead), (self.compute, trunk.played.compute),
        ):  # fmt: skip
            target = mine.swapaxes(0, 1) if mine is self.values else mine
            target[: self.taken] = theirs[: self.taken]
        if self.states is not None:
            self.states.update({at: state for at, state in trunk.states.items() if at <= month})
        self._month()
        again, there = (found[:, self.taken] for found in (self.values, trunk.played.record.values))
        return np.array_equal(again, there, equal_nan=True)

    def finish(self, stop: Stop) -> Played:
        """Play to the end. Raises Stopped."""
        while self.engine.month < self.last:
            if stop():
                raise Stopped
            self._month()
        found = Record(self.engine.lot.chance, np.arange(self.first, self.last + 1), self.names, self.values)
        labs = tuple(self.engine.block.labs.names)
        return Played(found, self.lead, self.compute, labs, self.last - self.first + 1 - self.taken)

    def _month(self) -> None:
        from sim.charts.replay import learnable

        engine = self.engine
        engine.advance()
        place = engine.month - self.first
        with np.errstate(all="raise", under="ignore"):
            self.values[:, place] = record(engine, self.measures)
        self.lead[place] = learnable(engine)
        self.compute[place] = (engine.labs.compute * engine.entered).mean(axis=0)
        # the last state that another world can start from: one month before they part is played again
        if self.states is not None and (place % EVERY == EVERY - 1 or engine.month == self.since - 2):
            state = {name: value for name, value in vars(engine).items() if name not in NOT_STATE}
            self.states[engine.month] = pickle.dumps(state)


__all__ = ["Branches", "Played", "Stopped", "first_difference", "world_key"]
