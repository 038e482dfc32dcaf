"""Developer communities: who knows which models, what they choose, and what they pay.

Specification: docs/model.md, sections 14 and 15. A community is a region and a segment. Shares are of tokens.
The choice is a multinomial logit whose weights split exactly into a part by segment and model and a part by community,
origin and openness, so that the exponentials are few.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from scipy import sparse

from agents.places import CLOSED, LATEST, OPEN, PREVIOUS, SENDER
from agents.pricing import expand
from agents.shelf import Shelf
from sim.arrays import Array, Flags, Whole, only, pick

Numbers = Mapping[str, Array]
SEGMENTS = ("enterprise_regulated", "enterprise_other", "startup_dev", "hobby_research", "consumer_app")
CONSUMER = 4
DEVELOPERS = (2, 3)
SPEND_HALF_LIFE = 18.0
"""Months in which the growth of spending per user halves after the record."""


@dataclass(frozen=True)
class CommunityWorld:
    """What is given about communities; (communities,) or (communities, blocs) unless noted.

    `access` (months, communities, blocs, 2): masks and bans in utils. `home`: bloc of the community's region.
    `residency`, `filtered`: 1 where a closed service of that origin is foreign and rival, where its filter is noticed.
    `known`: 1 where an origin is always considered. `peers`: row-normalised links between communities.
    """

    region: Whole
    segment: Whole
    home: Whole
    spend_weight: Array
    users_start: Array
    users_record: Array
    potential: Array
    launch: Whole
    innovation: Array
    imitation: Array
    taste: Array
    consideration_start: Array
    residency: Array
    filtered: Array
    known: Array
    access: Array
    coding_share: Array
    peers: sparse.csr_array
    record_end: int

    @cached_property
    def homes(self) -> tuple[Whole, ...]:
        """Places of the communities of each bloc."""
        return tuple(np.flatnonzero(self.home == bloc) for bloc in range(self.taste.shape[1]))


@dataclass
class CommunityState:
    """State of communities; (runs, communities) unless noted."""

    users: Annotated[Array, "million", "people or seats that use models"]
    spend: Annotated[Array, "M$/month", "spending on model use"]
    growth: Annotated[Array, "per month", "growth of spending"]
    consideration: Annotated[Array, "share", "share that considers models of an origin, (runs, communities, blocs)"]
    awareness: Annotated[Array, "share", "share of consumers that know a lab's assistant, (runs, labs)"]
    noticed: Annotated[Array, "0/1", "whether an origin has come near the frontier, (runs, blocs)"]
    share: Annotated[Array, "share", "share of a lab in the community's tokens, (runs, communities, labs)"]
    reference: Annotated[Array, "ECI", "frontier that capability is measured from in choice, (runs, 1)"]


@dataclass(frozen=True)
class PlaceRules:
    """Rules that reach demand. `ban` (runs or 1, communities, blocs) share barred; others (runs or 1, 1)."""

    ban: Array
    closed_abroad: Array
    content_filter: Array


@dataclass(frozen=True)
class Weights:
    """Logit weights of a month, kept for the review of stances; pairs are (closed, open).

    `segment` pair of (runs, segments, labs, 2 vintages) by segment and model, `price` pair of (runs, segments, labs):
    the mean price within a slot group, `offer` (runs, labs, 2, 2) all prices, 0 where there is no model, `place` pair
    of (runs, communities, blocs), `slot` pair of (runs, communities, labs): the product of segment and place, `by_lab`
    their sum, `total` (runs, communities) the sum of that.
    """

    segment: tuple[Array, Array]
    offer: Array
    price: tuple[Array, Array]
    place: tuple[Array, Array]
    slot: tuple[Array, Array]
    by_lab: Array
    total: Array


Amounts = tuple[Array, Array]
"""Of closed and of open models."""


@dataclass(frozen=True)
class Sales:
    """What is used and paid by (closed, open), each (runs, communities, labs).

    `split` of a community's tokens, `paid` the same times the price, `use` (runs, communities) tokens in units of 1e12.
    """

    split: Amounts
    paid: Amounts
    use: Array

    @property
    def tokens(self) -> Amounts:
        """Million tokens a month, (runs, communities, labs)."""
        use = 1e6 * self.use[:, :, np.newaxis]
        return use * self.split[CLOSED], use * self.split[OPEN]

    @property
    def spend(self) -> Amounts:
        """M$ a month, (runs, communities, labs)."""
        use = self.use[:, :, np.newaxis]
        return use * self.paid[CLOSED], use * self.paid[OPEN]

    def tokens_of(self, places: Whole) -> Amounts:
        """Million tokens a month of the communities at `places`, (runs, labs)."""
        return _weighted(1e6 * pick(self.use, places), self.split, places)

    def spend_of(self, places: Whole) -> Amounts:
        """M$ a month of the communities at `places`, (runs, labs)."""
        return _weighted(pick(self.use, places), self.paid, places)


@dataclass(frozen=True)
class Totals:
    """What is used (million tokens a month) and paid (M$) by the bloc of the communities, (runs, blocs, labs)."""

    tokens: Amounts
    spend: Amounts


def add_up(sales: Sales, world: CommunityWorld) -> Totals:
    """Return the sums of sales over the communities of each bloc."""
    tokens = [_by_home(1e6 * sales.use, part, world.homes) for part in sales.split]
    spend = [_by_home(sales.use, part, world.homes) for part in sales.paid]
    return Totals((tokens[CLOSED], tokens[OPEN]), (spend[CLOSED], spend[OPEN]))


def _by_home(use: Array, part: Array, homes: tuple[Whole, ...]) -> Array:
    """Sum over the communities of each bloc of their use times `part`, (runs, blocs, labs)."""
    sums = np.empty((part.shape[0], len(homes), part.shape[2]))
    for bloc, places in enumerate(homes):
        np.einsum("rc,rci->ri", pick(use, places), _together(part, places), out=sums[:, bloc])
    return sums


def _together(values: Array, places: Whole) -> Array:
    """Return `values` at ascending `places` of axis 1, without a copy where the places follow one another."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return values[:, places[0] : places[-1] + 1]
    return pick(values, places)


