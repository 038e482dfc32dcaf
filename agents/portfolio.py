"""The lab's problem: how much to train, serve, experiment and hire, with and without enough compute.

Specification: docs/model.md, sections 7 and 8. The problem is concave, so the first-order conditions pin the optimum.
It is solved in its dual form, in logs, by Newton's method with a fixed number of steps: on the price of labour alone
for the unconstrained plan, on the prices of compute and labour for the rationed portfolio; the two research
conditions are eliminated within the same step. Prices are in utils: m of compute, exp(v) of labour. Arrays are
(runs, labs); those of the two research directions (compute-light, scale-dependent) have them as a leading axis of 2.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.arrays import Array, Flags

COLD_STEPS = (12, 14)
"""Newton steps of the plan and of the rationed problem in months with an entry."""
WARM_STEPS = (5, 6)
"""The same in other months, when last month's solution is near."""
SIGMA_GAP = 1e-11
"""Distance from sigma = 1 at which the cost function takes its geometric limit (error below 1e-10)."""
LARGEST_STEP = 1.0
LARGEST_RESEARCH_STEP = 10.0


@dataclass(frozen=True)
class Technology:
    """Research technology; arrays broadcast to (runs, labs), pairs to (2, runs, labs).

    `compute_share` b_j, `substitution` sigma, `floor` o, `exponent` lambda, `curvature` beta,
    `ln_compute_unit` ln(K0 tau^varpi), `ln_labour_unit` ln L0, `ln_push` ln(H theta_j exp(-beta a_j) ceil_j).
    """

    compute_share: Array
    substitution: Array
    floor: Array
    exponent: Array
    curvature: Array
    ln_compute_unit: Array
    ln_labour_unit: Array
    ln_push: Array


@dataclass(frozen=True)
class Weights:
    """What a lab values, in units of ln compute of the final run; (runs, labs), `direction` (2, runs, labs).

    `training` is 1 plus the exploration that a larger run needs in proportion.
    """

    training: Array
    inference: Array
    product: Array
    direction: Array


@dataclass(frozen=True)
class Means:
    """What a lab has: `budget` (M$ a month), `wage` (M$ per FTE-month), `price` (M$ per H100e-month); (runs, labs)."""

    budget: Array
    wage: Array
    price: Array


class Prices(NamedTuple):
    """Logs of the shadow prices of compute and labour, (runs, labs); of the composites and input ratios, (2, ...).

    `mix`: ln k_j - ln l_j, experiment compute per researcher in base units.
    """

    compute: Array
    labour: Array
    research: Array
    mix: Array


class Demands(NamedTuple):
    """Expenditures in utils at given prices, and what a Newton step needs; first two (runs, labs), others (2, ...).

    `value` eta, `share` omega, `curve` h, `residual` of R c = eta(R) in logs, `tilt` d omega / d ln m, `drift` the
    residual of the input ratio, `answer` its response to ln m.
    """

    compute: Array
    labour: Array
    value: Array
    share: Array
    curve: Array
    residual: Array
    tilt: Array
    drift: Array
    answer: Array


class Uses(NamedTuple):
    """Expenditures in utils at given prices; first two (runs, labs), others by direction, (2, ...).

    `value` eta, `share` omega, `spent` and `staffed` eta by input; then what `Problem.demands` goes on with.
    """

    compute: Array
    labour: Array
    value: Array
    share: Array
    spent: Array
    staffed: Array
    rise: Array
    nest_share: Array
    drag: Array


