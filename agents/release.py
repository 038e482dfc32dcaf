"""Open or closed, and when to release.

Specification: docs/model.md, section 12. A lab compares what three stances would bring, everything else as last month:
closed, a small open model beside a closed flagship, or an open flagship. Arrays are (runs, 1) for the lab in question.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents import community, pricing
from agents.community import CommunityState, CommunityWorld, Weights
from agents.knowledge import know_how
from agents.lab import LabState, LabWorld, list_rent
from agents.places import CLOSED, LATEST, OPEN, PREVIOUS, STANCE_FLAGSHIP, STANCE_SMALL
from agents.shelf import SMALL_LEAD, Model, Shelf, best_of_others
from sim.arrays import Array, Flags, pick

Numbers = Mapping[str, Array]
FORBIDDEN = -1e9
FRONTIER_WIDTH = 6.0
"""ECI points behind the frontier over which a lead on open models loses its secrecy value: leaders know it already."""
SMALL_PART = 0.3
"""Standing that a small open model brings, relative to an open flagship."""


@dataclass(frozen=True)
class OpenRules:
    """Rules on publication: promotion and restriction by bloc (runs or 1, blocs), penalty (runs or 1, 1)."""

    promotion: Array
    restriction: Array
    penalty: Array


@dataclass(frozen=True)
class Market:
    """Last month's market as a lab sees it at a review.

    `paid_by_lab` (runs, communities, labs): weights times prices, `paid` their sum over labs.
    """

    state: CommunityState
    world: CommunityWorld
    weights: Weights
    spend: Array
    terms: tuple[Array, Array]
    month: int
    paid: Array
    paid_by_lab: Array


def see_market(
    state: CommunityState, world: CommunityWorld, weights: Weights, terms: tuple[Array, Array], month: int
) -> Market:
    """Return the market of `month` as next month's reviews will see it."""
    paid = [weights.slot[openness] * pick(weights.price[openness], world.segment) for openness in (CLOSED, OPEN)]
    by_lab = paid[CLOSED] + paid[OPEN]
    return Market(state, world, weights, state.spend, terms, month, np.einsum("rci->rc", by_lab), by_lab)


@dataclass(frozen=True)
class Rivals:
    """What a lab reviews against: the `frontier` (runs, 1) and the best open model of others (runs, labs), ECI."""

    frontier: Array
    best_open: Array


def see_rivals(shelf: Shelf) -> Rivals:
    """Return the rivals that the models on offer make."""
    return Rivals(shelf.best().max(axis=1, keepdims=True), best_of_others(shelf.best_open()))


@dataclass(frozen=True)
class Setting:
    """Everything that labs review against in a month.

    `serving` (runs, labs): serving H100e put to inference; `markup` (runs, labs): Bertrand markups, ones otherwise.
    """

    rivals: Rivals
    market: Market
    rules: OpenRules
    serving: Array
    markup: Array


@dataclass(frozen=True)
class Candidate:
    """A model a lab could put on offer: capability ECI, unit cost and price USD/Mtok, tokens per chip; (runs, 1).

    `small`: 1.0 for the small model, else 0.0.
    """

    capability: Array
    price: Array
    cost: Array
    rate: Array
    small: float = 0.0


def review_month(par: Numbers, month: int, place: int) -> Flags:
    """Return whether the lab at `place` of the table reviews its stance this month, (runs, 1)."""
    interval = np.rint(par["release.review_interval"])
    due: Flags = np.mod(month + place, interval) == 0.0
    return due


