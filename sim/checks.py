"""What must hold at the end of every month, whatever the scenario: stocks, shares, budgets, signs.

`check` reads an engine and returns one sentence for each thing that does not hold; it changes nothing. Identities that
link two months need what `remember` noted before the month was played; `advance_checked` does both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from agents.places import CLOUD, LEGAL, SMUGGLED, TARGET
from sim.arrays import Array, Flags
from sim.engine import Engine

TIGHT = 1e-9
"""Relative error allowed in an identity, which only rounding may use up."""
ANY_SIGN = frozenset({
    "labs.deviation", "labs.premium", "labs.algorithm", "labs.ln_effective", "labs.ln_training", "labs.countdown",
    "labs.capability", "governments.hawkishness", "governments.perceived_gap", "communities.reference",
    "shelf.capability", "shelf.ln_effective", "shelf.ln_run", "shelf.know_how",
})  # fmt: skip
"""Fields that may be negative."""
OPEN_ENDED = frozenset({"labs.adopted", "governments.subsidy", "shelf.price"})
"""Fields that say by inf or NaN that something is not there; they are checked one by one."""
SHARES = frozenset({
    "communities.consideration", "communities.awareness", "communities.noticed", "communities.share",
    "labs.compute_share", "labs.staff_share", "labs.labour_share", "labs.shortfall", "labs.capacity_share",
    "accounts.available", "accounts.spend_share", "accounts.usual_share", "accounts.open_use",
    "governments.denial", "governments.banned", "shelf.small", "chips.value",
})  # fmt: skip
"""Fields that lie between 0 and 1."""


class InvariantError(AssertionError):
    """Something that must always hold does not; `problems` has one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        """Take the sentences of `check`."""
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True)
class Before:
    """State at the end of the month before: stocks (runs, blocs, channels), wage (runs, blocs), frontiers (runs, 6)."""

    stocks: Mapping[str, Array]
    wage: Array
    frontiers: Array | None
    stance: Array


STOCKS = ("stock", "training_stock", "serving_stock")


def remember(engine: Engine) -> Before:
    """Return what `check` needs to know of the month that was just played, or of the start."""
    frontiers = engine.frontiers[engine.month].copy() if engine.month >= 0 else None
    stocks = {name: getattr(engine.chips, name).copy() for name in STOCKS}
    return Before(stocks, engine.labs.wage.copy(), frontiers, engine.labs.stance.copy())


def advance_checked(engine: Engine) -> None:
    """Play one month. Raises InvariantError when something does not hold at its end."""
    before = remember(engine)
    engine.advance()
    problems = check(engine, before)
    if problems:
        raise InvariantError(problems)


def check(engine: Engine, before: Before | None = None) -> list[str]:
    """Return a sentence for everything that does not hold in the month just played, nothing when all is well.

    Without `before` the identities that link two months are left out. Raises ValueError before the first month.
    """
    if engine.month < 0:
        raise ValueError("no month has been played yet")
    found = [*_states(engine), *_chip_market(engine), *_labs(engine), *_models(engine), *_communities(engine)]
    if before is not None:
        found += [*_stock_flow(engine, before), *_between_months(engine, before)]
    return [f"month {engine.month}: {sentence}" for sentence in found]


def _tell(engine: Engine, bad: Flags, sentence: str) -> Iterator[str]:
    """Yield the sentence with the run numbers where `bad` (runs first) is true anywhere."""
    runs = np.flatnonzero(bad.reshape(bad.shape[0], -1).any(axis=1))
    if len(runs):
        numbers = ", ".join(str(int(engine.lot.chance[run])) for run in runs[:3])
        yield f"{sentence} (run {numbers}{' and others' if len(runs) > 3 else ''})"


def _apart(left: Array, right: Array, scale: Array | float = 0.0) -> Flags:
    """Where two numbers differ by more than rounding, relative to the larger of them and `scale`."""
    size = np.maximum(np.maximum(np.abs(left), np.abs(right)), scale)
    far: Flags = np.abs(left - right) > TIGHT * np.maximum(size, 1e-12)
    return far


