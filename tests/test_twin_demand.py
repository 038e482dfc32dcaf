"""Rules of releases, prices, choice, money and governments: the arrays against the twin over random states."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import government, pricing, release, settlement
from sim.data import Table, load_tables
from sim.engine import Engine
from sim.lags import gap_months
from tests.twin import government as one_government
from tests.twin import market as one_market
from tests.twin import release as one_release
from tests.twin import review
from tests.twin.build import cut_tables, twin_inputs
from tests.twin.compare import demand_fields, lab_fields, shelf_fields
from tests.twin.draws import agree, box, of_run, parameters
from tests.twin.mirror import shuffle_demand, shuffle_labs, shuffle_shelf
from tests.twin.model import TwinModel
from tests.twin.worlds import COMMUNITIES, EVERY_CHANNEL, RECORDED, scenario_of

RUNS = 2
LABS = ("OpenAI", "Meta", "AlibabaQwen", "FringeOther")
TABLES = load_tables()
SETTLED = ("revenue", "spend_share", "usual_share", "available", "ecosystem", "open_use", "awareness", "deviation",
           "aspiration", "shortfall", "share", "spend", "users", "considers")  # fmt: skip
BERTRAND = "model: {pricing: bertrand}\n"
OPEN_POLICY = """
policies:
  dials: {open_source.diffusion: 0.35}
  US:
    model_access.closed_models_abroad: [{from: 2022-01-01, value: 1}]
  CN:
    open_restriction: [{from: 2022-01-01, value: -3}]
    model_ban.hobby_research: [{from: 2022-01-01, value: 1, against: US}]
"""
PROMOTED = """
policies:
  dials: {export_controls.strictness: 0.3, open_source.diffusion: 0.7}
