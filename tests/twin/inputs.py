"""What one run of the twin reads: tables, drawn parameters, levers by month, and the look-up of luck."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.calendar import month_index

Row = Mapping[str, Any]
Key = tuple[str, str]

BLOCS = ("US", "CN", "EU", "OTHER")
MEMBERS = {"US": ("US",), "CN": ("CN",), "EU": ("EU", "NL"), "OTHER": ("JP", "KR", "TW", "GULF", "IN", "ROW")}
NEVER = 1_000_000


@dataclass(frozen=True)
class Step:
    """A dated change of a lever: known from month `announced`, in force from `first`."""

    announced: int
    first: int


@dataclass(frozen=True)
class TwinInputs:
    """One run's world. Months count from 2022-01 = 0; tables are rows as in `scenarios/data`.

    `look(name, month, place)` is a uniform number of the agent at this place of its table; `levers[government, lever]`
    a value by month; `steps` the dated changes; `against` the blocs a policy is aimed at; `channels` 0 or 1 by name;
    `similarity[i][j]` the factor of the lab network, `peers[c][d]` the row-normalised adjacency of communities.
    """

    months: int
    look: Callable[[str, int, int], float]
    params: Mapping[str, float]
    labs: Sequence[Row]
    blocs: Sequence[Row]
    communities: Sequence[Row]
    access: Sequence[Row]
    chips: Sequence[Row]
    world_supply: Sequence[Row]
    paths: Sequence[Row]
    governments: Sequence[Row]
    levers: Mapping[Key, Sequence[float]]
    steps: Mapping[Key, Sequence[Step]]
    against: Mapping[Key, Sequence[str]]
    dials: Mapping[str, float]
    channels: Mapping[str, float]
    similarity: Sequence[Sequence[float]]
    peers: Sequence[Sequence[float]]
    endogenous: bool = False
    bertrand: bool = False
    quota: bool = False
    event_month: int = NEVER
    event_lab: str = ""
    event_gain: float = 0.0
    series_cache: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def series(self, name: str, month: int) -> float:
        """A dated series: straight lines between its points, flat outside."""
        if name not in self.series_cache:
            points = [(month_index(str(row["month"])), float(row["value"])) for row in self.paths
                      if row["series"] == name]  # fmt: skip
            if not points:
                raise KeyError(name)
            self.series_cache[name] = sorted(points)
        return interpolate(self.series_cache[name], month)

    @property
    def last_recorded(self) -> int:
        """Last month of the record of world supply (t_rec)."""
        return max(month_index(str(row["month"])) for row in self.world_supply)

    def lever(self, name: str, month: int, governments: Sequence[str] | None = None) -> float | None:
        """Largest value among the holders of a lever (of `governments` only, if given); None if nobody holds it."""
        values = [float(path[month]) for (government, lever), path in self.levers.items()
                  if lever == name and (governments is None or government in governments)]  # fmt: skip
        return max(values) if values else None


def interpolate(points: Sequence[tuple[int, float]], month: float) -> float:
    """Straight lines between dated points, flat outside."""
    if month <= points[0][0]:
        return points[0][1]
    for (t0, x0), (t1, x1) in itertools.pairwise(points):
        if month <= t1:
            return x0 + (x1 - x0) * (month - t0) / (t1 - t0)
    return points[-1][1]


def round_half_up(x: float) -> int:
    """The nearest whole number; halves go up."""
    return math.floor(x + 0.5)


def clip(x: float, low: float, high: float) -> float:
    """`x` moved to the nearest end of [low, high] if it lies outside."""
    return min(max(x, low), high)


def positive(x: float) -> float:
    """max(x, 0)."""
    return max(x, 0.0)