def _states(engine: Engine) -> Iterator[str]:
    """Every number of every state is finite, has its sign, and is a share where it should be one."""
    for name in ("chips", "labs", "communities", "accounts", "governments", "shelf"):
        for path, values in leaves(name, getattr(engine, name)):
            if (
                values.dtype != np.float64
                or path in OPEN_ENDED
                or path.startswith(("chips.thresholds", "chips.earlier"))
            ):
                continue
            yield from _tell(engine, ~np.isfinite(values), f"{path} is not finite")
            if path not in ANY_SIGN and ".prices" not in path and ".plan_prices" not in path:
                yield from _tell(engine, values < 0.0, f"{path} is negative")
            if path in SHARES:
                yield from _tell(engine, values > 1.0 + TIGHT, f"{path} is above 1")
    adopted, subsidy = engine.labs.adopted, engine.governments.subsidy
    yield from _tell(engine, ~((adopted >= 0.0) & ((adopted <= engine.month) | np.isposinf(adopted))), "labs.adopted")
    yield from _tell(engine, ~(np.isnan(subsidy) | ((subsidy >= 0.0) & (subsidy <= 1.0))), "governments.subsidy")
    yield from _tell(engine, ~np.isin(engine.labs.stance, (0.0, 1.0, 2.0)), "labs.stance is none of the three")


