"""This month's measures of a block, each (runs, entities). Formulas in words: `sim.measures.CATALOGUE`.

A measure is a function of `Readings`, what several measures share; a measure that is not asked for costs nothing.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from agents import chip_market, community, knowledge, pricing
from agents.chip_market import ChipState
from agents.community import CONSUMER, Amounts, CommunityState, Sales, Totals
from agents.knowledge import FLOP_PER_MONTH
from agents.lab import LabState, list_rent
from agents.places import CLOSED, CLOUD, DOMESTIC, LEGAL, OPEN, SENDER, SMUGGLED, TARGET
from agents.settlement import AccountState
from agents.shelf import Shelf
from sim.arrays import Array, Flags, Whole, only, pick
from sim.measures import BLOCS, LABS, LEVELS

if TYPE_CHECKING:
    from sim.engine import Engine
    from sim.setup import Block

COUNT = len(BLOCS)
STARTUPS, HOBBY = 2, 3
ENTERPRISE_LABS = ("OpenAI", "Anthropic", "GoogleDeepMind")
DERIVED_LABS = ("AlibabaQwen", "Meta", "DeepSeek")
COUNTRIES, COUNTRY_LAB = (7, 0), "DeepSeek"
"""Regions (Russia and Belarus, US) and the lab of the observed shares by country."""
CONSUMER_LABS = ("OpenAI", "GoogleDeepMind", "DeepSeek")
TINY = 1e-300


class Readings:
    """The month just played as the measures read it; what more than one of them needs is worked out once, when asked.

    Nothing here depends on which measures are asked for, so neither do their bits.
    """

    def __init__(self, engine: "Engine") -> None:
        """`engine` after a month."""
        self.engine = engine
        self.block: Block = engine.block
        self.month: int = engine.month
        self.entered: Array = engine.entered
        self.bloc: Whole = engine.block.labs.bloc
        self.chips: ChipState = engine.chips
        self.labs: LabState = engine.labs
        self.communities: CommunityState = engine.communities
        self.sales: Sales = engine.sales
        self.totals: Totals = engine.totals
        self.shelf: Shelf = engine.shelf
        self.accounts: AccountState = engine.accounts
        self.frontiers: Array = engine.frontiers[engine.month]
        self.gaps: Array = engine.gaps[engine.month]

    @cached_property
    def tokens_by_home(self) -> Array:
        """Million tokens by the home bloc of communities, (runs, blocs, labs)."""
        return community.by_home(1e6 * self.sales.use, self.sales.split, self.block.communities.homes)

    @cached_property
    def spend_by_home(self) -> Array:
        """M$ by the home bloc of communities, (runs, blocs, labs)."""
        return community.by_home(self.sales.use, self.sales.paid, self.block.communities.homes)

    @cached_property
    def token_share(self) -> Array:
        """Shares of tokens by lab, bloc and openness."""
        return _shares(self, self.totals.tokens)

    @cached_property
    def developers(self) -> Whole:
        """Places of the startups outside the target bloc."""
        world = self.block.communities
        return np.flatnonzero((world.segment == STARTUPS) & (world.home != TARGET))

    @cached_property
    def aggregator(self) -> tuple[Amounts, Amounts]:
        """Tokens and spending on an API aggregator, one token of startups in all, each (runs, labs)."""
        world = self.block.communities
        hobby = np.flatnonzero((world.segment == HOBBY) & (world.home != TARGET))
        part = self.block.par["observation.aggregator_hobby_share"]
        tokens, spend = [], []
        for places, weight in ((self.developers, 1.0 - part), (hobby, part)):
            used, paid = self.sales.tokens_of(places), self.sales.spend_of(places)
            scale = weight / _total(used)
            tokens.append([scale * amount for amount in used])
            spend.append([scale * amount for amount in paid])
        return (
            (tokens[0][CLOSED] + tokens[1][CLOSED], tokens[0][OPEN] + tokens[1][OPEN]),
            (spend[0][CLOSED] + spend[1][CLOSED], spend[0][OPEN] + spend[1][OPEN]),
        )

    @cached_property
    def business(self) -> Amounts:
        """Spending of enterprises in the first region, each (runs, labs)."""
        world = self.block.communities
        places = np.flatnonzero((world.segment < STARTUPS) & (world.region == 0))
        return self.sales.spend_of(places)

    @cached_property
    def leaders(self) -> Whole:
        """Place of the lab with the largest ln E of each bloc, (runs, blocs); -1 in a bloc without labs."""
        level = self.labs.ln_effective
        top = np.full((level.shape[0], COUNT), -1)
        for bloc in range(COUNT):
            members = self.members(bloc)
            if len(members):
                top[:, bloc] = members[pick(level, members).argmax(axis=1)]
        return top

    @cached_property
    def owned(self) -> Array:
        """Compute owned by bloc."""
        chips = self.chips
        owned: Array = chips.stock.sum(axis=2) - chips.stock[:, :, CLOUD]
        return owned

    @cached_property
    def light_staff(self) -> Array:
        """Researchers on compute-light efficiency by bloc."""
        state = self.labs
        return _by_bloc(self, state.researchers * self.entered * state.staff_share[:, :, 0])

    @cached_property
    def largest_run(self) -> Array:
        """Largest running total of the sender's and the target's labs."""
        run = self.labs.training_run
        largest = np.zeros((run.shape[0], 2))
        for place in (SENDER, TARGET):
            members = self.members(place)
            if len(members):
                largest[:, place] = pick(run, members).max(axis=1)
        return largest

    def members(self, bloc: int) -> Whole:
        """Places of the labs of a bloc that have entered."""
        return np.flatnonzero((self.bloc == bloc) & (self.entered > 0.0))


def measure(engine: "Engine", names: Iterable[str] | None = None) -> dict[str, Array]:
    """Return measures of the month just played by name: `names`, or every measure of the catalogue."""
    readings = Readings(engine)
    return {name: FORMULAS[name](readings) for name in (FORMULAS if names is None else names)}


def _by_name(now: Readings, values: Array, names: tuple[str, ...] = LABS) -> Array:
    """Columns of `values` (runs, labs) for `names`, zeros for labs that the world does not have."""
    present = now.block.labs.names
    result = np.zeros((values.shape[0], len(names)))
    for place, name in enumerate(names):
        if name in present:
            result[:, place] = values[:, present.index(name)]
    return result


def _of_bloc(now: Readings, values: Array, bloc: int) -> Array:
    """Sum over the labs of a bloc, (runs,)."""
    total: Array = only(values, now.bloc == bloc).sum(axis=1)
    return total


def _by_bloc(now: Readings, values: Array) -> Array:
    """Sum over the labs of each bloc, (runs, blocs)."""
    return np.stack([_of_bloc(now, values, bloc) for bloc in range(COUNT)], axis=1)


def _total(amounts: Amounts) -> Array:
    """Sum over labs and openness, (runs, 1), never zero."""
    total: Array = np.maximum((amounts[CLOSED] + amounts[OPEN]).sum(axis=1, keepdims=True), TINY)
    return total


def _shares(now: Readings, amounts: Amounts) -> Array:
    """Shares by lab, bloc and openness."""
    total = _total(amounts)
    by_lab = (amounts[CLOSED] + amounts[OPEN]) / total
    opened, closed = (amounts[place].sum(axis=1, keepdims=True) / total for place in (OPEN, CLOSED))
    return np.concatenate([_by_name(now, by_lab), _by_bloc(now, by_lab), opened, closed], axis=1)


def _abroad(now: Readings, use: Array) -> Array:
    """Parts of the use outside their own bloc that labs and blocs have; `use` by home bloc (runs, blocs, labs)."""
    outside = use.sum(axis=1, keepdims=True) - use
    return _own_market(now, outside)


def _home(now: Readings, use: Array) -> Array:
    """Parts of the use inside their own bloc that labs and blocs have; `use` by home bloc (runs, blocs, labs)."""
    return _own_market(now, use)


def _own_market(now: Readings, use: Array) -> Array:
    """Parts of labs, then blocs, in the market of their own bloc; `use` by that market (runs, blocs, labs)."""
    by_lab = np.zeros((use.shape[0], use.shape[2]))
    by_bloc = np.zeros((use.shape[0], COUNT))
    for bloc in range(COUNT):
        market = use[:, bloc]
        total = np.maximum(market.sum(axis=1), TINY)
        by_lab += np.where(now.bloc == bloc, market / total[:, np.newaxis], 0.0)
        by_bloc[:, bloc] = _of_bloc(now, market, bloc) / total
    return np.concatenate([_by_name(now, by_lab), by_bloc], axis=1)


def _within(now: Readings, amounts: Amounts) -> Array:
    """Shares of CN, open and US."""
    by_lab = amounts[CLOSED] + amounts[OPEN]
    parts = [_of_bloc(now, by_lab, TARGET), amounts[OPEN].sum(axis=1), _of_bloc(now, by_lab, SENDER)]
    shares: Array = np.stack(parts, axis=1) / _total(amounts)
    return shares


def _enterprise_share(now: Readings) -> Array:
    """Shares of US enterprise spending: labs, CN, open."""
    business = now.business
    by_lab = _by_name(now, (business[CLOSED] + business[OPEN]) / _total(business), ENTERPRISE_LABS)
    return np.concatenate([by_lab, _within(now, business)[:, :2]], axis=1)


def _consumer_share(now: Readings) -> Array:
    """Shares of consumers outside the target bloc, users as weights."""
    world, sales = now.block.communities, now.sales
    consumers = np.flatnonzero((world.segment == CONSUMER) & (world.home != TARGET))
    users = pick(now.communities.users, consumers)
    by_users = sum(np.einsum("rc,rci->ri", users, pick(part, consumers)) for part in sales.split)
    by_users = by_users / np.maximum(by_users.sum(axis=1, keepdims=True), TINY)
    return _by_name(now, by_users, CONSUMER_LABS)


def _web_share(now: Readings) -> Array:
    """Shares of visits as web statistics see them: consumers of the target bloc count in part."""
    world, sales = now.block.communities, now.sales
    consumers = np.flatnonzero(world.segment == CONSUMER)
    seen = np.where(world.home[consumers] == TARGET, now.block.par["observation.web_china_weight"], 1.0)
    users = seen * pick(now.communities.users, consumers)
    visits = sum(np.einsum("rc,rci->ri", users, pick(part, consumers)) for part in sales.split)
    visits = visits / np.maximum(visits.sum(axis=1, keepdims=True), TINY)
    return _by_name(now, visits, CONSUMER_LABS)


def _derivatives(now: Readings) -> Array:
    grown = np.maximum(now.accounts.ecosystem, 0.0) ** now.block.par["observation.derivative_attachment"]
    return _by_name(now, grown, DERIVED_LABS)


def _final_run_share(now: Readings) -> Array:
    """Final runs in the compute of training and experiments, labs of the sender and of the target."""
    state = now.labs
    final = knowledge.final_run_compute(state, now.engine.terms) * now.entered
    used = (state.compute - state.distillation_compute) * now.entered
    research = used * state.compute_share[:, :, :3].sum(axis=2)
    share: Array = (
        _by_bloc(now, final)[:, [SENDER, TARGET]] / np.maximum(_by_bloc(now, research), TINY)[:, [SENDER, TARGET]]
    )
    return share


def _country_share(now: Readings) -> Array:
    """Part of consumers' use that goes to one lab in the regions where its share was observed."""
    world, sales, names = now.block.communities, now.sales, now.block.labs.names
    result = np.zeros((sales.use.shape[0], len(COUNTRIES)))
    for column, region in enumerate(COUNTRIES):
        for place in np.flatnonzero((world.segment == CONSUMER) & (world.region == region)):
            if COUNTRY_LAB in names:
                lab = names.index(COUNTRY_LAB)
                result[:, column] = sales.split[CLOSED][:, place, lab] + sales.split[OPEN][:, place, lab]
    return result


