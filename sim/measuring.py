"""This month's measures of a block, each (runs, entities). Formulas: `sim.measures.CATALOGUE`."""

from typing import TYPE_CHECKING

import numpy as np

from agents import chip_market, community, pricing
from agents.community import CONSUMER
from agents.knowledge import FLOP_PER_MONTH
from agents.lab import list_rent
from agents.places import CLOSED, CLOUD, DOMESTIC, LEGAL, OPEN, SENDER, SMUGGLED, TARGET
from sim.arrays import Array, only, pick
from sim.measures import BLOCS, LABS, LEVELS

if TYPE_CHECKING:
    from sim.engine import Engine

COUNT = len(BLOCS)
STARTUPS, HOBBY = 2, 3
ENTERPRISE_LABS = ("OpenAI", "Anthropic", "GoogleDeepMind")
COUNTRIES, COUNTRY_LAB = (7, 0), "DeepSeek"
"""Regions (Russia and Belarus, US) and the lab of the observed shares by country."""
CONSUMER_LABS = ("OpenAI", "GoogleDeepMind", "DeepSeek")
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
        result[:, bloc] = only(values, members).sum(axis=1)
    return result


Amounts = tuple[Array, Array]
"""Closed and open, each (runs, labs)."""


def _add(groups: list[Amounts]) -> Amounts:
    closed, opened = groups[0]
    for more in groups[1:]:
        closed, opened = closed + more[CLOSED], opened + more[OPEN]
    return closed, opened


def _total(amounts: Amounts) -> Array:
    """Sum over labs and openness, (runs, 1), never zero."""
    total: Array = np.maximum((amounts[CLOSED] + amounts[OPEN]).sum(axis=1, keepdims=True), TINY)
    return total


def _shares(engine: "Engine", amounts: Amounts) -> Array:
    """Shares by lab, bloc and openness."""
    total = _total(amounts)
    by_lab = (amounts[CLOSED] + amounts[OPEN]) / total
    opened, closed = (amounts[place].sum(axis=1, keepdims=True) / total for place in (OPEN, CLOSED))
    return np.concatenate([_by_name(engine, by_lab), _by_bloc(engine, by_lab), opened, closed], axis=1)


def _abroad(engine: "Engine", homes: list[Amounts]) -> Array:
    """Own models' part of use outside the bloc; `homes`: use by home bloc."""
    use = [home[CLOSED] + home[OPEN] for home in homes]
    world = use[0] + use[1] + use[2] + use[3]
    result = np.zeros((world.shape[0], COUNT))
    for bloc in range(COUNT):
        outside = world - use[bloc]
        mine = only(outside, engine.block.labs.bloc == bloc).sum(axis=1)
        result[:, bloc] = mine / np.maximum(outside.sum(axis=1), TINY)
    return result


def _home(engine: "Engine", homes: list[Amounts]) -> Array:
    """Own models' part of use inside the bloc."""
    use = [home[CLOSED] + home[OPEN] for home in homes]
    mine = [only(use[bloc], engine.block.labs.bloc == bloc).sum(axis=1) for bloc in range(COUNT)]
    return np.stack([mine[bloc] / np.maximum(use[bloc].sum(axis=1), TINY) for bloc in range(COUNT)], axis=1)


def _within(engine: "Engine", amounts: Amounts) -> Array:
    """Shares of CN, open and US."""
    by_lab, bloc = amounts[CLOSED] + amounts[OPEN], engine.block.labs.bloc
    origins = [only(by_lab, bloc == place).sum(axis=1) for place in (TARGET, SENDER)]
    shares: Array = np.stack([origins[0], amounts[OPEN].sum(axis=1), origins[1]], axis=1) / _total(amounts)
    return shares


def _market(engine: "Engine") -> dict[str, Array]:
    world, sales, state = engine.block.communities, engine.sales, engine.communities
    homes = [np.flatnonzero(world.home == bloc) for bloc in range(COUNT)]
    tokens, spend = [sales.tokens_of(home) for home in homes], [sales.spend_of(home) for home in homes]
    world_tokens, world_spend = _add(tokens), _add(spend)
    token_share = _shares(engine, world_tokens)
    labs, blocs = token_share[:, : len(LABS)], token_share[:, len(LABS) : len(LABS) + COUNT]
    users = np.stack([pick(state.users, home).sum(axis=1) for home in homes], axis=1)
    price = [
        world_spend[place].sum(axis=1) * 1e6 / np.maximum(world_tokens[place].sum(axis=1), TINY)
        for place in (OPEN, CLOSED)
    ]
    return {
        "token_share": token_share,
        "revenue_share": _shares(engine, world_spend),
        "token_share_abroad": _abroad(engine, tokens),
        "token_share_home": _home(engine, tokens),
        "revenue_share_abroad": _abroad(engine, spend),
        **_observables(engine),
        "adoption": np.concatenate([users.sum(axis=1, keepdims=True), users], axis=1),
        "market_spend": state.spend.sum(axis=1, keepdims=True),
        "hhi": np.stack([(labs**2).sum(axis=1), (blocs**2).sum(axis=1)], axis=1),
        "consumer_surplus": community.consumer_surplus(state, engine.block.par, world, engine.weights)[:, np.newaxis],
        "blocked_market_share": _blocked(engine),
        "token_price": np.stack(price, axis=1),
    }