def leaves(name: str, state: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array of a state, by its dotted name; nested states and tuples are entered."""
    if isinstance(state, np.ndarray):
        yield name, state
    elif isinstance(state, tuple):
        for place, inner in enumerate(state):
            yield from leaves(f"{name}.{place}", inner)
    elif is_dataclass(state):
        for entry in fields(state):
            yield from leaves(f"{name}.{entry.name}", getattr(state, entry.name))


def _chip_market(engine: Engine) -> Iterator[str]:
    """What is sold was made; nobody gets more legal chips than it wants; the premium clears the market."""
    chips, flows = engine.chips, engine.flows
    inflow, made = flows.inflow, chips.available
    diverted = inflow[:, LEGAL : LEGAL + 1] + inflow[:, SMUGGLED : SMUGGLED + 1]
    yield from _tell(engine, diverted > made * (1.0 + TIGHT), "legal and smuggled chips exceed the output")
    yield from _tell(engine, inflow < 0.0, "a flow of chips is negative")
    yield from _tell(engine, flows.blocs < 0.0, "a bloc's flow of chips is negative")
    yield from _tell(engine, _apart(flows.blocs[:, TARGET], inflow.sum(axis=1)), "channels do not add up to the inflow")
    over = inflow[:, LEGAL : LEGAL + 1] > np.maximum(chips.want, 0.0) * (1.0 + TIGHT)
    yield from _tell(engine, over, "more legal chips than wanted")
    premium, short = chips.premium, chips.want > inflow.sum(axis=1, keepdims=True) * (1.0 + 1e-6)
    yield from _tell(engine, (premium < 0.0) | (premium > 3.0), "the premium lies outside 0 to 3")
    yield from _tell(engine, short & (premium <= 0.0), "chips are short and yet carry no premium")
    hand = engine.handoff
    for name in ("capacity", "quality", "serving", "desired"):
        yield from _tell(engine, ~(getattr(hand, name) > 0.0), f"the chip market hands on no {name}")
    yield from _tell(engine, hand.quality > 1.0 + TIGHT, "training quality is above 1")
    yield from _tell(engine, hand.capacity > chips.stock.sum(axis=2) * (1.0 + TIGHT), "more capacity than chips")


def _labs(engine: Engine) -> Iterator[str]:
    """Uses of compute and staff add up; no lab uses more than it has; labs share what their bloc has."""
    state, entered, bloc = engine.labs, engine.entered, engine.block.labs.bloc
    yield from _tell(engine, _apart(state.compute_share.sum(axis=2), np.ones_like(state.compute)), "uses of compute")
    yield from _tell(engine, _apart(state.staff_share.sum(axis=2), np.ones_like(state.compute)), "uses of staff")
    yield from _tell(engine, state.compute > state.capacity * (1.0 + TIGHT), "a lab uses more compute than it gets")
    free = state.compute - state.distillation_compute
    used = (free[:, :, np.newaxis] * state.compute_share).sum(axis=2) + state.distillation_compute
    yield from _tell(engine, _apart(used, state.compute), "uses of compute do not add up to what is in use")
    for name in ("budget", "capacity", "compute", "researchers", "training_run"):
        yield from _tell(engine, entered * (getattr(state, name) <= 0.0) > 0.0, f"a lab has no {name}")
    held = np.stack([(state.capacity * entered)[:, bloc == place].sum(axis=1) for place in range(4)], axis=1)
    usable = engine.handoff.capacity * engine.handoff.quality
    yield from _tell(engine, held > usable * (1.0 + TIGHT), "labs hold more compute than their bloc has")


def _models(engine: Engine) -> Iterator[str]:
    """Models on offer have a price and a capability; only labs that are there have any."""
    shelf, exists = engine.shelf, engine.shelf.exists
    priced = np.isfinite(shelf.price)
    yield from _tell(engine, priced != exists, "a model without a price, or a price without a model")
    yield from _tell(engine, priced & (np.where(priced, shelf.price, 1.0) <= 0.0), "a price is not positive")
    early = exists & ~(engine.entered > 0.0)[np.newaxis, :, np.newaxis, np.newaxis]
    yield from _tell(engine, early, "a model of a lab that has not entered")
    yield from _tell(engine, exists & (shelf.since > engine.month), "a model from a later month")


def _communities(engine: Engine) -> Iterator[str]:
    """Shares and splits add up to 1, spending on models to spending, and labs without a model sell nothing."""
    state, sales = engine.communities, engine.sales
    one = np.ones_like(state.spend)
    split, spend = sales.split[0] + sales.split[1], sales.spend[0] + sales.spend[1]
    yield from _tell(engine, _apart(state.share.sum(axis=2), one), "shares of labs do not sum to 1")
    yield from _tell(engine, _apart(split.sum(axis=2), one), "shares of models do not sum to 1")
    yield from _tell(engine, _apart(spend.sum(axis=2), state.spend), "sales do not add up to spending")
    absent = ~(engine.entered > 0.0)[np.newaxis, np.newaxis, :] & (state.share > 0.0)
    yield from _tell(engine, absent, "a lab that has not entered has users")
    for name, part in (("tokens", sales.tokens), ("spend", sales.spend)):
        for openness in (0, 1):
            yield from _tell(engine, ~(part[openness] >= 0.0), f"{name} of a model are negative")
    whole = engine.accounts.spend_share.sum(axis=1)
    yield from _tell(engine, _apart(whole, np.ones_like(whole)), "shares of spending do not sum to 1")


def _stock_flow(engine: Engine, before: Before) -> Iterator[str]:
    """Chips: stock is what was left of last month's plus the inflow, by bloc and channel; so for both qualities."""
    chips, keep = engine.chips, (1.0 - engine.block.par["chip_market.depreciation"])[:, :, np.newaxis]
    added = np.zeros_like(chips.stock)
    added[:, :, LEGAL] = engine.flows.blocs
    added[:, TARGET, :] = engine.flows.inflow
    yield from _tell(engine, _apart(chips.stock, before.stocks["stock"] * keep + added), "chips appear or vanish")
    for name in STOCKS[1:]:
        gained = getattr(chips, name) - before.stocks[name] * keep
        yield from _tell(engine, gained < -TIGHT * chips.stock.sum(axis=2, keepdims=True), f"{name} falls too fast")
        plain = (added[:, :, [SMUGGLED, CLOUD]], gained[:, :, [SMUGGLED, CLOUD]])
        yield from _tell(engine, _apart(*plain, scale=chips.stock[:, :, [SMUGGLED, CLOUD]]), f"{name} of free chips")
    excess = chips.training_stock - chips.stock
    yield from _tell(engine, excess > TIGHT * chips.stock, "more training throughput than chips")


def _between_months(engine: Engine, before: Before) -> Iterator[str]:
    """The wage bill stays within budgets, and frontiers never fall."""
    state, bloc = engine.labs, engine.block.labs.bloc
    bill = state.researchers * before.wage[:, bloc]
    over = (bill > state.budget * (1.0 + TIGHT)) & (engine.entered > 0.0)
    yield from _tell(engine, over, "a lab's wage bill exceeds its budget")
    if before.frontiers is not None:
        fallen = engine.frontiers[engine.month] < before.frontiers
        yield from _tell(engine, fallen, "a running maximum of capability fell")


__all__ = ["Before", "InvariantError", "advance_checked", "check", "remember"]