def _hub_share(now: Readings) -> Array:
    """Shares of CN and US in the open models that hobbyists outside the target bloc use."""
    world = now.block.communities
    hobby = np.flatnonzero((world.segment == HOBBY) & (world.home != TARGET))
    hub = now.sales.tokens_of(hobby)[OPEN]
    origins = np.stack([_of_bloc(now, hub, TARGET), _of_bloc(now, hub, SENDER)], axis=1)
    share: Array = origins / np.maximum(origins.sum(axis=1, keepdims=True), TINY)
    return share


def _adoption(now: Readings) -> Array:
    """Users of the world and by bloc."""
    users, home = now.communities.users, now.block.communities.home
    by_home = np.stack([only(users, home == bloc).sum(axis=1) for bloc in range(COUNT)], axis=1)
    return np.concatenate([by_home.sum(axis=1, keepdims=True), by_home], axis=1)


def _hhi(now: Readings) -> Array:
    """Concentration over labs and blocs."""
    labs, blocs = now.token_share[:, : len(LABS)], now.token_share[:, len(LABS) : len(LABS) + COUNT]
    return np.stack([(labs**2).sum(axis=1), (blocs**2).sum(axis=1)], axis=1)


def _consumer_surplus(now: Readings) -> Array:
    world = now.block.communities
    return community.consumer_surplus(now.communities, now.block.par, world, now.sales)[:, np.newaxis]


