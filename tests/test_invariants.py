"""What must hold at the end of every month holds in every preset and mode; and the checks see what is broken."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents import chip_market, portfolio
from agents.chip_market import ChipState
from agents.places import LEGAL, TARGET
from agents.portfolio import Means, Prices, Problem
from sim.arrays import Array
from sim.checks import InvariantError, advance_checked, check, remember
from sim.engine import Engine
from sim.places import preset_names
from sim.scenario import load_scenario
from sim.scenario_schema import Channels

EVERY_CHANNEL = [f"model.channels.{name}=true" for name in Channels.model_fields]
NO_CHANNEL = [f"model.channels.{name}=false" for name in Channels.model_fields]


def play_checked(engine: Engine, months: int) -> None:
    """Play months with all checks. Raises InvariantError."""
    for _ in range(months):
        advance_checked(engine)


MODES = {
    "default": [],
    "quota": ["model.rationing=quota"],
    "bertrand": ["model.pricing=bertrand"],
    "endogenous": ["model.governments=endogenous"],
    "every channel": EVERY_CHANNEL,
    "no channel": NO_CHANNEL,
    "half the chips": ["policies.dials.compute.constraint=1"],
    "nothing open": ["policies.dials.open_source.diffusion=0"],
}


@pytest.mark.parametrize("mode", MODES)
def test_every_month_of_the_timeline_holds_in_every_mode(mode: str) -> None:
    """Four prior worlds to 2026-06, past the end of the record."""
    play_checked(Engine(load_scenario("history_hold", MODES[mode]), np.arange(4)), 54)


@pytest.mark.slow
@pytest.mark.parametrize("preset", preset_names())
def test_every_month_of_every_preset_holds(preset: str) -> None:
    """Both arms, 24 runs, to the end of the preset."""
    scenario = load_scenario(preset)
    for arm in (scenario, scenario.counterfactual_scenario()):
        if arm is not None:
            play_checked(Engine(arm, np.arange(24)), arm.end + 1)


@pytest.mark.slow
def test_a_long_horizon_holds() -> None:
    """To 2040, where supply has flattened, the data limit binds and labs sit near the ceiling of ideas."""
    scenario = load_scenario("history_hold", ["end=2040-12", *EVERY_CHANNEL])
    play_checked(Engine(scenario, np.arange(32)), scenario.end + 1)


@pytest.fixture
def played() -> Engine:
    engine = Engine(load_scenario("history_hold"), np.arange(3))
    play_checked(engine, 40)
    return engine


def _chips_from_nowhere(engine: Engine) -> None:
    engine.chips.stock[1, TARGET, LEGAL] *= 1.0 + 1e-6


def _more_sold_than_made(engine: Engine) -> None:
    engine.flows.inflow[0, LEGAL] = 2.0 * engine.chips.available[0, 0]


def _shortage_without_price(engine: Engine) -> None:
    engine.chips.premium[2] = 0.0


def _share_lost(engine: Engine) -> None:
    engine.communities.share[0, 3] *= 0.999


def _sales_missing(engine: Engine) -> None:
    engine.sales.use[1] *= 1.01


def _compute_from_nowhere(engine: Engine) -> None:
    engine.labs.compute[0, 0] = 1.01 * engine.labs.capacity[0, 0]


def _use_without_end(engine: Engine) -> None:
    engine.labs.compute_share[1, 2, 0] += 0.01


def _labs_take_all(engine: Engine) -> None:
    engine.labs.capacity *= 40.0


def _unpaid_staff(engine: Engine) -> None:
    engine.labs.researchers[0] *= 50.0


def _nan(engine: Engine) -> None:
    engine.labs.capability[2, 1] = np.nan


def _negative(engine: Engine) -> None:
    engine.communities.users[0, 0] = -1.0


def _too_well_known(engine: Engine) -> None:
    engine.communities.consideration[0, 0, 1] = 1.5


def _price_of_nothing(engine: Engine) -> None:
    exists = engine.shelf.exists
    engine.shelf.price[tuple(np.argwhere(~exists)[0])] = 3.0


def _free_model(engine: Engine) -> None:
    engine.shelf.price[tuple(np.argwhere(engine.shelf.exists)[0])] = 0.0


def _frontier_falls(engine: Engine) -> None:
    engine.frontiers[engine.month, 1, 0] -= 5.0


def _quality_above_one(engine: Engine) -> None:
    engine.chips.training_stock[0, TARGET, LEGAL] *= 3.0


BREAKS: dict[Callable[[Engine], None], str] = {
    _chips_from_nowhere: "chips appear or vanish",
    _more_sold_than_made: "legal and smuggled chips exceed the output",
    _shortage_without_price: "no premium",
    _share_lost: "shares of labs do not sum",
    _sales_missing: "sales do not add up",
    _compute_from_nowhere: "uses more compute than it gets",
    _use_without_end: "uses of compute",
    _labs_take_all: "more compute than their bloc",
    _unpaid_staff: "wage bill",
    _nan: "labs.capability is not finite",
    _negative: "communities.users is negative",
    _too_well_known: "communities.consideration is above 1",
    _price_of_nothing: "a price without a model",
    _free_model: "a price is not positive",
    _frontier_falls: "running maximum",
    _quality_above_one: "more training throughput than chips",
}


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__.strip("_"))
def test_the_checks_see_what_is_broken(played: Engine, damage: Callable[[Engine], None]) -> None:
    """A month that holds, then one number moved: the sentence that names it comes back, with its run."""
    before = remember(played)
    played.advance()
    assert check(played, before) == []
    damage(played)
    found = [sentence for sentence in check(played, before) if BREAKS[damage] in sentence]
    assert found, check(played, before)
    assert all(sentence.startswith("month 40: ") and "(run " in sentence for sentence in found)


def test_an_unplayed_engine_cannot_be_checked() -> None:
    engine = Engine(load_scenario("history_hold"), np.arange(1))
    with pytest.raises(ValueError, match="no month"):
        check(engine)


def test_a_broken_month_stops_the_run(played: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that makes chips out of nothing is caught in the month in which it does."""
    rule = chip_market.install_and_retire

    def generous(state: ChipState, *others: Any) -> Any:
        given = rule(state, *others)
        state.stock *= 1.001
        return given

    monkeypatch.setattr(chip_market, "install_and_retire", generous)
    with pytest.raises(InvariantError, match="month 40: chips appear or vanish") as caught:
        advance_checked(played)
    assert caught.value.problems


