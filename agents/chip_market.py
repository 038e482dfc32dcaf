"""The chip market: the only place where chip controls act. What it hands on is `Handoff`, and nothing more.

Specification: docs/model.md, sections 3 to 5. Compute in H100e, flows per month, prices in USD per H100e.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from agents import chip_designs
from agents.chip_designs import Choice, Designs
from agents.controls import ChipRules, Thresholds
from agents.places import BLOCS, CLOUD, DOMESTIC, LEGAL, OTHER, SMUGGLED, TARGET
from sim.arrays import Array, Flags, Whole

Numbers = Mapping[str, Array]
ROUNDS = 20
"""Times that the interval of the premium is cut to a quarter: fewer calls than forty halvings, and the same result."""
INSIDE = np.array([[0.25, 0.5, 0.75]])
"""Where it is tried, as parts of the interval."""
USUAL_ENFORCEMENT = 0.3
REFERENCE_PREMIUM = 0.65


@dataclass(frozen=True)
class ChipWorld:
    """Exogenous inputs of the chip market, from the data tables; months (months,), flagships as one row of designs."""

    main_vendor: Array
    other: Array
    list_price: Array
    record_end: int
    no_control_ramp: Array
    reference_share: Array
    packages_capacity: Array
    dual_die_share: Array
    foreign_dies: Array
    domestic_dies: Array
    memory_base: Array
    memory_domestic: Array
    other_domestic: Array
    reference_tool_control: Array
    flagships: Designs
    release: Whole
    pre_2022_stock: Array
    rest_share: Array
    energy: Array
    energy_slope: Array


@dataclass
class ChipState:
    """State of the chip market; (runs, 1) unless noted, stocks (runs, blocs, channels)."""

    supply: Annotated[Array, "H100e/month", "output of the sender's main vendor before losses"]
    supply_other: Annotated[Array, "H100e/month", "output of other vendors before losses"]
    list_price: Annotated[Array, "USD/H100e", "world price of compute hardware"]
    stock: Annotated[Array, "H100e", "chips installed, by bloc and channel"]
    training_stock: Annotated[Array, "H100e", "the same, weighted by training throughput"]
    serving_stock: Annotated[Array, "H100e", "the same, by memory bandwidth over 3.35 TB/s"]
    desired_stock: Annotated[Array, "H100e", "what blocs (runs, blocs) would hold without controls"]
    premium: Annotated[Array, "ln", "clearing premium in the target bloc"]
    value: Annotated[Array, "ratio", "compute per legal dollar relative to the world price"]
    die_bank: Annotated[Array, "dies", "accelerator dies in store in the target bloc"]
    memory_bank: Annotated[Array, "stacks", "high-bandwidth memory in store in the target bloc"]
    age: Annotated[Array, "months", "months since the thresholds changed"]
    inflow: Annotated[Array, "H100e/month", "this month's inflow to the target bloc by channel (runs, channels)"]
    want: Annotated[Array, "H100e/month", "desired inflow of the target bloc without controls"]
    available: Annotated[Array, "H100e/month", "output of the main vendor after losses"]
    cumulative_legal: Annotated[Array, "H100e", "legal inflow since the start"]
    cumulative_supply: Annotated[Array, "H100e", "output of the main vendor since the start"]
    thresholds: Thresholds
    earlier: Thresholds
    designs: tuple[Designs, Flags, Designs] | None = None
    """Designs for the thresholds in force, whether each only cuts the link, and designs for the thresholds before."""


@dataclass(frozen=True)
class Handoff:
    """What everybody else sees of chips, by bloc (runs, blocs).

    `capacity` H100e installed or rented, `quality` training throughput per H100e, `serving` serving H100e per H100e,
    `premium` ln market premium, `desired` H100e that the bloc would hold without controls.
    """

    capacity: Array
    quality: Array
    serving: Array
    premium: Array
    desired: Array


@dataclass(frozen=True)
class Want:
    """Desired flows without controls: of the target (runs, 1), of every bloc (runs, blocs), and the output left."""

    target: Array
    blocs: Array
    supply: Array
    supply_other: Array
    scale: Array


@dataclass(frozen=True)
class Flows:
    """What was sold: by channel to the target (runs, channels), to every bloc (runs, blocs); the chips' qualities."""

    inflow: Array
    blocs: Array
    premium: Array
    serving_ratio: Array
    training_ratio: Array