def _blocked(now: Readings) -> Array:
    """Spending-weighted share of a foreign origin's closed use that masks and bans take away, largest over origins."""
    world, rules, spend = now.block.communities, now.engine.place_rules, now.communities.spend
    masked = 1.0 - np.exp(np.minimum(world.access[now.month, :, :, CLOSED], 0.0))
    withdrawn = rules.closed_abroad[:, :, np.newaxis] * (np.arange(COUNT) == 0) * (world.home != 0)[:, np.newaxis]
    barred = 1.0 - (1.0 - masked) * (1.0 - rules.ban) * (1.0 - withdrawn)
    largest = np.broadcast_to(barred.max(axis=2), spend.shape)
    share: Array = ((largest * spend).sum(axis=1) / spend.sum(axis=1))[:, np.newaxis]
    return share


def _token_price(now: Readings) -> Array:
    """Average price paid, open and closed."""
    prices = [
        now.totals.spend[place].sum(axis=1) * 1e6 / np.maximum(now.totals.tokens[place].sum(axis=1), TINY)
        for place in (OPEN, CLOSED)
    ]
    return np.stack(prices, axis=1)


def _price_fixed_capability(now: Readings) -> Array:
    shelf, par = now.shelf, now.block.par
    return np.stack([pricing.price_at_capability(shelf, par, float(level)) for level in LEVELS], axis=1)


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, 0.0)


