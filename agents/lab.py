"""Labs: what they have, what they plan under the compute they can get, and the staff they hire.

Specification: docs/model.md, sections 6 to 9. Arrays are (runs, labs) unless noted; money in M$ a month.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from agents import portfolio
from agents.chip_market import Handoff
from agents.places import TARGET
from agents.portfolio import Means, Prices, Problem, Split, Technology, Weights
from sim.arrays import Array, Whole, only, pick

Numbers = Mapping[str, Array]


@dataclass(frozen=True)
class LabWorld:
    """What is given about labs: places (labs,), numbers (runs, labs), paths (months, runs, labs) or (months,)."""

    names: tuple[str, ...]
    bloc: Whole
    entry: Whole
    recorded_compute: Array
    algorithmic_position: Array
    effect: Array
    complement: Array
    open_culture: Array
    final_run_share: Array
    coding_fit: Array
    brand: Array
    awareness: Array
    stance_start: Whole
    inference_share: Array
    reference_stock_target: Array
    record_end: int


@dataclass
class LabState:
    """State of labs; (runs, labs) unless noted. Before its entry a lab holds harmless numbers and acts on nothing."""

    budget: Annotated[Array, "M$/month", "what the lab can spend"]
    reference_budget: Annotated[Array, "M$/month", "the same without deviations"]
    deviation: Annotated[Array, "ln", "funding relative to the record"]
    capacity: Annotated[Array, "H100e", "training-quality compute the lab gets"]
    compute: Annotated[Array, "H100e", "compute in use"]
    distillation_compute: Annotated[Array, "H100e", "part of it set aside for distillation"]
    desired_compute: Annotated[Array, "H100e", "compute the plan would use at the reference price"]
    premium: Annotated[Array, "ln", "shadow price of compute over its list price"]
    compute_share: Annotated[Array, "share", "use of compute: training, two kinds of experiments, inference"]
    staff_share: Annotated[Array, "share", "use of researchers: two directions, product"]
    labour_share: Annotated[Array, "share", "part of spending that goes to staff"]
    researchers: Annotated[Array, "FTE", "research staff"]
    prices: Prices
    plan_prices: Prices
    wage: Annotated[Array, "M$/FTE-month", "research wage, (runs, blocs)"]
    algorithm: Annotated[Array, "ln", "own algorithmic position by direction, (runs, labs, 2)"]
    borrowed: Annotated[Array, "ln", "knowledge borrowed from others"]
    training_run: Annotated[Array, "H100e-months", "compute in the running training total"]
    ln_effective: Annotated[Array, "ln", "effective training compute, ln E"]
    ln_training: Annotated[Array, "ln", "training compute over the base run, after the data limit"]
    adopted: Annotated[Array, "month", "month in which the reasoning method was adopted; inf if not"]
    capability: Annotated[Array, "ECI", "internal capability"]
    aspiration: Annotated[Array, "ECI", "gap to foreign labs that the lab has grown used to"]
    shortfall: Annotated[Array, "share", "loss of relative position beyond what it is used to"]
    stance: Annotated[Array, "0 1 2", "closed, small open model, open flagship"]
    countdown: Annotated[Array, "months", "months to the next release"]
    capacity_share: Annotated[Array, "share", "part of its bloc's recorded stock that the lab used in the record"]

    @property
    def position(self) -> Array:
        """Own algorithmic position a1 + a2, (runs, labs)."""
        total: Array = self.algorithm[:, :, 0] + self.algorithm[:, :, 1]
        return total


@dataclass(frozen=True)
class Terms:
    """The lab's problem of one month."""

    technology: Technology
    weights: Weights
    compute_share: Array


def technology(par: Numbers, algorithm: Array, frontier_run: Array) -> Technology:
    """Return the research technology (section 7). `algorithm` (runs, labs, 2); `frontier_run` tau >= 1, (runs, 1)."""
    curvature = 2.0 * par["research.stepping_on_toes"] / par["research.returns_to_research"]
    rate = direction_rate(par)
    position = np.maximum(np.moveaxis(algorithm, 2, 0), 0.0)
    push = np.log(par["research.planning_horizon"] * rate * room_for_ideas(position)) - curvature * position
    return Technology(
        compute_share=np.stack([par["research.compute_share_light"], par["research.compute_share_scale"]]),
        substitution=par["research.elasticity_compute_labour"],
        floor=par["research.share_floor"],
        exponent=par["research.stepping_on_toes"],
        curvature=curvature,
        ln_compute_unit=np.log(par["research.base_compute"])
        + par["research.frontier_experiment_exponent"] * np.log(frontier_run),
        ln_labour_unit=np.log(par["research.base_researchers"]),
        ln_push=push,
    )