def desired_inflow(state: ChipState, par: Numbers, world: ChipWorld, month: int, rules: ChipRules) -> Want:
    """Move world supply and the list price on by a month; return what blocs want without controls (section 3)."""
    after = month - world.record_end
    if after <= 0:
        shape = np.zeros_like(par["chip_market.depreciation"])
        state.supply = world.main_vendor[month] + shape
        state.supply_other = world.other[month] + shape
        state.list_price = world.list_price[month] + shape
    else:
        fade = 2.0 ** (-after / par["chip_market.supply_growth_half_life"])
        growth = np.exp(np.log(par["chip_market.supply_growth"]) * fade / 12.0)
        state.supply = state.supply * growth
        state.supply_other = state.supply_other * growth
        state.list_price = state.list_price * (1.0 - par["compute.price_decline"]) ** (1.0 / 12.0)
    early, late = par["chip_market.no_control_share_early"], par["chip_market.no_control_share"]
    share = early + (late - early) * world.no_control_ramp[month]
    support = 1.0 + par["chip_market.subsidy_strength"] * rules.subsidy
    target = share * state.supply * support
    rest = state.supply * (1.0 - world.reference_share[month]) + state.supply_other
    blocs = rest * world.rest_share
    blocs[:, TARGET] = target[:, 0]
    scale = (1.0 - rules.output_loss) * (1.0 - par["chip_market.mineral_output_loss"] * rules.mineral_control)
    state.want = target
    state.available = state.supply * scale
    return Want(target, blocs, state.available, state.supply_other * scale, scale + np.zeros_like(target))


def choose_designs(
    state: ChipState, par: Numbers, world: ChipWorld, month: int, rules: ChipRules
) -> tuple[Choice, Choice, Flags]:
    """Return the best chip without a licence, the best with one, and whether any flagship on sale is denied."""
    changed = ~rules.thresholds.same(state.thresholds)
    if changed.any() or state.designs is None:
        state.earlier = state.thresholds.where(changed, state.earlier)
        state.thresholds = rules.thresholds.where(changed, state.thresholds)
        old, _ = chip_designs.compliant(world.flagships, state.earlier, par)
        state.designs = (*chip_designs.compliant(world.flagships, state.thresholds, par), old)
    state.age = np.where(changed, 0.0, state.age + 1.0)
    new, quick, old = state.designs
    age = month - world.release[np.newaxis, :]
    newest = world.release == world.release[world.release <= month].max(initial=-(10**6))
    out = (age >= 0) & ((age < par["chip_market.flagship_life"]) | newest)
    lag = np.where(quick, np.rint(par["chip_market.link_cut_lag"]), np.rint(par["chip_market.redesign_lag"]))
    ready = out & (state.age >= lag)
    denied = out & chip_designs.blocked(world.flagships, state.thresholds)
    groups = [
        (world.flagships, out & ~denied),
        (new, ready & ~chip_designs.blocked(new, state.thresholds)),
        (old, out & ~ready & ~chip_designs.blocked(old, state.thresholds)),
    ]
    licensed = [
        (world.flagships, out & chip_designs.licensable(world.flagships, rules)),
        (new, ready & chip_designs.licensable(new, rules)),
        (old, out & ~ready & chip_designs.licensable(old, rules)),
    ]
    free = chip_designs.best(groups, state.list_price)
    any_denied: Flags = np.asarray(denied.any(axis=1, keepdims=True))
    return free, chip_designs.best(licensed, state.list_price), any_denied


def restricted_flow(want: Array, share: Array, value: Array, dollar_share: Array) -> Array:
    """Return the H100e a month that are bought when a dollar buys `value` of what it buys at the world price.

    The dollar share falls from `share` (no control) to `dollar_share` as value falls to a third (section 4).
    """
    degraded = np.clip(-np.log(np.maximum(value, 1e-12)) / np.log(3.0), 0.0, 1.0)
    spent = share + (np.minimum(share, dollar_share) - share) * degraded
    flow: Array = spent / share * want * value
    return flow


