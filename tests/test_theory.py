"""The static lab problem: its solver, and Propositions 1 to 4 with signs and conditions over random draws.

`tests.static_lab` says how the propositions' assumptions map to the model's; each test says where it departs from them.
Proposition 5 and the channels by which controls can backfire are in `test_theory_frontier.py`.
"""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from agents import lab, portfolio
from agents.portfolio import Means, Prices
from sim.arrays import Array
from tests.static_lab import (
    NO_FLOOR,
    STEP,
    Portfolio,
    Static,
    compute_share,
    draws,
    elasticities,
    freed,
    gain,
    history,
    marginal_value,
    research,
    slope,
)  # fmt: skip


@pytest.mark.parametrize("floor", [NO_FLOOR, 0.03])
def test_solver_reaches_the_optimum_that_slsqp_finds(floor: float) -> None:
    """Objective within 1e-6 on 60 problems: the plan, quota at list prices, price rationing at the shadow price."""
    count = 20
    static = draws(count, 1, alike=False, rich=True, floor=floor)
    cut = static.free.compute * np.exp(np.random.default_rng(2).uniform(-1.5, -0.05, (1, count)))
    priced = static.rationed(cut, zeta=0.0)
    shadow = static.price * np.exp(priced.premium)
    cases = (
        (static.free, static.price, np.full_like(cut, np.inf)),
        (static.rationed(cut), static.price, cut),
        (priced, shadow, np.full_like(cut, np.inf)),
    )
    worst = 0.0
    for found, price, cap in cases:
        for place in range(count):
            best = _slsqp(static.only(place), float(price[0, place]), float(cap[0, place]))
            worst = max(worst, abs(best - float(found.objective[0, place])))
    assert worst < 1e-6


def _slsqp(one: Static, price: float, cap: float) -> float:
    """Largest objective of a single lab, over logs of (K_T, K_I, K_E1, K_E2, L_1, L_2, L_P)."""
    own, budget, wage = one.weights, one.budget.item(), one.wage.item()
    fixed = np.array([own.training.item(), own.inference.item(), 0.0, 0.0, 0.0, 0.0, own.product.item()])
    cost = np.array([price] * 4 + [wage] * 3)
    computes = np.array([1.0] * 4 + [0.0] * 3)

    def minus_objective(x: Array) -> float:
        inputs = research(one.tech, x[2:4].reshape(2, 1, 1), x[4:6].reshape(2, 1, 1))
        return -float(fixed @ x + (own.direction * gain(one.tech, inputs)).sum())

    def minus_slope(x: Array) -> Array:
        ln_compute, ln_labour = x[2:4].reshape(2, 1, 1), x[4:6].reshape(2, 1, 1)
        share = compute_share(one.tech, ln_compute, ln_labour)[:, 0, 0]
        worth = marginal_value(one.tech, own, research(one.tech, ln_compute, ln_labour))[:, 0, 0]
        rise = fixed.copy()
        rise[2:4], rise[4:6] = worth * share, worth * (1.0 - share)
        return -rise

    def left(unit: Array, limit: float) -> dict[str, Any]:
        """The constraint ln limit >= ln(unit . exp(x)), with its slope."""
        return {
            "type": "ineq",
            "fun": lambda x: float(np.log(limit) - np.log(unit @ np.exp(x))),
            "jac": lambda x: -unit * np.exp(x) / (unit @ np.exp(x)),
        }

    limits = [left(cost, budget)] + ([left(computes, cap)] if np.isfinite(cap) else [])
    start = np.log(np.r_[np.full(4, min(cap, 0.5 * budget / price) / 5.0), np.full(3, 0.3 * budget / wage / 4.0)])
    for _ in range(3):
        found: Any = minimize(
            minus_objective, start, jac=minus_slope, method="SLSQP", constraints=limits, options={"ftol": 1e-15},
            bounds=[(first - 12.0, first + 6.0) for first in start],
        )  # type: ignore[call-overload]  # fmt: skip
        start = found.x
    assert min(float(limit["fun"](start)) for limit in limits) > -1e-7, "not feasible"
    return -minus_objective(start)


def test_solver_is_at_its_first_order_conditions_from_a_cold_start() -> None:
    """Each use's marginal value over its price is the same; the steps that the engine takes in entry months suffice."""
    static = draws(2_000, 3, alike=False, rich=True)
    means = Means(static.budget, static.wage, static.price)
    zeros = np.zeros_like(static.budget)
    cold = Prices(zeros - 7.0, zeros - 2.0, np.stack([zeros, zeros]), np.stack([zeros, zeros]))
    at = portfolio.plan(static.problem, means, cold, portfolio.COLD_STEPS[0])
    done = Portfolio(static, at)
    assert max(np.abs(done.now.residual).max(), np.abs(done.now.drift).max()) < 1e-9
    assert np.abs(static.price * done.compute + static.wage * done.labour - static.budget).max() < 1e-9
    cut = static.free.compute * np.exp(np.random.default_rng(4).uniform(-2.5, -0.01, zeros.shape))
    share = np.random.default_rng(5).uniform(0.0, 1.0, zeros.shape)
    tight = Portfolio(static, portfolio.rationed(static.problem, means, cut, share, at, portfolio.COLD_STEPS[1]))
    assert max(np.abs(tight.now.residual).max(), np.abs(tight.now.drift).max()) < 1e-9
    assert np.abs(np.log(tight.compute / cut)).max() < 1e-9
    assert (tight.premium > 0.0).all()