def _weighted(use: Array, parts: Amounts, places: Whole) -> Amounts:
    """Sum over communities of their use times `parts`; einsum, because it is several times faster here than sum."""
    closed, opened = (np.einsum("rc,rci->ri", use, pick(part, places)) for part in parts)
    return closed, opened


def arrive(state: CommunityState, par: Numbers, world: CommunityWorld, month: int) -> None:
    """Let new users arrive (Bass) and set spending and its growth (section 14)."""
    if month > 0:
        open_now = (month > world.launch).astype(np.float64)
        new = state.users - world.users_start
        pull = world.innovation + world.imitation * new / world.potential
        state.users = state.users + open_now * pull * (world.potential - new) / 12.0
    spend = state.users * spend_per_user(par, world, month)
    if month > 0:
        state.growth = np.maximum(spend / state.spend - 1.0, 0.0)
    state.spend = spend


def spend_per_user(par: Numbers, world: CommunityWorld, month: int) -> Array:
    """Return M$ a month per million users, (runs, communities)."""
    growth = per_segment(par, "demand.spend_growth")
    after = month - world.record_end
    factor = (1.0 + growth) ** min(after, 0)
    for n in range(1, after + 1):
        factor = factor * (1.0 + growth * 2.0 ** (-n / SPEND_HALF_LIFE))
    level: Array = par["demand.world_spend"] * world.spend_weight / world.users_record * pick(factor, world.segment)
    return level


def per_segment(par: Numbers, name: str) -> Array:
    """Return a parameter that has one value per segment as (runs, segments); set-up stacks its five rows."""
    return par[name]