def legal_supply(
    state: ChipState, par: Numbers, want: Want, rules: ChipRules, chips: tuple[Choice, Choice, Flags]
) -> tuple[Array, Array, Array]:
    """Return the legal supply to the target (H100e a month), and serving and training throughput of those chips."""
    free, licensed, any_denied = chips
    step = state.value + par["chip_market.phase_in"] * (free.value - state.value)
    state.value = np.where(any_denied, np.where(free.value > 0.0, step, 0.0), 1.0)
    share = want.target / (state.supply * (1.0 + par["chip_market.subsidy_strength"] * rules.subsidy))
    dollars = par["chip_market.degraded_dollar_share"]
    restricted = restricted_flow(want.target, share, state.value, dollars)
    left = np.maximum(want.supply - want.target, 0.0)
    volume = np.where(left > 0.0, rules.volume_share * np.where(left > 0.0, left, 1.0), 0.0)
    permitted = np.minimum(restricted_flow(want.target, share, licensed.value, dollars), volume) / (1.0 + rules.levy)
    use_licence = permitted >= restricted
    parts = (
        (1.0 - rules.denial) * want.target,
        rules.denial * (1.0 - rules.extra_denial) * rules.licence_share * np.maximum(permitted, restricted),
        rules.denial * (1.0 - rules.extra_denial) * (1.0 - rules.licence_share) * restricted,
    )
    rush = 1.0 + par["channel.anticipation"] * par["chip_market.anticipation"] * rules.rush_chips
    denied = sum(parts[1:], parts[0]) * rush
    supply = np.where(any_denied, denied, want.target) * (1.0 - rules.purchase_veto) * want.scale
    penalty = par["chip_market.link_penalty"]
    total = np.where(any_denied, parts[0] + parts[1] + parts[2], 0.0)
    mixed = total > 0.0
    safe = np.where(mixed, total, 1.0)
    second = [np.where(use_licence, licensed.serving, free.serving), np.where(use_licence, licensed.link, free.link)]
    serving = (parts[0] + parts[1] * second[0] + parts[2] * free.serving) / safe
    training = (
        parts[0] + parts[1] * _throughput(second[1], penalty) + parts[2] * _throughput(free.link, penalty)
    ) / safe
    return supply, np.where(mixed, serving, 1.0), np.where(mixed, training, 1.0)


def _throughput(link: Array, penalty: Array) -> Array:
    """Training throughput of a chip with this link speed (GB/s)."""
    return 1.0 - penalty * np.maximum(0.0, 1.0 - link / 900.0)


def domestic_output(state: ChipState, par: Numbers, world: ChipWorld, month: int, rules: ChipRules) -> Array:
    """Return H100e a month made in the target bloc from dies, memory and packages, and draw down its stores."""
    easing = np.exp(
        -par["chip_market.tool_control_effect"] * (rules.tool_control - world.reference_tool_control[month])
    )
    dies = world.foreign_dies[month] * (1.0 - rules.foundry_control) + world.domestic_dies[month] * easing
    rush = 1.0 + par["channel.anticipation"] * par["chip_market.hbm_rush"] * rules.rush_memory
    memory = world.memory_base[month] * (1.0 - rules.hbm_control) * rush + world.memory_domestic[month]
    die_bank, memory_bank = state.die_bank + dies, state.memory_bank + memory
    dual, stacks = world.dual_die_share[month], par["chip_market.stacks_per_die"]
    capacity = (
        world.packages_capacity[month]
        * (1.0 + par["chip_market.subsidy_strength"] * rules.subsidy)
        * (1.0 + par["channel.import_substitution"] * par["chip_market.import_substitution"] * state.premium)
    )
    packages = np.minimum(capacity, np.minimum(die_bank / (1.0 + dual), memory_bank / (stacks * (1.0 + dual))))
    state.die_bank = np.maximum(die_bank - packages * (1.0 + dual), 0.0)
    state.memory_bank = np.maximum(memory_bank - packages * stacks * (1.0 + dual), 0.0)
    single, double = par["chip_market.domestic_single_die"], par["chip_market.domestic_dual_die"]
    made = par["chip_market.domestic_output_scale"] * (single + (double - single) * dual) * packages
    output: Array = made + world.other_domestic[month]
    return output


@dataclass(frozen=True)
class Clearing:
    """The clearing problem of one month: everything but the premium; (runs, 1) each."""

    want: Array
    legal: Array
    domestic: Array
    elasticity: Array
    diverted: Array
    divertible: Array
    rentable: Array
    rent_limit: Array

    def smuggled(self, premium: Array) -> Array:
        """Return the diverted flow at a premium."""
        pull = np.expm1(premium) / np.expm1(REFERENCE_PREMIUM)
        flow: Array = np.minimum(1.0, self.diverted * pull) * self.divertible
        return flow

    def rented(self, premium: Array) -> Array:
        """Return the flow to third-country clouds that the target rents at a premium."""
        flow: Array = np.minimum(self.rentable * -np.expm1(-premium), self.rent_limit)
        return flow

    def premium(self) -> Array:
        """Return the premium in [0, 3] at which desired and actual inflow agree; 0 where there is no shortage."""
        low, width = np.zeros_like(self.want), 3.0
        sure = self.legal + self.domestic
        for _ in range(ROUNDS):
            tried = low + width * INSIDE
            supply = sure + self.smuggled(tried) + self.rented(tried)
            short = self.want * np.exp(-self.elasticity * tried) > supply
            width = width / (INSIDE.size + 1)
            low = low + width * short.sum(axis=1, keepdims=True)
        enough = sure >= self.want
        return np.where(enough, 0.0, low + 0.5 * width)


