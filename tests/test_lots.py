"""Runs of several cases advance together with the bits that each has alone."""

import numpy as np
import pytest

from sim.engine import Engine, Record
from sim.lots import Lot, kin
from sim.scenario import Scenario, load_scenario
from sim.setup import names_drawn

END = "2025-03"
CHANGES: dict[str, list[str]] = {
    "as written": [],
    "no controls": ["policies.dials.export_controls.strictness=0"],
    "all denied": ["policies.dials.export_controls.strictness=0.9", "policies.dials.open_source.diffusion=0.1"],
    "open and constrained": ["policies.dials.open_source.diffusion=0.9", "policies.dials.compute.constraint=0.7"],
    "another ceiling": ["export_controls.tpp_ceiling=[{from: 2023-03-01, announced: 2022-12-01, value: 1600}]"],
    "later news": ["policies.US.export_controls.hbm_control=[{from: 2024-06-01, announced: 2024-01-01, value: 1}]"],
    "a veto": ["policies.CN.purchase_veto=[{from: 2023-08-01, value: 0.4}]", "policies.CN.subsidy={value: 0.3}"],
    "a ban": ["policies.US.model_ban.enterprise_regulated=[{from: 2023-02-01, value: 1, against: CN}]"],
    "a larger ban": ["policies.US.model_ban.enterprise_regulated=[{from: 2023-02-01, value: 0.5, against: CN}]"],
    "open rules": ["policies.US.open_restriction={value: 1e25}", "policies.US.training_compute_cap={value: 5e25}"],
    "power": ["policies.CN.energy_growth={value: 0.2}", "policies.CN.chip_allocation={value: 1.5}"],
    "a fixed value": ["world.chip_market.diverted_share=0.1", "world.demand.log_price.startup_dev=1.1"],
    "a wider range": ["world.chip_market.diverted_share={min: 0.01, max: 0.3}"],
    "frozen routines": ["model.channels.portfolio_response=false", "model.channels.openness_choice=false"],
    "quota": ["model.rationing=quota", "model.channels.trust=false", "model.channels.anticipation=false"],
    "isolated": ["model.channels.spillovers=false", "model.channels.distillation=false"],
    "many channels": [
        "model.channels.slack=true", "model.channels.state_reaction=true", "model.channels.escape_competition=true",
        "model.channels.import_substitution=true", "model.channels.consideration=false",
    ],
    "peers": ["model.channels.peers=true"],
    "governments react": ["model.governments=endogenous"],
    "bertrand": ["model.pricing=bertrand"],
    "another month": ["end=2024-12"],
    "another seed": ["seed=7"],
    "a correlation": ["world.correlations=[{between: [talent.supply_elasticity, talent.wage_growth], rank: 0.5}]"],
    "a late lab": ["world.labs.DeepSeek.entry=2024-06"],
    "another event": ["world.events.reasoning_method={date: 2024-03, lab: Anthropic, gain_eci: 5}"],
    "another network": ["model.community_graph.rewiring=0.4"],
    "an older fit": ["world.fitted_to=2024-12"],
    "the prior": ["world.base=prior"],
}  # fmt: skip
APART = (
    "a ban", "a larger ban", "peers", "governments react", "bertrand", "another month", "another seed", "a correlation",
    "a late lab", "another event", "another network", "an older fit", "the prior",
)  # fmt: skip
"""Changes that cannot share a block with the scenario as written."""


def scenario(name: str) -> Scenario:
    """The main scenario, shortened and changed."""
    return load_scenario("deepseek_shock", ["outputs.at=[]", f"end={END}", *CHANGES[name]])


def one(case: Scenario, draw: int, chance: int) -> Record:
    """A run alone."""
    number = np.array([0])
    return Engine(Lot((case,), number, number + draw, number + chance)).run()


def test_cases_that_may_advance_together_are_told_from_those_that_may_not() -> None:
    written = kin(scenario("as written"))
    assert {name for name in CHANGES if kin(scenario(name)) != written} == set(APART)


