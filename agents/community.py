"""Developer communities: who knows which models, what they choose, and what they pay.

Specification: docs/model.md, sections 14 and 15. A community is a region and a segment. Shares are of tokens.
The choice is a multinomial logit whose weights split exactly into a part by segment and model and a part by community,
origin and openness, so that the exponentials are few.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import numpy as np
from scipy import sparse

from agents.places import CLOSED, LATEST, OPEN, PREVIOUS, SENDER, TARGET
from agents.pricing import expand
from agents.shelf import Shelf
from sim.arrays import Array, Flags, Whole, only, pick

Numbers = Mapping[str, Array]
SEGMENTS = ("enterprise_regulated", "enterprise_other", "startup_dev", "hobby_research", "consumer_app")
CONSUMER = 4
DEVELOPERS = (2, 3)
PART = 64
"""Runs whose arrays by community and lab are worked on together: few enough for the processor's caches."""


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
    spend_level: Annotated[Array, "ratio", "spending per user over that at the record's end, (runs, segments)"] = field(
        default_factory=lambda: np.ones((1, 1))
    )


@dataclass(frozen=True)
class PlaceRules:
    """Rules that reach demand. `ban` (runs or 1, communities, blocs) share barred; others (runs or 1, 1)."""

    ban: Array
    closed_abroad: Array
    content_filter: Array


Amounts = tuple[Array, Array]
"""Of closed and of open models."""


@dataclass(frozen=True)
class Weights:
    """Logit weights of a month in their two factors, kept for the review of stances; pairs are (closed, open).

    By segment and lab (runs, segments, labs): `latest` of the latest models, `whole` of all, `spent` the same times
    prices. `offer` (runs, labs, 2, 2): all prices, 0 without a model. `place` pair of (runs, communities, blocs).
    """

    latest: Amounts
    whole: Amounts
    spent: Amounts
    offer: Array
    place: Amounts


@dataclass(frozen=True)
class Sales:
    """What is used and paid by (closed, open), each (runs, communities, labs).

    `split` of a community's tokens, `paid` the same times the price, `use` (runs, communities) tokens in units of 1e12.
    `weight` and `weight_paid` (runs, communities): the sums over all models of weights and of weights times prices.
    """

    split: Amounts
    paid: Amounts
    use: Array
    weight: Array
    weight_paid: Array

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
    """What all communities use (million tokens a month) and pay (M$), each (runs, labs)."""

    tokens: Amounts
    spend: Amounts


def add_up(sales: Sales) -> Totals:
    """Return the sums of sales over all communities."""
    everybody = np.arange(sales.use.shape[1])
    return Totals(sales.tokens_of(everybody), sales.spend_of(everybody))


def by_home(use: Array, parts: Amounts, homes: tuple[Whole, ...]) -> Array:
    """Sum over the communities of each bloc of their use times closed and open `parts`, (runs, blocs, labs)."""
    both = parts[CLOSED] + parts[OPEN]
    sums = np.empty((both.shape[0], len(homes), both.shape[2]))
    for bloc, places in enumerate(homes):
        np.einsum("rc,rci->ri", pick(use, places), _together(both, places), out=sums[:, bloc])
    return sums