def test_envelope_a_binding_constraint_costs_what_its_shadow_price_says() -> None:
    """d objective / d ln Kcap = mu Kcap > 0 at fixed wages and list prices: all uses, two directions, the floor."""
    static = draws(300, 6, alike=False, rich=True)
    cap = static.free.compute * np.random.default_rng(7).uniform(0.2, 0.95, static.budget.shape)
    at = static.rationed(cap).at
    worth = (np.exp(at.compute) - np.exp(at.labour) * static.price / static.wage) * cap
    found = slope(lambda k: static.rationed(k).objective, cap)
    assert np.abs(found / worth - 1.0).max() < 1e-4
    assert (worth > 0.0).all()


def test_proposition_1_scarcity_tilts_research_to_the_direction_that_needs_less_compute() -> None:
    """d ln(R1/R2) / d ln(m / lambda w) = (omega2 - omega1) / (1 - h), where both have one h (beta z tiny: h = lam)."""
    static = draws(300, 8, alike=False, drag=-20.0)
    cap = static.free.compute * np.random.default_rng(9).uniform(0.2, 0.99, static.budget.shape)
    now = static.rationed(cap).now
    tilt = slope(lambda k: np.asarray(np.subtract(*static.rationed(k).at.research)), cap)
    dearer = slope(lambda k: static.rationed(k).premium, cap)
    expected = (now.share[1] - now.share[0]) / (1.0 - now.curve[0])
    assert np.abs(now.curve[1] - now.curve[0]).max() < 1e-6
    assert (dearer < 0.0).all()
    assert np.abs(tilt / dearer - expected).max() < 1e-4
    clear = np.abs(expected) > 1e-3
    rises = (tilt < 0.0)[clear]
    assert np.array_equal(rises, (now.share[1] > now.share[0])[clear])
    assert 0.2 < rises.mean() < 0.8


def test_proposition_1_general_each_direction_follows_its_own_cost() -> None:
    """(1 - h_j) d ln R_j = - omega_j d ln m - (1 - omega_j) d ln(lambda w), whatever the two h are, with the floor."""
    static = draws(300, 10, alike=False, rich=True)
    cap = static.free.compute * np.random.default_rng(11).uniform(0.2, 0.99, static.budget.shape)
    now = static.rationed(cap, zeta=0.5).now
    moved = slope(lambda k: static.rationed(k, zeta=0.5).at.research, cap)
    of_compute = slope(lambda k: static.rationed(k, zeta=0.5).at.compute, cap)
    of_labour = slope(lambda k: static.rationed(k, zeta=0.5).at.labour, cap)
    expected = -(now.share * of_compute + (1.0 - now.share) * of_labour) / (1.0 - now.curve)
    assert np.abs(moved - expected).max() < 1e-4


def test_proposition_2_research_against_scaling() -> None:
    """At given lambda w: d ln(R/K_T) / d ln m = 1 - omega / (1 - h); efficiency gains on scaling iff omega + h < 1."""
    static = draws(400, 12)
    at = static.rationed(static.free.compute * 0.7).at

    def ratio(shift: float) -> Array:
        here = at._replace(compute=at.compute + shift)
        for _ in range(80):
            now = static.problem.demands(here)
            settled = here.research - now.residual / (1.0 - now.curve)
            here = here._replace(research=settled, mix=here.mix - now.drift * now.answer)
        return np.asarray(here.research[0] - (np.log(static.weights.training) - here.compute))

    now = static.problem.demands(at)
    found = (ratio(STEP) - ratio(-STEP)) / (2.0 * STEP)
    expected = 1.0 - now.share[0] / (1.0 - now.curve[0])
    assert np.abs(found - expected).max() < 1e-4
    clear = np.abs(expected) > 1e-3
    assert np.array_equal((found > 0.0)[clear], (now.share[0] + now.curve[0] < 1.0)[clear])
    assert 0.1 < (found > 0.0).mean() < 0.9