SHOCKS = {
    "the timeline": [],
    "chips pooled overnight, clouds closed overnight": [
        "policies.CN.chip_allocation=[{from: 2024-05, until: 2025-01-10, value: 2}, {from: 2025-06, value: 1}]",
        "policies.US.cloud_kyc=[{from: 2024-08, value: 1}]",
    ],
    "quota": ["model.rationing=quota"],
    "fabs burn and recover": [
        "policies.TW.foundry_disruption=[{from: 2023-06, until: 2023-12-20, value: 0.95}, {from: 2025-03, value: 0.9}]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("shock", SHOCKS)
def test_labs_are_at_their_first_order_conditions_every_month(shock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixed number of Newton steps suffices in every month, from last month's prices: errors below 1e-9."""
    plan, rationed = portfolio.plan, portfolio.rationed
    errors: list[Array] = []

    def noted_plan(problem: Problem, means: Means, *others: Any) -> Prices:
        at = plan(problem, means, *others)
        now = problem.demands(at)
        money = np.log((now.compute + now.labour) * means.wage / means.budget) - at.labour
        errors.append(np.stack([money, *now.residual, *now.drift]))
        return at

    def noted_rationed(problem: Problem, means: Means, capacity: Array, share: Array, *others: Any) -> Prices:
        at = rationed(problem, means, capacity, share, *others)
        now = problem.demands(at)
        listed = np.exp(at.labour - at.compute) * means.price / means.wage
        paid = (share * listed + 1.0 - share) * now.compute + now.labour
        money = np.log(paid * means.wage / means.budget) - at.labour
        errors.append(np.stack([money, np.log(now.compute / capacity) - at.compute, *now.residual, *now.drift]))
        return at

    monkeypatch.setattr(portfolio, "plan", noted_plan)
    monkeypatch.setattr(portfolio, "rationed", noted_rationed)
    engine = Engine(load_scenario("history_hold", SHOCKS[shock]), np.arange(32))
    for month in range(54):
        engine.advance()
        present = engine.entered > 0.0
        worst = max(float(np.abs(error[..., present]).max()) for error in errors)
        assert worst < 1e-9, f"month {month}: {worst:.1e}"
        errors.clear()
