"""Policy levers by month: what each government sets, from when, and what was announced before.

Rules (docs/scenario_files.md): a step holds from `from` to `until`, else to the next step, then the default holds
again. It binds in the month of `from` if the day is 15 or less, else in the next. A ramp of n months runs in a straight
line from the value in force, which the binding month still has, to the new value n months later.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.calendar import binding_month, ending_month, month_index

if TYPE_CHECKING:
    from sim.arrays import Array
    from sim.scenario import Scenario

LEVELS = ("weak", "moderate", "strong", "maximal")
"""The four named effort levels of every lever."""
NO_LIMIT = ("none", "inf")
"""How a scenario writes an infinite value: no limit."""
WORDS = ("on", "off", "yes", "no")
"""What some YAML readers take for true and false, and this one does not."""
DIAL_HOLDER = "WORLD"
NEVER = 10**9
"""A month later than any horizon."""


@dataclass(frozen=True)
class Lever:
    """One row of levers.csv: who may set it, its default, range and named levels. `inf` means no limit.

    `kind` is threshold (never averaged or ramped), share (0 to 1), switch (0 or 1) or amount.
    """

    name: str
    group: str
    holders: tuple[str, ...]
    default: float
    unit: str
    low: float
    high: float
    levels: Mapping[str, float]
    kind: str
    phrase: str

    @classmethod
    def from_row(cls, row: Mapping[str, str | float]) -> "Lever":
        """Return the lever of a row. Raises KeyError or ValueError where a cell is missing or no number."""
        default, low, high = (float(row[column]) for column in ("default", "low", "high"))
        levels = {level: float(row[level]) for level in LEVELS if row[level] != ""}
        name, group, unit, kind, phrase = (str(row[column]) for column in ("name", "group", "unit", "kind", "phrase"))
        return cls(name, group, tuple(str(row["holders"]).split()), default, unit, low, high, levels, kind, phrase)

    @property
    def is_dial(self) -> bool:
        """Whether it is a composite dial, set under `policies.dials`."""
        return DIAL_HOLDER in self.holders

    @property
    def is_ramped(self) -> bool:
        """Whether a ramp makes sense."""
        return self.kind in ("share", "amount")

    @property
    def needs_against(self) -> bool:
        """Whether a policy must name the bloc it is directed against."""
        return self.group == "model_ban" or self.name.startswith("model_ban.")

    def number(self, written: Any) -> float:
        """Return the number of a value as written in a scenario. Raises ValueError with a sentence for the reader."""
        if isinstance(written, bool):
            if self.kind not in ("share", "switch"):
                raise ValueError(f"it must be a number in {self.unit}, not true or false")
            return float(written)
        if isinstance(written, str) and written.lower() in NO_LIMIT and math.inf in (self.default, self.high):
            return math.inf
        if isinstance(written, str) and written.lower() in WORDS and self.kind in ("share", "switch"):
            raise ValueError(f"'{written}' is text; write true or false")
        if not isinstance(written, int | float):
            shown = "a list or mapping" if isinstance(written, list | dict) else f"'{written}'"
            raise ValueError(f"it must be {self.expects}, not {shown}")
        if self.kind == "switch":
            raise ValueError(f"it must be true or false, not {written}")
        if not (self.low <= written <= self.high or written == self.default):
            raise ValueError(f"{written:g} is out of range; it must be {self.expects}")
        return float(written)

    @property
    def expects(self) -> str:
        """What a value may be, in words."""
        if self.kind == "switch":
            return "true or false"
        ends = f"a number in [{self.low:g}, {self.high:g}]"
        if math.isinf(self.high):
            ends = f"a number of at least {self.low:g}" if math.isfinite(self.low) else "a number"
        return ends + (" or none" if math.inf in (self.default, self.high) else "")


@dataclass(frozen=True)
class Step:
    """One dated value of a lever. Dates are text as in the file; `start` None means the whole horizon."""

    start: str | None
    until: str | None
    announced: str | None
    value: float
    ramp: int


@dataclass(frozen=True)
class Policy:
    """What one government does with one lever: its steps in date order, and the blocs they are directed against."""

    steps: tuple[Step, ...]
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Period:
    """A step in month numbers: in force from month `first` up to, not including, `stop`; known from `announced` on."""

    announced: int
    first: int
    stop: int
    value: float
    ramp: int


@dataclass(frozen=True)
class LeverPaths:
    """Every lever by month, keyed by (government, lever).

    `value`: float64 arrays of shape (months,), in the lever's unit, for every lever and every government that may hold
    it. `announced`: (month of the news, month it binds) for each dated step. `periods`: the dated steps in months.
    `against`: the blocs a policy is directed against. `dials`: the composite dials, 0 to 1, the whole horizon.
    """

    value: Mapping[tuple[str, str], "Array"]
    announced: Mapping[tuple[str, str], list[tuple[int, int]]]
    periods: Mapping[tuple[str, str], tuple[Period, ...]]
    against: Mapping[tuple[str, str], tuple[str, ...]]
    dials: Mapping[str, float]


def lever_catalogue(rows: Iterable[Mapping[str, str | float]]) -> dict[str, Lever]:
    """Return the rows of levers.csv as levers by name."""
    levers = (Lever.from_row(row) for row in rows)
    return {lever.name: lever for lever in levers}


def lever_paths(
    scenario: "Scenario", levers_table_rows: Iterable[Mapping[str, str | float]], months: int
) -> LeverPaths:
    """Return the value of every lever in months 0 to `months` - 1 (2022-01 is 0), defaults where nothing is set."""
    levers = [lever for lever in lever_catalogue(levers_table_rows).values() if not lever.is_dial]
    held = [(holder, lever) for lever in levers for holder in lever.holders]
    nothing = Policy(())
    policies = {(holder, lever.name): scenario.policies.get((holder, lever.name), nothing) for holder, lever in held}
    periods = {key: tuple(periods_of(policy)) for key, policy in policies.items()}
    value = {(holder, lever.name): _path(periods[holder, lever.name], lever.default, months) for holder, lever in held}
    announced = {
        key: [(period.announced, period.first) for period in found if period.first > -NEVER]
        for key, found in periods.items()
    }
    against = {key: policy.against for key, policy in policies.items()}
    return LeverPaths(value, announced, periods, against, dict(scenario.dials))


def periods_of(policy: Policy) -> Iterator[Period]:
    """Yield a policy's steps in month numbers; a whole-horizon step starts at -NEVER.

    A step whose months are all taken by its end or by the next step comes with first == stop.
    """
    firsts = [-NEVER if step.start is None else binding_month(step.start) for step in policy.steps]
    for step, first, following in zip(policy.steps, firsts, [*firsts, NEVER][1:], strict=True):
        end = NEVER if step.until is None else ending_month(step.until)
        announced = first if step.announced is None else month_index(step.announced)
        yield Period(announced, first, max(first, min(end, following)), step.value, step.ramp)


def _path(periods: Sequence[Period], default: float, months: int) -> "Array":
    """Lay the periods over the default, from before the first of them so that earlier ramps are under way."""
    import numpy as np  # late: checking a scenario needs no arrays

    dated = [period.first for period in periods if period.first > -NEVER]
    origin = min([0, *dated])
    path = np.full(months - origin, default, dtype=np.float64)
    for period in periods:
        start, stop = max(period.first - origin, 0), min(period.stop - origin, len(path))
        if start >= stop:
            continue
        before = path[start - 1] if start > 0 else default
        if period.ramp == 0:
            path[start:stop] = period.value
        else:
            done = np.minimum(np.arange(stop - start) / period.ramp, 1.0)
            path[start:stop] = before + (period.value - before) * done
    return path[-origin:]
