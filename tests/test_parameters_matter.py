"""Every parameter and every lever moves something that is measured: nothing in the catalogues is there for show.

Runs of a block may differ in their parameters, so one engine plays the central world once for each end of each
parameter: rows of run 0, all with the same luck. Each parameter and lever is moved in a world in which it is meant to
act; where that is not the recorded timeline, the name of the world says why.
"""

import functools
from collections.abc import Mapping

import numpy as np
import pytest

from sim.analysis.sensitivity_inert import ACTS_ONLY, ELSEWHERE, why_inert
from sim.analysis.sensitivity_lots import AS_WRITTEN, structures
from sim.data import load_tables
from sim.engine import Engine, Record
from sim.lots import Lot
from sim.measures import record as measured
from sim.policies import Lever, lever_catalogue
from sim.scenario import Scenario, load_scenario
from sim.setup import names_drawn

RECORDED = "as recorded, then held"
NO_DIES = "dies are short: no foundry abroad makes any for China"
POWER_CRUNCH = "no power is added anywhere, and China buys what it wants"
WORLDS: Mapping[str, list[str]] = {
    RECORDED: [],
    "optional channels on": [f"model.channels.{name}=true" for name in (
        "peers", "slack", "state_reaction", "escape_competition", "import_substitution",
    )],
    "governments react": ["model.governments=endogenous"],
    "rationing by quota": ["model.rationing=quota"],
    "levers that nobody has used yet": [
        "policies.CN.mineral_control=[{from: 2023-01, value: 0.7}]",
        "policies.US.talent_openness=[{from: 2023-01, value: 0.9}]",
        "policies.CN.chip_allocation=[{from: 2023-01, value: 1.5}]",
    ],
    NO_DIES: [f"policies.{holder}.export_controls.foundry_control={{value: 1}}" for holder in ("US", "TW")],
    "text runs out": ["world.training.data_limit_flop=1e26", "world.training.synthetic_data_growth=0"],
    "an index of another slope": ["world.capability.eci_per_oom=6"],
    "dies are short and tools are cut further": [
        *(f"policies.{holder}.export_controls.foundry_control={{value: 1}}" for holder in ("US", "TW")),
        "policies.US.export_controls.tool_control={value: 1}",
    ],
    POWER_CRUNCH: [
        *(f"policies.{holder}.energy_growth={{value: 0}}" for holder in ("US", "CN", "EU", "GULF", "IN", "JP", "KR")),
        "policies.dials.export_controls.strictness=0", "policies.CN.purchase_veto=null",
    ],
    "the density test alone": ["policies.US.export_controls.tpp_ceiling=null"],
    "serving is short": [
        "world.demand.world_spend=10000", "world.compute.price_decline=0.4",
    ],
    "open weights are frowned upon": ["policies.dials.open_source.diffusion=0.4"],
}  # fmt: skip
ACTS_IN = {
    "gov.": "governments react",
    "budget.fungibility": "rationing by quota",
    "chip_market.import_substitution": "optional channels on",
    "research.slack": "optional channels on",
    "budget.escape_competition": "optional channels on",
    "budget.state_reaction": "optional channels on",
    "demand.peer_influence": "optional channels on",
    "budget.rival_scale": "optional channels on",
    "budget.aspiration_months": "optional channels on",
    "serving.least_share": "serving is short",
    "budget.pooled_share": "levers that nobody has used yet",
    "chip_market.mineral_output_loss": "levers that nobody has used yet",
    "talent.openness_effect": "levers that nobody has used yet",
    "chip_market.tool_control_effect": "dies are short and tools are cut further",
    "training.data_limit": "text runs out",
    "training.synthetic_data_growth": "text runs out",
    "capability.anchor_growth": "an index of another slope",
    "export_controls.tool_control": NO_DIES,
    "energy_growth": POWER_CRUNCH,
    "chip_market.density_margin": "the density test alone",
    "export_controls.density_tpp_floor": "the density test alone",
    "open_promotion": "open weights are frowned upon",
}
"""World in which what starts with this text is meant to act; the recorded timeline for all others.

Dies never bind in the recorded timeline (packages, then memory do), power is slack at present plans, text suffices to
2032, the ceiling on TPP binds before the density test, the slope of the index cancels at 7.5 points.
"""
AT_SETUP = ("labs.effect_sd", "labs.compute_sd")
"""Parameters that are used once, when a world that is not central is drawn."""
LUCK = np.arange(5)
"""Runs in which a lever is tried."""


def world_of(name: str) -> str:
    """The world in which a parameter or lever is meant to act."""
    return next((world for start, world in ACTS_IN.items() if name.startswith(start)), RECORDED)


def scenario_of(world: str, *sets: str) -> Scenario:
    return load_scenario("history_hold", ["world.base=central", "end=2032-12", *WORLDS[world], *sets])


def ends() -> dict[str, tuple[float, float]]:
    """Low and high of every parameter; a fixed one moves by a tenth of its value, or of 1, inside its hard bounds."""
    found = {}
    for row in load_tables().parameters.rows:
        low, high, centre = float(row["low"]), float(row["high"]), float(row["central"])
        if low == high:
            step = 0.1 * abs(centre) or 0.1
            low, high = max(centre - step, float(row["hard_min"])), min(centre + step, float(row["hard_max"]))
        found[str(row["name"])] = (low, high)
    return found


PARAMETERS = [name for name in load_tables().parameters.text("name") if name not in AT_SETUP]


