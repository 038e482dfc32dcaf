"""Random scenarios and parameters: nothing overflows, everything that must hold holds, and the sure signs are right."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agents.places import CLOUD, TARGET
from sim.arrays import Array
from sim.calendar import month_label
from sim.checks import advance_checked
from sim.data import load_tables
from sim.engine import Engine
from sim.policies import LEVELS, Lever, lever_catalogue
from sim.scenario import load_scenario
from sim.scenario_schema import Channels

TABLES = load_tables()
LEVERS = [lever for lever in lever_catalogue(TABLES.levers.rows).values() if not lever.is_dial]
DIALS = [lever for lever in lever_catalogue(TABLES.levers.rows).values() if lever.is_dial]
BLOCS = ("US", "CN", "EU", "OTHER")
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A world takes a second: a failing one is shown as found."""


def written(value: float) -> str:
    """A number as a scenario has it."""
    return "none" if math.isinf(value) else repr(value)


@st.composite
def policies(draw: st.DrawFn) -> list[str]:
    """A few levers with one to three dated steps, announcements and ramps; values anywhere in their range."""
    sets = []
    for lever in draw(st.lists(st.sampled_from(LEVERS), max_size=8, unique_by=lambda lever: lever.name)):
        holder = draw(st.sampled_from(lever.holders))
        months = sorted(draw(st.sets(st.integers(0, 70), min_size=1, max_size=3)))
        rivals = st.lists(st.sampled_from(BLOCS), min_size=1, unique=True)
        against = f", against: [{', '.join(draw(rivals))}]" if lever.needs_against else ""
        steps = ", ".join("{" + _step(draw, lever, month) + against + "}" for month in months)
        sets.append(f"policies.{holder}.{lever.name}=[{steps}]")
    return sets


def _step(draw: st.DrawFn, lever: Lever, month: int) -> str:
    named = st.sampled_from([*(lever.levels[level] for level in LEVELS), lever.default, lever.low])
    high = lever.high if math.isfinite(lever.high) else max(1e5, 1e6 * lever.low)
    inside = st.floats(lever.low, high)
    parts = [f"from: {month_label(month)}", f"value: {written(draw(named | inside))}"]
    if draw(st.booleans()):
        parts.append(f"announced: {month_label(max(0, month - draw(st.integers(0, 9))))}")
    if lever.is_ramped and draw(st.booleans()):
        parts.append(f"ramp: {draw(st.integers(1, 24))}")
    return ", ".join(parts)


@st.composite
def scenarios(draw: st.DrawFn) -> list[str]:
    """Values set over the recorded timeline: policies, dials, channels, structural forms."""
    sets = draw(policies())
    ends = st.sampled_from((0.0, 0.5, 1.0))
    for dial in draw(st.lists(st.sampled_from(DIALS), unique_by=lambda dial: dial.name)):
        sets.append(f"policies.dials.{dial.name}={draw(ends | st.floats(0.0, 1.0))!r}")
    channels = draw(st.dictionaries(st.sampled_from(list(Channels.model_fields)), st.booleans()))
    sets += [f"model.channels.{name}={str(on).lower()}" for name, on in channels.items()]
    for name, values in (("governments", ("exogenous", "endogenous")), ("pricing", ("pass_through", "bertrand")),
                         ("rationing", ("price", "quota"))):  # fmt: skip
        sets.append(f"model.{name}={draw(st.sampled_from(values))}")
    return sets


def play_checked(engine: Engine, end: int) -> None:
    while engine.month < end:
        advance_checked(engine)


@settings(max_examples=12, phases=NO_SHRINKING)
@given(scenarios(), st.lists(st.integers(0, 10**6), min_size=1, max_size=3))
def test_any_scenario_plays_and_holds(sets: list[str], rows: list[int]) -> None:
    """To 2026-03: no floating-point error, all invariants, any draws of the world."""
    play_checked(Engine(load_scenario("history_hold", sets), np.array(rows)), 50)