"""


def worlds(tmp_path: Path, *parts: str) -> tuple[Engine, list[TwinModel]]:
    """Twenty months of a small prior world, played both ways; its record of supply ends in month 17."""
    scenario = scenario_of(tmp_path, RECORDED.format(base="prior"), EVERY_CHANNEL, *parts)
    supply = Table("world_supply", TABLES.world_supply.rows[:18])
    tables = replace(cut_tables(TABLES, LABS, COMMUNITIES), world_supply=supply)
    engine = Engine(scenario, np.arange(RUNS), tables)
    twins = [TwinModel(twin_inputs(scenario, tables, run)) for run in range(RUNS)]
    for _ in range(20):
        engine.advance()
        for twin in twins:
            twin.step()
    return engine, twins


def same(fields: Any, names: tuple[str, ...]) -> None:
    """Require that the named fields agree."""
    compared = 0
    for name, array, value, size in fields:
        if name.split(".")[0] in names:
            compared += 1
            assert abs(float(array) - value) <= 1e-9 * max(abs(value), abs(float(array)), size), (name, array, value)
    assert compared


@pytest.mark.parametrize("parts", [(), (BERTRAND,), (OPEN_POLICY,), (PROMOTED,)],
                         ids=["limit pricing", "Bertrand", "closed borders", "open promoted"])  # fmt: skip
def test_market_of_a_random_state(tmp_path: Path, parts: tuple[str, ...]) -> None:
    """Choice, use, money and funding; then the value of every stance; then prices."""
    chance = np.random.default_rng(21)
    engine, twins = worlds(tmp_path, *parts)
    for shuffle in (shuffle_labs, shuffle_shelf, shuffle_demand):
        shuffle(engine, twins, chance)
    engine.month += 1
    engine.place_rules = engine.block.rulebook.places(engine.month, engine.governments.banned)
    engine._lags()
    engine._choice()
    for run, twin in enumerate(twins):
        twin.rules = twin.rules_now()
        for step in (twin.measure, twin.notice, twin.choose, twin.settle, twin.fund_next):
            step()
        same(lab_fields(engine, run, twin), SETTLED)
        same(demand_fields(engine, run, twin), SETTLED)
        twin.month += 1
    shuffle_labs(engine, twins, chance)
    check_stances(engine, twins)
    check_prices(engine, twins, chance)


def check_stances(engine: Engine, twins: list[TwinModel]) -> None:
    """The value of the three stances of every lab; what is not allowed is marked so by both."""
    block, state = engine.block, engine.labs
    rules = block.rulebook.publication(engine.month + 1)
    serving = settlement.serving_capacity(state, block.labs, engine.handoff)
    assert engine.market is not None
    rivals = release.see_rivals(engine.shelf)
    setting = release.Setting(rivals, engine.market, rules, serving, engine._markup())
    for i in range(len(LABS)):
        values = release.stance_values(state, block.par, block.labs, setting, i)
        for run, twin in enumerate(twins):
            twin.rules = twin.rules_now()
            maker = twin.labs[i]
            own = review.stance_values(maker, twin.communities, twin.setting(maker), twin.price_coefficient())
            for k, stance in enumerate(one_release.STANCES):
                if stance in own:
                    agree(values[run, k], own[stance], scale=1.0)
                else:
                    assert values[run, k] == release.FORBIDDEN


def check_prices(engine: Engine, twins: list[TwinModel], chance: np.random.Generator) -> None:
    """Prices after a month, of models that have one and of some that do not yet."""
    shelf, par = engine.shelf, engine.block.par
    unpriced = chance.uniform(size=shelf.price.shape) < 0.3
    shelf.price = np.where(unpriced, np.nan, shelf.price)
    for run, twin in enumerate(twins):
        for i, x in enumerate(twin.labs):
            for place, model in x.models.items():
                model.price = float(shelf.price[run, i, *place])
    month = engine.month + 1
    rent = par["compute.rental_price"] * (1.0 - par["compute.price_decline"]) ** (month / 12.0)
    fresh = ~shelf.exists | np.isnan(shelf.price)
    pricing.reprice(shelf, par, rent, engine.labs.premium, engine._markup(), fresh)
    for run, twin in enumerate(twins):
        twin.price()
        for i, x in enumerate(twin.labs):
            same(shelf_fields(engine, run, i, x), ("exists", "price", "model"))


def test_decisions_on_stances() -> None:
    chance = np.random.default_rng(31)
    runs = 300
    values, luck = chance.uniform(-0.2, 1.2, (runs, 3)), chance.normal(size=(runs, 1))
    values[chance.uniform(size=values.shape) < 0.2] = release.FORBIDDEN
    values[:, 0] = chance.uniform(-0.2, 1.2, runs)
    present = chance.integers(0, 3, (runs, 1)).astype(np.float64)
    par = {name: chance.uniform(0.0, 0.2, (runs, 1)) for name in ("release.noise", "release.hysteresis")}
    taken = release.decide(par, present, values, luck)
    for run in range(runs):
        p = of_run(par, run)
        own = {s: float(x) for s, x in zip(one_release.STANCES, values[run], strict=True) if x > release.FORBIDDEN}
        noise = p["release.noise"] * float(luck[run, 0])
        stance, _ = one_release.choose_stance(
            one_release.STANCES[int(present[run, 0])], own, noise, p["release.hysteresis"]
        )
        assert one_release.STANCES[int(taken[run, 0])] == stance


def test_waits_between_releases_and_reviews() -> None:
    chance = np.random.default_rng(32)
    runs = 300
    par = parameters(TABLES, chance, runs)
    luck, content = chance.uniform(size=(runs, 1)), chance.uniform(0.0, 1.0, (runs, 1))
    months = release.next_interval(par, luck, content)
    for run in range(runs):
        p = of_run(par, run)
        wait = one_release.wait_until_release(float(luck[run, 0]), float(content[run, 0]), p)
        assert months[run, 0] == wait
        for month in range(1, 20):
            due = bool(release.review_month(par, month, 3)[run, 0])
            assert due == one_release.is_review(month, 3, p["release.review_interval"])


def test_markup_of_a_bertrand_firm_and_tokens_per_chip() -> None:
    chance = np.random.default_rng(33)
    par = parameters(TABLES, chance, 100)
    share, weight = chance.uniform(0.0, 0.9, (100, 1)), chance.uniform(0.0, 3.0, (100, 1))
    know, run_size = chance.uniform(-1.0, 8.0, (100, 1)), chance.uniform(4.0, 14.0, (100, 1))
    small = chance.integers(0, 2, (100, 1)).astype(np.float64)
    markup = pricing.bertrand_markup(par, share, weight)
    tokens = pricing.tokens_per_chip(par, know, run_size, small)
    for run in range(100):
        p = of_run(par, run)
        agree(markup[run, 0], one_market.bertrand_price(1.0, 0.0, float(weight[run, 0]), float(share[run, 0]),
                                                        p["pricing.markup_cap"]))  # fmt: skip
        size = float(np.exp(run_size[run, 0]))
        own = one_market.tokens_per_month(float(know[run, 0]), size, p, bool(small[run, 0]))
        agree(tokens[run, 0], own)


def test_governments_see_and_decide() -> None:
    chance = np.random.default_rng(34)
    runs, count = 200, 10
    par = parameters(TABLES, chance, runs)
    state = box(
        hawkishness=chance.uniform(-1.0, 1.0, (runs, count)), perceived_gap=np.zeros((runs, count)),
        denial=chance.uniform(0.0, 1.0, (runs, 1)), subsidy=np.full((runs, 1), np.nan),
        banned=chance.integers(0, 2, (runs, count)).astype(np.float64),
    )  # fmt: skip
    before = box(hawkishness=state.hawkishness.copy(), denial=state.denial.copy(), banned=state.banned.copy())
    signals = box(gap=chance.uniform(-5, 30, (runs, 1)), premium=chance.uniform(0, 3, (runs, 1)),
                  revenue_lost=chance.uniform(0, 3e4, (runs, 1)))  # fmt: skip
    luck = box(politics=chance.normal(size=(runs, count)), perception=chance.normal(size=(runs, count)),
               decision=chance.uniform(0.0, 0.3, (runs, count)))  # fmt: skip
    government.govern(state, par, signals, luck)
    for run in range(runs):
        p = of_run(par, run)
        active = p["structure.endogenous"] > 0.0
        will = [one_government.hawkishness(float(y), float(z), p)
                for y, z in zip(before.hawkishness[run], luck.politics[run], strict=True)]  # fmt: skip
        seen = [float(signals.gap[run, 0]) + p["gov.perception_noise"] * float(z) for z in luck.perception[run]]
        agree(state.hawkishness[run], will, scale=1.0)
        agree(state.perceived_gap[run], seen, scale=1.0)
        decides = [active and x < p["gov.decision_rate"] for x in luck.decision[run]]
        denial = float(before.denial[run, 0])
        if decides[0]:
            denial = one_government.next_denial(denial, seen[0], will[0], float(signals.revenue_lost[run, 0]), p)
        agree(state.denial[run, 0], denial)
        subsidy = one_government.next_subsidy(float(signals.premium[run, 0]), seen[1], p)
        agree(state.subsidy[run, 0], subsidy if decides[1] else np.nan)
        bans = [k > 1 and active and one_government.next_ban(bool(x), y, p)
                for k, (x, y) in enumerate(zip(before.banned[run], will, strict=True))]  # fmt: skip
        assert [bool(x) for x in state.banned[run]] == bans


def test_lag_between_two_frontiers() -> None:
    chance = np.random.default_rng(35)
    months, runs = 30, 200
    steps = chance.uniform(0.0, 2.0, (2, months, runs)) * (chance.uniform(size=(2, months, runs)) < 0.4)
    start = chance.uniform(95.0, 110.0, (2, 1, runs))
    leader, follower = start + np.cumsum(steps, axis=1)
    follower[:5, ::7] = -np.inf
    follower[:, ::31] = -np.inf
    growth = chance.uniform(3.0, 12.0, runs)
    lag = gap_months(leader, follower, growth)
    for run in range(runs):
        ahead, behind = ([float(x) for x in path[:, run]] for path in (leader, follower))
        own = one_government.gap_months(ahead, behind, float(growth[run]))
        agree(lag[run], 0.0 if np.isnan(own) else own, scale=1.0)