class Problem:
    """A month's problem with everything that does not depend on prices worked out."""

    def __init__(self, tech: Technology, weights: Weights) -> None:
        """Prepare constants; see `demands` for their use."""
        wide = np.zeros(tech.ln_push.shape[1:])  # arrays of full width are multiplied faster than one number a run
        rho = 1.0 - 1.0 / tech.substitution
        self.rho = np.where(np.abs(rho) < SIGMA_GAP, SIGMA_GAP, rho) + wide
        self.floor = tech.floor + wide
        self.outer = 1.0 - 2.0 * self.floor
        self.inner = (tech.compute_share - self.floor) / self.outer
        self.bend, self.slack = self.outer * self.rho, self.outer / self.rho
        self.compute_unit, self.labour_unit = tech.ln_compute_unit, tech.ln_labour_unit
        self.exponent, self.curvature, self.ln_push = tech.exponent + wide, tech.curvature + wide, tech.ln_push
        self.scale = weights.direction * tech.exponent
        self.fixed_compute = weights.training + weights.inference
        self.weights = weights

    def uses(self, at: Prices) -> Uses:
        """Return expenditures NK and NL, and per direction eta and omega."""
        rise = self.inner * np.expm1(np.clip(self.rho * at.mix, -500.0, 500.0))
        nest_share = (self.inner + rise) / (1.0 + rise)
        share = self.floor + self.outer * nest_share
        z = np.exp(self.ln_push + self.exponent * at.research)
        drag = 1.0 + self.curvature * z
        value = np.maximum(self.scale * z / drag, 1e-290)
        spent = value * share
        staffed = value - spent
        compute = self.fixed_compute + spent[0] + spent[1]
        labour = self.weights.product + staffed[0] + staffed[1]
        return Uses(compute, labour, value, share, spent, staffed, rise, nest_share, drag)

    def demands(self, at: Prices) -> Demands:
        """Return expenditures NK and NL, and per direction eta, omega, h, the residuals and their responses.

        The compute share of a direction's cost is omega = o + (1 - 2o) omega_c(q) at the input ratio q, and q is right
        where ln(omega/(1 - omega)) - q equals the ratio of the two factor prices (section 7).
        """
        now = self.uses(at)
        labour_price = at.labour + self.labour_unit
        dearer = at.compute + self.compute_unit - labour_price + at.mix
        ln_output = self.slack * np.log1p(now.rise) + self.floor * at.mix
        # ln(1 + exp(dearer)) - ln(value) in one logarithm that cannot overflow; NumPy's logaddexp is many times slower
        ln_cost_over_value = np.maximum(dearer, 0.0) + np.log((1.0 + np.exp(-np.abs(dearer))) / now.value)
        other_share = 1.0 - now.share
        slope = self.bend * now.nest_share * (1.0 - now.nest_share)
        answer = 1.0 / (slope / (now.share * other_share) - 1.0)
        drift = np.log(now.share / other_share) - dearer
        residual = at.research + labour_price + ln_cost_over_value - ln_output
        curve = self.exponent / now.drag
        return Demands(now.compute, now.labour, now.value, now.share, curve, residual, slope * answer, drift, answer)


def plan(problem: Problem, means: Means, start: Prices, steps: int) -> Prices:
    """Return the prices at which the lab, free to buy compute at `means.price`, spends exactly its budget.

    m = exp(v) price / wage and NK + NL = exp(v) budget / wage (docs/model.md, section 7).
    """
    ln_ratio = np.log(means.price / means.wage)
    ln_income = np.log(means.budget / means.wage)
    labour, research, mix = start.labour, start.research, start.mix
    for _ in range(steps):
        now = problem.demands(Prices(labour + ln_ratio, labour, research, mix))
        total = now.compute + now.labour
        easing = 1.0 / (1.0 - now.curve)
        pull = now.value * now.curve * easing / total
        delayed = pull * now.residual
        miss = np.log(total) - labour - ln_income
        step = (miss - delayed[0] - delayed[1]) / (1.0 + pull[0] + pull[1])
        step = np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        labour = labour + step
        research = research + np.clip(-(now.residual + step) * easing, -LARGEST_RESEARCH_STEP, LARGEST_RESEARCH_STEP)
        mix = mix + np.clip(-now.drift * now.answer, -LARGEST_RESEARCH_STEP, LARGEST_RESEARCH_STEP)
    return Prices(labour + ln_ratio, labour, research, mix)


