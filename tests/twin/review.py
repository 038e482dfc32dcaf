"""Section 12: the review of the stance of one lab against what the market looked like last month."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from tests.twin import market, release
from tests.twin.agents import TwinCommunity, TwinLab
from tests.twin.inputs import TwinInputs, clip
from tests.twin.rules import Rules


@dataclass(frozen=True)
class Setting:
    """What a review takes as given: rental price (M$), best open rival and frontier (ECI), the bloc's serving ratio."""

    rental: float
    rival_open: float
    frontier: float
    serving: float
    rules: Rules


@dataclass(frozen=True)
class Tariff:
    """Cost and prices (USD per million tokens) of a lab's flagship if it came out now, and its tokens per H100e."""

    cost: float
    closed: float
    open: float
    tokens: float


def tariff(maker: TwinLab, inputs: TwinInputs, setting: Setting, price_coefficient: float) -> Tariff:
    """Unit cost and target prices of the flagship."""
    p = inputs.params
    flagship = release.Model(maker.capability, maker.ln_effective, maker.training, maker.know_how, 0)
    tokens = maker.tokens(flagship)
    cost = market.token_cost(setting.rental, tokens)
    if inputs.bertrand:
        closed = market.bertrand_price(
            cost, maker.premium, price_coefficient, maker.spend_share, p["pricing.markup_cap"]
        )
    else:
        markup = p["pricing.base_markup"], p["pricing.markup_cap"], p["pricing.lead_slope"]
        closed = market.target_price(cost, maker.premium, maker.capability - setting.rival_open, markup)
    return Tariff(cost, closed, p["pricing.host_margin"] * p["pricing.host_cost_ratio"] * cost, tokens)


Offered = tuple[int, float, float, bool]


def products(stance: str, capability: float, at: Tariff, p: Mapping[str, float]) -> list[Offered]:
    """(openness, ECI, price, small) of what a stance brings."""
    if stance == "open_flagship":
        return [(1, capability, at.open, False)]
    flagship = [(0, capability, at.closed, False)]
    if stance == "closed":
        return flagship
    return [*flagship, (1, capability - p["release.small_lead"], at.open / p["pricing.small_cost"], True)]


def line_up(stance: str, maker: TwinLab, at: Tariff) -> list[Offered]:
    """All that the lab would sell: the new models before its present ones; an open flagship ends the closed line."""
    new = products(stance, maker.capability, at, maker.inputs.params)
    groups = {openness for openness, *_ in new}
    kept = [
        (o, m.capability, m.price, m.small) for (o, vintage), m in maker.models.items()
        if (vintage == 0 or o not in groups) and not (stance == "open_flagship" and o == 0)
    ]  # fmt: skip
    return new + kept


def offer(stance: str, maker: TwinLab, communities: Sequence[TwinCommunity], at: Tariff) -> release.Offer:
    """What a stance would have sold last month."""
    use, money = 0.0, [0.0, 0.0]
    line = line_up(stance, maker, at)
    for community in communities:
        others = {key: w for key, w in community.weights.items() if key[0] != maker.name}
        rest = sum(others.values())
        paid = sum(w * community.prices[key] for key, w in others.items() if w > 0.0)
        mine, spent = 0.0, [0.0, 0.0]
        for openness, capability, price, small in line:
            term = community.terms[maker.name, openness]
            weight = math.exp(term) * community.slot_weight(capability, price, small) if term > -math.inf else 0.0
            mine += weight
            spent[openness] += weight * price
        use += community.spend * mine / (rest + mine)
        for openness in (0, 1):
            money[openness] += community.spend * spent[openness] / (paid + spent[0] + spent[1])
    return release.Offer(use, money[0], money[1], 1e6 * money[0] / at.closed)


def allowed(stance: str, maker: TwinLab, setting: Setting) -> bool:
    """Whether the law lets a lab take a stance."""
    if stance == "closed":
        return True
    behind = 0.0 if stance == "open_flagship" else maker.inputs.params["release.small_lead"]
    licensed = maker.capability - behind > setting.frontier + setting.rules.restriction_by[maker.bloc]
    return setting.rules.penalty < 1.0 and not licensed


def stance_values(
    maker: TwinLab, communities: Sequence[TwinCommunity], setting: Setting, price_coefficient: float
) -> dict[str, float]:
    """V/U0 of the stances that a lab may take, without noise."""
    inputs, p = maker.inputs, maker.inputs.params
    at = tariff(maker, inputs, setting, price_coefficient)
    offers = {s: offer(s, maker, communities, at) for s in release.STANCES}
    scale = max(o.use for o in offers.values())
    complement = maker.number("complement_value") * p["release.complement_scale"]
    promotion = p["release.promotion_strength"] * setting.rules.promotion_by[maker.bloc]
    motives = release.Motives(
        host_fee=p["release.host_fee"],
        complement=complement,
        reputation=p["release.reputation"] + maker.number("open_culture") + promotion,
        penalty=setting.rules.penalty,
        leak=release.leak_motive(p, maker.capability - setting.rival_open, setting.frontier - maker.capability),
        commodity=p["release.commoditisation"] * complement,
        small_cost=p["release.small_model_cost"],
        small_standing=p["release.small_standing"],
    )
    margin = 1.0 - at.cost * math.exp(clip(maker.premium, -0.5, 3.0)) / at.closed
    capacity = maker.compute[3] * setting.serving
    values = {}
    for stance, expected in offers.items():
        if allowed(stance, maker, setting):
            need = expected.tokens / at.tokens
            served = 1.0 if need <= 0.0 else min(1.0, capacity / need)
            value = release.stance_value(stance, expected, margin, served, motives, scale)
            values[stance] = value / scale if scale > 0.0 else 0.0
    return values


def review(
    maker: TwinLab, communities: Sequence[TwinCommunity], setting: Setting, price_coefficient: float, month: int
) -> tuple[str, float]:
    """(stance, margin) of a lab that compares its three stances; `margin` says how near it came to another one."""
    p = maker.inputs.params
    values = stance_values(maker, communities, setting, price_coefficient)
    noise = p["release.noise"] * normal(maker.inputs.look("stance", month, maker.place))
    return release.choose_stance(maker.stance, values, noise, p["release.hysteresis"])


def normal(luck: float) -> float:
    """Standard normal quantile of a uniform number."""
    return NormalDist().inv_cdf(luck)
