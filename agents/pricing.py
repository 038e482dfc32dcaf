"""What a model costs to serve and what it sells for.

Specification: docs/model.md, section 13. Prices and unit costs in USD per million tokens.
"""

from collections.abc import Mapping

import numpy as np

from agents.knowledge import FLOP_PER_MONTH
from agents.places import CLOSED, OPEN
from agents.shelf import Shelf, best_of_others
from sim.arrays import Array, Flags

Numbers = Mapping[str, Array]


def tokens_per_chip(par: Numbers, know_how: Array, ln_run: Array, small: Array) -> Array:
    """Return million tokens a month that one serving H100e makes; arguments and result broadcast to one shape."""
    gain, size = expand(par["pricing.inference_gain"], know_how), expand(par["pricing.size_exponent"], know_how)
    anchor = expand(par["pricing.anchor_knowhow"], know_how)
    run = np.log(expand(par["pricing.anchor_run"], know_how) / FLOP_PER_MONTH)
    rate: Array = np.exp(gain * (know_how - anchor) - size * (ln_run - run))
    tokens, cheaper = expand(par["pricing.anchor_tokens"], know_how), expand(par["pricing.small_cost"], know_how)
    return tokens * rate * np.where(small > 0.0, cheaper, 1.0)


def expand(value: Array, like: Array) -> Array:
    """Give a number per run, (runs, 1), the dimensions of `like`."""
    return value.reshape(value.shape[:1] + (1,) * (like.ndim - 1))


def open_price(par: Numbers, cost: Array) -> Array:
    """Return the price of open weights at competing hosts, who buy compute at the list price."""
    price: Array = expand(par["pricing.host_margin"] * par["pricing.host_cost_ratio"], cost) * cost
    return price


def closed_target(par: Numbers, cost: Array, premium: Array, lead: Array, bertrand: Array) -> Array:
    """Return ln of the price a closed lab aims at: cost at its own shadow price times a markup.

    Limit pricing by default: the markup grows with the `lead` (ECI) over the best open model of another lab. Under
    the Bertrand structure it is `bertrand`, the markup of a price-setting logit firm.
    """
    floor, cap = np.log(expand(par["pricing.base_markup"], cost)), np.log(expand(par["pricing.markup_cap"], cost))
    slope = expand(par["pricing.lead_slope"], cost)
    limit = np.minimum(cap, floor + slope * np.minimum(np.maximum(lead, 0.0), 1e3))
    form = expand(par["structure.bertrand"], cost)
    return np.log(cost) + np.clip(premium, -0.5, 3.0) + np.where(form > 0.0, np.log(bertrand), limit)


def bertrand_markup(par: Numbers, share: Array, price_weight: Array) -> Array:
    """Return price over cost of a Bertrand-Nash firm in a logit with log prices; (runs, labs).

    `share` (runs, labs) of spending, `price_weight` (runs, 1) the spend-weighted price coefficient.
    """
    elasticity = np.maximum(1.05, price_weight * (1.0 - share))
    return np.minimum(par["pricing.markup_cap"], elasticity / (elasticity - 1.0))


def reprice(shelf: Shelf, par: Numbers, rent: Array, premium: Array, markup: Array, fresh: Flags) -> None:
    """Move all prices by a month. `premium`, `markup` (runs, labs); `fresh` marks slots without a price yet."""
    cost = 1e6 * expand(rent, shelf.price) / tokens_per_chip(par, shelf.know_how, shelf.ln_run, shelf.small)
    rivals = best_of_others(shelf.best_open())[:, :, np.newaxis]
    capability = shelf.capability[:, :, CLOSED]
    lead = np.where(np.isfinite(rivals), capability - np.where(np.isfinite(rivals), rivals, 0.0), np.inf)
    lead = np.maximum(lead, 0.0)
    closed_cost = cost[:, :, CLOSED]
    goal = closed_target(par, closed_cost, premium[:, :, np.newaxis], lead, markup[:, :, np.newaxis])
    near, far = par["pricing.pass_through_contested"], par["pricing.pass_through_uncontested"]
    width = expand(par["pricing.contest_scale"], goal)
    contest = np.where(np.isfinite(lead), np.exp(-np.minimum(lead, 1e3) / width), 0.0)
    speed = expand(far, goal) + (expand(near, goal) - expand(far, goal)) * contest
    before = np.log(np.where(fresh[:, :, CLOSED], 1.0, shelf.price[:, :, CLOSED]))
    moved = np.where(fresh[:, :, CLOSED], goal, before + speed * (goal - before))
    shelf.price[:, :, CLOSED] = np.where(shelf.exists[:, :, CLOSED], np.exp(moved), np.nan)
    shelf.price[:, :, OPEN] = np.where(shelf.exists[:, :, OPEN], open_price(par, cost[:, :, OPEN]), np.nan)


def price_at_capability(shelf: Shelf, par: Numbers, level: float) -> Array:
    """Return the lowest price of any model or smaller sibling with at least this capability; nan if none, (runs,).

    Nobody sells below `pricing.least_price`: overheads of serving do not shrink with the model.
    """
    siblings = (
        (par["release.small_lead"], par["pricing.small_cost"]),
        (par["pricing.smallest_lead"], par["pricing.smallest_cost"]),
    )
    cheapest = np.where(shelf.exists & (shelf.capability >= level), shelf.price, np.inf).min(axis=(1, 2, 3))
    for lead, ratio in siblings:
        below, cheaper = expand(lead, shelf.price), expand(ratio, shelf.price)
        able = shelf.exists & (shelf.capability - below >= level)
        cheapest = np.minimum(cheapest, np.where(able, shelf.price / cheaper, np.inf).min(axis=(1, 2, 3)))
    offered = np.maximum(cheapest, par["pricing.least_price"][:, 0])
    return np.where(np.isfinite(cheapest), offered, np.nan)
