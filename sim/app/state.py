"""What the desk shows, as one value: two policies, what both worlds assume, horizon, runs and view.

It goes into a link and back (`sim.app.links`), into a scenario file and into a command (`sim.app.files`). Names are
checked here against the catalogues of the scenario format; nothing is computed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from sim.calendar import month_index, month_label
from sim.errors import Problem, nearest_name
from sim.policies import Lever
from sim.scenario_names import default_catalogues

if TYPE_CHECKING:
    from sim.distributions import Distribution
    from sim.scenario import Scenario

BASELINE, START = "no_controls", "deepseek_shock"
"""The question that the desk opens with: what do the recorded controls do."""
SINCE, WHOLE = "2026-07", "start"
"""Month from which levers hold unless told otherwise (the first after the record of policies), and the whole time."""
END = "2027-12"
HORIZONS = tuple(f"{year}-12" for year in range(2027, 2036))
FIRST_RUNS, BLOCK = 64, 64
"""Paired runs that answer at once, and runs that a worker computes together."""
RUNS = (64, 256, 512)
MOST_LEVERS = 40
BY, UNITS, MARKETS, SHOWN = ("lab", "bloc", "openness"), ("tokens", "revenue"), ("world", "home", "abroad"), (
    "level", "difference")  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What a lever is set to, a number in its unit or a named level, and who sets it."""

    value: float | str
    holders: tuple[str, ...]

    def number(self, lever: Lever) -> float:
        """Return the value as a number. Raises KeyError for a level that the lever does not have."""
        return lever.levels[self.value] if isinstance(self.value, str) else self.value


@dataclass(frozen=True)
class Look:
    """Which market shares the main chart shows, as `sim.interactive.views.View` has it."""

    by: str = "bloc"
    unit: str = "tokens"
    market: str = "world"
    shown: str = "level"


@dataclass(frozen=True)
class DeskState:
    """One state of the desk.

    The alternative is the preset `start` with `levers` from the month `since` on (`WHOLE`: over the whole time) and
    `dials`; it is held against the preset `baseline`. `world` and `channels` hold in both worlds. `month` is the month
    that headlines speak of.
    """

    baseline: str = BASELINE
    start: str = START
    end: str = END
    since: str = SINCE
    month: str = END
    levers: Mapping[str, Setting] = field(default_factory=dict)
    dials: Mapping[str, float] = field(default_factory=dict)
    world: Mapping[str, float] = field(default_factory=dict)
    channels: Mapping[str, bool] = field(default_factory=dict)
    runs: int = 256
    look: Look = Look()

    @property
    def changes(self) -> bool:
        """Whether the alternative is anything else than the preset it starts from."""
        return bool(self.levers or self.dials)


def levers_by_name() -> Mapping[str, Lever]:
    """Return every lever and dial of the catalogue by name."""
    return default_catalogues().levers


def channel_names() -> tuple[str, ...]:
    """Return the mechanisms that can be switched."""
    from sim.scenario_schema import Channels

    return tuple(Channels.model_fields)


def default_holders(lever: Lever) -> tuple[str, ...]:
    """Return who sets a lever unless chosen otherwise: all its holders; of a ban on Chinese models, all but China."""
    return tuple(who for who in lever.holders if not (lever.needs_against and who == "CN"))


@cache
def preset(name: str) -> "Scenario":
    """Return a packaged scenario. Raises InputError."""
    from sim.scenario import load_scenario

    return load_scenario(name)


def spread(name: str, start: str) -> tuple[float, float]:
    """Return the 5 and 95% levels of a parameter in the world of a preset."""
    import numpy as np

    low, high = _distribution(name, start).quantile(np.array([0.05, 0.95]))
    return float(low), float(high)


def _distribution(name: str, start: str) -> "Distribution":
    scenario = preset(start)
    return scenario.world.get(name) or default_catalogues().base_distribution(name, "prior")


def checked(state: DeskState) -> tuple[DeskState, list[Problem]]:
    """Return the state without what is wrong in it, and a problem for each thing left out."""
    problems: list[Problem] = []
    state = _presets(state, problems)
    state = _times(state, problems)
    levers, dials = _levers(state, problems), _dials(state, problems)
    world, channels = _world(state, problems), _channels(state, problems)
    look = Look(
        _one_of("by", state.look.by, BY, "bloc", problems),
        _one_of("unit", state.look.unit, UNITS, "tokens", problems),
        _one_of("market", state.look.market, MARKETS, "world", problems),
        _one_of("shown", state.look.shown, SHOWN, "level", problems),
    )
    if state.runs not in RUNS:
        problems.append(_wrong("runs", state.runs, f"choose {_listed(RUNS)}"))
        state = replace(state, runs=min(RUNS, key=lambda known: abs(known - state.runs)))
    return replace(state, levers=levers, dials=dials, world=world, channels=channels, look=look), problems