def room_for_ideas(position: Array) -> Array:
    """Return the factor that stops progress at the physical limit of 40 ln units a direction (section 7)."""
    room: Array = np.maximum(1.0 - np.square(np.square(position / 40.0)), 1e-12)
    return room


def direction_rate(par: Numbers) -> Array:
    """Return theta_j, ln units a month: half of total progress, tied to observed frontier growth (section 7)."""
    per_oom = par["capability.eci_per_oom"]

    def implied(k: Array | float) -> Array:
        growth: Array = np.maximum(0.05, par["capability.anchor_growth"] / k - 0.65)
        return growth

    rate: Array = 0.5 * par["research.progress_rate"] * implied(per_oom) / implied(7.5)
    return rate


def lab_terms(par: Numbers, world: LabWorld, month: int, tech: Technology) -> Terms:
    """Return the weights that make observed shares come out at the base point, and the base compute share."""
    final, serve = world.final_run_share, world.inference_share[month]
    base_z = par["research.planning_horizon"] * direction_rate(par)
    base_value = par["research.stepping_on_toes"] * base_z / (1.0 + tech.curvature * base_z)
    explored = (1.0 - final) / final
    efficiency = par["research.experiment_share"] * explored
    direction = 0.5 * efficiency / (tech.compute_share * base_value)
    staff = (direction * base_value * (1.0 - tech.compute_share)).sum(axis=0)
    product = par["research.product_staff_share"]
    weight_product = product / (1.0 - product) * staff
    weight_inference = serve / (1.0 - serve) / final
    compute = 1.0 / final + weight_inference
    share = compute / (compute + weight_product + staff)
    training = 1.0 + explored - efficiency
    return Terms(tech, Weights(training, weight_inference, weight_product, direction), share)


def fund_labs(
    state: LabState, par: Numbers, world: LabWorld, month: int, chips: Handoff, terms: Terms, subsidy: Array
) -> None:
    """Set budgets from the record, desired stocks and deviations (section 6). `subsidy` (runs or 1, blocs)."""
    reference = reference_share(state, world, month, chips)
    desired = reference * pick(chips.desired, world.bloc)
    state.reference_budget = list_rent(par, month) * desired / terms.compute_share
    support = 1.0 + par["budget.subsidy_strength"] * pick(subsidy, world.bloc)
    state.budget = state.reference_budget * np.exp(state.deviation) * support


def list_rent(par: Numbers, month: int) -> Array:
    """Return the list rental price of compute, M$ per H100e-month, (runs, 1)."""
    rent: Array = par["compute.rental_price"] * np.exp(np.log1p(-par["compute.price_decline"]) * (month / 12.0))
    return rent


def reference_share(state: LabState, world: LabWorld, month: int, chips: Handoff) -> Array:
    """Return the share of its bloc's stock that each lab held in the record; frozen at the record's end.

    The target bloc's recorded stock is data, the others' is the desired stock (section 6).
    """
    known = min(month, world.record_end)
    if month <= world.record_end:
        stock = chips.desired.copy()
        stock[:, TARGET] = world.reference_stock_target[known]
        state.capacity_share = world.recorded_compute[known] / pick(stock, world.bloc)
    return state.capacity_share


def allocate(state: LabState, par: Numbers, world: LabWorld, entered: Array, chips: Handoff, allocation: Array) -> None:
    """Share each bloc's compute among its labs (section 6). `allocation` (runs or 1, blocs): 0 pro rata .. 2 pooled."""
    weight = state.capacity_share * np.exp(state.deviation) * entered
    favour = par["budget.pooled_share"]
    pro_rata, champions, pooled = np.zeros_like(weight), np.zeros_like(weight), np.zeros_like(weight)
    total = np.zeros_like(weight)
    for bloc in np.unique(world.bloc):
        members = world.bloc == bloc
        mine = only(weight, members)
        whole = np.maximum(mine.sum(axis=1, keepdims=True), 1e-300)
        pro_rata[:, members] = mine / whole
        square = only(pro_rata, members) ** 2
        champions[:, members] = square / np.maximum(square.sum(axis=1, keepdims=True), 1e-300)
        level = np.where(entered[members] > 0.0, state.capability[:, members], -np.inf)
        best = level.argmax(axis=1)[:, np.newaxis] == np.arange(int(members.sum()))
        pooled[:, members] = favour * best + (1.0 - favour) * pro_rata[:, members]
        total[:, members] = only(state.capacity_share * entered, members).sum(axis=1, keepdims=True)
    mode = np.broadcast_to(allocation, (weight.shape[0], allocation.shape[1]))
    mode = pick(mode, world.bloc)
    share = np.where(
        mode <= 1.0, (1.0 - mode) * pro_rata + mode * champions, (2.0 - mode) * champions + (mode - 1.0) * pooled
    )
    usable = pick(chips.capacity * chips.quality, world.bloc)
    state.capacity = np.where(entered > 0.0, usable * total * share, usable * state.capacity_share)


