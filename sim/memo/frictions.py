"""What masks, bans and content filters cost users: the log-sum of their choice with and without, all else as it is.

Nothing else moves: same models, prices, reputation and spending. The whole effect, with all that follows from it, is
the arm without friction; there, frontiers differ as well, and their noise is larger than what is asked for.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from agents import community
from agents.community import CommunityWorld, PlaceRules, per_segment
from agents.places import TARGET
from sim.arrays import Array, pick
from sim.calendar import month_index

if TYPE_CHECKING:
    from sim.engine import Engine

COLUMNS = ("friction.world", "friction.abroad", "friction.filter", "friction.new")
"""Shares of spending: of the world, outside the target bloc, there by content rules alone, there by later masks."""
MONTHS = ("2025-12", "2026-12")
BEFORE = "2024-12"
"""Month whose masks are held against those of the month to find what came after R1."""
SURPLUS_WEIGHT = 0.2
"""Least price weight in a surplus, as in `agents.community.consumer_surplus`."""


def frictions(engine: "Engine") -> Array:
    """Return the columns of `COLUMNS` in `MONTHS`, NaN in other months, (runs, columns)."""
    if engine.month not in {month_index(month) for month in MONTHS}:
        return np.full((len(engine.lot), len(COLUMNS)), np.nan)
    world, rules = engine.block.communities, engine.place_rules
    abroad = np.flatnonzero(world.home != TARGET)
    everywhere = np.arange(len(world.home))
    nothing = PlaceRules(np.zeros_like(rules.ban), np.zeros_like(rules.closed_abroad),
                         np.zeros_like(rules.content_filter))  # fmt: skip
    no_rules = replace(rules, content_filter=np.zeros_like(rules.content_filter))
    free = _gain(engine, without_masks(world), nothing)
    no_filter = _gain(engine, world, no_rules)
    earlier = _gain(engine, _masks_of(world, engine.month, month_index(BEFORE)), rules)
    return np.stack(
        [_share(engine, free, everywhere), _share(engine, free, abroad), _share(engine, no_filter, abroad),
         _share(engine, earlier, abroad)],
        axis=1,
    )  # fmt: skip


def without_masks(world: CommunityWorld) -> CommunityWorld:
    """Return the communities with nothing in the way of a model; what draws them to some stays."""
    return replace(world, access=np.maximum(world.access, 0.0))


def _masks_of(world: CommunityWorld, month: int, earlier: int) -> CommunityWorld:
    """Communities that in `month` have the masks of an earlier one."""
    access = world.access.copy()
    access[month] = np.maximum(access[month], access[earlier])
    return replace(world, access=access)


def _gain(engine: "Engine", world: CommunityWorld, rules: PlaceRules) -> Array:
    """Rise of the log-sum in a month with other masks and rules, (runs, communities)."""
    assert engine.market is not None
    state, par = replace(engine.communities), engine.block.par
    place = community.place_terms(state, par, world, engine.month, rules)
    weights = community.weigh(par, engine.shelf, state.reference, engine.market.terms, place)
    pull = community.peer_pull(state, par, world)
    chosen = community.choose(state, par, world, weights, engine.block.labs.bloc, pull, False)
    gain: Array = np.log(chosen.weight) - np.log(engine.sales.weight)
    return gain


def _share(engine: "Engine", gain: Array, places: np.ndarray) -> Array:
    """Surplus gained over spending of some communities, (runs,)."""
    weight = pick(per_segment(engine.block.par, "demand.log_price"), engine.block.communities.segment)
    spend = engine.communities.spend
    worth = spend / np.maximum(weight, SURPLUS_WEIGHT) * gain
    share: Array = pick(worth, places).sum(axis=1) / pick(spend, places).sum(axis=1)
    return share