def test_proposition_2_tighter_caps_raise_the_experiment_share_iff_inputs_are_strong_complements() -> None:
    """With staff fixed (zeta = 0, fixed wage): d ln(K_E/K_T) / d ln Kcap = psi / (1 - (1 - s) psi)."""
    static = draws(400, 13)
    cap = static.free.compute * np.random.default_rng(14).uniform(0.3, 1.0, static.budget.shape)
    done = static.with_lost_money(cap, 0.0)
    omega, h, s = done.now.share[0], done.now.curve[0], done.experiment_share
    rho = 1.0 - 1.0 / static.tech.substitution
    psi = h * omega + rho * (1.0 - omega)

    def ratio(k: Array) -> Array:
        held = static.with_lost_money(k, 0.0)
        return np.asarray(np.log(held.experiments.sum(axis=0) / held.training))

    found = slope(ratio, cap)
    assert np.abs(np.log(done.labour / static.free.labour)).max() < 1e-9
    assert np.abs(found - psi / (1.0 - (1.0 - s) * psi)).max() < 1e-4
    clear = np.abs(psi) > 1e-3
    condition = static.tech.substitution < 1.0 / (1.0 + h * omega / (1.0 - omega))
    assert np.array_equal((found < 0.0)[clear], condition[clear])
    assert 0.1 < condition.mean() < 0.9


def test_proposition_3_the_first_tightening_raises_research_iff_zeta_e_exceeds_its_threshold() -> None:
    """Iff zeta e > s / (1 - rho (1 - s)); h drops out. Both cases occur often in the draws."""
    static = draws(600, 15)
    chance = np.random.default_rng(16)
    supply = np.exp(chance.uniform(np.log(0.2), np.log(40.0), static.budget.shape))
    zeta = chance.uniform(0.3, 1.0, static.budget.shape)
    cap, s = static.free.compute, static.free.experiment_share
    raised = elasticities(lambda k: static.with_lost_money(k, zeta, supply), cap).research < 0.0
    rho = 1.0 - 1.0 / static.tech.substitution
    margin = zeta * supply / (1.0 + supply) - s / (1.0 - rho * (1.0 - s))
    clear = np.abs(margin) > 1e-3
    assert np.array_equal(raised[clear], (margin > 0.0)[clear])
    assert 0.1 < (margin > 0.0).mean() < 0.9


@pytest.mark.parametrize("zeta", [0.0, 0.5])
def test_proposition_3_holds_under_the_models_rationing_with_the_money_it_frees(zeta: float) -> None:
    """Price rationing (0) and quota with fungibility .5: the same threshold, with `freed` in the place of zeta.

    Freed money is zeta + (1 - zeta)(1 + d ln P / d ln K): the shadow price eats what the list price would have left.
    """
    static = draws(300, 17)
    chance = np.random.default_rng(18)
    supply = np.exp(chance.uniform(np.log(0.5), np.log(60.0), static.budget.shape))
    e, cap, s = supply / (1.0 + supply), static.free.compute, static.free.experiment_share
    found = elasticities(lambda k: static.with_priced_compute(k, supply, zeta), cap)
    rho = 1.0 - 1.0 / static.tech.substitution
    margin = freed(static, found, e) * e - s / (1.0 - rho * (1.0 - s))
    clear = np.abs(margin) > 1e-3
    assert np.array_equal((found.research < 0.0)[clear], (margin > 0.0)[clear])


def test_proposition_3_price_rationing_frees_no_money_at_unit_elasticity() -> None:
    """Price rationing is zeta = 0 exactly where sigma = 1 and the marginal value of research is constant (h = 0).

    Then the threshold is never met: the first tightening lowers research by omega times the fall of compute. With
    sigma <= 1 and any h the money freed is not positive; substitutes free some, but in no draw enough: were R to rise,
    so would its marginal value and with it the price of labour in utils, and research would cost more on both sides.
    """
    flat = draws(200, 19, sigma=1.0, drag=25.0)
    supply = np.full_like(flat.budget, 3.0)
    found = elasticities(lambda k: flat.with_priced_compute(k, supply), flat.free.compute)
    assert np.abs(freed(flat, found, supply / (1.0 + supply))).max() < 1e-5
    assert np.abs(found.research - flat.free.now.share[0]).max() < 1e-5

    static = draws(300, 20)
    supply = np.full_like(static.budget, 50.0)
    found = elasticities(lambda k: static.with_priced_compute(k, supply), static.free.compute)
    released = freed(static, found, supply / (1.0 + supply))
    complements = static.tech.substitution <= 1.0
    assert (released[complements] < 1e-6).all()
    assert (found.research > 0.0).all(), "a price-taking lab that pays its shadow price never does more research"
    assert (released[static.tech.substitution > 1.8] > 0.0).any()