def _release_open(now: Readings) -> Array:
    """Openness of stances: 0 closed, 0.5 small, 1 open."""
    openness: Array = np.array([0.0, 0.5, 1.0])[now.labs.stance.astype(np.int64)] * now.entered
    return _by_name(now, openness)


def _of_leader(values: Callable[[Readings], Array]) -> Callable[[Readings], Array]:
    """The measure that is `values` (runs, labs) of each bloc's leader, zero in a bloc without labs."""

    def formula(now: Readings) -> Array:
        top: Flags = now.leaders >= 0
        found = np.take_along_axis(values(now), np.maximum(now.leaders, 0), axis=1)
        return np.where(top, found, 0.0)

    return formula


def _mean_by_bloc(now: Readings, values: Array, weights: Array) -> Array:
    """Weighted mean over the labs of each bloc that have entered, zero in a bloc without."""
    result = np.zeros((values.shape[0], COUNT))
    for bloc in range(COUNT):
        members = now.members(bloc)
        if len(members):
            weight = pick(weights, members)
            result[:, bloc] = (pick(values, members) * weight).sum(axis=1) / weight.sum(axis=1)
    return result


def _algorithmic_efficiency(now: Readings) -> Array:
    state = now.labs
    return _mean_by_bloc(now, state.position + state.borrowed, state.compute)


def _algorithmic_progress(now: Readings) -> Array:
    """Yearly gain of own research, weighted by research compute."""
    state, progress = now.labs, now.engine.progress
    research = state.compute * (state.compute_share[:, :, 1] + state.compute_share[:, :, 2])
    return _mean_by_bloc(now, 12.0 * (progress[0] + progress[1]), research)


def _research_effort_share(now: Readings) -> Array:
    everyone = _by_bloc(now, now.labs.researchers * now.entered)
    share: Array = now.light_staff / np.maximum(everyone, TINY)
    return share


def _compute_inflow(now: Readings) -> Array:
    """Chips reaching the target by channel, those of the sender, and all without rented clouds."""
    inflow, blocs = now.chips.inflow, now.engine.flows.blocs
    total = blocs.sum(axis=1, keepdims=True) - inflow[:, CLOUD : CLOUD + 1]
    return np.concatenate([inflow, blocs[:, :1], total], axis=1)


def _self_reliance(now: Readings) -> Array:
    inflow = now.chips.inflow
    made, known = inflow[:, DOMESTIC], inflow[:, LEGAL] + inflow[:, SMUGGLED] + inflow[:, DOMESTIC]
    share: Array = (made / np.maximum(known, TINY))[:, np.newaxis]
    return share