def notice(
    state: CommunityState, par: Numbers, level: Array, lag: Array, lab_bloc: Whole, month: int, entering: Flags,
    awareness_start: Array,
) -> None:  # fmt: skip
    """Let consideration and awareness grow, and jump where an origin first comes near the frontier (section 14).

    `level` (runs, labs): best released capability, `lag` (runs, blocs): months behind the frontier of the sender. A
    jump follows from a released capability, never from a policy.
    """
    if month > 0:
        rate = par["demand.consideration_growth"]
        wide = rate[:, :, np.newaxis]
        state.consideration = state.consideration + wide * state.consideration * (1.0 - state.consideration)
        state.awareness = state.awareness + rate * state.awareness * (1.0 - state.awareness)
    state.awareness = np.where(entering, awareness_start, state.awareness)
    near = lag <= par["demand.consideration_reach"]
    jump = par["demand.consideration_jump"]
    for bloc in range(state.noticed.shape[1]):
        members = lab_bloc == bloc
        if not members.any():
            continue
        best = only(level, members).max(axis=1)
        first = near[:, bloc] & np.isfinite(best) & (state.noticed[:, bloc] == 0.0)
        raised = np.maximum(state.consideration[:, :, bloc], jump)
        state.consideration[:, :, bloc] = np.where(first[:, np.newaxis], raised, state.consideration[:, :, bloc])
        lifted = first[:, np.newaxis] & members[np.newaxis, :] & (level == best[:, np.newaxis])
        state.awareness = np.where(lifted, np.maximum(state.awareness, jump), state.awareness)
        state.noticed[:, bloc] = np.where(first, 1.0, state.noticed[:, bloc])


def place_terms(
    state: CommunityState, par: Numbers, world: CommunityWorld, month: int, rules: PlaceRules
) -> tuple[Array, Array]:
    """Return exp of the utility that depends on community and origin, closed and open, (runs, communities, blocs)."""
    trust = expand(par["channel.trust"], state.consideration)
    taste = np.maximum(world.taste, 0.0) + trust * np.minimum(world.taste, 0.0)
    known = np.maximum(world.known, 1.0 - expand(par["channel.consideration"], state.consideration))
    considered = np.log(np.maximum(known, state.consideration))
    barred = np.log(np.maximum(1.0 - rules.ban, 1e-3))
    aversion = expand(par["demand.filter_aversion"], considered) * expand(rules.content_filter, considered)
    relief = expand(par["demand.filter_relief"], considered)
    common = taste + considered + barred
    residency = trust * expand(par["demand.data_residency"], considered) * world.residency
    withdrawn = np.log(np.maximum(1.0 - rules.closed_abroad, 1e-3))[:, :, np.newaxis] * _sender_abroad(world)
    closed = common - residency - aversion * world.filtered + withdrawn
    opened = common - aversion * (1.0 - relief) * world.filtered
    access = world.access[month]
    return np.exp(closed + access[:, :, CLOSED]), np.exp(opened + access[:, :, OPEN])


def _sender_abroad(world: CommunityWorld) -> Array:
    """1 for models of the sender in communities outside it, (1, communities, blocs)."""
    abroad = np.zeros((1, len(world.home), world.taste.shape[1]))
    abroad[0, :, SENDER] = world.home != SENDER
    return abroad


def model_terms(par: Numbers, capability: Array, price: Array, openness: int, lab: Array) -> Array:
    """Return the utility of models of one openness by segment; `capability` (ECI over the reference), `price`.

    All arguments broadcast to (runs, segments, ...); `lab` holds the lab terms of `lab_terms`.
    """
    quality = expand_segments(per_segment(par, "demand.quality"), capability.ndim)
    weight = expand_segments(per_segment(par, "demand.log_price"), capability.ndim)
    utility: Array = quality * capability - weight * np.log(price) + lab
    if openness == OPEN:
        utility = utility + expand_segments(per_segment(par, "demand.openness"), capability.ndim)
    return utility


def expand_segments(value: Array, dimensions: int) -> Array:
    """Give (runs, segments) trailing axes up to `dimensions`."""
    return value.reshape(value.shape + (1,) * (dimensions - 2))


