"""Paired ensembles for the desk: cached by world and block of runs, a first answer at once and more runs by and by.

A run has the same bits in any block, so blocks are put side by side. One `Desk` serves all sessions of a process.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.app.branches import Played, first_difference, world_key
from sim.app.files import Worlds
from sim.app.staff import Staff, Ticket
from sim.app.state import BLOCK, FIRST_RUNS
from sim.app.tables import tables
from sim.app.worker import PlayTask
from sim.charts.data import RunRecord
from sim.data import Tables
from sim.held import HeldResults
from sim.results import OutputError

if TYPE_CHECKING:
    from sim.engine import Record
    from sim.plan import Plan
    from sim.scenario import Scenario

MEASURES = (
    "token_share", "revenue_share", "token_share_abroad", "token_share_home", "revenue_share_abroad",
    "revenue_share_home", "developer_token_share", "developer_revenue_share", "frontier_capability", "gap_months",
    "capability", "release_open", "algorithmic_efficiency", "algorithmic_progress", "effective_compute",
    "efficiency_researchers", "research_effort_share", "compute_owned", "compute_share", "compute_inflow",
    "grey_price_ratio", "leakage_rate", "scarcity_premium", "shadow_price",
)  # fmt: skip
"""What the desk shows is read from these; the fewer, the sooner it answers."""
MOST_BYTES = 400_000_000
"""Room for answers; those used longest ago go first."""
AHEAD = 2
"""Blocks that are computed at a time while nothing is urgent, one for each worker."""
LATE = 12
"""Months that two worlds must share for it to pay to play the one on from the other."""

Key = tuple[str, int]
"""A world and a block of its runs."""


class DeskRecord(RunRecord):
    """A record in memory whose titles speak of a month that was chosen."""

    chosen: int = 0

    @cached_property
    def tables(self) -> Tables:
        """The tables of the desk."""
        return tables()

    @cached_property
    def headline(self) -> int:
        """The month chosen."""
        return self.chosen


@dataclass(frozen=True)
class Answer:
    """What the desk knows of a question.

    `record`: the alternative held against the baseline. `runs` of `asked` are done. `nothing_moved`: the levers leave
    every number as the preset has it. `first`: the first block of the alternative, for the network of labs. `name`:
    a hash of both worlds.
    """

    plan: "Plan"
    record: DeskRecord
    results: HeldResults
    runs: int
    asked: int
    nothing_moved: bool
    first: Played
    name: str


class Desk:
    """Answers questions of any number of sessions."""

    def __init__(self, staff: Staff, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes`: room for answers that are kept."""
        self._staff = staff
        self._room = most_bytes
        self._lock = threading.RLock()
        self._held: OrderedDict[Key, Played] = OrderedDict()
        self._asked: dict[Key, Ticket] = {}
        self._wanted: dict[Key, int] = {}

    def ask(self, worlds: Worlds, runs: int = FIRST_RUNS) -> "Question":
        """Hand in what is needed for the first `runs` runs of a question, before all that is not urgent."""
        return Question(self, worlds, runs)

    def hand_in(self, scenario: "Scenario", block: int, keep: bool, since: int, urgent: bool) -> Key:
        """Have a block of runs of a world computed, unless it is known or under way; count who wants it."""
        key = (world_key(scenario), block)
        with self._lock:
            self._wanted[key] = self._wanted.get(key, 0) + 1
            if key in self._held:
                self._held.move_to_end(key)
            elif key not in self._asked or (urgent and not self._asked[key].urgent):
                if key in self._asked:
                    self._staff.give_up(block, self._asked.pop(key))
                rows = tuple(range(block * BLOCK, (block + 1) * BLOCK))
                task = PlayTask(scenario, rows, MEASURES, keep, since)
                self._asked[key] = self._staff.hand_in(block, task, urgent)
        return key

    def let_go(self, key: Key) -> None:
        """Say that somebody no longer wants a block; nobody wanting it, it is given up."""
        with self._lock:
            self._wanted[key] -= 1
            if self._wanted[key] == 0:
                del self._wanted[key]
                with contextlib.suppress(OutputError):  # nobody is there to be told
                    self._collect(key)
                ticket = self._asked.pop(key, None)
                if ticket is not None:
                    self._staff.give_up(key[1], ticket)
            self._make_room()

    def played(self, key: Key) -> Played | None:
        """Return a block if it is there. Raises OutputError where it could not be computed."""
        with self._lock:
            self._collect(key)
            return self._held.get(key)

    def ticket(self, key: Key) -> Ticket | None:
        """Return the ticket of a block that is under way."""
        with self._lock:
            return self._asked.get(key)

    def _collect(self, key: Key) -> None:
        ticket = self._asked.get(key)
        if ticket is None or not ticket.finished.is_set():
            return
        del self._asked[key]
        if ticket.error:
            raise OutputError(ticket.error)
        if ticket.value is not None:
            self._held[key] = ticket.value
            self._make_room()

    def _make_room(self) -> None:
        """Forget what nobody wants, from what was used longest ago, until the rest fits."""
        size = sum(_bytes(played) for played in self._held.values())
        for key in list(self._held):
            if size <= self._room:
                return
            if key not in self._wanted:
                size -= _bytes(self._held.pop(key))


