"""What the memo needs of a month beyond the catalogue of measures, and how an arm is played to get it.

Columns are named like measures, `name.entity`. Costs are in M$ at the list rental price of compute, the convention in
which DeepSeek put its final run at 5.576M$: compute of the run times rent, research and staff left out. `practice` is
what a unit of effective compute (ln E = 0) would cost a lab with its present methods, in ln M$: the cost of reaching
ln E is exp(practice + ln E). The reasoning method is left out on both sides, as V3 did not have it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from agents import lab
from agents.community import per_segment
from agents.knowledge import BASE_RUN, know_how
from agents.places import CLOSED, LATEST, SENDER, STANCE_CLOSED, TARGET
from agents.pricing import price_at_capability, tokens_per_chip
from sim.arrays import Array, Flags, pick
from sim.memo.frictions import COLUMNS as FRICTION_COLUMNS
from sim.memo.frictions import SURPLUS_WEIGHT, frictions, without_masks
from sim.memo.prices import COLUMNS as PRICE_COLUMNS
from sim.memo.prices import best_slot, price_parts
from sim.monthly import Monthly

if TYPE_CHECKING:
    from sim.engine import Engine
    from sim.lots import Lot

KEPT = (
    "token_share_abroad.CN", "revenue_share_abroad.CN", "token_share.open", "market_spend", "blocked_market_share",
    "frontier_capability.US", "frontier_capability.CN", "frontier_capability.open",
    "frontier_capability.world", "gap_months.CN", "capability.DeepSeek", "capability.Mistral", "effective_compute.CN",
    "efficiency_researchers.CN", "research_effort_share.CN", "compute_owned.CN", "scarcity_premium.CN",
    "training_cost.US", "hub_share.CN", "release_open.OpenAI", "release_open.GoogleDeepMind", "release_open.Anthropic",
    "release_open.xAI",
)  # fmt: skip
"""Columns of the catalogue of measures that are recorded."""
PLACEBO_LABS = ("DeepSeek", "Mistral")
"""A lab under the controls, and one as poor that is under none."""
LEVEL = 140.0
"""Capability, ECI, at which the lowest price is read: about that of R1."""
SELLERS = ("OpenAI", "GoogleDeepMind", "Anthropic", "xAI")
"""US labs that sell closed models."""

_LAB = ("effort", "effort_share", "progress", "own", "know_how", "effective", "final_run", "research_bill",
        "practice")  # fmt: skip
COLUMNS = (
    *(f"{name}.{who}" for name in _LAB for who in PLACEBO_LABS),
    "own_mean.CN", "progress_mean.CN", "practice.world", "practice.US", "practice.CN", "ln_per_eci",
    *(f"margin.{who}" for who in SELLERS),
    "open_distance.CN",
    "price_at_level", "surplus.abroad", "spend.abroad", "legal_stock_share.CN",
    *PRICE_COLUMNS, *FRICTION_COLUMNS,
)  # fmt: skip


NAMES = (*KEPT, *COLUMNS)
"""The columns of what `play` returns."""


def play(lot: "Lot", unmasked: bool = False, shut: Flags | None = None) -> tuple[Array, dict[str, Array]]:
    """Play runs that may advance together; return their months (runs, months, `NAMES`) and what was drawn, (runs,).

    `unmasked`: nothing of `access.csv` that keeps users from models is in force. `shut` (runs,): where labs of the
    target bloc begin closed, as a licence for weights binds them at reviews only.
    """
    from sim.engine import Engine
    from sim.measures import columns, record

    engine = Engine(lot)
    if unmasked:
        engine.block = replace(engine.block, communities=without_masks(engine.block.communities))
    if shut is not None:
        chinese = engine.block.labs.bloc == TARGET
        engine.labs.stance[np.ix_(shut, chinese)] = float(STANCE_CLOSED)
    measures = list(dict.fromkeys(name.partition(".")[0] for name in KEPT))
    found = columns(measures)
    places = [found.index(name) for name in KEPT]
    first, last = lot.first.start, lot.first.end
    values = np.full((len(lot), last - first + 1, len(NAMES)), np.nan)
    while engine.month < last:
        engine.advance()
        with np.errstate(all="raise", under="ignore"):
            kept = np.take(record(engine, measures), places, axis=1)
            values[:, engine.month - first] = np.concatenate([kept, extra(engine)], axis=1)
    return values, {name: value[:, 0] for name, value in engine.block.drawn.items()}


def monthly(values: Array, first: int = 0) -> Monthly:
    """Return what `play` gave as months that are read by name; `first` is the number of the first."""
    return Monthly(NAMES, values, np.arange(first, first + values.shape[1]))


def extra(engine: "Engine") -> Array:
    """Return this month's columns of `COLUMNS`, (runs, columns); NaN where a lab has not entered."""
    by_lab = _by_lab(engine)
    names = engine.block.labs.names
    runs = len(engine.lot)

    def of(values: Array, who: str) -> Array:
        if who not in names or not engine.entered[names.index(who)]:
            return np.full(runs, np.nan)
        return values[:, names.index(who)]

    single = [of(by_lab[name], who) for name in _LAB for who in PLACEBO_LABS]
    chinese, american = (_members(engine, bloc) for bloc in (TARGET, SENDER))
    everybody = np.flatnonzero(engine.entered > 0.0)
    blocs = [_mean(by_lab["own"], chinese), _mean(by_lab["progress"], chinese)]
    practice = [_least(by_lab["practice"], places) for places in (everybody, american, chinese)]
    margins = _margins(engine)
    rows = [*single, *blocs, *practice, 1.0 / _per_ln(engine)[:, 0], *(of(margins, who) for who in SELLERS),
            _open_distance(engine), price_at_capability(engine.shelf, engine.block.par, LEVEL), *_surplus(engine),
            _legal_share(engine)]  # fmt: skip
    with np.errstate(invalid="ignore"):
        return np.concatenate([np.stack(rows, axis=1), price_parts(engine), frictions(engine)], axis=1)


