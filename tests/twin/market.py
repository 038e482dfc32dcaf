"""Sections 13 to 15: prices, choice by communities, users and spending, serving and funding."""

import math

from tests.twin.inputs import clip, positive

SMALL_MODEL = 15.0
"""How many more tokens a small model gives than its flagship."""


def tokens_per_month(know_how: float, training: float, gain: float, anchor: float, size: float, small: bool) -> float:
    """Q: million tokens that one serving H100e gives in a month; `training` in H100e-months."""
    tokens = 13000.0 * math.exp(gain * (know_how - anchor)) * math.pow(training / (3.3e24 / 1.04e21), -size)
    return tokens * SMALL_MODEL if small else tokens


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


def price_step(price: float, target: float, lead: float, contested: float, uncontested: float) -> float:
    """A closed price after a month."""
    speed = uncontested + (contested - uncontested) * math.exp(-positive(lead) / 5.0)
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


def spend_index(growth: float, months_since: int) -> float:
    """Spend per user relative to the end of the record."""
    if months_since <= 0:
        return (1.0 + growth) ** months_since
    index = 1.0
    for n in range(1, months_since + 1):
        index *= 1.0 + growth * 2.0 ** (-n / 18.0)
    return index


def ln_limited(share_cut: float) -> float:
    """Utility of an offer of which a share is cut off."""
    return math.log(max(1.0 - share_cut, 1e-3))


def trusted_taste(taste: float, residency: float, openness: float, trust: float) -> float:
    """Taste for an origin and the residency penalty; only distrust goes through the channel `trust`."""
    return positive(taste) + trust * (min(taste, 0.0) - residency * (1.0 - openness))


def served_share(capacity: float, need: float) -> float:
    """Part of the need that a lab can serve, 0.05 to 1; all of nothing."""
    return 1.0 if need <= 0.0 else clip(capacity / need, 0.05, 1.0)


def shortfall(gap: float, aspiration: float) -> float:
    """How far a lab is behind what it is used to, 0 to 1."""
    return math.tanh(positive(gap - aspiration) / 4.0)


def revenue_pull(share: float, usual: float) -> float:
    """Growth of a lab's revenue share over its usual one, -1 to 1."""
    return clip((share - usual) / (usual + 0.02), -1.0, 1.0)