def differs(record: Record, one: int, other: int) -> bool:
    return not np.array_equal(record.values[one], record.values[other], equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize("world", dict.fromkeys(world_of(name) for name in PARAMETERS))
def test_every_parameter_moves_a_measure(world: str) -> None:
    """From its low to its high, central world, to 2032-12."""
    names = [name for name in PARAMETERS if world_of(name) == world]
    engine = Engine(scenario_of(world), np.zeros(2 * len(names), dtype=np.int64))
    for place, name in enumerate(names):
        engine.block.par[name][2 * place : 2 * place + 2, 0] = ends()[name]
    record = engine.run()
    idle = [name for place, name in enumerate(names) if not differs(record, 2 * place, 2 * place + 1)]
    assert not idle


@pytest.mark.parametrize("name", AT_SETUP)
def test_every_parameter_of_the_draw_moves_a_measure(name: str) -> None:
    short = ["world.base=prior", "end=2022-06", "outputs.at=[]"]
    low, high = (
        Engine(load_scenario("history_hold", [*short, f"world.{name}={spread}"]), np.arange(2)) for spread in (0.2, 0.6)
    )
    assert not np.array_equal(low.run().values, high.run().values, equal_nan=True)


def test_everything_else_that_is_drawn_moves_a_measure() -> None:
    """Traits of single labs and the gain of the dated event, from low to high, all else and the luck the same."""
    scenario = load_scenario("history_hold", ["end=2025-12", "outputs.at=[]"])
    catalogue = set(load_tables().parameters.text("name"))
    names = tuple(name for name in names_drawn(scenario) if name not in catalogue)
    places = np.full((2 * len(names), len(names)), 0.5)
    for place in range(len(names)):
        places[2 * place : 2 * place + 2, place] = (0.001, 0.999)
    still = np.zeros(len(places), dtype=np.int64)
    record = Engine(Lot((scenario,), still, still, still, names, places)).run()
    assert len(names) > 30
    assert not [name for place, name in enumerate(names) if not differs(record, 2 * place, 2 * place + 1)]


@pytest.mark.slow
def test_every_switch_of_the_model_moves_a_measure() -> None:
    """The structural variants of a sensitivity study, in the recorded timeline to 2032-12."""
    variants = structures(scenario_of(RECORDED))
    before = timeline(RECORDED).values
    still = [
        name for name, variant in variants.items()
        if name != AS_WRITTEN and np.array_equal(Engine(variant, LUCK).run().values, before, equal_nan=True)
    ]  # fmt: skip
    assert not still


def test_the_reasons_for_parameters_that_may_do_nothing_are_those_of_the_worlds_above() -> None:
    """What `sensitivity` says of an inert parameter: the names of here, and one that a single measure shows."""
    acting = {start for start in ACTS_IN if any(name.startswith(start) for name in PARAMETERS)}
    assert set(ACTS_ONLY) - acting == {"pricing.least_price"}
    assert acting <= set(ACTS_ONLY)
    assert "endogenous" in why_inert("gov.target_gap")
    assert why_inert("demand.world_spend") == ELSEWHERE


def test_the_least_price_is_seen_in_the_price_of_a_fixed_capability_alone() -> None:
    engine = Engine(scenario_of(RECORDED), np.zeros(2, dtype=np.int64))
    engine.block.par["pricing.least_price"][:, 0] = ends()["pricing.least_price"]
    record = engine.run()
    moved = [
        column for place, column in enumerate(record.columns)
        if not np.array_equal(record.values[0, :, place], record.values[1, :, place], equal_nan=True)
    ]  # fmt: skip
    assert moved
    assert {column.partition(".")[0] for column in moved} == {"price_fixed_capability"}


@functools.cache
def levers() -> dict[str, Lever]:
    return lever_catalogue(load_tables().levers.rows)


def settings(lever: Lever, holder: str) -> list[str]:
    """What to set in turn: the named levels, the strongest first; both ends of a dial."""
    if lever.is_dial:
        return [f"policies.dials.{lever.name}={value}" for value in (1, 0)]
    rival = "US" if holder == "CN" else "CN"
    against = f", against: {rival}" if lever.needs_against else ""
    levels = ("maximal", "moderate", "weak")
    return [f"policies.{holder}.{lever.name}={{level: {level}{against}}}" for level in levels]


@functools.cache
def timeline(world: str) -> Record:
    """The world without the change, in a few runs of other luck."""
    return Engine(scenario_of(world), LUCK).run()


def moves(world: str, change: str) -> bool:
    """Whether any measure of any month differs; stops at the first."""
    before = timeline(world).values
    engine = Engine(scenario_of(world, change), LUCK)
    for month in range(before.shape[1]):
        engine.advance()
        with np.errstate(under="ignore"):
            now = measured(engine)
        if not np.array_equal(now, before[:, month], equal_nan=True):
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("name", levers())
def test_every_lever_moves_a_measure_in_every_hand(name: str) -> None:
    """Each government's setting of each lever that it may hold, over the whole horizon to 2032-12."""
    idle = [
        holder for holder in levers()[name].holders
        if not any(moves(world_of(name), change) for change in settings(levers()[name], holder))
    ]  # fmt: skip
    assert not idle, f"{idle} can set {name}, and nothing follows"


def test_the_tests_above_see_a_number_that_does_nothing() -> None:
    """A parameter moved where it cannot act moves nothing; one that acts is seen."""
    scenario = load_scenario("history_hold", ["world.base=central", "end=2022-06", "outputs.at=[]"])
    engine = Engine(scenario, np.zeros(3, dtype=np.int64))
    engine.block.par["gov.target_gap"][1] *= 1.5
    engine.block.par["demand.quality.startup_dev"][2] *= 1.5
    record = engine.run()
    assert not differs(record, 0, 1)
    assert differs(record, 0, 2)
