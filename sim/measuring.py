"""This month's measures of a block, each (runs, entities). Formulas: `sim.measures.CATALOGUE`."""

from typing import TYPE_CHECKING

import numpy as np

from agents import chip_market, community, pricing
from agents.community import CONSUMER
from agents.knowledge import FLOP_PER_MONTH
from agents.lab import list_rent
from agents.places import CLOSED, CLOUD, DOMESTIC, LEGAL, OPEN, SMUGGLED, TARGET
from sim.arrays import Array
from sim.measures import BLOCS, LABS, LEVELS

if TYPE_CHECKING:
    from sim.engine import Engine

COUNT = len(BLOCS)
TINY = 1e-300


def measure(engine: "Engine") -> dict[str, Array]:
    """Return every measure of the catalogue for the month just played."""
    return {**_market(engine), **_prices(engine), **_capability(engine), **_efficiency(engine), **_compute(engine)}


def _by_name(engine: "Engine", values: Array, names: tuple[str, ...] = LABS) -> Array:
    """Columns of `values` (runs, labs) for `names`, zeros for labs that the world does not have."""
    present = engine.block.labs.names
    result = np.zeros((values.shape[0], len(names)))
    for place, name in enumerate(names):
        if name in present:
            result[:, place] = values[:, present.index(name)]
    return result


def _by_bloc(engine: "Engine", values: Array) -> Array:
    """Sum over the labs of each bloc, (runs, blocs)."""
    result = np.zeros((values.shape[0], COUNT))
    for bloc in range(COUNT):
        members = engine.block.labs.bloc == bloc
        result[:, bloc] = values[:, members].sum(axis=1)
    return result


def _shares(engine: "Engine", amounts: Array) -> Array:
    """Shares by lab, bloc and openness of `amounts` (runs, labs, 2)."""
    total = np.maximum(amounts.sum(axis=(1, 2)), TINY)[:, np.newaxis]
    by_lab = amounts.sum(axis=2) / total
    by_open = amounts.sum(axis=1)[:, [OPEN, CLOSED]] / total
    return np.concatenate([_by_name(engine, by_lab), _by_bloc(engine, by_lab), by_open], axis=1)


def _abroad(engine: "Engine", homes: Array) -> Array:
    """Own models' part of use outside the bloc; `homes` (runs, home blocs, labs, 2)."""
    use = homes.sum(axis=3)
    result = np.zeros((use.shape[0], COUNT))
    for bloc in range(COUNT):
        outside = use.sum(axis=1) - use[:, bloc]
        mine = outside[:, engine.block.labs.bloc == bloc].sum(axis=1)
        result[:, bloc] = mine / np.maximum(outside.sum(axis=1), TINY)
    return result


def _within(engine: "Engine", amounts: Array) -> Array:
    """Shares of CN, open and US in `amounts` (runs, labs, 2)."""
    total = np.maximum(amounts.sum(axis=(1, 2)), TINY)
    bloc = engine.block.labs.bloc
    parts = [amounts[:, bloc == TARGET].sum(axis=(1, 2)), amounts[:, :, OPEN].sum(axis=1)]
    parts.append(amounts[:, bloc == 0].sum(axis=(1, 2)))
    return np.stack(parts, axis=1) / total[:, np.newaxis]