def clear_chip_market(
    state: ChipState, par: Numbers, world: ChipWorld, month: int, rules: ChipRules, want: Want
) -> Flows:
    """Clear the month's chip market (section 4)."""
    chips = choose_designs(state, par, world, month, rules)
    supply, serving, training = legal_supply(state, par, want, rules, chips)
    domestic = domestic_output(state, par, world, month, rules)
    legal = np.minimum(supply, np.maximum(want.target - domestic, 0.0))
    deterrence = np.exp(-par["chip_market.enforcement_effect"] * (rules.enforcement - USUAL_ENFORCEMENT))
    hosts = world.rest_share[OTHER] * (want.supply + want.supply_other)
    problem = Clearing(
        want=want.target,
        legal=legal,
        domestic=domestic,
        elasticity=par["chip_market.demand_elasticity"],
        diverted=par["chip_market.diverted_share"] * deterrence,
        divertible=np.maximum(want.supply - supply, 0.0),
        rentable=par["chip_market.cloud_access"] * hosts * (1.0 - rules.cloud_kyc),
        rent_limit=rules.tier_quota / 12.0,
    )
    premium = problem.premium()
    smuggled, rented = problem.smuggled(premium), problem.rented(premium)
    rest = np.maximum(want.supply + want.supply_other - legal - smuggled, 0.0) * world.rest_share
    inflow = np.concatenate([legal, smuggled, rented, domestic], axis=1)
    rest[:, TARGET] = inflow.sum(axis=1)
    return Flows(inflow, rest, premium, serving, training)


def install_and_retire(
    state: ChipState, par: Numbers, world: ChipWorld, month: int, rules: ChipRules, want: Want, flows: Flows
) -> Handoff:
    """Add the month's chips, retire old ones, apply the power limit, and hand on what is there (section 5)."""
    keep = 1.0 - par["chip_market.depreciation"]
    added = np.zeros_like(state.stock)
    added[:, :, LEGAL] = flows.blocs
    added[:, TARGET, :] = flows.inflow
    training, serving = added.copy(), added.copy()
    training[:, TARGET, LEGAL] *= flows.training_ratio[:, 0]
    training[:, TARGET, DOMESTIC] *= par["chip_market.domestic_utilisation"][:, 0]
    serving[:, TARGET, LEGAL] *= flows.serving_ratio[:, 0]
    serving[:, TARGET, DOMESTIC] *= par["chip_market.domestic_bandwidth_ratio"][:, 0]
    state.stock = state.stock * keep[:, :, np.newaxis] + added
    state.training_stock = state.training_stock * keep[:, :, np.newaxis] + training
    state.serving_stock = state.serving_stock * keep[:, :, np.newaxis] + serving
    state.desired_stock = state.desired_stock * keep + want.blocs
    state.premium, state.inflow = flows.premium, flows.inflow
    state.cumulative_legal = state.cumulative_legal + flows.inflow[:, LEGAL : LEGAL + 1]
    state.cumulative_supply = state.cumulative_supply + want.supply
    return hand_over(state, par, world, month, rules)


def hand_over(state: ChipState, par: Numbers, world: ChipWorld, month: int, rules: ChipRules) -> Handoff:
    """Return capacity and quality by bloc from the stocks: what the rest of the world sees of chips."""
    usable = np.ones((state.stock.shape[0], 1, state.stock.shape[2]))
    usable[:, 0, CLOUD] = 1.0 - np.broadcast_to(rules.cloud_kyc, (state.stock.shape[0], 1))[:, 0]
    raw = (state.stock * usable).sum(axis=2)
    training = (state.training_stock * usable).sum(axis=2)
    serving = (state.serving_stock * usable).sum(axis=2)
    after = month - world.record_end
    scale = np.ones_like(raw)
    if after > 0:
        energy = world.energy + world.energy_slope * rules.energy_growth * after / 12.0
        per_chip = par["chip_market.facility_kw"] * par["chip_market.power_efficiency"] ** (-after / 12.0)
        scale = np.minimum(1.0, 1e6 * energy / (per_chip * raw))
    premium = np.zeros((raw.shape[0], BLOCS))
    premium[:, TARGET] = state.premium[:, 0]
    return Handoff(raw * scale, training / raw, serving / raw, premium, state.desired_stock)


def supplier_revenue_lost(state: ChipState) -> Array:
    """Return M$ a month of sales to the target that controls or a veto took from the vendors, at list price."""
    made = state.inflow[:, DOMESTIC : DOMESTIC + 1]
    wanted = np.maximum(state.want - made, 0.0)
    lost: Array = state.list_price * (wanted - state.inflow[:, LEGAL : LEGAL + 1]) / 1e6
    return lost


def leakage_rate(state: ChipState) -> Array:
    """Return the smuggled share of the main vendor's output (runs, 1)."""
    rate: Array = state.inflow[:, SMUGGLED : SMUGGLED + 1] / np.maximum(state.available, 1e-300)
    return rate
