"""Open or closed, and when to release.

Specification: docs/model.md, section 12. A lab compares what three stances would bring, everything else as last month:
closed, a small open model beside a closed flagship, or an open flagship. Arrays are (runs, 1) for the lab in question.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents import community, pricing
from agents.community import CommunityState, CommunityWorld, Sales, Weights
from agents.knowledge import know_how
from agents.lab import LabState, LabWorld, list_rent
from agents.places import CLOSED, LATEST, OPEN, STANCE_FLAGSHIP, STANCE_SMALL
from agents.shelf import Model, Shelf, best_of_others
from sim.arrays import Array, Flags, pick

Numbers = Mapping[str, Array]
FORBIDDEN = -1e9


@dataclass(frozen=True)
class OpenRules:
    """Rules on publication: promotion and restriction by bloc (runs or 1, blocs), penalty (runs or 1, 1)."""

    promotion: Array
    restriction: Array
    penalty: Array


@dataclass(frozen=True)
class Market:
    """Last month's market as a lab sees it at a review; `terms` are the lab terms of the choice."""

    state: CommunityState
    world: CommunityWorld
    weights: Weights
    sales: Sales
    spend: Array
    terms: tuple[Array, Array]
    month: int


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


@dataclass(frozen=True)
class Models:
    """The lab's flagship behind an interface, its open flagship, and its small open model."""

    closed: Candidate
    flagship: Candidate
    small: Candidate


def review_month(par: Numbers, month: int, place: int) -> Flags:
    """Return whether the lab at `place` of the table reviews its stance this month, (runs, 1)."""
    interval = np.rint(par["release.review_interval"])
    due: Flags = np.mod(month + place, interval) == 0.0
    return due


def candidates(state: LabState, par: Numbers, rivals: Rivals, month: int, lab: int, markup: Array) -> Models:
    """Return the lab's flagship behind an interface, its open flagship, and its small open model, at target prices."""
    mine = slice(lab, lab + 1)
    capability, know = state.capability[:, mine], know_how(state)[:, mine]
    ln_run, rent = np.log(state.training_run[:, mine]), 1e6 * list_rent(par, month)
    rate = pricing.tokens_per_chip(par, know, ln_run, np.zeros_like(know))
    small_rate = pricing.tokens_per_chip(par, know, ln_run, np.ones_like(know))
    rival = rivals.best_open[:, mine]
    lead = np.where(np.isfinite(rival), capability - np.where(np.isfinite(rival), rival, 0.0), np.inf)
    target = pricing.closed_target(par, rent / rate, state.premium[:, mine], lead, markup[:, mine])
    return Models(
        Candidate(capability, np.exp(target), rent / rate, rate),
        Candidate(capability, pricing.open_price(par, rent / rate), rent / rate, rate),
        Candidate(
            capability - par["release.small_lead"],
            pricing.open_price(par, rent / small_rate),
            rent / small_rate,
            small_rate,
            1.0,
        ),
    )


@dataclass(frozen=True)
class Prospect:
    """What a stance would bring: `use` (M$ of spending weighted by token share), revenue closed and open, (runs, 1)."""

    use: Array
    closed: Array
    opened: Array


@dataclass(frozen=True)
class Line:
    """A lab's closed or open models in front of the market: `weight` and weight times price, (runs, communities)."""

    weight: Array
    paid: Array


def present_line(market: Market, lab: int, lab_bloc: int, openness: int) -> Line:
    """Return what the lab has on offer."""
    weights, segment = market.weights, market.world.segment
    place = weights.place[openness][:, :, lab_bloc]
    whole, spent = weights.whole[openness][:, :, lab], weights.spent[openness][:, :, lab]
    return Line(pick(whole, segment) * place, pick(spent, segment) * place)


def line_with(par: Numbers, market: Market, lab: int, lab_bloc: int, openness: int, fresh: Candidate) -> Line:
    """Return what the lab would have on offer with a model in front of its latest one."""
    weights, segment = market.weights, market.world.segment
    utility = community.model_terms(
        par, fresh.capability - market.state.reference, fresh.price, openness, market.terms[openness][:, :, lab],
        np.full((1, 1), fresh.small),
    )  # fmt: skip
    weight, kept = np.exp(utility), weights.latest[openness][:, :, lab]
    paid = weight * fresh.price + kept * weights.offer[:, lab, openness, LATEST][:, np.newaxis]
    place = weights.place[openness][:, :, lab_bloc]
    return Line(pick(weight + kept, segment) * place, pick(paid, segment) * place)


