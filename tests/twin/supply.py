"""Sections 3 to 5 in order: the state of the chip market, and what it hands on to the rest of the world."""

import math
from dataclasses import dataclass

from sim.calendar import month_index
from tests.twin import chip_market as chips
from tests.twin.inputs import BLOCS, TwinInputs, clip
from tests.twin.rules import Rules, thresholds_at

LONG_AGO = 1_000_000
KINDS = ("stock", "serving", "quality")


@dataclass(frozen=True)
class Handed:
    """What the chip market hands on about a bloc, and nothing more."""

    capacity: float
    quality: float
    serving: float
    desired_stock: float
    premium: float


class ChipSupply:
    """World output, chip designs, China's inflow by channel and every bloc's stock."""

    def __init__(self, inputs: TwinInputs) -> None:
        self.inputs = inputs
        self.blocs = {str(row["bloc"]): row for row in inputs.blocs}
        self.record = {month_index(str(row["month"])): row for row in inputs.world_supply}
        self.nvidia = self.other = self.price = math.nan
        self.a = 1.0
        self.dies = self.hbm = self.premium = 0.0
        self.now, self.before, self.since_change = thresholds_at(inputs, 0), thresholds_at(inputs, 0), LONG_AGO
        self.desired_stock = {b: float(row["pre_2022_stock"]) for b, row in self.blocs.items()}
        self.stocks = {(b, channel, kind): 0.0 for b in BLOCS for channel in chips.CHANNELS for kind in KINDS}
        for b, row in self.blocs.items():
            for kind in KINDS:
                self.stocks[b, "legal", kind] = float(row["pre_2022_stock"])
        self.inflow = dict.fromkeys(chips.CHANNELS, 0.0)
        self.desired = self.lost_revenue = self.domestic = 0.0
        self.designs: dict[str, chips.Chip | None] = {"restricted": None, "licensed": None}

    def advance(self, month: int, rules: Rules) -> dict[str, Handed]:
        """One month of the chip market."""
        p = self.inputs.params
        self._grow(month)
        factor = chips.world_output_factor(rules.loss, p["chip_market.mineral_output_loss"], rules.mineral_control)
        n, o = self.nvidia * factor, self.other * factor
        share = self._no_control_share(month)
        self.desired = share * self.nvidia * (1.0 + p["chip_market.subsidy_strength"] * rules.subsidy_by["CN"])
        reference = self.inputs.series("reference_cn_share", month)
        for b, row in self.blocs.items():
            rest = float(row["rest_supply_share"]) * (self.nvidia * (1.0 - reference) + self.other)
            wanted = self.desired if b == "CN" else rest
            self.desired_stock[b] = chips.retire_and_add(self.desired_stock[b], p["chip_market.depreciation"], wanted)
        cap, quality = self._legal(month, rules, share, n)
        self._domestic(month, rules)
        third = float(self.blocs["OTHER"]["rest_supply_share"]) * (n + o)
        clearing = self._clearing(rules, cap * factor, n, third)
        self.premium = clearing.premium()
        self.inflow = {
            "legal": clearing.legal, "smuggled": clearing.smuggled(self.premium),
            "cloud": clearing.cloud(self.premium), "domestic": self.domestic,
        }  # fmt: skip
        self.lost_revenue = self.price * (max(self.desired - self.domestic, 0.0) - clearing.legal) / 1e6
        self._install(n + o, quality)
        return {b: self._hand_on(month, b, rules) for b in BLOCS}

    def _grow(self, month: int) -> None:
        p = self.inputs.params
        if month in self.record:
            row = self.record[month]
            self.nvidia, self.other = float(row["nvidia_h100e"]), float(row["other_h100e"])
            self.price = float(row["price_usd_per_h100e"])
            return
        growth, half = p["chip_market.supply_growth"], p["chip_market.supply_growth_half_life"]
        since = month - self.inputs.last_recorded
        self.nvidia = chips.grow_supply(self.nvidia, since, growth, half)
        self.other = chips.grow_supply(self.other, since, growth, half)
        self.price *= (1.0 - p["compute.price_decline"]) ** (1.0 / 12.0)

    def _no_control_share(self, month: int) -> float:
        p = self.inputs.params
        early, late = p["chip_market.no_control_share_early"], p["chip_market.no_control_share"]
        return chips.no_control_share(early, late, self.inputs.series("no_control_share_ramp", month))

    def _legal(self, month: int, rules: Rules, share: float, output: float) -> tuple[float, tuple[float, float]]:
        """Legal supply before disruption and the (serving, training) quality of legal inflow."""
        p = self.inputs.params
        if rules.thresholds != self.now:
            self.before, self.now, self.since_change = self.now, rules.thresholds, 0
        elif self.since_change < LONG_AGO:
            self.since_change += 1
        life = p["chip_market.flagship_life"]
        dated = [(month_index(str(row["release"])), row) for row in self.inputs.chips if row["role"] == "flagship"]
        newest = max((release for release, _ in dated if release <= month), default=None)
        flagships = [
            chips.Chip(*(float(row[c]) for c in ("tpp", "interconnect_gbs", "performance_density",
                                                 "memory_bandwidth_gbs", "h100e", "price_usd")))
            for release, row in dated
            if 0 <= month - release < life or release == newest
        ]  # fmt: skip
        W, D, X = self.desired, rules.denial, rules.extra
        if not any(chips.is_blocked(chip, self.now) for chip in flagships):
            self.a = 1.0
            self.designs = {"restricted": None, "licensed": None}
            return W * (1.0 - rules.purchase_veto), (1.0, 1.0)
        lags = p["chip_market.link_cut_lag"], p["chip_market.redesign_lag"]
        sold = chips.chips_on_sale(flagships, self.now, self.before, self.since_change, lags, chips.practice(p))
        restricted_chip = chips.best_chip([chip for chip in sold if not chips.is_blocked(chip, self.now)])
        licensed_chip = chips.best_chip([
            chip for chip in sold if chip.tpp < rules.licence_tpp_ceiling
            and chip.bandwidth < rules.licence_memory_bandwidth_ceiling
        ])  # fmt: skip
        self.designs = {"restricted": restricted_chip, "licensed": licensed_chip}
        target = chips.compute_per_dollar(restricted_chip, self.price)
        self.a = chips.phase_in(self.a, target, p["chip_market.phase_in"])
        degraded = p["chip_market.degraded_dollar_share"]
        restricted = chips.route_flow(W, share, degraded, self.a)
        by_licence = chips.route_flow(W, share, degraded, chips.compute_per_dollar(licensed_chip, self.price))
        licensed = chips.licensed_flow(by_licence, rules.volume_share, output, W, rules.levy)
        rush = p["chip_market.anticipation"] * self.inputs.channels["anticipation"] * rules.anticipated
        buying = (1.0 + rush) * (1.0 - rules.purchase_veto)
        cap = chips.legal_cap(W, D, X, rules.licence_share, licensed, restricted, buying)
        quality = chips.legal_quality(W, D, X, rules.licence_share, (licensed, restricted),
                                      (licensed_chip, restricted_chip), p["chip_market.link_penalty"])  # fmt: skip
        return cap, quality

    def _domestic(self, month: int, rules: Rules) -> None:
        p, series = self.inputs.params, self.inputs.series
        tools = rules.tool_control - series("tool_control_reference", month)
        self.dies += chips.new_dies(
            series("foreign_dies", month),
            rules.foundry_control,
            series("domestic_dies", month),
            p["chip_market.tool_control_effect"],
            tools,
        )
        rush = p["chip_market.hbm_rush"] * self.inputs.channels["anticipation"] * rules.rush
        self.hbm += chips.new_memory(series("hbm_base", month), rules.hbm_control, rush, series("hbm_domestic", month))
        substitution = p["chip_market.import_substitution"] * self.inputs.channels["import_substitution"]
        pull = chips.capacity_pull(p["chip_market.subsidy_strength"] * rules.subsidy_by["CN"],
                                   substitution * self.premium)  # fmt: skip
        made = chips.domestic_output(
            self.dies, self.hbm, series("packages_capacity", month), series("share_910c", month), pull,
            p, series("cambricon", month),
        )  # fmt: skip
        self.dies, self.hbm, self.domestic = made.dies, made.hbm, made.output

    def _clearing(self, rules: Rules, cap: float, output: float, third_country: float) -> chips.Clearing:
        p = self.inputs.params
        return chips.Clearing(
            desired=self.desired, cap=cap, domestic=self.domestic, output=output, third_country=third_country,
            elasticity=p["chip_market.demand_elasticity"],
            diverted=chips.diverted_share(
                p["chip_market.diverted_share"], p["chip_market.enforcement_effect"], rules.enforcement
            ),
            cloud_share=p["chip_market.cloud_access"] * (1.0 - rules.cloud_kyc),
            cloud_limit=rules.tier_quota / 12.0,
        )  # fmt: skip

    def _install(self, output: float, legal_quality: tuple[float, float]) -> None:
        p = self.inputs.params
        delta = p["chip_market.depreciation"]
        home = p["chip_market.domestic_bandwidth_ratio"], p["chip_market.domestic_utilisation"]
        factors = {"legal": legal_quality, "smuggled": (1.0, 1.0), "cloud": (1.0, 1.0), "domestic": home}
        left = output - self.inflow["legal"] - self.inflow["smuggled"]
        for b, row in self.blocs.items():
            for channel in chips.CHANNELS:
                if b == "CN":
                    inflow, (serving, quality) = self.inflow[channel], factors[channel]
                else:
                    inflow = float(row["rest_supply_share"]) * left if channel == "legal" else 0.0
                    serving = quality = 1.0
                for kind, factor in (("stock", 1.0), ("serving", serving), ("quality", quality)):
                    key = (b, channel, kind)
                    self.stocks[key] = chips.retire_and_add(self.stocks[key], delta, inflow * factor)

    def _hand_on(self, month: int, b: str, rules: Rules) -> Handed:
        reach = {channel: 1.0 - rules.cloud_kyc if channel == "cloud" else 1.0 for channel in chips.CHANNELS}
        total, serving, quality = (
            sum(reach[channel] * self.stocks[b, channel, kind] for channel in chips.CHANNELS) for kind in KINDS
        )
        since = month - self.inputs.last_recorded
        powered = 1.0
        if since > 0:
            row = self.blocs[b]
            p = self.inputs.params
            energy = float(row["energy_gw_2025"]), float(row["energy_gw_per_year"])
            limit = chips.power_limit(
                *energy, rules.energy_by[b], p["chip_market.facility_kw"], p["chip_market.power_efficiency"], since
            )
            powered = clip(limit / total, 0.0, 1.0) if total > 0.0 else 1.0
        premium = self.premium if b == "CN" else 0.0
        ratio = (quality / total, serving / total) if total > 0.0 else (1.0, 1.0)
        return Handed(total * powered, ratio[0], ratio[1], self.desired_stock[b], premium)
