"""A lot: which runs are computed together, each of them a case, a draw of the world and a chance.

A scenario alone has run k = draw k and chance k. An experiment has many cases (settings of levers, structures, values)
over the same draws and chances, so that any two of its cases differ run by run in nothing but the setting.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import Array, Whole

if TYPE_CHECKING:
    from sim.scenario import Scenario


def _no_places() -> Array:
    return np.empty((0, 0))


@dataclass(frozen=True)
class Lot:
    """Runs, one row each: `case` is a place in `cases`, `draw` and `chance` are numbers of the tape; (rows,).

    `names`, `places`: quantile levels in (0, 1), shape (rows, names), that a design sets for some of what is drawn; the
    tape gives the others.
    """

    cases: tuple["Scenario", ...]
    case: Whole
    draw: Whole
    chance: Whole
    names: tuple[str, ...] = ()
    places: Array = field(default_factory=_no_places)

    def __post_init__(self) -> None:
        """Refuse rows that do not fit together."""
        if not len(self.case) == len(self.draw) == len(self.chance):
            raise ValueError("case, draw and chance need one entry for each row")
        if self.names and self.places.shape != (len(self), len(self.names)):
            raise ValueError(f"places need the shape {(len(self), len(self.names))}, not {self.places.shape}")

    def __len__(self) -> int:
        """Number of runs."""
        return len(self.case)

    @property
    def first(self) -> "Scenario":
        """The first case; horizon, seed and whatever else cannot differ between cases are read from it."""
        return self.cases[0]

    @classmethod
    def of(cls, scenario: "Scenario", rows: Sequence[int] | Whole) -> "Lot":
        """Return the runs `rows` of one scenario: run k is draw k and chance k."""
        numbers = np.asarray(rows, dtype=np.int64)
        return cls((scenario,), np.zeros(len(numbers), dtype=np.int64), numbers, numbers)

    def take(self, rows: Whole) -> "Lot":
        """Return some of the rows, with only those cases that they need."""
        used, case = np.unique(self.case[rows], return_inverse=True)
        cases = tuple(self.cases[int(place)] for place in used)
        places = self.places[rows] if self.names else self.places
        return Lot(cases, case.astype(np.int64), self.draw[rows], self.chance[rows], self.names, places)

    def blocks(self, size: int) -> Iterator[Whole]:
        """Yield row numbers in groups of at most `size` that may advance together (see `kin`), in their order."""
        kinds = [kin(case) for case in self.cases]
        number = {kind: place for place, kind in enumerate(dict.fromkeys(kinds))}
        group = np.array([number[kind] for kind in kinds], dtype=np.int64)[self.case]
        for place in range(len(number)):
            rows = np.flatnonzero(group == place)
            for start in range(0, len(rows), size):
                yield rows[start : start + size]


def kin(scenario: "Scenario") -> str:
    """Return a text that is equal for scenarios whose runs may advance together in one block.

    Values of parameters, levers, dials and most switches may differ from run to run. What shapes the arrays or the path
    through the code may not: horizon, seed, fit, names drawn, correlations, entries of labs, dated events, the network
    of communities, whom a ban is against, and the structural forms.
    """
    model = scenario.model
    entries = {name: repr(dist) for name, dist in scenario.world.items() if name.endswith(".entry")}
    events = {name: (event.month, event.lab) for name, event in scenario.events.items()}
    against = {" ".join(key): policy.against for key, policy in scenario.policies.items() if policy.against}
    known = [
        scenario.seed, scenario.start, scenario.end, scenario.base, scenario.posterior and scenario.posterior.checksum,
        sorted(scenario.world), entries, events,
        sorted((*pair, rank) for pair, rank in scenario.correlation_ranks.items()), against,
        model.governments, model.pricing, model.channels.peers, model.community_graph.model_dump(),
    ]  # fmt: skip
    return json.dumps(known, sort_keys=True)
