"""Rules of the chip market: the arrays against the twin, one rule at a time, over random draws."""

import math

import numpy as np
import pytest

from agents import chip_designs, chip_market
from agents.chip_designs import Designs
from agents.controls import Thresholds
from sim.data import load_tables
from tests.twin import chip_market as one_market
from tests.twin.draws import Array, agree, box, of_run, parameters

RUNS = 60
FIELDS = ("tpp", "link", "density", "bandwidth", "h100e", "price")
TABLES = load_tables()


@pytest.fixture(params=[11, 12])
def chance(request: pytest.FixtureRequest) -> np.random.Generator:
    """A source of draws."""
    return np.random.default_rng(request.param)


def some(chance: np.random.Generator, values: list[float]) -> Array:
    """Values picked at random, (runs, 1)."""
    return chance.choice(values, (RUNS, 1))


def random_thresholds(chance: np.random.Generator) -> Thresholds:
    """Thresholds of every kind, with and without limits."""
    return Thresholds(
        some(chance, [math.inf, 4800.0, 2400.0, 1600.0, 40000.0, 0.0]), some(chance, [0.0, 0.0, 600.0, 400.0, 900.0]),
        some(chance, [math.inf, 1600.0, 800.0]), some(chance, [math.inf, 3.2, 5.92, 20.0]),
        some(chance, [math.inf, 4000.0, 1400.0, 6500.0]),
    )  # fmt: skip


def limits_of(rule: Thresholds, run: int) -> one_market.Thresholds:
    """The thresholds of one run."""
    return one_market.Thresholds(*(float(value[run, 0]) for value in rule.all()))


def flagships() -> tuple[Designs, list[one_market.Chip]]:
    """The flagships of the data, both ways."""
    rows = [row for row in TABLES.chips.rows if row["role"] == "flagship"]
    names = ("tpp", "performance_density", "interconnect_gbs", "memory_bandwidth_gbs", "h100e", "price_usd")
    tpp, density, link, bandwidth, h, price = (np.array([[float(row[name]) for row in rows]]) for name in names)
    chips = [one_market.Chip(*(float(x[0, k]) for x in (tpp, link, density, bandwidth, h, price)))
             for k in range(len(rows))]  # fmt: skip
    return Designs(tpp, density, link, bandwidth, h, price), chips


def test_what_is_blocked_and_the_design_that_passes(chance: np.random.Generator) -> None:
    wide, chips = flagships()
    rule, par = random_thresholds(chance), parameters(TABLES, chance, RUNS)
    denied = chip_designs.blocked(wide, rule)
    designs, quick = chip_designs.compliant(wide, rule, par)
    passing = chip_designs.blocked(designs, rule)
    for run in range(RUNS):
        limit, habit = limits_of(rule, run), one_market.practice(of_run(par, run))
        for k, chip in enumerate(chips):
            made = one_market.compliant_design(chip, limit, habit)
            # A ceiling of zero leaves no design that passes, unless the link is what is cut.
            nothing = limit.interconnect_floor == 0.0
            assert bool(denied[run, k]) == one_market.is_blocked(chip, limit)
            assert bool(passing[run, k]) == one_market.is_blocked(made, limit) == (limit.tpp_ceiling == 0.0 and nothing)
            here = [getattr(designs, name)[run, k] for name in FIELDS]
            agree(here, [made.tpp, made.link, made.density, made.bandwidth, made.h, made.price])
            assert bool(quick[run, k]) == one_market.only_cuts_link(chip, made)


def test_best_chip_and_what_a_dollar_buys(chance: np.random.Generator) -> None:
    wide, chips = flagships()
    on_sale = chance.uniform(size=(RUNS, len(chips))) < 0.2
    price = chance.uniform(15_000.0, 40_000.0, (RUNS, 1))
    taken = chip_designs.best([(wide, on_sale)], price)
    for run in range(RUNS):
        best = one_market.best_chip([chip for k, chip in enumerate(chips) if on_sale[run, k]])
        agree(taken.value[run, 0], one_market.compute_per_dollar(best, float(price[run, 0])))
        if best is not None:
            agree([taken.link[run, 0], taken.serving[run, 0]], [best.link, best.bandwidth / (3350.0 * best.h)])


