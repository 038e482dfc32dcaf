"""The lab's problem: how much to train, serve, experiment and hire, with and without enough compute.

Specification: docs/model.md, sections 7 and 8. The problem is concave, so the first-order conditions pin the optimum.
It is solved in its dual form, in logs, by Newton's method with a fixed number of steps: on the price of labour alone
for the unconstrained plan, on the prices of compute and labour for the rationed portfolio; the two research
conditions are eliminated within the same step. Prices are in utils: m of compute, exp(v) of labour.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.arrays import Array, Flags

DIRECTIONS = (0, 1)
"""Compute-light and scale-dependent efficiency research."""
PLAN_STEPS = 12
RATIONED_STEPS = 14
SIGMA_GAP = 1e-11
"""Distance from sigma = 1 at which the cost function takes its geometric limit (error below 1e-10)."""


@dataclass(frozen=True)
class Technology:
    """Research technology; every array broadcasts to (runs, labs), pairs are (compute-light, scale-dependent).

    `compute_share` b_j, `substitution` sigma, `floor` o, `exponent` lambda, `curvature` beta,
    `ln_compute_unit` ln(K0 tau^varpi), `ln_labour_unit` ln L0, `ln_push` ln(H theta_j exp(-beta a_j) ceil_j).
    """

    compute_share: tuple[Array, Array]
    substitution: Array
    floor: Array
    exponent: Array
    curvature: Array
    ln_compute_unit: Array
    ln_labour_unit: Array
    ln_push: tuple[Array, Array]


@dataclass(frozen=True)
class Weights:
    """What a lab values, in units of ln compute of the final run; arrays (runs, labs).

    `training` is 1 plus the exploration that a larger run needs in proportion.
    """

    training: Array
    inference: Array
    product: Array
    direction: tuple[Array, Array]


@dataclass(frozen=True)
class Means:
    """What a lab has: `budget` (M$ a month), `wage` (M$ per FTE-month), `price` (M$ per H100e-month); (runs, labs)."""

    budget: Array
    wage: Array
    price: Array


class Prices(NamedTuple):
    """Logs of the shadow prices of compute and labour, and of the two research composites; (runs, labs) each."""

    compute: Array
    labour: Array
    research: tuple[Array, Array]


class Demands(NamedTuple):
    """Expenditures in utils at given prices, and the derivatives that a Newton step needs; (runs, labs) each."""

    compute: Array
    labour: Array
    value: tuple[Array, Array]
    share: tuple[Array, Array]
    curve: tuple[Array, Array]
    residual: tuple[Array, Array]
    tilt: tuple[Array, Array]


def demands(tech: Technology, weights: Weights, at: Prices) -> Demands:
    """Return the expenditures NK and NL, and per direction eta, omega, h, the residual of R c = eta(R) and d omega/dx."""
    gap = 1.0 - tech.substitution
    gap = np.where(np.abs(gap) < SIGMA_GAP, SIGMA_GAP, gap)
    value, share, curve, residual, tilt = [], [], [], [], []
    ln_unit_compute, ln_unit_labour = at.compute + tech.ln_compute_unit, at.labour + tech.ln_labour_unit
    outer = 1.0 - 2.0 * tech.floor
    constant = outer * np.log(outer) + 2.0 * tech.floor * np.log(tech.floor)
    for j in DIRECTIONS:
        inner = (tech.compute_share[j] - tech.floor) / outer
        labour_side = ln_unit_labour - np.log1p(-inner)
        spread = np.clip(gap * (ln_unit_compute - np.log(inner) - labour_side), -500.0, 500.0)
        weight = inner * np.exp(spread)
        total = 1.0 - inner + weight
        ln_nest = labour_side + np.log1p(inner * np.expm1(spread)) / gap
        ln_cost = outer * ln_nest + tech.floor * (ln_unit_compute + ln_unit_labour) - constant
        nest_share = weight / total
        ln_z = tech.ln_push[j] + tech.exponent * at.research[j]
        drag = 1.0 + tech.curvature * np.exp(ln_z)
        ln_value = np.log(weights.direction[j] * tech.exponent) + ln_z - np.log(drag)
        value.append(np.exp(ln_value))
        share.append(tech.floor + outer * nest_share)
        curve.append(tech.exponent / drag)
        residual.append(at.research[j] + ln_cost - ln_value)
        tilt.append(outer * gap * nest_share * (1.0 - nest_share))
    compute = weights.training + weights.inference + value[0] * share[0] + value[1] * share[1]
    labour = weights.product + value[0] * (1.0 - share[0]) + value[1] * (1.0 - share[1])
    return Demands(
        compute, labour,
        (value[0], value[1]), (share[0], share[1]), (curve[0], curve[1]), (residual[0], residual[1]), (tilt[0], tilt[1]),
    )  # fmt: skip


def plan(tech: Technology, weights: Weights, means: Means, start: Prices) -> Prices:
    """Return the prices at which the lab, free to buy compute at `means.price`, spends exactly its budget.

    m = exp(v) price / wage and NK + NL = exp(v) budget / wage (docs/model.md, section 7).
    """
    ln_ratio = np.log(means.price / means.wage)
    ln_income = np.log(means.budget / means.wage)
    labour, research = start.labour, start.research
    for _ in range(PLAN_STEPS):
        now = demands(tech, weights, Prices(labour + ln_ratio, labour, research))
        total = now.compute + now.labour
        pull = [now.value[j] * now.curve[j] / (1.0 - now.curve[j]) / total for j in DIRECTIONS]
        miss = np.log(total) - labour - ln_income
        step = (miss - pull[0] * now.residual[0] - pull[1] * now.residual[1]) / (1.0 + pull[0] + pull[1])
        step = np.clip(step, -1.0, 1.0)
        labour = labour + step
        research = _research_step(research, now, step, step)
    return Prices(labour + ln_ratio, labour, research)


def rationed(
    tech: Technology, weights: Weights, means: Means, capacity: Array, fungibility: Array, start: Prices
) -> Prices:
    """Return the prices of a lab that uses exactly `capacity` (H100e): NK / m = capacity and the budget holds.

    `fungibility` zeta: 0 pays the shadow price for compute, 1 the list price (docs/model.md, section 8).
    """
    ln_income = np.log(means.budget / means.wage)
    ln_capacity, ln_list = np.log(capacity), np.log(means.price / means.wage)
    compute, labour, research = start
    for _ in range(RATIONED_STEPS):
        now = demands(tech, weights, Prices(compute, labour, research))
        listed = fungibility * np.exp(ln_list + labour - compute)
        priced = listed + 1.0 - fungibility
        spend = priced * now.compute + now.labour
        first = np.log(now.compute) - compute - ln_capacity
        second = np.log(spend) - labour - ln_income
        slopes = _slopes(now)
        k_x, k_v, k_0, l_x, l_v, l_0 = slopes
        a11, a12 = k_x / now.compute - 1.0, k_v / now.compute
        s_x = (priced * k_x - listed * now.compute + l_x) / spend
        s_v = (priced * k_v + listed * now.compute + l_v) / spend - 1.0
        r1 = -(first + k_0 / now.compute)
        r2 = -(second + (priced * k_0 + l_0) / spend)
        determinant = a11 * s_v - a12 * s_x
        step_x = np.clip((r1 * s_v - a12 * r2) / determinant, -1.0, 1.0)
        step_v = np.clip((a11 * r2 - s_x * r1) / determinant, -1.0, 1.0)
        research = _research_step(research, now, step_x, step_v)
        compute, labour = compute + step_x, labour + step_v
    return Prices(compute, labour, research)


def _slopes(now: Demands) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Derivatives of NK and NL to the two log prices, research eliminated, and their response to its residual."""
    k_x = k_v = k_0 = l_x = l_v = l_0 = np.zeros_like(now.compute)
    for j in DIRECTIONS:
        response = now.value[j] * now.curve[j] / (1.0 - now.curve[j])
        share, other = now.share[j], 1.0 - now.share[j]
        turn = now.value[j] * now.tilt[j]
        k_x = k_x - response * share * share + turn
        k_v = k_v - response * share * other - turn
        k_0 = k_0 - response * share * now.residual[j]
        l_x = l_x - response * other * share - turn
        l_v = l_v - response * other * other + turn
        l_0 = l_0 - response * other * now.residual[j]
    return k_x, k_v, k_0, l_x, l_v, l_0


