"""Sections 3 to 5: desired inflow, what rules let through, domestic output, the clearing premium, stocks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.optimize import brentq

from tests.twin.inputs import clip, positive, round_half_up

CHANNELS = ("legal", "smuggled", "cloud", "domestic")
MAX_PREMIUM = 3.0
LEAST_TPP = 1e-6


@dataclass(frozen=True)
class Thresholds:
    """The five numbers that decide what is blocked."""

    tpp_ceiling: float
    interconnect_floor: float
    density_tpp_floor: float
    density_ceiling: float
    memory_bandwidth_ceiling: float


@dataclass(frozen=True)
class Chip:
    """A chip as the rules see it: TPP, GB/s link, TPP per mm2, GB/s memory, H100e, USD."""

    tpp: float
    link: float
    density: float
    bandwidth: float
    h: float
    price: float

    @property
    def value(self) -> float:
        """H100e a dollar."""
        return self.h / self.price


def grow_supply(output: float, months_since: int, growth: float, half_life: float) -> float:
    """Next month's output, `months_since` the record (of that next month)."""
    return output * math.exp(math.log(growth) * 2.0 ** (-months_since / half_life) / 12.0)


def no_control_share(early: float, late: float, ramp: float) -> float:
    """v_t: China's share of output if nothing were controlled."""
    return early + (late - early) * ramp


def world_output_factor(loss: float, mineral_loss: float, mineral_control: float) -> float:
    """m_t: the part of world output left after disruption and counter-controls."""
    return (1.0 - loss) * (1.0 - mineral_loss * mineral_control)


def is_blocked(chip: Chip, limit: Thresholds) -> bool:
    """The one admissibility formula."""
    by_tpp = chip.tpp >= limit.tpp_ceiling and chip.link >= limit.interconnect_floor
    by_density = chip.tpp >= limit.density_tpp_floor and chip.density >= limit.density_ceiling
    return by_tpp or by_density or chip.bandwidth >= limit.memory_bandwidth_ceiling


@dataclass(frozen=True)
class Practice:
    """What vendors do to comply: how near the limits they go, what memory they add, and how they price it."""

    link: float
    tpp: float
    density: float
    memory: float
    upgrade: float
    exponent: float


def practice(p: Mapping[str, float]) -> Practice:
    """The practice that the parameters describe."""
    names = ("link_margin", "tpp_margin", "density_margin", "memory_margin", "memory_upgrade")
    return Practice(*(p[f"chip_market.{name}"] for name in (*names, "compliant_price_exponent")))


def compliant_design(flagship: Chip, limit: Thresholds, habit: Practice) -> Chip:
    """The flagship cut down until the thresholds let it pass."""
    tpp, link, density, bandwidth = flagship.tpp, flagship.link, flagship.density, flagship.bandwidth
    if tpp >= limit.tpp_ceiling and link >= limit.interconnect_floor:
        if limit.interconnect_floor > 0.0:
            link = habit.link * limit.interconnect_floor
        else:
            cut = max(habit.tpp * limit.tpp_ceiling, LEAST_TPP)
            density *= cut / tpp
            tpp = cut
    if tpp >= limit.density_tpp_floor and density >= limit.density_ceiling:
        by_size, by_area = habit.tpp * limit.density_tpp_floor, tpp * habit.density * limit.density_ceiling / density
        cut = max(by_size, by_area, LEAST_TPP)
        density *= cut / tpp
        tpp = cut
    if tpp < flagship.tpp:
        bandwidth *= habit.upgrade
    if bandwidth >= limit.memory_bandwidth_ceiling:
        bandwidth = habit.memory * limit.memory_bandwidth_ceiling
    h = flagship.h * tpp / flagship.tpp
    return Chip(tpp, link, density, bandwidth, h, flagship.price * (h / flagship.h) ** habit.exponent)


def only_cuts_link(flagship: Chip, design: Chip) -> bool:
    """Whether a design differs from its flagship, and in the link alone."""
    return design != flagship and replace(design, link=flagship.link) == flagship


def chips_on_sale(
    flagships: Sequence[Chip], now: Thresholds, before: Thresholds, since_change: float,
    lags: tuple[float, float], habit: Practice,
) -> list[Chip]:  # fmt: skip
    """Flagships and their compliant designs; `lags` are those of a link cut and of any other redesign."""
    found = []
    for flagship in flagships:
        new = compliant_design(flagship, now, habit)
        ready = since_change >= round_half_up(lags[0] if only_cuts_link(flagship, new) else lags[1])
        found += [flagship, new if ready else compliant_design(flagship, before, habit)]
    return found


def best_chip(chips: Sequence[Chip]) -> Chip | None:
    """The chip with the most H100e a dollar; the first of equals."""
    return max(chips, key=lambda chip: chip.value) if chips else None


def compute_per_dollar(chip: Chip | None, world_price: float) -> float:
    """a_k: compute a dollar buys, relative to the world price; 0 without a chip."""
    return 0.0 if chip is None else min(1.0, world_price * chip.value)


def phase_in(a: float, target: float, speed: float) -> float:
    """The effective a of this month; nothing is left at once where no chip is sold."""
    return 0.0 if target == 0.0 else a + speed * (target - a)


def route_flow(desired: float, share: float, degraded_share: float, a: float) -> float:
    """Chips a route delivers when a dollar buys `a` of what it buys elsewhere."""
    if a == 0.0:
        return 0.0
    dollars = share + (min(share, degraded_share) - share) * clip(-math.log(a) / math.log(3.0), 0.0, 1.0)
    return dollars / share * desired * a