@pytest.mark.slow
@settings(max_examples=10, phases=NO_SHRINKING)
@given(scenarios(), st.integers(0, 10**6))
def test_any_scenario_plays_and_holds_to_2032(sets: list[str], first: int) -> None:
    scenario = load_scenario("history_hold", [*sets, "end=2032-12"])
    play_checked(Engine(scenario, np.arange(first, first + 4)), scenario.end)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["governments=endogenous", "rationing=quota", "pricing=bertrand", "rationing=price"])
def test_a_thousand_prior_draws_play_and_hold(form: str) -> None:
    """To 2030-12: 1,000 draws in the default form with the default channels, 100 in each other with every channel."""
    default = form == "rationing=price"
    channels = [] if default else [f"model.channels.{name}=true" for name in Channels.model_fields]
    scenario = load_scenario("history_hold", ["end=2030-12", f"model.{form}", *channels])
    count = 250 if default else 100
    for first in range(0, 1_000 if default else count, count):
        play_checked(Engine(scenario, np.arange(first, first + count)), scenario.end)


def bounds(which: tuple[str, str]) -> dict[str, tuple[float, float]]:
    """Two ends of every parameter that a run reads by the month."""
    found = {}
    for row in TABLES.parameters.rows:
        low, high = (float(row[column]) for column in which)
        if row["name"] not in ("labs.effect_sd", "labs.compute_sd"):
            found[str(row["name"])] = (low if math.isfinite(low) else -10.0, high if math.isfinite(high) else 10.0)
    return found


def with_parameters(engine: Engine, values: dict[str, Array]) -> Engine:
    """Set parameters run by run, (runs,) each."""
    for name, column in values.items():
        engine.block.par[name][:, 0] = column
    return engine


@pytest.mark.slow
@pytest.mark.parametrize("form", ["price", "quota"])
def test_every_parameter_may_stand_at_its_hard_bounds(form: str) -> None:
    """Whatever a scenario file may write: each parameter alone at both ends, every channel on, to 2028-12."""
    channels = [f"model.channels.{channel}=true" for channel in Channels.model_fields]
    sets = ["world.base=central", "end=2028-12", f"model.rationing={form}", *channels]
    scenario, ends = load_scenario("history_hold", sets), bounds(("hard_min", "hard_max"))

    def failing(names: list[str]) -> list[str]:
        """Names at whose bounds the world breaks, by halves."""
        engine = Engine(scenario, np.zeros(2 * len(names), dtype=np.int64))
        for place, name in enumerate(names):
            engine.block.par[name][2 * place : 2 * place + 2, 0] = ends[name]
        try:
            play_checked(engine, scenario.end)
        except (FloatingPointError, AssertionError) as error:
            middle = len(names) // 2
            return failing(names[:middle]) + failing(names[middle:]) if middle else [f"{names[0]}: {error}"]
        return []

    assert failing(list(ends)) == []


@pytest.mark.slow
@settings(max_examples=3, phases=NO_SHRINKING)
@given(st.integers(0, 10**9))
def test_corners_of_the_prior_play_and_hold(seed: int) -> None:
    """64 worlds, every parameter at its low or its high by a throw of the coin, to 2032-12."""
    coin = np.random.default_rng(seed)
    scenario = load_scenario("history_hold", ["world.base=central", "end=2032-12"])
    engine = Engine(scenario, np.arange(64))
    corner = {name: np.where(coin.random(64) < 0.5, low, high) for name, (low, high) in bounds(("low", "high")).items()}
    play_checked(with_parameters(engine, corner), scenario.end)


def capacity_by_row(sets: list[str], name: str, grid: Array, end: int) -> tuple[Array, Array]:
    """China's capacity and own stock (months, rows) when one parameter goes up the rows, all with the luck of run 0."""
    scenario = load_scenario("history_hold", ["world.base=central", *sets])
    engine = with_parameters(Engine(scenario, np.zeros(len(grid), dtype=np.int64)), {name: grid})
    capacity, owned = [], []
    for _ in range(end + 1):
        engine.advance()
        capacity.append(engine.handoff.capacity[:, TARGET])
        held = engine.chips.stock[:, TARGET]
        owned.append(held.sum(axis=1) - held[:, CLOUD])
    return np.array(capacity), np.array(owned)


