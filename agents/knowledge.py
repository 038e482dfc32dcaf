"""Knowledge: what labs find out themselves and what they borrow from others over the lab network.

Specification: docs/model.md, sections 10 and 11. Arrays are (runs, labs) unless noted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.lab import LabState, LabWorld, Terms, direction_rate, room_for_ideas
from agents.places import CLOSED, LATEST, OPEN, PREVIOUS, STANCE_FLAGSHIP
from agents.portfolio import Technology, research_input
from agents.shelf import Shelf, best_of_others
from sim.arrays import Array, Flags, pick

Numbers = Mapping[str, Array]
FLOP_PER_MONTH = 1.04e21
"""FLOP of an H100e in a month at a utilisation of 0.40."""
BASE_RUN = 2.6e24 / FLOP_PER_MONTH
"""Training compute of the best lab at 2022-01 in H100e-months (GPT-3.5)."""


@dataclass(frozen=True)
class KnowledgeRules:
    """Rules that reach knowledge; (runs or 1, 1) or, by bloc, (runs or 1, blocs)."""

    entity_list: Array
    interface_checks: Array
    anti_distillation: Array
    training_cap: Array


@dataclass(frozen=True)
class Reasoning:
    """The dated event of the reasoning method: month, place of the lab that finds it, gain (runs, 1) in ECI."""

    month: int
    lab: int
    gain: Array


@dataclass(frozen=True)
class Adoption:
    """What decides adoption, (runs, labs): `luck` in (0, 1), and the month of the latest open flagship or -inf."""

    luck: Array
    published: Array


def published_in(shelf: Shelf) -> Array:
    """Return the month in which each lab's latest open flagship came out, -inf where there is none; (runs, labs)."""
    place = (slice(None), slice(None), OPEN, LATEST)
    return np.where(shelf.exists[place] & (shelf.small[place] == 0.0), shelf.since[place], -np.inf)


def own_progress(state: LabState, par: Numbers, tech: Technology) -> tuple[Array, Array]:
    """Return the monthly gain of each direction from a lab's own research (section 10)."""
    rate = direction_rate(par)
    search = 1.0 + par["research.slack"] * par["channel.slack"] * state.shortfall
    free = np.maximum(state.compute - state.distillation_compute, 1e-9)
    experiments = free * np.moveaxis(state.compute_share[:, :, 1:3], 2, 0)
    staff = np.maximum(state.researchers * np.moveaxis(state.staff_share[:, :, :2], 2, 0), 1e-9)
    ln_input = research_input(tech, experiments, staff)
    position = np.maximum(np.moveaxis(state.algorithm, 2, 0), 0.0)
    gains = rate * np.exp(tech.exponent * ln_input - tech.curvature * position) * room_for_ideas(position) * search
    return gains[0], gains[1]


def link_weights(par: Numbers, nearness: Array, bloc: np.ndarray, rules: KnowledgeRules) -> Array:
    """Return the weights of the lab network, (runs, labs, labs): who can learn from whom (sections 10 and 18).

    `nearness` (labs, labs) of research fields, from 0 (farthest apart) to 1.
    """
    least = par["knowledge.least_similarity"][:, :, np.newaxis]
    similarity = least + (1.0 - least) * nearness
    cross = (bloc[:, np.newaxis] != bloc[np.newaxis, :]).astype(np.float64)
    weight = par["knowledge.cross_bloc_weight"] * (1.0 - rules.entity_list * par["knowledge.collaboration_loss"])
    links: Array = similarity * (1.0 - cross + cross * weight[:, :, np.newaxis])
    return links


def available_gap(state: LabState, links: Array, earlier: Array, latest: Array, entered_then: Array) -> Array:
    """Return the largest weighted lead of others that a lab can learn from, ln units (section 10).

    `earlier`, `latest`: own positions (runs, labs) before the delay for undisclosed methods and last month;
    `entered_then` 1 where a lab had entered before the delay.
    """
    mine = state.position
    hidden = np.where(entered_then > 0.0, earlier, -np.inf)
    shown = np.where(state.stance == STANCE_FLAGSHIP, np.maximum(hidden, latest), hidden)
    lead: Array = np.zeros_like(mine)
    for j in range(mine.shape[1]):
        gap = links[:, :, j] * np.maximum(shown[:, j : j + 1] - mine, 0.0)
        gap[:, j] = 0.0
        np.maximum(lead, gap, out=lead)
    return lead


