"""Sections 13 to 15: prices, choice by communities, users and spending, serving and funding."""

import math
from collections.abc import Mapping

from tests.twin.inputs import clip, positive


def tokens_per_month(know_how: float, training: float, p: Mapping[str, float], small: bool) -> float:
    """Q: million tokens that one serving H100e gives in a month; `training` in H100e-months."""
    knows = math.exp(p["pricing.inference_gain"] * (know_how - p["pricing.anchor_knowhow"]))
    size = math.pow(training / (p["pricing.anchor_run"] / 1.04e21), -p["pricing.size_exponent"])
    tokens = p["pricing.anchor_tokens"] * knows * size
    return tokens * p["pricing.small_cost"] if small else tokens


def token_cost(rental: float, tokens: float) -> float:
    """USD per million tokens; `rental` is M$ per H100e-month."""
    return 1e6 * rental / tokens


def target_price(cost: float, premium: float, lead: float, markup: tuple[float, float, float]) -> float:
    """Target of a closed model `lead` ECI above the best open rival; `markup` is (base, cap, slope)."""
    base, cap, slope = markup
    lead_margin = math.log(base) + slope * positive(lead)
    return cost * math.exp(clip(premium, -0.5, 3.0) + min(math.log(cap), lead_margin))


def bertrand_price(cost: float, premium: float, price_coefficient: float, share: float, cap: float) -> float:
    """Target of a closed model under Bertrand competition with logit demand."""
    elasticity = max(1.05, price_coefficient * (1.0 - share))
    return cost * math.exp(clip(premium, -0.5, 3.0)) * min(cap, elasticity / (elasticity - 1.0))


def price_step(price: float, target: float, lead: float, speeds: tuple[float, float], width: float) -> float:
    """A closed price after a month; `speeds` with and without an open rival, `width` ECI between the two."""
    contested, uncontested = speeds
    speed = uncontested + (contested - uncontested) * math.exp(-positive(lead) / width)
    return math.exp(math.log(price) + speed * (math.log(target) - math.log(price)))


def reoptimised(hazard: float, growth: float) -> float:
    """Part of a community's use that is chosen afresh in a month."""
    return 1.0 - (1.0 - hazard) / (1.0 + growth)


def move_share(share: float, best: float, rate: float) -> float:
    """A market share after a month."""
    return share + rate * (best - share)


def logistic(x: float, speed: float) -> float:
    """A share that spreads by word of mouth, a month on."""
    return x + speed * x * (1.0 - x)


def bass_market(users_start: float, users_end: float, innovation: float, imitation: float, years: float) -> float:
    """Size of the market such that the closed-form path reaches `users_end` after `years`."""
    fade = math.exp(-(innovation + imitation) * years)
    return (users_end - users_start) * (1.0 + imitation / innovation * fade) / (1.0 - fade)


def bass_step(users: float, start: float, market: float, innovation: float, imitation: float) -> float:
    """Users after a month; all in million, coefficients a year."""
    adopters = users - start
    return users + (innovation + imitation * adopters / market) * (market - adopters) / 12.0


def spend_index(growth: float, half_life: float, months_since: int) -> float:
    """Spend per user relative to the end of the record."""
    if months_since <= 0:
        return (1.0 + growth) ** months_since
    index = 1.0
    for n in range(1, months_since + 1):
        index *= 1.0 + growth * 2.0 ** (-n / half_life)
    return index


def ln_limited(share_cut: float) -> float:
    """Utility of an offer of which a share is cut off."""
    return math.log(max(1.0 - share_cut, 1e-3))


def trusted_taste(taste: float, residency: float, openness: float, trust: float) -> float:
    """Taste for an origin and the residency penalty; only distrust goes through the channel `trust`."""
    return positive(taste) + trust * (min(taste, 0.0) - residency * (1.0 - openness))


def served_share(capacity: float, need: float, least: float) -> float:
    """Part of the need that a lab can serve, `least` to 1; all of nothing."""
    return 1.0 if need <= 0.0 else clip(capacity / need, least, 1.0)


def shortfall(gap: float, aspiration: float, scale: float) -> float:
    """How far a lab is behind what it is used to, 0 to 1."""
    return math.tanh(positive(gap - aspiration) / scale)


def revenue_pull(share: float, usual: float, least: float) -> float:
    """Growth of a lab's revenue share over its usual one, -1 to 1."""
    return clip((share - usual) / (usual + least), -1.0, 1.0)