def _bytes(played: Played) -> int:
    return int(played.record.values.nbytes)


class Question:
    """A question under way. `close` it when the answer is no longer wanted; what others want too goes on."""

    def __init__(self, desk: Desk, worlds: Worlds, runs: int) -> None:
        """Hand in the first blocks: the alternative before the baseline, and the preset that shows what levers do."""
        self._desk, self.worlds = desk, worlds
        self.most = worlds.alternative.runs
        self._keys: list[Key] = []
        self._closed = False
        self._late = first_difference(worlds.untouched, worlds.alternative) > LATE
        self._first = max(1, -(-runs // BLOCK))
        for block in range(self._first):
            self._take(worlds.untouched, block, keep=True, urgent=True)
            self._take(worlds.baseline, block, keep=False, urgent=True)
            self._take(worlds.alternative, block, keep=False, urgent=True)

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for the first answer; return whether it is there. Raises OutputError."""
        for key in self._keys[: 3 * self._first]:
            ticket = self._desk.ticket(key)
            if ticket is not None and not ticket.finished.wait(seconds):
                return False
        return self.blocks >= self._first

    @property
    def blocks(self) -> int:
        """Blocks of both worlds that are there, without a gap from the first."""
        count = 0
        for block in range(-(-self.most // BLOCK)):
            if any(self._desk.played(key) is None for key in self._pair(block)):
                break
            count += 1
        return count

    def go_on(self) -> bool:
        """Have the next blocks computed while nothing is urgent; return whether there is anything left to do."""
        if self._closed:
            return False
        done = self.blocks
        last = -(-self.most // BLOCK)
        for block in range(done, min(done + AHEAD, last)):
            if self._late:
                self._take(self.worlds.untouched, block, keep=True, urgent=False)
            self._take(self.worlds.baseline, block, keep=False, urgent=False)
            self._take(self.worlds.alternative, block, keep=False, urgent=False)
        return done < last

    def answer(self, month: int) -> Answer:
        """Return what is known, with titles for a month. Raises OutputError where there is no first answer yet."""
        count = self.blocks
        if count == 0:
            raise OutputError("the first runs are not there yet")
        worlds, runs = self.worlds, min(count * BLOCK, self.most)
        plan = worlds.plan()
        arms = {name: self._joined(scenario, count, runs) for name, scenario in plan.arms.items()}
        results = HeldResults(plan, arms)
        months = next(iter(arms.values())).months
        base, alternative = plan.arms
        record = DeskRecord(results, {"main": alternative, "counterfactual": base}, months)
        record.chosen = month
        first = self._block(worlds.alternative, 0)
        name = "-".join(world_key(scenario)[:20] for scenario in plan.arms.values())
        return Answer(plan, record, results, runs, self.most, self._nothing_moved(), first, name)

    def close(self) -> None:
        """Let go of everything, now and later: a tab that still looks on takes nothing more."""
        self._closed = True
        keys, self._keys = self._keys, []
        for key in keys:
            self._desk.let_go(key)

    def __del__(self) -> None:
        """Let go when the tab that asked is gone."""
        self.close()

    def _take(self, scenario: "Scenario", block: int, keep: bool, urgent: bool) -> None:
        key = (world_key(scenario), block)
        if key not in self._keys:
            self._keys.append(self._desk.hand_in(scenario, block, keep, self.worlds.since, urgent))

    def _pair(self, block: int) -> Iterator[Key]:
        return ((world_key(scenario), block) for scenario in (self.worlds.baseline, self.worlds.alternative))

    def _block(self, scenario: "Scenario", block: int) -> Played:
        played = self._desk.played((world_key(scenario), block))
        if played is None:
            raise OutputError("a part of the answer is missing; ask again")
        return played

    def _joined(self, scenario: "Scenario", count: int, runs: int) -> "Record":
        return joined([self._block(scenario, block).record for block in range(count)], runs)

    def _nothing_moved(self) -> bool:
        """Whether the levers change nothing, in any number of any of the first runs."""
        for block in range(self._first):
            one = self._block(self.worlds.alternative, block).record.values
            other = self._block(self.worlds.untouched, block).record.values
            if not np.array_equal(one, other, equal_nan=True):
                return False
        return True


def joined(records: "Sequence[Record]", runs: int) -> "Record":
    """Return the first `runs` runs of records that follow on one another."""
    rows = np.concatenate([record.rows for record in records])[:runs]
    return replace(records[0], rows=rows, values=np.concatenate([record.values for record in records])[:runs])


__all__ = ["MEASURES", "Answer", "Desk", "DeskRecord", "Question", "joined"]