def teacher_gap(par: Numbers, shelf: Shelf, world: LabWorld, reached: Array, rules: KnowledgeRules) -> Array:
    """Return the largest access-weighted lead in ln E of another lab's released model over `reached` (section 10)."""
    foreign = (1.0 - rules.interface_checks) * (1.0 - rules.anti_distillation)
    level = np.where(shelf.exists, shelf.ln_effective, -np.inf)
    level = np.maximum(level[..., LATEST], level[..., PREVIOUS])
    gap = np.maximum(best_of_others(level[:, :, OPEN]) - reached, 0.0)
    for bloc in np.unique(world.bloc):
        served = np.where(world.bloc == bloc, level[:, :, CLOSED], -np.inf)
        access = np.where(world.bloc == bloc, 1.0, foreign)
        gap = np.maximum(gap, access * np.maximum(best_of_others(served) - reached, 0.0))
    return gap


def borrow(state: LabState, par: Numbers, gap: Array, teachers: Array) -> Array:
    """Return borrowed knowledge after this month: a slow move to what spillovers and distillation allow."""
    spill = par["channel.spillovers"] * par["knowledge.spillover"] * gap
    distilled = par["channel.distillation"] * par["knowledge.distillation"] * teachers
    moved: Array = state.borrowed + par["knowledge.absorption"] * (spill + distilled - state.borrowed)
    return moved


def adopt_reasoning(
    state: LabState, par: Numbers, world: LabWorld, month: int, event: Reasoning, entered: Array, told: Adoption
) -> Array:
    """Return the month in which each lab adopted the reasoning method, inf where it has not (section 10)."""
    holders = np.isfinite(state.adopted)
    at_home = world.bloc == world.bloc[event.lab]
    first: Flags = (month == event.month) & at_home & (entered > 0.0)
    published = (holders & (told.published >= state.adopted)).any(axis=1, keepdims=True)
    found = holders.any(axis=1, keepdims=True) & (told.luck < 1.0 / par["reasoning.undisclosed_delay"])
    now = first | ((found | published) & (entered > 0.0))
    return np.where(~holders & now, float(month), state.adopted)


def reasoning_gain(par: Numbers, adopted: Array, month: int, event: Reasoning) -> Array:
    """Return the ECI gained from the reasoning method (section 10)."""
    held = np.isfinite(adopted)
    since = np.where(held, month - np.where(held, adopted, 0.0), 0.0)
    step = event.gain * -np.expm1(-(since + 1.0) / par["reasoning.step_time"])
    gain = step + par["reasoning.slope"] * (since + 1.0) / 12.0
    return np.where(held, gain, 0.0) * par["channel.reasoning"]


def final_run_compute(state: LabState, terms: Terms) -> Array:
    """Return H100e that go into the run that is released: training compute less the exploration that serves it."""
    training = (state.compute - state.distillation_compute) * state.compute_share[:, :, 0]
    return training / terms.weights.training


def first_run(par: Numbers, used: Array) -> Array:
    """Return the running training total of a lab that enters, from its training compute of the month.

    It is what the total would be if training had grown at the usual rate before.
    """
    growth = par["training.growth_at_entry"] ** (1.0 / 12.0)
    total: Array = used / (growth - 1.0 + 1.0 / par["training.run_months"])
    return total


def train(state: LabState, par: Numbers, world: LabWorld, month: int, rules: KnowledgeRules, used: Array) -> None:
    """Add the month's compute `used` to the running total; apply the compute cap and the data limit (section 11)."""
    total = state.training_run * (1.0 - 1.0 / par["training.run_months"]) + used
    cap = pick(rules.training_cap, world.bloc)
    state.training_run = np.minimum(total, cap / FLOP_PER_MONTH)
    state.ln_training = data_limited(par, state.training_run, month - world.record_end)


def data_limited(par: Numbers, run: Array, months_after: int) -> Array:
    """Return ln training compute over the base run, with the lower return beyond the data limit (section 11)."""
    size = np.log(run / BASE_RUN)
    limit = np.log(par["training.data_limit_flop"] / FLOP_PER_MONTH / BASE_RUN)
    limit = limit + par["training.synthetic_data_growth"] * max(0, months_after) / 12.0
    limited: Array = np.minimum(size, limit) + par["training.data_limited_exponent"] * np.maximum(size - limit, 0.0)
    return limited


def measure_capability(state: LabState, par: Numbers, world: LabWorld, gain: Array) -> None:
    """Set effective compute and internal capability on the ECI scale (section 11)."""
    state.ln_effective = state.ln_training + know_how(state) + world.effect
    per_ln = par["capability.eci_per_oom"] / np.log(10.0)
    state.capability = par["capability.base_index"] + per_ln * state.ln_effective + gain


def know_how(state: LabState) -> Array:
    """Return own position and borrowed knowledge: what lowers the cost of training and of serving."""
    return state.position + state.borrowed