def prospect(market: Market, others: Line, closed: Line, opened: Line) -> Prospect:
    """Return the demand a lab would meet with these lines beside those of `others` (section 12)."""
    mine = closed.weight + opened.weight
    per_paid = market.spend / np.maximum(others.paid + closed.paid + opened.paid, 1e-300)
    return Prospect(
        use=(market.spend * mine / (others.weight + mine)).sum(axis=1, keepdims=True),
        closed=(per_paid * closed.paid).sum(axis=1, keepdims=True),
        opened=(per_paid * opened.paid).sum(axis=1, keepdims=True),
    )


def prospects(par: Numbers, market: Market, lab: int, lab_bloc: int, models: Models) -> tuple[Prospect, ...]:
    """Return what the three stances would bring: closed, closed with a small open model, open with nothing closed."""
    shut, open_ = (present_line(market, lab, lab_bloc, openness) for openness in (CLOSED, OPEN))
    sales = market.sales
    others = Line(sales.weight - (shut.weight + open_.weight), sales.weight_paid - (shut.paid + open_.paid))
    nothing = Line(np.zeros((1, 1)), np.zeros((1, 1)))
    closed = line_with(par, market, lab, lab_bloc, CLOSED, models.closed)
    small = line_with(par, market, lab, lab_bloc, OPEN, models.small)
    flagship = line_with(par, market, lab, lab_bloc, OPEN, models.flagship)
    return (
        prospect(market, others, closed, open_),
        prospect(market, others, closed, small),
        prospect(market, others, nothing, flagship),
    )


def stance_values(state: LabState, par: Numbers, world: LabWorld, setting: Setting, lab: int) -> Array:
    """Return the value of the three stances over the largest usage value, (runs, 3); not allowed: FORBIDDEN."""
    rivals, market, rules, markup = setting.rivals, setting.market, setting.rules, setting.markup
    serving = setting.serving[:, lab : lab + 1]
    bloc = int(world.bloc[lab])
    models = candidates(state, par, rivals, market.month + 1, lab, markup)
    closed = models.closed
    cases = prospects(par, market, lab, bloc, models)
    unit = np.maximum(np.maximum(cases[0].use, np.maximum(cases[1].use, cases[2].use)), 1e-300)
    rival = rivals.best_open[:, lab : lab + 1]
    capability = state.capability[:, lab : lab + 1]
    lead = np.clip((capability - np.where(np.isfinite(rival), rival, -1e3)) / par["release.leak_scale"], 0.0, 1.0)
    lead = lead * np.exp(-np.maximum(rivals.frontier - capability, 0.0) / par["release.frontier_scale"])
    promotion, limit = rules.promotion[:, bloc : bloc + 1], rules.restriction[:, bloc : bloc + 1]
    standing = (
        par["release.reputation"]
        + world.open_culture[:, lab : lab + 1]
        + par["release.promotion_strength"] * promotion
        - rules.penalty
    )
    small_bonus = par["release.small_standing"] * standing - par["release.small_model_cost"]
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
    for stance, level in ((STANCE_SMALL, capability - par["release.small_lead"]), (STANCE_FLAGSHIP, capability)):
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
    lead = par["release.small_lead"]
    drop = lead * np.log(10.0) / par["capability.eci_per_oom"]
    small = Model(
        capability=capability - lead, ln_effective=flagship.ln_effective - drop, ln_run=flagship.ln_run,
        know_how=flagship.know_how, small=zeros + 1.0, since=flagship.since,
    )  # fmt: skip
    shelf.put(due & (state.stance != STANCE_FLAGSHIP), CLOSED, flagship)
    shelf.put(due & (state.stance == STANCE_FLAGSHIP), OPEN, flagship)
    shelf.withdraw(due & (state.stance == STANCE_FLAGSHIP), CLOSED)
    shelf.put(due & (state.stance == STANCE_SMALL), OPEN, small)


def next_interval(par: Numbers, luck: Array, delay: Array) -> Array:
    """Return months to the next release (runs, labs): the shortest, what luck adds, and the delay of content rules."""
    shortest, spread = np.rint(par["release.shortest_interval"]), np.rint(par["release.interval_spread"])
    months: Array = shortest + np.floor(spread * luck) + np.rint(delay * par["release.filter_delay"])
    return months