def rationed(problem: Problem, means: Means, capacity: Array, fungibility: Array, start: Prices, steps: int) -> Prices:
    """Return the prices of a lab that uses exactly `capacity` (H100e): NK / m = capacity and the budget holds.

    `fungibility` zeta: 0 pays the shadow price for compute, 1 the list price (docs/model.md, section 8).
    """
    ln_income = np.log(means.budget / means.wage)
    ln_capacity, ln_list = np.log(capacity), np.log(means.price / means.wage)
    unlisted = 1.0 - fungibility
    compute, labour, research, mix = start
    for _ in range(steps):
        now = problem.demands(Prices(compute, labour, research, mix))
        listed = fungibility * np.exp(ln_list + labour - compute)
        priced = listed + unlisted
        spend = priced * now.compute + now.labour
        first = np.log(now.compute) - compute - ln_capacity
        second = np.log(spend) - labour - ln_income
        easing = 1.0 / (1.0 - now.curve)
        k_x, k_v, k_0, l_x, l_v, l_0 = _slopes(now, easing)
        a11, a12 = k_x / now.compute - 1.0, k_v / now.compute
        rise = listed * now.compute
        s_x = (priced * k_x - rise + l_x) / spend
        s_v = (priced * k_v + rise + l_v) / spend - 1.0
        r1 = -(first + k_0 / now.compute)
        r2 = -(second + (priced * k_0 + l_0) / spend)
        determinant = a11 * s_v - a12 * s_x
        step_x = np.clip((r1 * s_v - a12 * r2) / determinant, -LARGEST_STEP, LARGEST_STEP)
        step_v = np.clip((a11 * r2 - s_x * r1) / determinant, -LARGEST_STEP, LARGEST_STEP)
        move = -(now.residual + now.share * (step_x - step_v) + step_v) * easing
        research = research + np.clip(move, -LARGEST_RESEARCH_STEP, LARGEST_RESEARCH_STEP)
        turn = (step_x - step_v - now.drift) * now.answer
        mix = mix + np.clip(turn, -LARGEST_RESEARCH_STEP, LARGEST_RESEARCH_STEP)
        compute, labour = compute + step_x, labour + step_v
    return Prices(compute, labour, research, mix)


def _slopes(now: Demands, easing: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Derivatives of NK and NL to the two log prices, research eliminated, and their response to its residual."""
    response = now.value * now.curve * easing
    mine, turn = response * now.share, now.value * now.tilt
    whole, part, part_of_part, turned = _both(response), _both(mine), _both(mine * now.share), _both(turn)
    late, late_part, shifted = _both(response * now.residual), _both(mine * now.residual), _both(turn * now.drift)
    cross = part_of_part - part - turned
    k_x, k_v, k_0 = turned - part_of_part, cross, -late_part - shifted
    l_x, l_v, l_0 = cross, turned - whole + 2.0 * part - part_of_part, late_part - late + shifted
    return k_x, k_v, k_0, l_x, l_v, l_0


def _both(pair: Array) -> Array:
    """Sum over the two directions; two slices add faster than a sum over an axis."""
    total: Array = pair[0] + pair[1]
    return total


def choose(constrained: Flags, tight: Prices, free: Prices) -> Prices:
    """Return the rationed prices where the lab is constrained, the plan's elsewhere."""
    return Prices(*(np.where(constrained, mine, other) for mine, other in zip(tight, free, strict=True)))


class Split(NamedTuple):
    """The best portfolio as shares; compute (runs, labs, 4) over T, E1, E2, I; labour (runs, labs, 3) over E1, E2, P.

    `labour_share` (runs, labs): part of spending that goes to staff.
    """

    compute: Array
    labour: Array
    labour_share: Array


def split(problem: Problem, means: Means, at: Prices) -> Split:
    """Return the shares in which compute and researchers are used at the prices `at`."""
    now, weights = problem.uses(at), problem.weights
    compute, labour = np.empty((*now.compute.shape, 4)), np.empty((*now.labour.shape, 3))
    for place, use in enumerate((weights.training, now.spent[0], now.spent[1], weights.inference)):
        np.divide(use, now.compute, out=compute[..., place])
    for place, use in enumerate((now.staffed[0], now.staffed[1], weights.product)):
        np.divide(use, now.labour, out=labour[..., place])
    return Split(
        compute,
        labour,
        now.labour * means.wage / (np.exp(at.labour) * means.budget),
    )


def research_input(tech: Technology, compute: Array, labour: Array) -> Array:
    """Return ln R_j from experiment compute (H100e) and researchers (FTE); all (2, runs, labs).

    A constant-elasticity nest with a Cobb-Douglas floor around it (docs/model.md, section 7).
    """
    outer = 1.0 - 2.0 * tech.floor
    inner = (tech.compute_share - tech.floor) / outer
    rho = 1.0 - 1.0 / tech.substitution
    rho = np.where(np.abs(rho) < SIGMA_GAP, SIGMA_GAP, rho)
    ln_k, ln_l = np.log(compute) - tech.ln_compute_unit, np.log(labour) - tech.ln_labour_unit
    spread = np.clip(rho * (ln_k - ln_l), -500.0, 500.0)
    ln_nest = ln_l + np.log1p(inner * np.expm1(spread)) / rho
    ln_input: Array = outer * ln_nest + tech.floor * (ln_k + ln_l)
    return ln_input