def _together(values: Array, places: Whole) -> Array:
    """Return `values` at ascending `places` of axis 1, without a copy where the places follow one another."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return values[:, places[0] : places[-1] + 1]
    return pick(values, places)


def _weighted(use: Array, parts: Amounts, places: Whole) -> Amounts:
    """Sum over communities of their use times `parts`; einsum, because it is several times faster here than sum."""
    closed, opened = (np.einsum("rc,rci->ri", use, _together(part, places)) for part in parts)
    return closed, opened


def arrive(state: CommunityState, par: Numbers, world: CommunityWorld, month: int) -> None:
    """Let new users arrive (Bass) and set spending and its growth (section 14)."""
    if month > 0:
        open_now = (month > world.launch).astype(np.float64)
        new = state.users - world.users_start
        pull = world.innovation + world.imitation * new / world.potential
        state.users = state.users + open_now * pull * (world.potential - new) / 12.0
    spend = state.users * spend_per_user(state, par, world, month)
    if month > 0:
        state.growth = np.maximum(spend / state.spend - 1.0, 0.0)
    state.spend = spend


def spend_per_user(state: CommunityState, par: Numbers, world: CommunityWorld, month: int) -> Array:
    """Return M$ a month per million users, (runs, communities); called once a month, it moves its growth on."""
    growth = per_segment(par, "demand.spend_growth")
    after = month - world.record_end
    if after <= 0:
        state.spend_level = (1.0 + growth) ** after
    else:
        fade = 2.0 ** (-after / par["demand.spend_half_life"])
        state.spend_level = state.spend_level * (1.0 + growth * fade)
    level = par["demand.world_spend"] * world.spend_weight / world.users_record
    spend: Array = level * pick(state.spend_level, world.segment)
    return spend


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
    known = np.maximum(world.known, 1.0 - expand(par["channel.consideration"], state.consideration))
    reached = np.maximum(known, state.consideration) * np.maximum(1.0 - rules.ban, 1e-3)
    taste = tastes(par, world)
    taste = np.maximum(taste, 0.0) + trust * np.minimum(taste, 0.0)
    aversion = par["demand.filter_aversion"] * rules.content_filter
    of_open = aversion * (1.0 - par["demand.filter_relief"])
    residency = trust * expand(par["demand.data_residency"], trust) * world.residency
    access = world.access[month]
    closed = np.exp(taste - residency - expand(aversion, trust) * world.filtered + access[:, :, CLOSED])
    withdrawn = np.maximum(1.0 - rules.closed_abroad, 1e-3)[:, :, np.newaxis]
    opened = np.exp(taste - expand(of_open, trust) * world.filtered + access[:, :, OPEN])
    return reached * closed * np.where(_sender_abroad(world), withdrawn, 1.0), reached * opened


def tastes(par: Numbers, world: CommunityWorld) -> Array:
    """Return the taste for models by origin in utils, (runs, communities, blocs): the table's, and for the target's
    models abroad the shift of the segment."""
    shift = pick(per_segment(par, "demand.chinese_taste"), world.segment) * (world.home != TARGET)
    taste = np.repeat(world.taste[np.newaxis], len(shift), axis=0)
    taste[:, :, TARGET] += shift
    return taste


def _sender_abroad(world: CommunityWorld) -> Flags:
    """Whether models of an origin are the sender's and the community is outside it, (communities, blocs)."""
    abroad = np.zeros(world.taste.shape, dtype=bool)
    abroad[:, SENDER] = world.home != SENDER
    return abroad


def model_terms(par: Numbers, capability: Array, price: Array, openness: int, lab: Array, small: Array) -> Array:
    """Return the utility of models of one openness by segment; `capability` (ECI over the reference), `price`.

    Arguments broadcast to (runs, segments, ...): `capability`, `price` and `small` (1 for a small model) are
    (runs, 1, ...), `lab` holds the lab terms of `lab_terms`.
    """
    quality = expand_segments(per_segment(par, "demand.quality"), lab.ndim)
    weight = expand_segments(per_segment(par, "demand.log_price"), lab.ndim)
    utility: Array = quality * capability - weight * np.log(price) + lab
    if openness == OPEN:
        utility = utility - expand(par["demand.small_model_gap"], lab) * small
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
    opened = common + (par["demand.installed_base"] * np.log1p(ecosystem))[:, np.newaxis, :]
    return closed, opened + per_segment(par, "demand.openness")[:, :, np.newaxis]


def weigh(
    par: Numbers, shelf: Shelf, reference: Array, terms: tuple[Array, Array], place: tuple[Array, Array]
) -> Weights:
    """Return the logit weights of every model in every segment, and of origins in every community (section 14)."""
    latest, whole, spent = [], [], []
    for openness in (CLOSED, OPEN):
        old, old_paid = _model_weights(par, shelf, (openness, PREVIOUS), reference, terms[openness])
        new, new_paid = _model_weights(par, shelf, (openness, LATEST), reference, terms[openness])
        latest.append(new)
        whole.append(new + old)
        spent.append(new_paid + old_paid)
    return Weights(
        (latest[CLOSED], latest[OPEN]), (whole[CLOSED], whole[OPEN]), (spent[CLOSED], spent[OPEN]),
        np.where(shelf.exists, shelf.price, 0.0), place,
    )  # fmt: skip


