"""Random states of the market and of labs, the same in the arrays and in the twins."""

import math
from collections.abc import Sequence

import numpy as np

from sim.engine import Engine
from tests.twin.model import TwinModel
from tests.twin.release import STANCES, Model


def shuffle_labs(engine: Engine, twins: Sequence[TwinModel], chance: np.random.Generator) -> None:
    """What labs can do and want: capability, know-how, premium, compute, funding, stance."""
    state = engine.labs
    shape = state.capability.shape
    for name, low, high in (("capability", 100.0, 140.0), ("borrowed", 0.0, 2.0), ("premium", -0.7, 3.4),
                            ("deviation", -0.3, 0.3), ("aspiration", 0.0, 12.0), ("reference_budget", 1.0, 900.0),
                            ("training_run", 500.0, 2e5)):  # fmt: skip
        setattr(state, name, chance.uniform(low, high, shape))
    # From far too little to plenty, so that some cannot serve their customers.
    state.compute = np.exp(chance.uniform(-5.0, 12.0, shape))
    state.algorithm = chance.uniform(-1.0, 3.0, (*shape, 2))
    state.compute_share = chance.dirichlet(np.ones(4), shape)
    state.distillation_compute = 0.1 * state.compute
    state.stance = chance.integers(0, 3, shape).astype(np.float64)
    for run, twin in enumerate(twins):
        for i, x in enumerate(twin.labs):
            here = run, i
            x.capability, x.borrowed = float(state.capability[here]), float(state.borrowed[here])
            x.premium, x.deviation = float(state.premium[here]), float(state.deviation[here])
            x.aspiration, x.reference_budget = float(state.aspiration[here]), float(state.reference_budget[here])
            x.training, x.a = float(state.training_run[here]), (float(state.algorithm[*here, 0]),
                                                               float(state.algorithm[*here, 1]))  # fmt: skip
            used = 0.9 * float(state.compute[here])
            t, e1, e2, inference = (used * float(share) for share in state.compute_share[here])
            x.compute, x.stance = (t, e1, e2, inference), STANCES[int(state.stance[here])]


def shuffle_shelf(engine: Engine, twins: Sequence[TwinModel], chance: np.random.Generator) -> None:
    """What is on offer; a slot group may be empty or hold one or two models, the first lab always sells."""
    shelf = engine.shelf
    shape = shelf.capability.shape
    there = chance.uniform(size=shape) < 0.7
    there[:, 0, 0, 0] = True
    there[:, :, :, 1] &= there[:, :, :, 0]
    shelf.exists = there
    for name, low, high in (("capability", 100.0, 140.0), ("ln_effective", -1.0, 6.0), ("ln_run", 6.0, 12.0),
                            ("know_how", -1.0, 6.0)):  # fmt: skip
        setattr(shelf, name, chance.uniform(low, high, shape))
    shelf.small = (chance.uniform(size=shape) < 0.4).astype(np.float64)
    shelf.small[:, :, 0] = 0.0
    shelf.price = np.where(there, np.exp(chance.uniform(-2.0, 4.0, shape)), np.nan)
    for run, twin in enumerate(twins):
        for i, x in enumerate(twin.labs):
            x.models = {
                (o, v): Model(
                    float(shelf.capability[run, i, o, v]), float(shelf.ln_effective[run, i, o, v]),
                    math.exp(float(shelf.ln_run[run, i, o, v])), float(shelf.know_how[run, i, o, v]), 0,
                    bool(shelf.small[run, i, o, v]), float(shelf.price[run, i, o, v]),
                )
                for o in (0, 1) for v in (0, 1) if there[run, i, o, v]
            }  # fmt: skip


def shuffle_demand(engine: Engine, twins: Sequence[TwinModel], chance: np.random.Generator) -> None:
    """What is known of whom, who uses what, and what labs earned."""
    state, accounts = engine.communities, engine.accounts
    # Own and US models are known everywhere, in the tables as in the text.
    known = np.maximum(engine.block.communities.known, chance.uniform(0.01, 1.0, state.consideration.shape))
    state.consideration = known
    state.awareness = chance.uniform(0.01, 1.0, state.awareness.shape)
    state.noticed = np.where(np.arange(4) == 0, 1.0, chance.integers(0, 2, state.noticed.shape).astype(np.float64))
    state.share = chance.dirichlet(np.ones(state.share.shape[2]), state.share.shape[:2])
    for name, high in (("available", 1.0), ("ecosystem", 10.0), ("usual_share", 1.0), ("spend_share", 0.9)):
        setattr(accounts, name, chance.uniform(0.05, high, accounts.available.shape))
    for run, twin in enumerate(twins):
        for i, x in enumerate(twin.labs):
            x.awareness, x.served = float(state.awareness[run, i]), float(accounts.available[run, i])
            x.ecosystem, x.usual_share = float(accounts.ecosystem[run, i]), float(accounts.usual_share[run, i])
            x.spend_share = float(accounts.spend_share[run, i])
        twin.noticed = {b for b, seen in zip(("US", "CN", "EU", "OTHER"), state.noticed[run], strict=True) if seen}
        for c, community in enumerate(twin.communities):
            for k, bloc in enumerate(community.considers):
                community.considers[bloc] = float(state.consideration[run, c, k])
            community.shares = {x.name: float(state.share[run, c, i]) for i, x in enumerate(twin.labs)}