def _research_step(
    research: tuple[Array, Array], now: Demands, step_x: Array, step_v: Array
) -> tuple[Array, Array]:
    """Move both research composites by the Newton step that belongs to the steps of the two prices."""
    moved = [
        research[j]
        + np.clip(
            -(now.residual[j] + now.share[j] * step_x + (1.0 - now.share[j]) * step_v) / (1.0 - now.curve[j]), -10.0, 10.0
        )
        for j in DIRECTIONS
    ]
    return moved[0], moved[1]


def choose(constrained: Flags, tight: Prices, free: Prices) -> Prices:
    """Return the rationed prices where the lab is constrained, the plan's elsewhere."""
    return Prices(
        np.where(constrained, tight.compute, free.compute),
        np.where(constrained, tight.labour, free.labour),
        (
            np.where(constrained, tight.research[0], free.research[0]),
            np.where(constrained, tight.research[1], free.research[1]),
        ),
    )


class Split(NamedTuple):
    """The best portfolio as shares; compute (runs, labs, 4) over T, E1, E2, I; labour (runs, labs, 3) over E1, E2, P.

    `labour_share` (runs, labs): part of spending that goes to staff.
    """

    compute: Array
    labour: Array
    labour_share: Array


def split(tech: Technology, weights: Weights, means: Means, at: Prices) -> Split:
    """Return the shares in which compute and researchers are used at the prices `at`."""
    now = demands(tech, weights, at)
    ones = np.ones_like(now.compute)
    use = [weights.training * ones, now.value[0] * now.share[0], now.value[1] * now.share[1], weights.inference * ones]
    staff = [now.value[0] * (1.0 - now.share[0]), now.value[1] * (1.0 - now.share[1]), weights.product * ones]
    return Split(
        np.stack(use, axis=-1) / now.compute[..., np.newaxis],
        np.stack(staff, axis=-1) / now.labour[..., np.newaxis],
        now.labour * means.wage / (np.exp(at.labour) * means.budget),
    )


def research_input(tech: Technology, direction: int, compute: Array, labour: Array) -> Array:
    """Return ln R_j of a direction from its experiment compute (H100e) and researchers (FTE); (runs, labs).

    A constant-elasticity nest with a Cobb-Douglas floor around it (docs/model.md, section 7).
    """
    outer = 1.0 - 2.0 * tech.floor
    inner = (tech.compute_share[direction] - tech.floor) / outer
    rho = 1.0 - 1.0 / tech.substitution
    rho = np.where(np.abs(rho) < SIGMA_GAP, SIGMA_GAP, rho)
    ln_k, ln_l = np.log(compute) - tech.ln_compute_unit, np.log(labour) - tech.ln_labour_unit
    spread = np.clip(rho * (ln_k - ln_l), -500.0, 500.0)
    ln_nest = ln_l + np.log1p(inner * np.expm1(spread)) / rho
    ln_input: Array = outer * ln_nest + tech.floor * (ln_k + ln_l)
    return ln_input
