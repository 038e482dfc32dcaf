"""Which chips may be sold, and the compliant designs that vendors make when a rule changes.

Specification: docs/model.md, section 4. Arrays are (runs, designs).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.controls import ChipRules, Thresholds
from sim.arrays import Array, Flags

Numbers = Mapping[str, Array]
LEAST_TPP = 1e-6
"""TPP of a design under a ceiling of zero: it exists on paper only."""


@dataclass(frozen=True)
class Designs:
    """Chips: TPP, TPP per mm2, link GB/s, memory GB/s, H100e, USD; each (runs or 1, designs)."""

    tpp: Array
    density: Array
    link: Array
    bandwidth: Array
    h100e: Array
    price: Array


def blocked(chips: Designs, rule: Thresholds) -> Flags:
    """Return which chips the thresholds deny: one formula for every regime since 2022."""
    by_link = (chips.tpp >= rule.tpp_ceiling) & (chips.link >= rule.interconnect_floor)
    by_density = (chips.tpp >= rule.density_tpp_floor) & (chips.density >= rule.density_ceiling)
    by_memory = chips.bandwidth >= rule.memory_bandwidth_ceiling
    denied: Flags = by_link | by_density | by_memory
    return denied


def licensable(chips: Designs, rules: ChipRules) -> Flags:
    """Return which chips may be sold under a licence."""
    able: Flags = (chips.tpp < rules.licence_tpp_ceiling) & (chips.bandwidth < rules.licence_memory_bandwidth_ceiling)
    return able


def compliant(flagships: Designs, rule: Thresholds, par: Numbers) -> tuple[Designs, Flags]:
    """Return the best design under the thresholds for each flagship, and whether it only cuts the link.

    The link is cut if the link test denies the chip and has a floor, else arithmetic; a design with less
    arithmetic gets better memory; memory is cut last (docs/model.md, 4 a-c).
    """
    margin, exponent = par["chip_market.tpp_margin"], par["chip_market.compliant_price_exponent"]
    by_link = (flagships.tpp >= rule.tpp_ceiling) & (flagships.link >= rule.interconnect_floor)
    cut_link = by_link & (rule.interconnect_floor > 0.0)
    link = np.where(cut_link, par["chip_market.link_margin"] * rule.interconnect_floor, flagships.link)
    tpp = np.where(by_link & ~cut_link, np.maximum(margin * _finite(rule.tpp_ceiling), LEAST_TPP), flagships.tpp)
    density = flagships.density * tpp / flagships.tpp
    dense = (tpp >= rule.density_tpp_floor) & (density >= rule.density_ceiling)
    by_size = margin * _finite(rule.density_tpp_floor)
    by_area = tpp * par["chip_market.density_margin"] * _finite(rule.density_ceiling) / density
    final = np.maximum(np.where(dense, np.maximum(by_size, by_area), tpp), LEAST_TPP)
    scale = final / flagships.tpp
    memory = np.where(scale < 1.0, par["chip_market.memory_upgrade"], 1.0) * flagships.bandwidth
    fast_memory = memory >= rule.memory_bandwidth_ceiling
    bandwidth = np.where(fast_memory, par["chip_market.memory_margin"] * _finite(rule.memory_bandwidth_ceiling), memory)
    design = Designs(
        tpp=final,
        density=flagships.density * scale,
        link=np.broadcast_to(link, final.shape),
        bandwidth=np.broadcast_to(bandwidth, final.shape),
        h100e=flagships.h100e * scale,
        price=flagships.price * scale**exponent,
    )
    return design, cut_link & ~fast_memory & ~dense


def _finite(limit: Array) -> Array:
    """A limit for use where it binds; where there is none the value is never used."""
    return np.where(np.isfinite(limit), limit, 1.0)


@dataclass(frozen=True)
class Choice:
    """The chip that buys the most compute per dollar; (runs, 1) each, zeros where nothing may be sold.

    `value`: compute per dollar relative to the world price, at most 1. `serving`: serving H100e (3,350 GB/s) per H100e.
    """

    value: Array
    link: Array
    serving: Array


def best(candidates: list[tuple[Designs, Flags]], world_price: Array) -> Choice:
    """Return the best of several groups of designs, each with its flags of what is on sale."""
    ratio = np.concatenate([np.where(on_sale, chips.h100e / chips.price, 0.0) for chips, on_sale in candidates], axis=1)
    place = ratio.argmax(axis=1)
    runs = np.arange(len(place))
    top = ratio[runs, place][:, np.newaxis]

    def of(field: str) -> Array:
        wide = [np.broadcast_to(getattr(chips, field), on_sale.shape) for chips, on_sale in candidates]
        taken: Array = np.concatenate(wide, axis=1)[runs, place][:, np.newaxis]
        return taken

    found = top > 0.0
    return Choice(
        value=np.minimum(1.0, world_price * top),
        link=np.where(found, of("link"), 0.0),
        serving=np.where(found, of("bandwidth") / (3350.0 * of("h100e")), 0.0),
    )