def _scarcity_premium(now: Readings) -> Array:
    premium = np.zeros((len(now.engine.lot), COUNT))
    premium[:, TARGET] = now.chips.premium[:, 0]
    return premium


def _shadow_price(now: Readings) -> Array:
    """Premium of labs over the list price, weighted by compute in use."""
    used = now.labs.compute * now.entered
    shadow: Array = _by_bloc(now, used * now.labs.premium) / np.maximum(_by_bloc(now, used), TINY)
    return shadow


FORMULAS: dict[str, Callable[[Readings], Array]] = {
    "token_share": lambda now: now.token_share,
    "revenue_share": lambda now: _shares(now, now.totals.spend),
    "token_share_abroad": lambda now: _abroad(now, now.tokens_by_home),
    "token_share_home": lambda now: _home(now, now.tokens_by_home),
    "revenue_share_abroad": lambda now: _abroad(now, now.spend_by_home),
    "revenue_share_home": lambda now: _home(now, now.spend_by_home),
    "developer_token_share": lambda now: _within(now, now.sales.tokens_of(now.developers)),
    "developer_revenue_share": lambda now: _within(now, now.sales.spend_of(now.developers)),
    "aggregator_token_share": lambda now: _within(now, now.aggregator[0]),
    "aggregator_revenue_share": lambda now: _within(now, now.aggregator[1]),
    "enterprise_share": _enterprise_share,
    "consumer_share": _consumer_share,
    "web_share": _web_share,
    "country_share": _country_share,
    "hub_share": _hub_share,
    "hub_download_share": lambda now: now.block.par["observation.hub_known_share"] * _hub_share(now),
    "derivatives": _derivatives,
    "lab_revenue": lambda now: _by_name(now, now.accounts.revenue),
    "adoption": _adoption,
    "market_spend": lambda now: now.communities.spend.sum(axis=1, keepdims=True),
    "hhi": _hhi,
    "consumer_surplus": _consumer_surplus,
    "blocked_market_share": _blocked,
    "token_price": _token_price,
    "price_fixed_capability": _price_fixed_capability,
    "frontier_capability": lambda now: _finite(now.frontiers),
    "gap_months": lambda now: now.gaps[:, [TARGET, 4]],
    "capability": lambda now: _by_name(now, _finite(now.shelf.best())),
    "release_open": _release_open,
    "algorithmic_efficiency": _algorithmic_efficiency,
    "algorithmic_progress": _algorithmic_progress,
    "effective_compute": _of_leader(lambda now: now.labs.ln_effective),
    "effective_compute_training": _of_leader(lambda now: now.labs.ln_training),
    "effective_compute_own": _of_leader(lambda now: now.labs.position),
    "effective_compute_borrowed": _of_leader(lambda now: now.labs.borrowed),
    "effective_compute_effect": _of_leader(lambda now: now.block.labs.effect),
    "efficiency_researchers": lambda now: now.light_staff,
    "research_effort_share": _research_effort_share,
    "compute_owned": lambda now: np.concatenate([now.owned, now.owned.sum(axis=1, keepdims=True)], axis=1),
    "compute_share": lambda now: now.owned / now.owned.sum(axis=1, keepdims=True),
    "compute_inflow": _compute_inflow,
    "compute_labs": lambda now: _by_name(now, now.labs.compute * now.entered),
    "main_vendor_output": lambda now: now.chips.available,
    "grey_price_ratio": lambda now: np.exp(now.block.par["observation.grey_price_exponent"] * now.chips.premium),
    "final_run_share": _final_run_share,
    "legal_share_stock": lambda now: now.chips.cumulative_legal / np.maximum(now.chips.cumulative_supply, TINY),
    "leakage_rate": lambda now: chip_market.leakage_rate(now.chips),
    "self_reliance": _self_reliance,
    "supplier_revenue_lost": lambda now: chip_market.supplier_revenue_lost(now.chips),
    "scarcity_premium": _scarcity_premium,
    "shadow_price": _shadow_price,
    "training_compute": lambda now: FLOP_PER_MONTH * now.largest_run,
    "training_cost": lambda now: list_rent(now.block.par, now.month) * now.largest_run,
}
"""How each measure of the catalogue is computed."""