def test_flow_of_a_route(chance: np.random.Generator) -> None:
    want, share, dollars = (chance.uniform(low, high, (RUNS, 1)) for low, high in ((1e3, 1e6), (0.1, 0.3), (0.05, 0.3)))
    value = some(chance, [0.0, 1e-4, 0.2, 1 / 3, 0.5, 0.9, 1.0])
    flow = chip_market.restricted_flow(want, share, value, dollars)
    for run in range(RUNS):
        w, v, d, a = (float(x[run, 0]) for x in (want, share, dollars, value))
        agree(flow[run, 0], one_market.route_flow(w, v, d, a), scale=w)


def test_legal_supply_and_its_quality(chance: np.random.Generator) -> None:
    par, wide, chips = parameters(TABLES, chance, RUNS), *flagships()
    u = {name: chance.uniform(0.0, 1.0, (RUNS, 1)) for name in
         ("denial", "extra_denial", "licence_share", "levy", "purchase_veto", "subsidy", "rush_chips")}  # fmt: skip
    rules = box(volume_share=some(chance, [math.inf, 0.5, 0.05, 0.0]), **u)
    share = chance.uniform(0.1, 0.3, (RUNS, 1))
    supply, scale = chance.uniform(1e4, 1e6, (RUNS, 1)), chance.uniform(0.3, 1.0, (RUNS, 1))
    support = 1.0 + par["chip_market.subsidy_strength"] * rules.subsidy
    want = box(target=share * supply * support, supply=supply * scale, scale=scale)
    state = box(value=chance.uniform(0.1, 1.0, (RUNS, 1)), supply=supply)
    price, before = chance.uniform(2e4, 4e4, (RUNS, 1)), state.value.copy()
    groups = [chance.uniform(size=(RUNS, len(chips))) < 0.15 for _ in range(2)]
    free, licensed = (chip_designs.best([(wide, group)], price) for group in groups)
    denied = chance.uniform(size=(RUNS, 1)) < 0.85
    cap, serving, training = chip_market.legal_supply(state, par, want, rules, (free, licensed, denied))
    for run in range(RUNS):
        p, r = of_run(par, run), {name: float(value[run, 0]) for name, value in u.items()}
        W, v = float(want.target[run, 0]), float(share[run, 0])
        pick = [one_market.best_chip([c for k, c in enumerate(chips) if group[run, k]]) for group in groups]
        a_free, a_licensed = (one_market.compute_per_dollar(chip, float(price[run, 0])) for chip in pick)
        a, beta_u, legal = 1.0, (1.0, 1.0), W * (1.0 - r["purchase_veto"])
        if denied[run, 0]:
            a = one_market.phase_in(float(before[run, 0]), a_free, p["chip_market.phase_in"])
            degraded = p["chip_market.degraded_dollar_share"]
            restricted = one_market.route_flow(W, v, degraded, a)
            permitted = one_market.licensed_flow(
                one_market.route_flow(W, v, degraded, a_licensed), float(rules.volume_share[run, 0]),
                float(want.supply[run, 0]), W, r["levy"],
            )  # fmt: skip
            rush = p["chip_market.anticipation"] * p["channel.anticipation"] * r["rush_chips"]
            cut = r["denial"], r["extra_denial"], r["licence_share"]
            legal = one_market.legal_cap(W, *cut, permitted, restricted, (1.0 + rush) * (1.0 - r["purchase_veto"]))
            beta_u = one_market.legal_quality(
                W, *cut, (permitted, restricted), (pick[1], pick[0]), p["chip_market.link_penalty"]
            )
        agree(state.value[run, 0], a)
        agree(cap[run, 0], legal * float(scale[run, 0]), scale=W)
        agree([serving[run, 0], training[run, 0]], beta_u)