EXOGENOUS = ["model.governments=exogenous", "model.channels.import_substitution=false"]
"""Governments and domestic industry that do not answer to the premium; otherwise less scarcity can mean less output."""


def rises(values: Array) -> bool:
    """Whether rows never fall, up to the resolution of the clearing premium."""
    return bool((np.diff(values, axis=1) >= -1e-9 * values[:, :-1]).all())


@settings(max_examples=10, phases=NO_SHRINKING)
@given(policies(), st.floats(0.0, 1.0))
def test_more_diversion_never_lowers_chinas_compute(sets: list[str], strictness: float) -> None:
    """Whatever the other rules: month by month, both what China can use and what it owns."""
    grid = np.linspace(0.0, 0.3, 7)
    dial = f"policies.dials.export_controls.strictness={strictness!r}"
    capacity, owned = capacity_by_row([*sets, dial, *EXOGENOUS], "chip_market.diverted_share", grid, 59)
    assert rises(capacity)
    assert rises(owned)


@pytest.mark.parametrize(
    ("name", "grid", "sign"),
    [("chip_market.enforcement_effect", np.linspace(0.0, 6.0, 5), 0.0),
     ("chip_market.domestic_output_scale", np.linspace(0.2, 2.0, 5), 1.0),
     ("chip_market.no_control_share", np.linspace(0.1, 0.35, 5), 1.0),
     ("chip_market.cloud_access", np.linspace(0.0, 0.6, 5), 1.0)],
)  # fmt: skip
def test_what_feeds_china_never_lowers_its_compute(name: str, grid: Array, sign: float) -> None:
    """In the recorded timeline; deterrence acts only where enforcement departs from the usual level, then it lowers."""
    sets = [*EXOGENOUS, "policies.US.enforcement={value: 1}"] if sign == 0.0 else EXOGENOUS
    capacity, _ = capacity_by_row(sets, name, grid, 71)
    assert rises(capacity if sign > 0.0 else capacity[:, ::-1])
    assert capacity[-1].min() < capacity[-1].max()


@pytest.mark.slow
def test_leakage_raises_chinas_effective_compute_over_draws() -> None:
    """Paired prior worlds, diversion at 0.02 and at 0.12: more compute in each, no less ln E in the median."""
    found = []
    for share in (0.02, 0.12):
        sets = [f"world.chip_market.diverted_share={share}"]
        record = Engine(load_scenario("history_hold", sets), np.arange(96)).run(["compute_owned", "effective_compute"])
        found.append({name: record.values[:, -1, place] for place, name in enumerate(record.columns)})
    less, more = found
    assert (more["compute_owned.CN"] > less["compute_owned.CN"]).all()
    assert float(np.median(more["effective_compute.CN"] - less["effective_compute.CN"])) >= 0.0


def test_a_tighter_dial_never_gives_china_more_legal_chips() -> None:
    """Month by month from 0 to 1, without purchases ahead of a rule; at 1 nothing legal is left once rules bind."""
    legal: list[Array] = []
    for dial in (0.0, 0.3, 0.5, 0.8, 1.0):
        sets = [*EXOGENOUS, "world.base=central", "model.channels.anticipation=false", "policies.CN.purchase_veto=null",
                f"policies.dials.export_controls.strictness={dial}"]  # fmt: skip
        engine = Engine(load_scenario("history_hold", sets), np.arange(1))
        legal.append(engine.run(["compute_inflow"]).values[0, :, 0])
    values: Any = np.array(legal).T
    assert (np.diff(values, axis=1) <= 1e-9 * values[:, :1]).all()
    assert values[12:, -1].max() == 0.0
    assert values[9:, 0].min() > 0.0
