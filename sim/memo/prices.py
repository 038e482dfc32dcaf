"""Why the best Chinese open model costs what it costs beside the best closed US model: the log of the ratio in parts.

An open model costs its unit cost times what hosts charge, a closed one its unit cost at the lab's own shadow price
times a markup, and moves to that price slowly. Unit costs differ by size (training compute), by know-how and by
whether a model is a small one. With o the open and c the closed model:

    ln P_o/P_c = size + know_how + small + hosting + markup + premium + stickiness

The parts add up to rounding: `stickiness` is what the closed price lags behind the price that its lab aims at.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agents import lab, pricing
from agents.places import CLOSED, OPEN, SENDER, TARGET
from sim.arrays import Array, Flags

if TYPE_CHECKING:
    from sim.engine import Engine

PARTS = ("size", "know_how", "small", "hosting", "markup", "premium", "stickiness")
COLUMNS = (*(f"price_part.{part}" for part in PARTS), "price_part.ratio", "price_part.quality", "price_part.open",
           "price_part.closed")  # fmt: skip
"""`quality`: what the open model's shortfall in capability is worth at the slope with which size costs."""


@dataclass(frozen=True)
class Slot:
    """The best model of one kind on the shelf of each run; (runs,), NaN where there is none."""

    lab: np.ndarray
    capability: Array
    price: Array
    ln_run: Array
    know_how: Array
    small: Array


def price_parts(engine: "Engine") -> Array:
    """Return this month's parts, their sum, the worth of the difference in quality, and both prices, (runs, columns).

    NaN where there is no open Chinese flagship or no closed US model on offer.
    """
    blocs = engine.block.labs.bloc
    mine = best_slot(engine, blocs == TARGET, OPEN)
    theirs = best_slot(engine, blocs == SENDER, CLOSED)
    par = {name: value[:, 0] for name, value in engine.block.par.items() if name.startswith(("pricing.", "structure."))}
    rent = lab.list_rent(engine.block.par, engine.month)[:, 0]
    costs = [_cost(engine, slot, rent) for slot in (mine, theirs)]
    size = par["pricing.size_exponent"] * (mine.ln_run - theirs.ln_run)
    know_how = -par["pricing.inference_gain"] * (mine.know_how - theirs.know_how)
    small = costs[0] - costs[1] - size - know_how
    premium = np.clip(np.take_along_axis(engine.labs.premium, theirs.lab[:, np.newaxis], axis=1)[:, 0], -0.5, 3.0)
    lead = np.maximum(theirs.capability - _best_open_rival(engine, theirs.lab), 0.0)
    floor, cap = np.log(par["pricing.base_markup"]), np.log(par["pricing.markup_cap"])
    markup = np.minimum(cap, floor + par["pricing.lead_slope"] * np.minimum(lead, 1e3))
    hosting = np.log(mine.price) - costs[0]
    stickiness = np.log(theirs.price) - costs[1] - premium - markup
    parts = [size, know_how, small, hosting, -markup, -premium, -stickiness]
    slope = par["pricing.size_exponent"] * np.log(10.0) / engine.block.par["capability.eci_per_oom"][:, 0]
    quality = slope * (theirs.capability - mine.capability)
    ratio = np.log(mine.price) - np.log(theirs.price)
    return np.stack([*parts, ratio, quality, mine.price, theirs.price], axis=1)


def best_slot(engine: "Engine", labs: Flags, openness: int) -> Slot:
    """Return the most capable model of one openness of some labs (labs,); small models do not count."""
    shelf = engine.shelf
    able = shelf.exists[:, :, openness] & (shelf.small[:, :, openness] == 0.0) & labs[np.newaxis, :, np.newaxis]
    level = np.where(able, shelf.capability[:, :, openness], -np.inf).reshape(len(able), -1)
    place = level.argmax(axis=1)[:, np.newaxis]
    found = np.isfinite(np.take_along_axis(level, place, axis=1)[:, 0])

    def at(field: Array) -> Array:
        flat = field[:, :, openness].reshape(len(able), -1)
        return np.where(found, np.take_along_axis(flat, place, axis=1)[:, 0], np.nan)

    return Slot(place[:, 0] // shelf.exists.shape[3], at(shelf.capability), at(shelf.price), at(shelf.ln_run),
                at(shelf.know_how), at(shelf.small))  # fmt: skip


def _cost(engine: "Engine", slot: Slot, rent: Array) -> Array:
    """Ln of the unit cost at list rent, USD per million tokens."""
    rate = pricing.tokens_per_chip(engine.block.par, *(field[:, np.newaxis] for field in
                                   (slot.know_how, slot.ln_run, slot.small)))  # fmt: skip
    cost: Array = np.log(1e6 * rent) - np.log(rate[:, 0])
    return cost


def _best_open_rival(engine: "Engine", labs: np.ndarray) -> Array:
    """Capability of the best open model of any other lab, -inf where there is none, (runs,)."""
    level = engine.shelf.best_open().copy()
    np.put_along_axis(level, labs[:, np.newaxis], -np.inf, axis=1)
    best: Array = level.max(axis=1)
    return best