def test_domestic_output(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    paths = {name: chance.uniform(0.0, high, 2) for name, high in
             (("foreign_dies", 2e5), ("domestic_dies", 5e4), ("memory_base", 4e5), ("memory_domestic", 1e5),
              ("dual_die_share", 1.0), ("packages_capacity", 9e4), ("other_domestic", 3e3),
              ("reference_tool_control", 1.0))}  # fmt: skip
    u = {name: chance.uniform(0.0, 1.0, (RUNS, 1)) for name in
         ("tool_control", "foundry_control", "hbm_control", "rush_memory", "subsidy")}  # fmt: skip
    state = box(die_bank=chance.uniform(0, 2e5, (RUNS, 1)), memory_bank=chance.uniform(0, 5e5, (RUNS, 1)),
                premium=chance.uniform(0, 3, (RUNS, 1)))  # fmt: skip
    start, premium = (state.die_bank.copy(), state.memory_bank.copy()), [float(x) for x in state.premium[:, 0]]
    output = chip_market.domestic_output(state, par, box(**paths), 1, box(**u))
    for run in range(RUNS):
        p, r = of_run(par, run), {name: float(value[run, 0]) for name, value in u.items()}
        x = {name: float(path[1]) for name, path in paths.items()}
        dies = float(start[0][run, 0]) + one_market.new_dies(
            x["foreign_dies"], r["foundry_control"], x["domestic_dies"], p["chip_market.tool_control_effect"],
            r["tool_control"] - x["reference_tool_control"],
        )  # fmt: skip
        rush = p["chip_market.hbm_rush"] * p["channel.anticipation"] * r["rush_memory"]
        stacks = float(start[1][run, 0]) + one_market.new_memory(
            x["memory_base"], r["hbm_control"], rush, x["memory_domestic"]
        )
        scarcity = p["channel.import_substitution"] * p["chip_market.import_substitution"] * premium[run]
        made = one_market.domestic_output(
            dies, stacks, x["packages_capacity"], x["dual_die_share"],
            one_market.capacity_pull(p["chip_market.subsidy_strength"] * r["subsidy"], scarcity),
            p, x["other_domestic"],
        )  # fmt: skip
        agree([output[run, 0], state.die_bank[run, 0], state.memory_bank[run, 0]], [made.output, made.dies, made.hbm],
              scale=1e5)  # fmt: skip


def test_clearing_premium(chance: np.random.Generator) -> None:
    u = {name: chance.uniform(low, high, (RUNS, 1)) for name, low, high in
         (("want", 1e4, 5e5), ("supply", 0.0, 5e5), ("domestic", 0.0, 2e5), ("output", 1e5, 2e6), ("third", 1e4, 4e5),
          ("elasticity", 0.2, 3.0), ("diverted", 0.0, 0.4), ("cloud", 0.0, 0.6))}  # fmt: skip
    limit = some(chance, [math.inf, 0.0, 1e4])
    legal = np.minimum(u["supply"], np.maximum(u["want"] - u["domestic"], 0.0))
    problem = chip_market.Clearing(
        u["want"], legal, u["domestic"], u["elasticity"], u["diverted"],
        np.maximum(u["output"] - u["supply"], 0.0), u["cloud"] * u["third"], limit,
    )  # fmt: skip
    premium = problem.premium()
    smuggled, rented = problem.smuggled(premium), problem.rented(premium)
    for run in range(RUNS):
        x = {name: float(value[run, 0]) for name, value in u.items()}
        alone = one_market.Clearing(x["want"], x["supply"], x["domestic"], x["output"], x["third"], x["elasticity"],
                                    x["diverted"], x["cloud"], float(limit[run, 0]))  # fmt: skip
        found = alone.premium()
        # 40 halvings of [0, 3] leave 3e-12.
        np.testing.assert_allclose(premium[run, 0], found, atol=4e-12, rtol=0.0)
        agree([smuggled[run, 0], rented[run, 0]], [alone.smuggled(found), alone.cloud(found)], scale=x["output"])
    assert (premium > 0.01).sum() > RUNS // 4


def test_desired_flows_and_world_supply(chance: np.random.Generator) -> None:
    """Months on record and after it, one after the other."""
    par = parameters(TABLES, chance, RUNS)
    world = box(main_vendor=np.array([9e5]), other=np.array([4e5]), list_price=np.array([2.3e4]), record_end=0,
                no_control_ramp=np.array([0.2, 0.6, 1.0]), reference_share=np.array([0.1, 0.05, 0.02]),
                rest_share=np.array([0.8, 0.0, 0.1, 0.1]))  # fmt: skip
    state = box(supply=None, supply_other=None, list_price=None, want=None, available=None)
    rules = box(**{name: chance.uniform(0.0, 1.0, (RUNS, 1)) for name in ("subsidy", "output_loss", "mineral_control")})
    output, other, price = [9e5] * RUNS, [4e5] * RUNS, [2.3e4] * RUNS
    for month in range(3):
        want = chip_market.desired_inflow(state, par, world, month, rules)
        for run in range(RUNS):
            p = of_run(par, run)
            r = {name: float(getattr(rules, name)[run, 0]) for name in ("subsidy", "output_loss", "mineral_control")}
            if month > 0:
                grow = p["chip_market.supply_growth"], p["chip_market.supply_growth_half_life"]
                output[run] = one_market.grow_supply(output[run], month, *grow)
                other[run] = one_market.grow_supply(other[run], month, *grow)
                price[run] *= (1.0 - p["compute.price_decline"]) ** (1.0 / 12.0)
            share = one_market.no_control_share(
                p["chip_market.no_control_share_early"], p["chip_market.no_control_share"], [0.2, 0.6, 1.0][month]
            )
            mine = share * output[run] * (1.0 + p["chip_market.subsidy_strength"] * r["subsidy"])
            left = one_market.world_output_factor(
                r["output_loss"], p["chip_market.mineral_output_loss"], r["mineral_control"]
            )
            rest = output[run] * (1.0 - [0.1, 0.05, 0.02][month]) + other[run]
            agree([state.list_price[run, 0], want.target[run, 0]], [price[run], mine])
            agree([want.supply[run, 0], want.supply_other[run, 0]], [output[run] * left, other[run] * left])
            agree(want.blocs[run], [0.8 * rest, mine, 0.1 * rest, 0.1 * rest])


def test_stocks_and_what_power_allows(chance: np.random.Generator) -> None:
    par = parameters(TABLES, chance, RUNS)
    stocks = [chance.uniform(0.0, 1e6, (RUNS, 4, 4)) for _ in range(3)]
    state = box(stock=stocks[0].copy(), training_stock=stocks[1].copy(), serving_stock=stocks[2].copy(),
                desired_stock=np.ones((RUNS, 4)), premium=None, inflow=None,
                cumulative_legal=np.zeros((RUNS, 1)), cumulative_supply=np.zeros((RUNS, 1)))  # fmt: skip
    inflow, rest = chance.uniform(0.0, 1e5, (RUNS, 4)), chance.uniform(0.0, 1e5, (RUNS, 4))
    rest[:, 1] = inflow.sum(axis=1)
    ratios = [chance.uniform(0.5, 3.0, (RUNS, 1)) for _ in range(2)]
    flows = box(inflow=inflow, blocs=rest, premium=np.ones((RUNS, 1)), serving_ratio=ratios[0],
                training_ratio=ratios[1])  # fmt: skip
    rules = box(cloud_kyc=chance.uniform(0.0, 1.0, (RUNS, 1)), energy_growth=np.array([[0.1, 0.5, 1.0, 2.0]]))
    world = box(record_end=0, energy=np.array([1.0, 3.0, 5.0, 2.0]), energy_slope=np.array([1.0, 2.0, 3.0, 4.0]))
    want = box(blocs=rest, supply=np.ones((RUNS, 1)))
    handed = chip_market.install_and_retire(state, par, world, 6, rules, want, flows)
    for run in range(RUNS):
        p, kyc = of_run(par, run), float(rules.cloud_kyc[run, 0])
        delta = p["chip_market.depreciation"]
        for b in range(4):
            sums = []
            for kind, (legal, domestic) in enumerate([
                (1.0, 1.0), (float(ratios[1][run, 0]), p["chip_market.domestic_utilisation"]),
                (float(ratios[0][run, 0]), p["chip_market.domestic_bandwidth_ratio"]),
            ]):  # fmt: skip
                flow = [float(x) for x in inflow[run]] if b == 1 else [float(rest[run, b]), 0.0, 0.0, 0.0]
                factor = (legal, 1.0, 1.0, domestic) if b == 1 else (1.0, 1.0, 1.0, 1.0)
                now = [one_market.retire_and_add(float(old), delta, x * f)
                       for old, x, f in zip(stocks[kind][run, b], flow, factor, strict=True)]  # fmt: skip
                sums.append(now[0] + now[1] + (1.0 - kyc) * now[2] + now[3])
            energy = float(world.energy[b]), float(world.energy_slope[b]), float(rules.energy_growth[0, b])
            limit = one_market.power_limit(*energy, p["chip_market.facility_kw"], p["chip_market.power_efficiency"], 6)
            agree(handed.capacity[run, b], min(sums[0], limit))
            agree([handed.quality[run, b], handed.serving[run, b]], [sums[1] / sums[0], sums[2] / sums[0]])
    assert (handed.capacity < state.stock.sum(axis=2) * 0.99).any()