def _observables(engine: "Engine") -> dict[str, Array]:
    """Shares on the markets that are observed: API developers, US enterprises, consumers, self-hosted models."""
    world, sales, state, bloc = engine.block.communities, engine.sales, engine.communities, engine.block.labs.bloc
    abroad = world.home != TARGET
    developers = np.flatnonzero((world.segment == STARTUPS) & abroad)
    business = sales.spend_of(np.flatnonzero((world.segment < STARTUPS) & (world.region == 0)))
    by_lab = _by_name(engine, (business[CLOSED] + business[OPEN]) / _total(business), ENTERPRISE_LABS)
    consumers = np.flatnonzero((world.segment == CONSUMER) & abroad)
    users = pick(state.users, consumers)
    by_users = sum(np.einsum("rc,rci->ri", users, pick(part, consumers)) for part in sales.split)
    by_users = by_users / np.maximum(by_users.sum(axis=1, keepdims=True), TINY)
    hub = sales.tokens_of(np.flatnonzero((world.segment == HOBBY) & abroad))[OPEN]
    origins = np.stack([only(hub, bloc == TARGET).sum(axis=1), only(hub, bloc == SENDER).sum(axis=1)], axis=1)
    return {
        "developer_token_share": _within(engine, sales.tokens_of(developers)),
        "developer_revenue_share": _within(engine, sales.spend_of(developers)),
        "enterprise_share": np.concatenate([by_lab, _within(engine, business)[:, :2]], axis=1),
        "consumer_share": _by_name(engine, by_users, CONSUMER_LABS),
        "country_share": _country_share(engine),
        "hub_share": origins / np.maximum(origins.sum(axis=1, keepdims=True), TINY),
    }


def _country_share(engine: "Engine") -> Array:
    """Part of consumers' use that goes to one lab in the regions where its share was observed."""
    world, sales, names = engine.block.communities, engine.sales, engine.block.labs.names
    result = np.zeros((sales.use.shape[0], len(COUNTRIES)))
    for column, region in enumerate(COUNTRIES):
        for place in np.flatnonzero((world.segment == CONSUMER) & (world.region == region)):
            if COUNTRY_LAB in names:
                lab = names.index(COUNTRY_LAB)
                result[:, column] = sales.split[CLOSED][:, place, lab] + sales.split[OPEN][:, place, lab]
    return result


def _blocked(engine: "Engine") -> Array:
    """Spending-weighted share of a foreign origin's closed use that masks and bans take away, largest over origins."""
    world, month = engine.block.communities, engine.month
    rules = engine.place_rules
    masked = 1.0 - np.exp(np.minimum(world.access[month, :, :, CLOSED], 0.0))
    withdrawn = rules.closed_abroad[:, :, np.newaxis] * (np.arange(COUNT) == 0) * (world.home != 0)[:, np.newaxis]
    barred = 1.0 - (1.0 - masked) * (1.0 - rules.ban) * (1.0 - withdrawn)
    largest = np.broadcast_to(barred.max(axis=2), engine.communities.spend.shape)
    spend = engine.communities.spend
    share: Array = ((largest * spend).sum(axis=1) / spend.sum(axis=1))[:, np.newaxis]
    return share


def _prices(engine: "Engine") -> dict[str, Array]:
    levels = [pricing.price_at_capability(engine.shelf, engine.block.par, float(level)) for level in LEVELS]
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
    runs = len(engine.lot)
    own = state.position
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
        used = pick(state.compute, members)
        position[:, bloc] = (pick(own + state.borrowed, members) * used).sum(axis=1) / used.sum(axis=1)
        weight = pick(research, members)
        progress[:, bloc] = (pick(gain, members) * weight).sum(axis=1) / weight.sum(axis=1)
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
    made, known = inflow[:, DOMESTIC], inflow[:, LEGAL] + inflow[:, SMUGGLED] + inflow[:, DOMESTIC]
    flows = np.concatenate([inflow, engine.flows.blocs[:, :1], total], axis=1)
    rent = list_rent(engine.block.par, engine.month)
    return {
        "compute_owned": np.concatenate([owned, world], axis=1),
        "compute_share": owned / world,
        "compute_inflow": flows,
        "compute_labs": _by_name(engine, used),
        "legal_share_stock": chips.cumulative_legal / np.maximum(chips.cumulative_supply, TINY),
        "leakage_rate": chip_market.leakage_rate(chips),
        "self_reliance": (made / np.maximum(known, TINY))[:, np.newaxis],
        "supplier_revenue_lost": chip_market.supplier_revenue_lost(chips),
        "scarcity_premium": premium,
        "shadow_price": weighted,
        "training_compute": FLOP_PER_MONTH * largest,
        "training_cost": rent * largest,
    }