def licensed_flow(flow: float, volume_share: float, output: float, desired: float, levy: float) -> float:
    """The licensed route after the volume limit and the levy; `output` is N'."""
    limit = math.inf if math.isinf(volume_share) else volume_share * positive(output - desired)
    return min(flow, limit) / (1.0 + levy)


def legal_cap(
    desired: float, denial: float, extra: float, licence: float, licensed: float, restricted: float, buying: float
) -> float:
    """Legal supply before disruption; `buying` is anticipation times what the buyer's state lets through."""
    denied = denial * (1.0 - extra) * (licence * max(licensed, restricted) + (1.0 - licence) * restricted)
    return ((1.0 - denial) * desired + denied) * buying


def legal_quality(
    desired: float, denial: float, extra: float, licence: float, flows: tuple[float, float],
    chips: tuple[Chip | None, Chip | None], link_penalty: float,
) -> tuple[float, float]:  # fmt: skip
    """(serving ratio, training quality) of legal inflow; `flows`, `chips` are those of (licensed, restricted)."""
    licensed, restricted = flows
    licence_chip = chips[0] if licensed >= restricted else chips[1]
    parts = [
        (denial * (1.0 - extra) * licence * max(licensed, restricted), licence_chip),
        (denial * (1.0 - extra) * (1.0 - licence) * restricted, chips[1]),
    ]
    free = (1.0 - denial) * desired
    total, beta, u = free, free, free
    for weight, chip in parts:
        if chip is not None and weight > 0.0:
            total += weight
            beta += weight * chip.bandwidth / (3350.0 * chip.h)
            u += weight * (1.0 - link_penalty * positive(1.0 - chip.link / 900.0))
    return (beta / total, u / total) if total > 0.0 else (1.0, 1.0)


@dataclass(frozen=True)
class Domestic:
    """Domestic output of a month and what is left in the banks (units)."""

    output: float
    packages: float
    dies: float
    hbm: float


def new_dies(foreign: float, stopped: float, domestic: float, effect: float, tool_control: float) -> float:
    """Dies that come in; `tool_control` is the reach of tool controls beyond the reference."""
    return foreign * (1.0 - stopped) + domestic * math.exp(-effect * tool_control)


def new_memory(base: float, stopped: float, rush: float, domestic: float) -> float:
    """Memory stacks that come in; `rush` is the extra buying ahead of a rule."""
    return base * (1.0 - stopped) * (1.0 + rush) + domestic


def capacity_pull(by_subsidy: float, by_scarcity: float) -> float:
    """Factor on packaging capacity."""
    return (1.0 + by_subsidy) * (1.0 + by_scarcity)


def domestic_output(
    dies: float, hbm: float, capacity: float, mix: float, demand_pull: float, p: Mapping[str, float], cambricon: float
) -> Domestic:
    """Packages from what the banks (already filled) allow; `demand_pull` multiplies the packaging capacity."""
    per_package = p["chip_market.stacks_per_die"] * (1.0 + mix)
    packages = min(capacity * demand_pull, dies / (1.0 + mix), hbm / per_package)
    compute = (1.0 - mix) * p["chip_market.domestic_single_die"] + mix * p["chip_market.domestic_dual_die"]
    output = p["chip_market.domestic_output_scale"] * compute * packages + cambricon
    return Domestic(output, packages, dies - packages * (1.0 + mix), hbm - packages * per_package)


@dataclass(frozen=True)
class Clearing:
    """What the clearing premium depends on: flows in H100e a month; `diverted` is the diverted share at premium .65."""

    desired: float
    cap: float
    domestic: float
    output: float
    third_country: float
    elasticity: float
    diverted: float
    cloud_share: float
    cloud_limit: float

    @property
    def legal(self) -> float:
        """Legal inflow."""
        return min(self.cap, positive(self.desired - self.domestic))

    def smuggled(self, premium: float) -> float:
        """Smuggled inflow at a premium."""
        share = self.diverted * math.expm1(premium) / math.expm1(0.65)
        return min(1.0, share) * positive(self.output - self.cap)

    def cloud(self, premium: float) -> float:
        """Compute rented in third countries at a premium."""
        return min(self.cloud_share * self.third_country * -math.expm1(-premium), self.cloud_limit)

    def excess(self, premium: float) -> float:
        """Supply less demand."""
        supply = self.legal + self.smuggled(premium) + self.domestic + self.cloud(premium)
        return supply - self.desired * math.exp(-self.elasticity * premium)

    def premium(self) -> float:
        """The premium in [0, 3] at which supply meets demand."""
        if self.excess(0.0) >= 0.0:
            return 0.0
        if self.excess(MAX_PREMIUM) <= 0.0:
            return MAX_PREMIUM
        return float(brentq(self.excess, 0.0, MAX_PREMIUM, xtol=1e-13, rtol=1e-14))


def diverted_share(base: float, effect: float, enforcement: float) -> float:
    """Share of the sender's output diverted at a premium of 0.65."""
    return base * math.exp(-effect * (enforcement - 0.3))


def retire_and_add(stock: float, depreciation: float, inflow: float) -> float:
    """A stock after one month."""
    return (1.0 - depreciation) * stock + inflow


def power_limit(
    energy_2025: float, per_year: float, growth: float, facility_kw: float, efficiency: float, months_since: int
) -> float:
    """Largest stock (H100e) that a bloc can power, `months_since` the record."""
    energy = energy_2025 + per_year * growth * months_since / 12.0
    return 1e6 * energy / (facility_kw * math.pow(efficiency, -months_since / 12.0))
