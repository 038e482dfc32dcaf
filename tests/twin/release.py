"""Section 12: models on sale, the review of the open or closed stance, the waits between releases."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tests.twin.inputs import clip, round_half_up

STANCES = ("closed", "open_small", "open_flagship")


@dataclass
class Model:
    """A released model; `openness` and `vintage` are its place: 0 closed or 1 open, 0 latest or 1 previous."""

    capability: float
    ln_effective: float
    training: float
    know_how: float
    month: int
    small: bool = False
    price: float = math.nan


@dataclass(frozen=True)
class Offer:
    """What a stance would sell: use (M$ weighted), closed and open revenue, closed tokens (million)."""

    use: float
    closed: float
    open: float
    tokens: float = 0.0


@dataclass(frozen=True)
class Motives:
    """What else a lab weighs: shares of usage value, and ECI leads."""

    host_fee: float
    complement: float
    reputation: float
    penalty: float
    leak: float
    commodity: float
    small_cost: float
    small_standing: float


def stance_value(stance: str, offer: Offer, margin: float, served: float, motives: Motives, scale: float) -> float:
    """V of a stance; `margin` is that of the closed model at its shadow cost, `scale` is U0."""
    standing = motives.reputation - motives.penalty
    value = offer.closed * margin * served + motives.host_fee * offer.open + motives.complement * offer.use
    if stance == "open_flagship":
        value += scale * (standing + motives.commodity - motives.leak)
    if stance == "open_small":
        value += scale * (motives.small_standing * standing - motives.small_cost)
    return value


def leak_motive(p: Mapping[str, float], lead: float, behind: float) -> float:
    """Cost of giving a lead (ECI) away, for a lab that is so far behind the frontier (ECI)."""
    secret = math.exp(-max(behind, 0.0) / p["release.frontier_scale"])
    return p["release.leak_cost"] * clip(lead / p["release.leak_scale"], 0.0, 1.0) * secret


def choose_stance(present: str, values: Mapping[str, float], noise: float, hysteresis: float) -> tuple[str, float]:
    """(stance, margin): the best stance that beats the present one by the hysteresis; `values` are V/U0.

    The margin is how far the decision is from falling otherwise. Stances that are not allowed are absent.
    """
    scores = {s: values[s] + (0.0 if s == "closed" else noise) for s in STANCES if s in values}
    if present not in scores:
        best = max(scores, key=lambda s: scores[s])
        return best, min((scores[best] - x for s, x in scores.items() if s != best), default=math.inf)
    need = scores[present] + hysteresis
    rivals = {s: x for s, x in scores.items() if s != present}
    margin = min((abs(x - need) for x in rivals.values()), default=math.inf)
    better = {s: x for s, x in rivals.items() if x > need}
    if not better:
        return present, margin
    best = max(better, key=lambda s: better[s])
    others = [better[best] - x for s, x in better.items() if s != best]
    return best, min([margin, *others])


def wait_until_release(luck: float, filter_strength: float, p: Mapping[str, float]) -> int:
    """Months to the next release."""
    shortest, spread = (round_half_up(p[f"release.{name}"]) for name in ("shortest_interval", "interval_spread"))
    return shortest + math.floor(spread * luck) + round_half_up(filter_strength * p["release.filter_delay"])


def is_review(month: int, place: int, interval: float) -> bool:
    """Whether the lab at this place of the table reviews its stance."""
    return (month + place) % round_half_up(interval) == 0
