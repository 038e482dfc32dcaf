"""After the market: who earns what, whether serving capacity suffices, what communities give back, who gets funded.

Specification: docs/model.md, section 15. Arrays are (runs, labs) unless noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from agents import pricing
from agents.chip_market import Handoff
from agents.community import Sales, Totals
from agents.lab import LabState, LabWorld
from agents.places import CLOSED, LATEST, OPEN
from agents.shelf import Shelf
from sim.arrays import Array, Whole, only, pick

Numbers = Mapping[str, Array]


@dataclass
class AccountState:
    """What labs earn and how they are used; (runs, labs) unless noted."""

    revenue: Annotated[Array, "M$/month", "revenue from models"]
    spend_share: Annotated[Array, "share", "share of world spending on models"]
    usual_share: Annotated[Array, "share", "moving average of the share of revenue"]
    available: Annotated[Array, "share", "part of the demand for its closed service that a lab can serve"]
    ecosystem: Annotated[Array, "index", "stock of community work around a lab's open models"]
    open_use: Annotated[Array, "share", "share of developers' tokens served by a lab's open models"]


def settle(
    state: AccountState, par: Numbers, sales: Sales, totals: Totals, developers: Whole, rate: Array, serving: Array
) -> None:
    """Book revenue, serving capacity and the ecosystem.

    `developers`: places of developer communities; `rate` (runs, labs, 2) million tokens per serving H100e of the
    latest models; `serving` (runs, labs) serving H100e put to inference.
    """
    spend, tokens = totals.spend, totals.tokens
    state.revenue = spend[CLOSED] + par["release.host_fee"] * spend[OPEN]
    both = spend[CLOSED] + spend[OPEN]
    state.spend_share = both / both.sum(axis=1, keepdims=True)
    own = par["release.own_hosting"]
    need = tokens[CLOSED] / rate[:, :, CLOSED] + own * tokens[OPEN] / rate[:, :, OPEN]
    served = np.clip(serving / np.maximum(need, serving * 1e-9 + 1e-300), par["serving.least_share"], 1.0)
    state.available = state.available + par["serving.adjustment"] * (served - state.available)
    closed, opened = sales.tokens_of(developers)
    total = (closed + opened).sum(axis=1, keepdims=True)
    state.open_use = opened / np.maximum(total, 1e-300)
    state.ecosystem = par["demand.ecosystem_retention"] * state.ecosystem + state.open_use


def latest_rate(shelf: Shelf, par: Numbers) -> Array:
    """Return million tokens a month per serving H100e of the latest model of each slot group, (runs, labs, 2)."""
    place = (slice(None), slice(None), slice(None), LATEST)
    return pricing.tokens_per_chip(par, shelf.know_how[place], shelf.ln_run[place], shelf.small[place])


def serving_capacity(state: LabState, world: LabWorld, chips: Handoff) -> Array:
    """Return serving H100e that labs put to inference: their inference compute at the serving ratio of their bloc."""
    training = (state.compute - state.distillation_compute) * state.compute_share[:, :, 3]
    ratio: Array = training * pick(chips.serving / chips.quality, world.bloc)
    return ratio


def finance(
    state: LabState, accounts: AccountState, par: Numbers, world: LabWorld, month: int, entered: Array, entering: Array
) -> None:
    """Move funding relative to the record (section 15). `entered`, `entering` (labs,) are 0 or 1."""
    level = np.where(entered > 0.0, state.capability, -np.inf)
    foreign = np.full_like(state.capability, -np.inf)
    for bloc in np.unique(world.bloc):
        away = world.bloc != bloc
        if away.any():
            foreign[:, world.bloc == bloc] = only(level, away).max(axis=1, keepdims=True)
    known = np.isfinite(foreign)
    rival = np.where(known, foreign, state.capability)
    gap = np.maximum(rival - state.capability, 0.0)
    state.aspiration = np.where(entering > 0.0, gap, state.aspiration)
    scale = par["budget.rival_scale"]
    state.shortfall = np.tanh(np.maximum(gap - state.aspiration, 0.0) / scale) * entered
    state.aspiration = state.aspiration + (gap - state.aspiration) / par["budget.aspiration_months"]
    close = np.where(known, np.exp(-np.abs(state.capability - rival) / scale), 0.0)
    change = par["channel.escape_competition"] * par["budget.escape_competition"] * close
    change = change + par["channel.state_reaction"] * par["budget.state_reaction"] * state.shortfall
    share = accounts.revenue / np.maximum(accounts.revenue.sum(axis=1, keepdims=True), 1e-300)
    accounts.usual_share = np.where(entering > 0.0, share, accounts.usual_share)
    if month > world.record_end:
        mean = (state.capability * entered).sum(axis=1, keepdims=True) / entered.sum()
        largest, least = par["budget.largest_lead"], par["budget.least_usual_share"]
        ahead = np.clip((state.capability - mean) / par["capability.eci_per_oom"], -largest, largest)
        gain = np.clip((share - accounts.usual_share) / (accounts.usual_share + least), -1.0, 1.0)
        investors = par["budget.investor_extrapolation"] * ahead + par["budget.revenue_feedback"] * gain
        weight = state.reference_budget * entered
        mean_change = (investors * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
        change = change + investors - mean_change
    accounts.usual_share = accounts.usual_share + (share - accounts.usual_share) / par["budget.usual_share_months"]
    state.deviation = state.deviation + change * entered
