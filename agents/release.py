"""Open or closed, and when to release.

Specification: docs/model.md, section 12. A lab compares what three stances would bring, everything else as last month:
closed, a small open model beside a closed flagship, or an open flagship. Arrays are (runs, 1) for the lab in question.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents import community, pricing
from agents.community import CommunityState, CommunityWorld, Weights
from agents.lab import LabState, LabWorld, list_rent
from agents.knowledge import know_how
from agents.places import CLOSED, LATEST, OPEN, STANCE_CLOSED, STANCE_FLAGSHIP, STANCE_SMALL
from agents.shelf import SMALL_LEAD, Model, Shelf, best_of_others
from sim.arrays import Array, Flags

Numbers = Mapping[str, Array]
FORBIDDEN = -1e9
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
    """Last month's market as a lab sees it at a review."""

    state: CommunityState
    world: CommunityWorld
    weights: Weights
    spend: Array
    terms: tuple[Array, Array]
    month: int


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
    state: LabState, par: Numbers, shelf: Shelf, month: int, lab: int, markup: Array
) -> tuple[Candidate, Candidate, Candidate]:
    """Return the lab's flagship behind an interface, its open flagship, and its small open model, at target prices."""
    pick = slice(lab, lab + 1)
    capability, know = state.capability[:, pick], know_how(state)[:, pick]
    ln_run, rent = np.log(state.training_run[:, pick]), 1e6 * list_rent(par, month)
    rate = pricing.tokens_per_chip(par, know, ln_run, np.zeros_like(know))
    small_rate = pricing.tokens_per_chip(par, know, ln_run, np.ones_like(know))
    rival = best_of_others(shelf.best_open())[:, pick]
    lead = np.where(np.isfinite(rival), capability - np.where(np.isfinite(rival), rival, 0.0), np.inf)
    target = pricing.closed_target(par, rent / rate, state.premium[:, pick], lead, markup[:, pick])
    return (
        Candidate(capability, np.exp(target), rent / rate, rate),
        Candidate(capability, pricing.open_price(par, rent / rate), rent / rate, rate),
        Candidate(capability - SMALL_LEAD, pricing.open_price(par, rent / small_rate), rent / small_rate, small_rate, 1.0),
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
    new_weight = np.empty(weights.slot.shape[:2] + (2,))
    new_paid = np.empty_like(new_weight)
    for openness, candidate in ((CLOSED, closed), (OPEN, opened)):
        if candidate is None:
            segment = weights.segment[:, :, lab, openness].sum(axis=2) * float(not (withdrawn and openness == CLOSED))
            paid = segment * weights.price[:, :, lab, openness]
        else:
            utility = community.model_terms(
                par, world, market.month, candidate.capability - state.reference, candidate.price, openness,
                market.terms[openness][:, :, lab],
            )  # fmt: skip
            utility = utility - candidate.small * par["demand.small_model_gap"]
            fresh, kept = np.exp(utility), weights.segment[:, :, lab, openness, LATEST]
            segment = fresh + kept
            paid = fresh * candidate.price + kept * weights.offer[:, lab, openness, LATEST][:, np.newaxis]
        place = weights.place[:, :, lab_bloc, openness]
        new_weight[:, :, openness] = segment[:, world.segment] * place
        new_paid[:, :, openness] = paid[:, world.segment] * place
    total, total_paid = weights.slot.sum(axis=(2, 3)), _paid(weights, world)
    mine, mine_paid = weights.slot[:, :, lab].sum(axis=2), _paid_by(weights, world, lab)
    after = total - mine + new_weight.sum(axis=2)
    after_paid = np.maximum(total_paid - mine_paid + new_paid.sum(axis=2), 1e-300)
    use = (market.spend * new_weight.sum(axis=2) / after).sum(axis=1, keepdims=True)
    revenue = (market.spend[:, :, np.newaxis] * new_paid / after_paid[:, :, np.newaxis]).sum(axis=1)
    return Prospect(use, revenue[:, CLOSED : CLOSED + 1], revenue[:, OPEN : OPEN + 1])


def _paid(weights: Weights, world: CommunityWorld) -> Array:
    total: Array = (weights.slot * weights.price[:, world.segment]).sum(axis=(2, 3))
    return total


def _paid_by(weights: Weights, world: CommunityWorld, lab: int) -> Array:
    total: Array = (weights.slot[:, :, lab] * weights.price[:, world.segment, lab]).sum(axis=2)
    return total


def stance_values(
    state: LabState, par: Numbers, world: LabWorld, shelf: Shelf, market: Market, rules: OpenRules, lab: int,
    serving: Array, markup: Array,
) -> Array:  # fmt: skip
    """Return the value of the three stances over the largest usage value, (runs, 3); not allowed: FORBIDDEN.

    `serving` (runs, 1): serving H100e that the lab can put to inference.
    """
    bloc = int(world.bloc[lab])
    closed, flagship, small = candidates(state, par, shelf, market.month + 1, lab, markup)
    cases = (
        prospect(par, market, lab, bloc, closed, None),
        prospect(par, market, lab, bloc, closed, small),
        prospect(par, market, lab, bloc, None, flagship, withdrawn=True),
    )
    unit = np.maximum(np.maximum(cases[0].use, np.maximum(cases[1].use, cases[2].use)), 1e-300)
    others = best_of_others(shelf.best())[:, lab : lab + 1]
    rival = best_of_others(shelf.best_open())[:, lab : lab + 1]
    capability = state.capability[:, lab : lab + 1]
    lead = np.clip((capability - np.where(np.isfinite(rival), rival, -1e3)) / 10.0, 0.0, 1.0)
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
        served = np.minimum(1.0, serving / np.maximum(need, 1e-300))
        profit = case.closed * (1.0 - shadow / closed.price) * served
        profit = profit + par["release.host_fee"] * case.opened + complement * case.use
        values.append(profit / unit + bonus)
    frontier = np.maximum(others, shelf.best()[:, lab : lab + 1])
    shut = rules.penalty >= 1.0
    for stance, level in ((STANCE_SMALL, capability - SMALL_LEAD), (STANCE_FLAGSHIP, capability)):
        denied = shut | (level > frontier + limit)
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


def release(
    state: LabState, par: Numbers, shelf: Shelf, month: int, due: Flags, noise: Array
) -> None:
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


__all__ = ["STANCE_CLOSED", "Candidate", "Market", "OpenRules", "Prospect", "candidates", "decide", "next_interval",
           "prospect", "release", "review_month", "stance_values"]  # fmt: skip