def candidates(
    state: LabState, par: Numbers, rivals: Rivals, month: int, lab: int, markup: Array
) -> tuple[Candidate, Candidate, Candidate]:
    """Return the lab's flagship behind an interface, its open flagship, and its small open model, at target prices."""
    mine = slice(lab, lab + 1)
    capability, know = state.capability[:, mine], know_how(state)[:, mine]
    ln_run, rent = np.log(state.training_run[:, mine]), 1e6 * list_rent(par, month)
    rate = pricing.tokens_per_chip(par, know, ln_run, np.zeros_like(know))
    small_rate = pricing.tokens_per_chip(par, know, ln_run, np.ones_like(know))
    rival = rivals.best_open[:, mine]
    lead = np.where(np.isfinite(rival), capability - np.where(np.isfinite(rival), rival, 0.0), np.inf)
    target = pricing.closed_target(par, rent / rate, state.premium[:, mine], lead, markup[:, mine])
    return (
        Candidate(capability, np.exp(target), rent / rate, rate),
        Candidate(capability, pricing.open_price(par, rent / rate), rent / rate, rate),
        Candidate(
            capability - SMALL_LEAD, pricing.open_price(par, rent / small_rate), rent / small_rate, small_rate, 1.0
        ),
    )


@dataclass(frozen=True)
class Prospect:
    """What a stance would bring: `use` (M$ of spending weighted by token share), revenue closed and open, (runs, 1)."""

    use: Array
    closed: Array
    opened: Array


def prospect(
    par: Numbers, market: Market, lab: int, lab_bloc: int, closed: Candidate | None, opened: Candidate | None,
    withdrawn: bool = False,
) -> Prospect:  # fmt: skip
    """Return the demand the lab would meet with these models in front of its present ones (section 12).

    `withdrawn`: the closed line goes off offer.
    """
    weights, world, state = market.weights, market.world, market.state
    added, added_paid = [], []
    for openness, candidate in ((CLOSED, closed), (OPEN, opened)):
        present = weights.segment[openness][:, :, lab]
        if candidate is None:
            on_offer = float(not (withdrawn and openness == CLOSED))
            segment = (present[..., LATEST] + present[..., PREVIOUS]) * on_offer
            paid = segment * weights.price[openness][:, :, lab]
        else:
            utility = community.model_terms(
                par, candidate.capability - state.reference, candidate.price, openness,
                market.terms[openness][:, :, lab],
            )  # fmt: skip
            fresh = np.exp(utility - candidate.small * par["demand.small_model_gap"])
            segment = fresh + present[..., LATEST]
            kept_price = weights.offer[:, lab, openness, LATEST][:, np.newaxis]
            paid = fresh * candidate.price + present[..., LATEST] * kept_price
        place = weights.place[openness][:, :, lab_bloc]
        added.append(pick(segment, world.segment) * place)
        added_paid.append(pick(paid, world.segment) * place)
    after = weights.total - weights.by_lab[:, :, lab] + added[CLOSED] + added[OPEN]
    paid_after = np.maximum(market.paid - market.paid_by_lab[:, :, lab] + added_paid[CLOSED] + added_paid[OPEN], 1e-300)
    use = (market.spend * (added[CLOSED] + added[OPEN]) / after).sum(axis=1, keepdims=True)
    per_paid = market.spend / paid_after
    revenue = [(per_paid * paid).sum(axis=1, keepdims=True) for paid in added_paid]
    return Prospect(use, revenue[CLOSED], revenue[OPEN])