def _model_weights(par: Numbers, shelf: Shelf, slot: tuple[int, int], reference: Array, terms: Array) -> Amounts:
    """Return the weights of labs' models in one slot by segment, and the same times price; 0 without a model."""
    place = (slice(None), slice(None), *slot)
    exists = shelf.exists[place]
    relative = np.where(exists, shelf.capability[place] - reference, 0.0)[:, np.newaxis]
    price = np.where(exists, shelf.price[place], 1.0)[:, np.newaxis]
    utility = model_terms(par, relative, price, slot[0], terms, shelf.small[place][:, np.newaxis])
    weight = np.exp(utility) * exists.astype(np.float64)[:, np.newaxis]
    return weight, weight * price


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
    state: CommunityState, par: Numbers, world: CommunityWorld, weights: Weights, lab_bloc: Whole, pull: Array | None,
    first: bool,
) -> Sales:  # fmt: skip
    """Move shares toward this month's choice, and return use and spending by slot group (section 14)."""
    shape = state.share.shape
    hazard = pick(per_segment(par, "demand.switching"), world.segment)
    afresh = np.ones(shape[:2]) if first else 1.0 - (1.0 - hazard) / (1.0 + state.growth)
    share, sales = np.empty(shape), _no_sales(shape)
    for start in range(0, shape[0], PART):
        part = slice(start, start + PART)
        slot, priced = _weights_by_lab(weights, world, lab_bloc, part)
        by_lab, paid_by_lab = slot[CLOSED] + slot[OPEN], priced[CLOSED] + priced[OPEN]
        np.einsum("rci->rc", by_lab, out=sales.weight[part])
        np.einsum("rci->rc", paid_by_lab, out=sales.weight_paid[part])
        if pull is None:
            wanted = by_lab / sales.weight[part, :, np.newaxis]
        else:
            pulled = by_lab * pull[part]
            wanted = pulled / pulled.sum(axis=2, keepdims=True)
        before = state.share[part]
        np.add(before, afresh[part, :, np.newaxis] * (wanted - before), out=share[part])
        scale = share[part] / np.maximum(by_lab, 1e-290)
        for openness in (CLOSED, OPEN):
            np.multiply(scale, slot[openness], out=sales.split[openness][part])
            np.multiply(scale, priced[openness], out=sales.paid[openness][part])
        sales.use[part] = state.spend[part] / np.einsum("rci,rci->rc", scale, paid_by_lab)
    state.share = share
    return sales


def _no_sales(shape: tuple[int, ...]) -> Sales:
    """Return sales to be filled in; `shape` (runs, communities, labs)."""
    by_lab, by_community = ([np.empty(size) for _ in range(4)] for size in (shape, shape[:2]))
    return Sales((by_lab[0], by_lab[1]), (by_lab[2], by_lab[3]), *by_community[:3])


def _weights_by_lab(weights: Weights, world: CommunityWorld, lab_bloc: Whole, part: slice) -> tuple[Amounts, Amounts]:
    """Return weights of labs in communities for some of the runs, and the same times prices."""
    closed, opened = (pick(place[part], lab_bloc, axis=2) for place in weights.place)
    slots, priced = (
        (pick(pair[CLOSED][part], world.segment) * closed, pick(pair[OPEN][part], world.segment) * opened)
        for pair in (weights.whole, weights.spent)
    )
    return slots, priced


def consumer_surplus(state: CommunityState, par: Numbers, world: CommunityWorld, sales: Sales) -> Array:
    """Return M$ a month: spending over the price weight times the log-sum of the choice, (runs,).

    Price weights below 0.2 count as 0.2.
    """
    inclusive = np.log(sales.weight)
    price_weight = np.maximum(pick(per_segment(par, "demand.log_price"), world.segment), 0.2)
    surplus: Array = (state.spend / price_weight * inclusive).sum(axis=1)
    return surplus