def _presets(state: DeskState, problems: list[Problem]) -> DeskState:
    from sim.places import preset_names

    names = preset_names()
    baseline = _one_of("baseline", state.baseline, names, BASELINE, problems)
    return replace(state, baseline=baseline, start=_one_of("alternative", state.start, names, START, problems))


def _times(state: DeskState, problems: list[Problem]) -> DeskState:
    end = _one_of("horizon", state.end, HORIZONS, END, problems)
    least = max(month_label(max(preset(name).at)) for name in (state.baseline, state.start))
    if end < least:
        if state.end != END:
            problems.append(_wrong("horizon", end, f"these presets are read in {least}, which is shown"))
        end = least
    since = state.since
    if since != WHOLE and not _is_month(since, "2022-02", end):
        problems.append(_wrong("start of the levers", since, f"a month from 2022-02 to {end}, or `{WHOLE}`"))
        since = SINCE if _is_month(SINCE, "2022-02", end) else WHOLE
    month = state.month
    if not _is_month(month, "2022-12", end):
        if state.month != END:
            problems.append(_wrong("month", month, f"a month from 2022-12 to {end}"))
        month = end
    return replace(state, end=end, since=since, month=month)


def _is_month(text: str, first: str, last: str) -> bool:
    try:
        return len(text) == 7 and month_label(month_index(text)) == text and first <= text <= last
    except ValueError:
        return False


def _levers(state: DeskState, problems: list[Problem]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    known = {name: lever for name, lever in levers_by_name().items() if not lever.is_dial}
    for name, setting in state.levers.items():
        lever = known.get(name)
        if lever is None:
            problems.append(_wrong("lever", name, "choose one of the levers", nearest_name(name, known)))
        elif (problem := _lever_problem(lever, setting)) is not None:
            problems.append(problem)
        elif len(found) < MOST_LEVERS:
            found[name] = setting
    return found


def _lever_problem(lever: Lever, setting: Setting) -> Problem | None:
    strangers = [who for who in setting.holders if who not in lever.holders]
    if strangers or not setting.holders:
        who = _listed(lever.holders)
        return _wrong(lever.name, _listed(strangers) or "nobody", f"it can be set by {who}")
    if isinstance(setting.value, str):
        if setting.value not in lever.levels:
            near = nearest_name(setting.value, lever.levels)
            return _wrong(lever.name, setting.value, f"its levels are {_listed(lever.levels)}", near)
        return None
    number = setting.value
    allowed = lever.low <= number <= lever.high or number == lever.default
    if math.isnan(number) or not allowed or (lever.kind == "switch" and number not in (0.0, 1.0)):
        return _wrong(lever.name, f"{number:g}", f"it must be {lever.expects}")
    return None


def _dials(state: DeskState, problems: list[Problem]) -> dict[str, float]:
    known = {name: lever for name, lever in levers_by_name().items() if lever.is_dial}
    return _numbers("dial", state.dials, {name: (lever.low, lever.high) for name, lever in known.items()}, problems)


def _world(state: DeskState, problems: list[Problem]) -> dict[str, float]:
    catalogue = default_catalogues()
    bounds = {name: catalogue.bounds(name) for name in catalogue.parameters}
    return _numbers("parameter", state.world, bounds, problems)


def _numbers(
    what: str, values: Mapping[str, float], known: Mapping[str, tuple[float, float]], problems: list[Problem]
) -> dict[str, float]:
    found = {}
    for name, value in values.items():
        if name not in known:
            problems.append(_wrong(what, name, f"choose one of the {what}s", nearest_name(name, known)))
        elif not known[name][0] <= value <= known[name][1]:
            low, high = known[name]
            problems.append(_wrong(name, f"{value:g}", f"it must be in [{low:g}, {high:g}]"))
        else:
            found[name] = value
    return found


def _channels(state: DeskState, problems: list[Problem]) -> dict[str, bool]:
    known = channel_names()
    unknown = [name for name in state.channels if name not in known]
    problems += [_wrong("mechanism", name, "choose one of them", nearest_name(name, known)) for name in unknown]
    return {name: on for name, on in state.channels.items() if name in known}


def _one_of(what: str, value: str, known: Sequence[str], default: str, problems: list[Problem]) -> str:
    if value in known:
        return value
    problems.append(_wrong(what, value, f"{default} is shown instead", nearest_name(value, known)))
    return default


def _wrong(what: str, value: object, remedy: str, nearest: str | None = None) -> Problem:
    return Problem(f"the {what} cannot be '{str(value)[:60]}'", nearest=nearest, remedy=remedy[:1].upper() + remedy[1:])


def _listed(names: "Sequence[object] | Mapping[str, float]") -> str:
    return ", ".join(str(name) for name in names)