def _by_lab(engine: "Engine") -> dict[str, Array]:
    """What is read of every lab, (runs, labs)."""
    state, block, month = engine.labs, engine.block, engine.month
    rent = lab.list_rent(block.par, month)
    wage = state.wage[:, block.labs.bloc]
    serving = (state.compute - state.distillation_compute) * state.compute_share[:, :, 3]
    known = know_how(state)
    return {
        "effort": state.researchers * state.staff_share[:, :, 0],
        "effort_share": state.staff_share[:, :, 0],
        "progress": 12.0 * (engine.progress[0] + engine.progress[1]),
        "own": state.position,
        "know_how": known,
        "effective": state.ln_effective,
        "final_run": rent * state.training_run,
        "research_bill": rent * (state.compute - serving) + wage * state.researchers,
        "practice": np.log(rent * BASE_RUN) - known - block.labs.effect,
    }


def _per_ln(engine: "Engine") -> Array:
    """ECI points per ln unit of effective compute, (runs, 1)."""
    points: Array = engine.block.par["capability.eci_per_oom"] / np.log(10.0)
    return points


def _members(engine: "Engine", bloc: int) -> np.ndarray:
    return np.flatnonzero((engine.block.labs.bloc == bloc) & (engine.entered > 0.0))


def _mean(values: Array, places: np.ndarray) -> Array:
    """Plain mean over labs: weights would move with what is asked about."""
    if not len(places):
        return np.full(len(values), np.nan)
    mean: Array = pick(values, places).sum(axis=1) / len(places)
    return mean


def _least(values: Array, places: np.ndarray) -> Array:
    return pick(values, places).min(axis=1) if len(places) else np.full(len(values), np.nan)


def _margins(engine: "Engine") -> Array:
    """Ln of the price of each lab's latest closed model over its unit cost at list rent, (runs, labs)."""
    shelf, place = engine.shelf, (slice(None), slice(None), CLOSED, LATEST)
    rent = lab.list_rent(engine.block.par, engine.month)
    rate = tokens_per_chip(engine.block.par, shelf.know_how[place], shelf.ln_run[place], shelf.small[place])
    price = np.where(shelf.exists[place], shelf.price[place], np.nan)
    margin: Array = np.log(price) - np.log(1e6 * rent / rate)
    return margin


def _open_distance(engine: "Engine") -> Array:
    """ECI points by which the best open Chinese flagship trails the best model on offer, inf without one, (runs,)."""
    mine = best_slot(engine, engine.block.labs.bloc == TARGET, 1).capability
    best = engine.shelf.best().max(axis=1)
    return np.where(np.isnan(mine), np.inf, best - np.where(np.isnan(mine), 0.0, mine))


def _surplus(engine: "Engine") -> tuple[Array, Array]:
    """Users' surplus outside the target bloc, and spending there, M$ a month, each (runs,).

    That of the catalogue with the quality of the best model on offer put back, so that worlds with different frontiers
    can be compared.
    """
    state, par, world = engine.communities, engine.block.par, engine.block.communities
    weight = np.maximum(pick(per_segment(par, "demand.log_price"), world.segment), SURPLUS_WEIGHT)
    quality = pick(per_segment(par, "demand.quality"), world.segment)
    gain = state.spend / weight * (np.log(engine.sales.weight) + quality * state.reference)
    abroad = np.flatnonzero(world.home != TARGET)
    return pick(gain, abroad).sum(axis=1), pick(state.spend, abroad).sum(axis=1)


def _legal_share(engine: "Engine") -> Array:
    """Share of the target's chips in place that came by the legal way, rented clouds left out, (runs,)."""
    stock = engine.chips.stock[:, TARGET]
    share: Array = stock[:, 0] / np.maximum(stock[:, 0] + stock[:, 1] + stock[:, 3], 1e-300)
    return share


def series(record: Monthly, columns: Sequence[str]) -> Array:
    """Return some columns side by side, (runs, months, columns)."""
    return np.stack([record.series(column) for column in columns], axis=2)