@pytest.mark.slow
def test_a_run_among_other_cases_has_the_bits_that_it_has_alone() -> None:
    names = [name for name in CHANGES if name not in APART]
    cases = tuple(scenario(name) for name in names)
    case = np.arange(3 * len(cases)) % len(cases)
    draw, chance = (np.arange(len(case)) * 7) % 5, (np.arange(len(case)) * 11) % 6
    together = Engine(Lot(cases, case, draw, chance)).run()
    for row in range(len(case)):
        alone = one(cases[case[row]], int(draw[row]), int(chance[row]))
        same = np.array_equal(alone.values[0], together.values[row], equal_nan=True)
        assert same, f"'{names[case[row]]}', draw {draw[row]}, chance {chance[row]}"


@pytest.mark.parametrize("kind", [("a ban", "a larger ban"), ("governments react",) * 2, ("bertrand",) * 2])
def test_the_same_holds_for_cases_with_a_form_of_their_own(kind: tuple[str, str]) -> None:
    first, second = (scenario(name) for name in kind)
    if kind[0] == kind[1]:
        strict = "policies.dials.export_controls.strictness=0.7"
        second = load_scenario("deepseek_shock", ["outputs.at=[]", f"end={END}", *CHANGES[kind[1]], strict])
    lot = Lot((first, second), np.array([0, 1, 1, 0]), np.array([2, 2, 3, 3]), np.array([5, 5, 4, 4]))
    together = Engine(lot).run()
    for row in range(len(lot)):
        alone = one(lot.cases[lot.case[row]], int(lot.draw[row]), int(lot.chance[row]))
        assert np.array_equal(alone.values[0], together.values[row], equal_nan=True)


def test_blocks_hold_only_cases_that_may_advance_together_and_every_row_once() -> None:
    cases = tuple(scenario(name) for name in ("as written", "peers", "no controls"))
    lot = Lot(cases, np.arange(30) % 3, np.arange(30), np.arange(30))
    blocks = list(lot.blocks(7))
    assert sorted(np.concatenate(blocks).tolist()) == list(range(30))
    assert max(len(rows) for rows in blocks) == 7
    assert all(len({kin(case) for case in lot.take(rows).cases}) == 1 for rows in blocks)


def test_a_design_sets_levels_and_leaves_every_other_draw() -> None:
    case = scenario("as written")
    rows = np.arange(6)
    name = "chip_market.diverted_share"
    levels = np.linspace(0.05, 0.95, 6)[:, np.newaxis]
    free = Engine(Lot.of(case, rows)).block.drawn
    placed = Engine(Lot((case,), rows * 0, rows, rows, (name,), levels)).block.drawn
    assert np.array_equal(placed[name], case.world[name].quantile(levels))
    assert all(np.array_equal(placed[other], free[other]) for other in free if other != name)


def test_the_luck_of_labs_can_be_placed_too() -> None:
    case, rows = scenario("as written"), np.arange(2)
    names = names_drawn(case)
    assert "labs.DeepSeek.lab_effect" in names
    assert len(set(names)) == len(names) > 100
    levels = np.full((2, 1), 0.5)
    effects = [
        Engine(Lot((case,), rows * 0, rows, rows, ("labs.DeepSeek.lab_effect",), level)).block.labs.effect
        for level in (levels, levels + 0.4)
    ]
    moved = (effects[0] != effects[1]).any(axis=0)
    assert moved.sum() == 1


def test_a_design_of_all_levels_at_those_of_the_tape_gives_the_same_bits() -> None:
    case, rows = scenario("the prior"), np.arange(3)
    names = tuple(names_drawn(case))
    tape = Engine(Lot.of(case, rows)).block.tape
    levels = np.concatenate([tape.uniform(f"world/{name}", 0, rows) for name in names], axis=1)
    free = Engine(Lot.of(case, rows)).run(["token_share"])
    placed = Engine(Lot((case,), rows * 0, rows + 50, rows, names, levels)).run(["token_share"])
    assert np.array_equal(free.values, placed.values)


def test_rows_that_do_not_fit_are_refused() -> None:
    case, rows = scenario("as written"), np.arange(3)
    with pytest.raises(ValueError, match="one entry for each row"):
        Lot((case,), rows, rows, rows[:2])
    with pytest.raises(ValueError, match="shape"):
        Lot((case,), rows * 0, rows, rows, ("x",), np.full((2, 1), 0.5))