def test_proposition_4_mild_controls_can_raise_research_and_severe_ones_lower_it() -> None:
    """Cobb-Douglas, h = 0: R(f) peaks at b [(1 - phi) + zeta phi] / (zeta phi [b + (1 - b) e]).

    Holds with inference and product staff. phi is the compute share of spending in the plan. Where the peak lies above
    1 no control raises research.
    """
    static = draws(80, 21, rich=True, sigma=1.0, drag=25.0, floor=NO_FLOOR)
    chance = np.random.default_rng(22)
    supply = np.exp(chance.uniform(np.log(0.5), np.log(60.0), static.budget.shape))
    zeta = chance.uniform(0.5, 1.0, static.budget.shape)
    free, e, b = static.free, supply / (1.0 + supply), static.tech.compute_share[0]
    phi = static.price * free.compute / static.budget
    peak = b * ((1.0 - phi) + zeta * phi) / (zeta * phi * (b + (1.0 - b) * e))
    grid = np.linspace(0.02, 1.0, 197)
    found = np.stack([static.with_lost_money(free.compute * f, zeta, supply).at.research[0, 0] for f in grid])
    assert np.abs(grid[found.argmax(axis=0)] - np.minimum(peak[0], 1.0)).max() < 0.02
    assert 0.1 < (peak < 1.0).mean() < 0.9
    severe = static.with_lost_money(free.compute * np.exp(-18.0), zeta, supply).at.research[0, 0]
    assert (severe < found[-1]).all(), "severe controls always lower research"


@pytest.mark.parametrize(("sigma", "sign"), [(0.4, -1.0), (2.58, 1.0)])
def test_rationing_by_price_decides_the_sign_of_effort_with_sigma(sigma: float, sign: float) -> None:
    """Compute halves: under price rationing research staff fall at sigma .4 and rise at 2.58; under quota always rise.

    Weights are those of the labs of the record; wages fixed (the referee's note E3: regime and sigma decide the sign).
    """
    engine = history(24, f"world.research.elasticity_compute_labour={sigma}")
    present = engine.entered > 0.0
    terms, state = engine.terms, engine.labs
    rent = lab.list_rent(engine.block.par, engine.month) + np.zeros_like(state.budget)
    static = Static(terms.technology, terms.weights, state.budget, state.wage[:, engine.block.labs.bloc], rent)
    half = 0.5 * static.free.compute
    staff = {zeta: static.rationed(half, zeta=zeta).researchers.sum(axis=0) for zeta in (0.0, 1.0)}
    before = static.free.researchers.sum(axis=0)
    assert (sign * np.log(staff[0.0] / before)[:, present] > 0.0).all()
    assert (np.log(staff[1.0] / before)[:, present] > 0.0).all()


def test_at_the_base_point_the_observed_shares_come_out() -> None:
    """R = 1, a = 0: final runs, inference, efficiency research and product staff have the shares of the record."""
    engine = history(0)
    par, world, state = engine.block.par, engine.block.labs, engine.labs
    tech = lab.technology(par, np.zeros_like(state.algorithm), np.ones((1, 1)))
    terms = lab.lab_terms(par, world, 0, tech)
    level = np.zeros_like(state.budget)
    none = np.zeros((2, *level.shape))
    now = portfolio.Problem(tech, terms.weights).demands(Prices(level, level, none, none))
    spent, own = now.value * now.share, terms.weights
    research_compute = own.training + spent.sum(axis=0)
    share = par["research.experiment_share"]
    assert np.allclose(now.share[:, 0, 0], [par["research.compute_share_light"].item(),
                                            par["research.compute_share_scale"].item()])  # fmt: skip
    assert np.allclose(1.0 / research_compute, world.final_run_share, rtol=1e-12)
    assert np.allclose(spent.sum(axis=0) / (research_compute - 1.0), share, rtol=1e-12)
    assert np.allclose(spent[0], spent[1], rtol=1e-12)
    assert np.allclose(own.inference / now.compute, world.inference_share[0], rtol=1e-12)
    assert np.allclose(own.product / now.labour, par["research.product_staff_share"], rtol=1e-12)
    assert np.allclose(terms.compute_share, now.compute / (now.compute + now.labour), rtol=1e-12)


def test_lemma_0_the_value_of_research_is_the_exact_gain_over_the_horizon() -> None:
    """(1/beta) ln(1 + beta H theta R^lam e^(-beta a)) is what da/dt = theta R^lam e^(-beta a) adds in H months."""
    months, rate, curvature, start, input_ = 24.0, 0.04, 0.8, 0.7, 1.6
    steps = 200_000
    a = start
    for _ in range(steps):
        middle = a + 0.5 * months / steps * rate * input_ * np.exp(-curvature * a)
        a += months / steps * rate * input_ * np.exp(-curvature * middle)
    push = np.log(months * rate) - curvature * start
    value = np.log1p(curvature * np.exp(push + np.log(input_))) / curvature
    assert a - start == pytest.approx(value, rel=1e-9)