def _market(engine: "Engine") -> dict[str, Array]:
    world, sales, state = engine.block.communities, engine.sales, engine.communities
    homes = (world.home[:, np.newaxis] == np.arange(COUNT)).astype(np.float64)
    abroad = (world.home != TARGET).astype(np.float64)
    developers = (world.segment == 2) * abroad
    enterprise = ((world.segment < 2) & (world.region == 0)).astype(np.float64)
    hobby = (world.segment == 3) * abroad
    groups = np.concatenate([homes, np.stack([developers, enterprise, hobby], axis=1)], axis=1)
    tokens = np.einsum("rcio,cg->rgio", sales.tokens, groups)
    spend = np.einsum("rcio,cg->rgio", sales.spend, groups)
    world_tokens, world_spend = tokens[:, :COUNT].sum(axis=1), spend[:, :COUNT].sum(axis=1)
    token_share = _shares(engine, world_tokens)
    consumers = (world.segment == CONSUMER) * abroad * state.users
    by_users = np.einsum("rcio,rc->ri", sales.split, consumers)
    by_users = by_users / np.maximum(by_users.sum(axis=1, keepdims=True), TINY)
    hub = tokens[:, 6, :, OPEN]
    chinese = hub[:, engine.block.labs.bloc == TARGET].sum(axis=1)
    american = hub[:, engine.block.labs.bloc == 0].sum(axis=1)
    both = np.maximum(chinese + american, TINY)
    labs, blocs = token_share[:, : len(LABS)], token_share[:, len(LABS) : len(LABS) + COUNT]
    users = np.einsum("rc,cb->rb", state.users, homes)
    business = spend[:, 5]
    paid = np.maximum(business.sum(axis=(1, 2)), TINY)[:, np.newaxis]
    enterprise_labs = _by_name(engine, business.sum(axis=2) / paid, ("OpenAI", "Anthropic", "GoogleDeepMind"))
    return {
        "token_share": token_share,
        "revenue_share": _shares(engine, world_spend),
        "token_share_abroad": _abroad(engine, tokens[:, :COUNT]),
        "revenue_share_abroad": _abroad(engine, spend[:, :COUNT]),
        "developer_token_share": _within(engine, tokens[:, 4]),
        "developer_revenue_share": _within(engine, spend[:, 4]),
        "enterprise_share": np.concatenate([enterprise_labs, _within(engine, business)[:, :2]], axis=1),
        "consumer_share": _by_name(engine, by_users, ("OpenAI", "GoogleDeepMind", "DeepSeek")),
        "hub_share": np.stack([chinese / both, american / both], axis=1),
        "adoption": np.concatenate([users.sum(axis=1, keepdims=True), users], axis=1),
        "market_spend": state.spend.sum(axis=1, keepdims=True),
        "hhi": np.stack([(labs**2).sum(axis=1), (blocs**2).sum(axis=1)], axis=1),
        "consumer_surplus": community.consumer_surplus(state, engine.block.par, world, engine.weights)[:, np.newaxis],
        "blocked_market_share": _blocked(engine),
        "token_price": (world_spend.sum(axis=1) * 1e6 / np.maximum(world_tokens.sum(axis=1), TINY))[:, [OPEN, CLOSED]],
    }


def _blocked(engine: "Engine") -> Array:
    """Spending-weighted share of a foreign origin's closed use that masks and bans take away, largest over origins."""
    world, month = engine.block.communities, engine.month
    rules = engine.block.rulebook.places(month, engine.governments.banned)
    masked = 1.0 - np.exp(np.minimum(world.access[month, :, :, CLOSED], 0.0))
    withdrawn = rules.closed_abroad[:, :, np.newaxis] * (np.arange(COUNT) == 0) * (world.home != 0)[:, np.newaxis]
    barred = 1.0 - (1.0 - masked) * (1.0 - rules.ban) * (1.0 - withdrawn)
    largest = np.broadcast_to(barred.max(axis=2), engine.communities.spend.shape)
    spend = engine.communities.spend
    return ((largest * spend).sum(axis=1) / spend.sum(axis=1))[:, np.newaxis]


def _prices(engine: "Engine") -> dict[str, Array]:
    levels = [pricing.price_at_capability(engine.shelf, float(level)) for level in LEVELS]
    return {"price_fixed_capability": np.stack(levels, axis=1)}


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, 0.0)


