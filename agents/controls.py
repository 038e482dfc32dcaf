"""Chip controls as the chip market reads them; no rule of labs, prices or communities imports this module."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Array, Flags


@dataclass(frozen=True)
class Thresholds:
    """What decides whether a chip may be sold; arrays (runs or 1, 1). TPP, GB/s and TPP per mm2; inf means no limit."""

    tpp_ceiling: Array
    interconnect_floor: Array
    density_tpp_floor: Array
    density_ceiling: Array
    memory_bandwidth_ceiling: Array

    def same(self, other: "Thresholds") -> Flags:
        """Return whether both are equal, run by run."""
        equal: Flags = (
            (self.tpp_ceiling == other.tpp_ceiling)
            & (self.interconnect_floor == other.interconnect_floor)
            & (self.density_tpp_floor == other.density_tpp_floor)
            & (self.density_ceiling == other.density_ceiling)
            & (self.memory_bandwidth_ceiling == other.memory_bandwidth_ceiling)
        )
        return equal

    def where(self, condition: Flags, other: "Thresholds") -> "Thresholds":
        """Return these thresholds where `condition` holds and `other` elsewhere."""
        pairs = zip(self.all(), other.all(), strict=True)
        return Thresholds(*(np.where(condition, mine, theirs) for mine, theirs in pairs))

    def all(self) -> tuple[Array, ...]:
        """Return the five numbers in the order of the fields."""
        return (
            self.tpp_ceiling, self.interconnect_floor, self.density_tpp_floor, self.density_ceiling,
            self.memory_bandwidth_ceiling,
        )  # fmt: skip


@dataclass(frozen=True)
class ChipRules:
    """The rules of one month for the chip market; arrays (runs or 1, 1) unless noted.

    `denial` D and `extra_denial` X are the dial strictness; `rush_chips` and `rush_memory` are 1 between the news of a
    rule and its effect; `energy_growth` is (runs or 1, blocs). All shares lie in 0..1.
    """

    thresholds: Thresholds
    licence_tpp_ceiling: Array
    licence_memory_bandwidth_ceiling: Array
    licence_share: Array
    volume_share: Array
    levy: Array
    denial: Array
    extra_denial: Array
    enforcement: Array
    cloud_kyc: Array
    tier_quota: Array
    hbm_control: Array
    tool_control: Array
    foundry_control: Array
    purchase_veto: Array
    subsidy: Array
    output_loss: Array
    mineral_control: Array
    rush_chips: Array
    rush_memory: Array
    energy_growth: Array