def lab_terms(
    state: CommunityState, par: Numbers, world: CommunityWorld, month: int, brand: Array, coding_fit: Array,
    available: Array, ecosystem: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Return the parts of utility that belong to a lab, closed and open, (runs, segments, labs).

    `brand` (runs, labs, segments), `coding_fit`, `available`, `ecosystem` (runs, labs).
    """
    coding = per_segment(par, "demand.coding")[:, :, np.newaxis] * world.coding_share[month]
    common = np.swapaxes(brand, 1, 2) + coding * coding_fit[:, np.newaxis, :]
    known = np.maximum(state.awareness, 1.0 - par["channel.consideration"])
    common[:, CONSUMER, :] += np.log(np.maximum(known, 1e-12))
    closed = common + np.log(available)[:, np.newaxis, :]
    base = expand(par["demand.installed_base"], common)
    return closed, common + base * np.log1p(ecosystem)[:, np.newaxis, :]


def weigh(
    par: Numbers, world: CommunityWorld, month: int, shelf: Shelf, lab_bloc: Whole, reference: Array,
    terms: tuple[Array, Array], place: tuple[Array, Array],
) -> Weights:  # fmt: skip
    """Return the logit weights of every model in every community (section 14)."""
    offer = np.where(shelf.exists, shelf.price, 0.0)
    segment, prices, slots = [], [], []
    for openness in (CLOSED, OPEN):
        on_offer = shelf.exists[:, :, openness][:, np.newaxis]
        relative = (shelf.capability[:, :, openness] - reference[:, :, np.newaxis])[:, np.newaxis]
        price = offer[:, :, openness][:, np.newaxis]
        paid = np.where(on_offer, price, 1.0)
        utility = model_terms(par, relative, paid, openness, terms[openness][..., np.newaxis])
        if openness == OPEN:
            utility = utility - expand(par["demand.small_model_gap"], utility) * shelf.small[:, :, OPEN][:, np.newaxis]
        weight = np.where(on_offer, np.exp(np.where(on_offer, utility, 0.0)), 0.0)
        whole = weight[..., LATEST] + weight[..., PREVIOUS]
        spent = weight * price
        segment.append(weight)
        prices.append((spent[..., LATEST] + spent[..., PREVIOUS]) / np.where(whole > 0.0, whole, 1.0))
        slots.append(pick(whole, world.segment) * pick(place[openness], lab_bloc, axis=2))
    by_lab = slots[CLOSED] + slots[OPEN]
    return Weights(
        (segment[0], segment[1]), offer, (prices[0], prices[1]), place, (slots[0], slots[1]), by_lab,
        np.einsum("rci->rc", by_lab),
    )  # fmt: skip


def peer_pull(state: CommunityState, par: Numbers, world: CommunityWorld) -> Array | None:
    """Return exp of the peer term (runs, communities, labs), or None where no run has peers switched on."""
    strength = par["channel.peers"] * par["demand.peer_influence"]
    if not strength.any():
        return None
    runs, communities, labs = state.share.shape
    flat = np.swapaxes(state.share, 0, 1).reshape(communities, runs * labs)
    seen = np.swapaxes((world.peers.dot(flat)).reshape(communities, runs, labs), 0, 1)
    return np.asarray(np.exp(strength[:, :, np.newaxis] * seen), dtype=np.float64)


def choose(
    state: CommunityState, par: Numbers, world: CommunityWorld, weights: Weights, pull: Array | None, first: bool
) -> Sales:
    """Move shares toward this month's choice, and return use and spending by slot group (section 14)."""
    if pull is None:
        wanted = weights.by_lab / weights.total[:, :, np.newaxis]
    else:
        pulled = weights.by_lab * pull
        wanted = pulled / pulled.sum(axis=2, keepdims=True)
    if first:
        state.share = wanted
    else:
        hazard = pick(per_segment(par, "demand.switching"), world.segment)
        afresh = 1.0 - (1.0 - hazard) / (1.0 + state.growth)
        state.share = state.share + afresh[:, :, np.newaxis] * (wanted - state.share)
    scale = state.share / np.where(weights.by_lab > 0.0, weights.by_lab, 1.0)
    split = (scale * weights.slot[CLOSED], scale * weights.slot[OPEN])
    paid = tuple(pick(weights.price[openness], world.segment) * split[openness] for openness in (CLOSED, OPEN))
    mean_price = np.einsum("rci->rc", paid[CLOSED]) + np.einsum("rci->rc", paid[OPEN])
    return Sales(split, (paid[CLOSED], paid[OPEN]), state.spend / mean_price)


def consumer_surplus(state: CommunityState, par: Numbers, world: CommunityWorld, weights: Weights) -> Array:
    """Return M$ a month: spending over the price weight times the log-sum of the choice, (runs,).

    Price weights below 0.2 count as 0.2.
    """
    inclusive = np.log(weights.total)
    price_weight = np.maximum(pick(per_segment(par, "demand.log_price"), world.segment), 0.2)
    surplus: Array = (state.spend / price_weight * inclusive).sum(axis=1)
    return surplus