def _capability(engine: "Engine") -> dict[str, Array]:
    present = engine.entered[np.newaxis, :]
    openness = np.array([0.0, 0.5, 1.0])[engine.labs.stance.astype(np.int64)] * present
    return {
        "frontier_capability": _finite(engine.frontiers[engine.month]),
        "gap_months": engine.gaps[engine.month][:, [TARGET, 4]],
        "capability": _by_name(engine, _finite(engine.shelf.best())),
        "release_open": _by_name(engine, openness),
    }


def _efficiency(engine: "Engine") -> dict[str, Array]:
    state, labs, entered = engine.labs, engine.block.labs, engine.entered
    runs = len(engine.block.rows)
    own = state.algorithm.sum(axis=2)
    parts = (state.ln_effective, state.ln_training, own, state.borrowed, labs.effect)
    best = np.zeros((5, runs, COUNT))
    position, progress = np.zeros((runs, COUNT)), np.zeros((runs, COUNT))
    research = state.compute * (state.compute_share[:, :, 1] + state.compute_share[:, :, 2])
    gain = 12.0 * (engine.progress[0] + engine.progress[1])
    for bloc in range(COUNT):
        members = np.flatnonzero((labs.bloc == bloc) & (entered > 0.0))
        if not len(members):
            continue
        top = members[state.ln_effective[:, members].argmax(axis=1)]
        for place, part in enumerate(parts):
            best[place, :, bloc] = part[np.arange(runs), top]
        position[:, bloc] = own[:, members].max(axis=1)
        weight = research[:, members]
        progress[:, bloc] = (gain[:, members] * weight).sum(axis=1) / weight.sum(axis=1)
    staff = state.researchers * entered
    light = _by_bloc(engine, staff * state.staff_share[:, :, 0])
    everyone = _by_bloc(engine, staff)
    return {
        "algorithmic_efficiency": position,
        "algorithmic_progress": progress,
        "effective_compute": best[0],
        "effective_compute_training": best[1],
        "effective_compute_own": best[2],
        "effective_compute_borrowed": best[3],
        "effective_compute_effect": best[4],
        "efficiency_researchers": light,
        "research_effort_share": light / np.maximum(everyone, TINY),
    }


def _compute(engine: "Engine") -> dict[str, Array]:
    chips, state, entered = engine.chips, engine.labs, engine.entered
    owned = chips.stock.sum(axis=2) - chips.stock[:, :, CLOUD]
    world = owned.sum(axis=1, keepdims=True)
    inflow = chips.inflow
    total = engine.flows.blocs.sum(axis=1, keepdims=True) - inflow[:, CLOUD : CLOUD + 1]
    used = state.compute * entered
    premium = np.zeros_like(owned)
    premium[:, TARGET] = chips.premium[:, 0]
    weighted = _by_bloc(engine, used * state.premium) / np.maximum(_by_bloc(engine, used), TINY)
    largest = np.zeros((owned.shape[0], 2))
    for place in (0, TARGET):
        members = (engine.block.labs.bloc == place) & (entered > 0.0)
        if members.any():
            largest[:, place] = state.training_run[:, members].max(axis=1)
    made, known = inflow[:, DOMESTIC], inflow[:, [LEGAL, SMUGGLED, DOMESTIC]].sum(axis=1)
    flows = np.concatenate([inflow, engine.flows.blocs[:, :1], total], axis=1)
    rent = list_rent(engine.block.par, engine.month)
    return {
        "compute_owned": np.concatenate([owned, world], axis=1),
        "compute_share": owned / world,
        "compute_inflow": flows,
        "compute_labs": _by_name(engine, used),
        "legal_share_stock": chips.cumulative_legal / chips.cumulative_supply,
        "leakage_rate": chip_market.leakage_rate(chips),
        "self_reliance": (made / np.maximum(known, TINY))[:, np.newaxis],
        "supplier_revenue_lost": chip_market.supplier_revenue_lost(chips),
        "scarcity_premium": premium,
        "shadow_price": weighted,
        "training_compute": FLOP_PER_MONTH * largest,
        "training_cost": rent * largest,
    }