@dataclass(frozen=True)
class Rationing:
    """How compute is rationed: fungibility zeta (0 under price rationing) and the lowest premium; (runs, 1)."""

    fungibility: Array
    floor: Array


def rationing(par: Numbers) -> Rationing:
    """Return the rationing regime of each run; `structure.quota` is 1 under quota rationing."""
    quota = par["structure.quota"]
    return Rationing(quota * par["budget.fungibility"], (1.0 - quota) * par["chip_market.premium_floor"])


def solve_portfolio(state: LabState, par: Numbers, month: int, terms: Terms, wage: Array, cold: bool) -> Split:
    """Solve the plan and the rationed portfolio (sections 7 and 8); set prices, premium, desired and used compute.

    `cold`: whether a lab enters this month, so that last month's prices are no good start for it.
    """
    regime = rationing(par)
    aside = par["research.distillation_share"] * par["channel.distillation"]
    unit = list_rent(par, month) / (1.0 - aside) + np.zeros_like(state.budget)
    means = Means(state.budget, wage, unit)
    at_floor = Means(state.budget, wage, unit * np.exp(regime.floor))
    problem = Problem(terms.technology, terms.weights)
    steps = portfolio.COLD_STEPS if cold else portfolio.WARM_STEPS
    free = portfolio.plan(problem, at_floor, state.plan_prices, steps[0])
    wanted = problem.uses(free).compute / np.exp(free.compute)
    capacity = (1.0 - aside) * state.capacity
    tight = portfolio.rationed(problem, means, np.minimum(capacity, wanted), regime.fungibility, state.prices, steps[1])
    scarce = wanted > capacity
    chosen = portfolio.choose(scarce, tight, free)
    state.plan_prices, state.prices = free, tight
    state.desired_compute = wanted / (1.0 - aside)
    state.compute = np.minimum(state.capacity, state.desired_compute)
    state.distillation_compute = aside * state.compute
    raw = chosen.compute - chosen.labour - np.log(unit / wage)
    state.premium = np.maximum(raw, regime.floor)
    return portfolio.split(problem, means, chosen)


def adjust(state: LabState, par: Numbers, best: Split, entering: Array) -> None:
    """Move shares toward the best portfolio; at entry they start there (section 8). `entering` (labs,) is 0 or 1."""
    speed = par["research.portfolio_adjustment"] * par["channel.portfolio_response"]
    speed = np.where(entering > 0.0, 1.0, speed)
    state.compute_share = state.compute_share + speed[..., np.newaxis] * (best.compute - state.compute_share)
    state.staff_share = state.staff_share + speed[..., np.newaxis] * (best.labour - state.staff_share)
    state.labour_share = state.labour_share + speed * (best.labour_share - state.labour_share)


def reference_wage(par: Numbers, base: Array, month: int) -> Array:
    """Return the reference wage by bloc (runs, blocs), M$ per FTE-month. `base` (blocs,) is that of 2022-01."""
    wage: Array = base * np.exp(np.log1p(par["talent.wage_growth"]) * (month / 12.0))
    return wage


def clear_talent(
    state: LabState, par: Numbers, world: LabWorld, month: int, terms: Terms, entered: Array, openness: Array,
    base_wage: Array,
) -> None:  # fmt: skip
    """Hire at the wage in force, then let it close part of the gap (section 9). `openness` (runs or 1, blocs)."""
    state.researchers = state.labour_share * state.budget / pick(state.wage, world.bloc)
    reference = reference_wage(par, base_wage, month)
    implied = (1.0 - terms.compute_share) * state.reference_budget / pick(reference, world.bloc)
    growth = np.log1p(par["talent.wage_growth"]) / 12.0
    elasticity, speed = par["talent.supply_elasticity"], par["talent.wage_speed"]
    ln_gap = np.log(state.wage / reference)
    pull = np.zeros_like(state.wage)
    for bloc in np.unique(world.bloc):
        members = (world.bloc == bloc) * entered
        if not members.any():
            continue
        demand = (state.researchers * members).sum(axis=1, keepdims=True)
        supply = (implied * members).sum(axis=1, keepdims=True)
        supply = supply * np.exp(par["talent.openness_effect"] * (openness[:, bloc : bloc + 1] - 0.5))
        pull[:, bloc] = np.log(demand / supply)[:, 0]
    state.wage = state.wage * np.exp(growth + speed * (pull - elasticity * ln_gap) / (1.0 + elasticity))