def stance_values(state: LabState, par: Numbers, world: LabWorld, setting: Setting, lab: int) -> Array:
    """Return the value of the three stances over the largest usage value, (runs, 3); not allowed: FORBIDDEN."""
    rivals, market, rules, markup = setting.rivals, setting.market, setting.rules, setting.markup
    serving = setting.serving[:, lab : lab + 1]
    bloc = int(world.bloc[lab])
    closed, flagship, small = candidates(state, par, rivals, market.month + 1, lab, markup)
    cases = (
        prospect(par, market, lab, bloc, closed, None),
        prospect(par, market, lab, bloc, closed, small),
        prospect(par, market, lab, bloc, None, flagship, withdrawn=True),
    )
    unit = np.maximum(np.maximum(cases[0].use, np.maximum(cases[1].use, cases[2].use)), 1e-300)
    rival = rivals.best_open[:, lab : lab + 1]
    capability = state.capability[:, lab : lab + 1]
    lead = np.clip((capability - np.where(np.isfinite(rival), rival, -1e3)) / 10.0, 0.0, 1.0)
    lead = lead * np.exp(-np.maximum(rivals.frontier - capability, 0.0) / FRONTIER_WIDTH)
    promotion, limit = rules.promotion[:, bloc : bloc + 1], rules.restriction[:, bloc : bloc + 1]
    standing = par["release.reputation"] + par["release.promotion_strength"] * promotion - rules.penalty
    small_bonus = SMALL_PART * standing - par["release.small_model_cost"]
    complement = par["release.complement_scale"] * world.complement[:, lab : lab + 1]
    commodity = par["release.commoditisation"] * complement
    extra = (0.0 * standing, small_bonus, standing + commodity - par["release.leak_cost"] * lead)
    shadow = closed.cost * np.exp(np.clip(state.premium[:, lab : lab + 1], -0.5, 3.0))
    values = []
    for case, bonus in zip(cases, extra, strict=True):
        need = 1e6 * case.closed / closed.price / closed.rate
        served = np.minimum(1.0, serving / np.maximum(need, serving * 1e-9 + 1e-300))
        profit = case.closed * (1.0 - shadow / closed.price) * served
        profit = profit + par["release.host_fee"] * case.opened + complement * case.use
        values.append(profit / unit + bonus)
    shut = rules.penalty >= 1.0
    for stance, level in ((STANCE_SMALL, capability - SMALL_LEAD), (STANCE_FLAGSHIP, capability)):
        denied = shut | (level > rivals.frontier + limit)
        values[stance] = np.where(denied, FORBIDDEN, values[stance])
    return np.concatenate(values, axis=1)


def decide(par: Numbers, present: Array, values: Array, luck: Array) -> Array:
    """Return the stance taken, (runs, 1): the best if it beats the present one by the hysteresis (section 12).

    `luck` (runs, 1) standard normal, added to both open stances.
    """
    noisy = values.copy()
    noisy[:, 1:] += par["release.noise"] * luck
    now = np.take_along_axis(noisy, present.astype(np.int64), axis=1)
    best = noisy.argmax(axis=1)[:, np.newaxis]
    top = np.take_along_axis(noisy, best, axis=1)
    return np.where(top > now + par["release.hysteresis"], best.astype(np.float64), present)


def release(state: LabState, par: Numbers, shelf: Shelf, month: int, due: Flags, noise: Array) -> None:
    """Put this month's models on offer where `due` (runs, labs); `noise` standard normal (runs, labs).

    A lab that publishes its flagship withdraws its closed line; open weights stay on offer for good.
    """
    capability = state.capability + par["capability.release_noise"] * noise
    zeros = np.zeros_like(capability)
    flagship = Model(
        capability=capability,
        ln_effective=state.ln_effective,
        ln_run=np.log(state.training_run),
        know_how=know_how(state),
        small=zeros,
        since=zeros + month,
    )
    drop = SMALL_LEAD * np.log(10.0) / par["capability.eci_per_oom"]
    small = Model(
        capability=capability - SMALL_LEAD, ln_effective=flagship.ln_effective - drop, ln_run=flagship.ln_run,
        know_how=flagship.know_how, small=zeros + 1.0, since=flagship.since,
    )  # fmt: skip
    shelf.put(due & (state.stance != STANCE_FLAGSHIP), CLOSED, flagship)
    shelf.put(due & (state.stance == STANCE_FLAGSHIP), OPEN, flagship)
    shelf.withdraw(due & (state.stance == STANCE_FLAGSHIP), CLOSED)
    shelf.put(due & (state.stance == STANCE_SMALL), OPEN, small)


def next_interval(par: Numbers, luck: Array, delay: Array) -> Array:
    """Return months to the next release: 4 to 7 by luck, plus the delay of content rules (runs, labs)."""
    months: Array = 4.0 + np.floor(4.0 * luck) + np.rint(delay * par["release.filter_delay"])
    return months
