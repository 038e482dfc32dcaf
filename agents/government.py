"""Governments: the rules they set, by date or by reaction to what they see.

Specification: docs/model.md, sections 2 and 16. `Rulebook` turns dated lever paths into the rules of a month; in
endogenous mode the decisions in `GovernmentState` replace three of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from agents.community import SEGMENTS, PlaceRules
from agents.controls import ChipRules, Thresholds
from agents.knowledge import KnowledgeRules
from agents.places import BLOCS, SENDER, TARGET
from agents.release import OpenRules
from sim.arrays import Array, Flags, Whole, only

Numbers = Mapping[str, Array]
THRESHOLDS = ("tpp_ceiling", "interconnect_floor", "density_tpp_floor", "density_ceiling", "memory_bandwidth_ceiling")
FINITE = (0, 2, 3, 4)
"""Which thresholds say by being finite that chips are controlled."""


@dataclass(frozen=True)
class GovernmentWorld:
    """Names, blocs and start of governments, and which of them govern a community's region."""

    names: tuple[str, ...]
    bloc: Whole
    hawkishness: Array
    rules_region: Flags


@dataclass
class GovernmentState:
    """State of governments; (runs, governments) unless noted."""

    hawkishness: Annotated[Array, "index", "political will to confront"]
    perceived_gap: Annotated[Array, "months", "lead of the sender over the target as each government sees it"]
    denial: Annotated[Array, "share", "denial share chosen by the sender, (runs, 1)"]
    subsidy: Annotated[Array, "share", "subsidy chosen by the target, (runs, 1); nan until it decides"]
    banned: Annotated[Array, "0/1", "whether target models are barred from regulated firms"]


@dataclass(frozen=True)
class Levers:
    """What one or several policies set: `value[lever]` (months, policies or 1, holders).

    `holders`: places of a lever's holders among governments. `announced`: by policy, month of the news and month of
    effect of each dated step. The dials are (policies, 1). `policy` (runs,): which policy a run is under.
    """

    value: Mapping[str, Array]
    holders: Mapping[str, Whole]
    announced: tuple[Mapping[str, tuple[tuple[int, int], ...]], ...]
    ban_target: Mapping[str, tuple[tuple[int, ...], ...]]
    strictness: Array
    diffusion: Array
    constraint: Array
    policy: Whole


@dataclass(frozen=True)
class BlocRules:
    """Rules that reach labs by bloc; (runs or 1, blocs)."""

    subsidy: Array
    allocation: Array
    talent_openness: Array


class Rulebook:
    """The rules of every month, from dated levers and dials; (runs, ...), or (1, ...) where all runs share a rule."""

    def __init__(self, levers: Levers, world: GovernmentWorld, community_segment: Whole, months: int) -> None:
        """`community_segment` (communities,): place of each community's segment."""
        self.levers, self.world, self.months = levers, world, months
        self._segment = community_segment
        self._strictness, self._diffusion, self._constraint = (
            self._by_run(dial) for dial in (levers.strictness, levers.diffusion, levers.constraint)
        )
        self._start_of_control = self._by_run(self._first_control())
        self._rush_chips = self._rush([f"export_controls.{name}" for name in THRESHOLDS], falling=True)
        self._rush_memory = self._rush(["export_controls.hbm_control"], falling=False)
        self._dated_bans = self._bans()

    def dial_denial(self) -> Array:
        """Return the denial share D that the dial strictness stands for, (runs or 1, 1)."""
        return np.minimum(1.0, 2.0 * self._strictness)

    def chips(self, month: int, denial: Array, subsidy: Array) -> ChipRules:
        """Return the rules of the chip market; `denial` and `subsidy` (runs or 1, 1) may be decisions."""
        strict = self._group(month)
        beyond = np.maximum(0.0, 2.0 * self._strictness - 1.0)
        extra_denial = np.where(month >= self._start_of_control, beyond, 0.0)
        enforcement = self._by_run(self.levers.value["enforcement"][month].mean(axis=1, keepdims=True))
        relaxed = np.where(denial > 0.0, denial, 1.0)
        volume = self._most("export_controls.volume_share", month)
        quota = self._most("tier_quota", month)
        none = denial <= 0.0
        return ChipRules(
            thresholds=Thresholds(*(strict(name) for name in THRESHOLDS)),
            licence_tpp_ceiling=strict("licence_tpp_ceiling"),
            licence_memory_bandwidth_ceiling=strict("licence_memory_bandwidth_ceiling"),
            licence_share=strict("licence_share"),
            volume_share=np.where(none, np.inf, volume / relaxed),
            levy=denial * strict("levy"),
            denial=denial,
            extra_denial=extra_denial,
            enforcement=enforcement + (1.0 - enforcement) * extra_denial,
            cloud_kyc=self._most("cloud_kyc", month),
            tier_quota=np.where(none, np.inf, quota / relaxed),
            hbm_control=denial * strict("hbm_control"),
            tool_control=denial * strict("tool_control"),
            foundry_control=denial * strict("foundry_control"),
            purchase_veto=self._most("purchase_veto", month),
            subsidy=subsidy,
            output_loss=np.maximum(self._most("foundry_disruption", month), 0.5 * self._constraint),
            mineral_control=self._most("mineral_control", month),
            rush_chips=denial * self._by_run(self._rush_chips[month]),
            rush_memory=denial * self._by_run(self._rush_memory[month]),
            energy_growth=self._by_bloc("energy_growth", month, 1.0),
        )

    def labs(self, month: int, subsidy: Array) -> BlocRules:
        """Return the rules that reach labs; `subsidy` (runs or 1, 1) of the target may be a decision."""
        support = self._by_bloc("subsidy", month, 0.0)
        support = np.broadcast_to(support, (max(len(support), len(subsidy)), BLOCS)).copy()
        support[:, TARGET] = subsidy[:, 0]
        return BlocRules(
            support, self._by_bloc("chip_allocation", month, 0.0), self._by_bloc("talent_openness", month, 0.5)
        )

    def knowledge(self, month: int) -> KnowledgeRules:
        """Return the rules that reach knowledge: collaboration, access to interfaces, compute caps."""
        return KnowledgeRules(
            entity_list=self._most("collaboration.entity_list_scope", month),
            interface_checks=self._most("model_access.api_kyc", month),
            anti_distillation=self._most("model_access.anti_distillation", month),
            training_cap=self._by_bloc("training_compute_cap", month, np.inf, tightest=True),
        )

    def publication(self, month: int) -> OpenRules:
        """Return the rules on open weights, the dial included."""
        beyond = np.maximum(0.0, 2.0 * self._diffusion - 1.0)
        promotion = np.minimum(1.0, self._by_bloc("open_promotion", month, 0.0) + beyond)
        return OpenRules(
            promotion=promotion,
            restriction=self._by_bloc("open_restriction", month, np.inf, tightest=True),
            penalty=np.maximum(0.0, 1.0 - 2.0 * self._diffusion),
        )

    def places(self, month: int, banned: Array) -> PlaceRules:
        """Return the rules that reach demand. `banned` (runs or 1, governments): share that decided bars
        on regulated firms take."""
        dated = self._by_run(self._dated_bans[month])
        ban = np.broadcast_to(dated, (len(banned), *dated.shape[1:])).copy()
        regulated = self._segment == 0
        for government in np.flatnonzero(banned.any(axis=0)):
            governed = regulated & self.world.rules_region[government]
            size = banned[:, government : government + 1]
            ban[:, governed, TARGET] = np.maximum(ban[:, governed, TARGET], size)
        return PlaceRules(
            ban, self._most("model_access.closed_models_abroad", month), self._most("content_filter", month)
        )

    def dated_subsidy(self, month: int) -> Array:
        """Return the target's subsidy as dated, (runs or 1, 1)."""
        return self._by_bloc("subsidy", month, 0.0)[:, TARGET : TARGET + 1]

    def _group(self, month: int) -> "_Group":
        return _Group(self, month)

    def _by_run(self, by_policy: Array) -> Array:
        """Give every run the row of its policy; one row for all stays one row."""
        return by_policy if len(by_policy) == 1 else np.take(by_policy, self.levers.policy, axis=0)

    def _most(self, lever: str, month: int) -> Array:
        return self._by_run(self.levers.value[lever][month].max(axis=1, keepdims=True))

    def _by_bloc(self, lever: str, month: int, neutral: float, tightest: bool = False) -> Array:
        """Largest (or smallest) value among a bloc's holders; `neutral` where a bloc has none."""
        values, holders = self.levers.value[lever][month], self.levers.holders[lever]
        result = np.full((len(values), BLOCS), neutral)
        for bloc in range(BLOCS):
            mine = only(values, self.world.bloc[holders] == bloc)
            if mine.shape[1]:
                result[:, bloc] = mine.min(axis=1) if tightest else mine.max(axis=1)
        return self._by_run(result)

    def _bans(self) -> Array:
        """Dated bans, (months, policies or 1, communities, blocs): share of a community's use barred by origin."""
        levers = [f"model_ban.{segment}" for segment in SEGMENTS]
        policies = max(self.levers.value[lever].shape[1] for lever in levers)
        bans = np.zeros((self.months, policies, len(self._segment), BLOCS))
        for place, lever in enumerate(levers):
            for holder, government in enumerate(self.levers.holders[lever]):
                path = self.levers.value[lever][:, :, holder]
                if not path.any():
                    continue
                governed = np.flatnonzero((self._segment == place) & self.world.rules_region[government])
                for target in self.levers.ban_target[lever][holder]:
                    bans[:, :, governed, target] = np.maximum(bans[:, :, governed, target], path[:, :, np.newaxis])
        return bans

    def _first_control(self) -> Array:
        """Month in which chips are first controlled, 0 where they never are, (policies or 1, 1)."""
        finite = [np.isfinite(self.levers.value[f"export_controls.{THRESHOLDS[i]}"]).any(axis=2) for i in FINITE]
        controlled = finite[0] | finite[1] | finite[2] | finite[3]
        first: Array = controlled.argmax(axis=0)[:, np.newaxis].astype(np.float64)
        return first

    def _rush(self, names: list[str], falling: bool) -> Array:
        """1 in the months between the news of a tightening and the month before it binds, (months, policies, 1)."""
        window = np.zeros((self.months, len(self.levers.announced), 1))
        for name in names:
            paths = self.levers.value[name].max(axis=2)
            for policy, announced in enumerate(self.levers.announced):
                path = paths[:, min(policy, paths.shape[1] - 1)]
                for news, binds in announced[name]:
                    if not 0 < binds < self.months or news >= binds:
                        continue
                    tighter = path[binds] < path[binds - 1] if falling else path[binds] > path[binds - 1]
                    if tighter:
                        window[max(news, 0) : binds, policy] = 1.0
        return window


@dataclass(frozen=True)
class _Group:
    """Values of the group export_controls in one month, by short name; (runs or 1, 1)."""

    book: Rulebook
    month: int

    def __call__(self, name: str) -> Array:
        return self.book._most(f"export_controls.{name}", self.month)


@dataclass(frozen=True)
class Signals:
    """What governments see: the gap some months ago, the target's premium, the sender's sales lost in twelve months."""

    gap: Array
    premium: Array
    revenue_lost: Array


@dataclass(frozen=True)
class Luck:
    """This month's numbers for governments: politics and perception (runs, governments), decisions likewise."""

    politics: Array
    perception: Array
    decision: Array


def govern(state: GovernmentState, par: Numbers, signals: Signals, luck: Luck) -> None:
    """Let governments see, and in endogenous mode decide what binds next month (section 16)."""
    state.hawkishness = par["gov.politics_persistence"] * state.hawkishness + par["gov.politics_sd"] * luck.politics
    state.perceived_gap = signals.gap + par["gov.perception_noise"] * luck.perception
    active = par["structure.endogenous"]
    decides = active * (luck.decision < par["gov.decision_rate"])
    sender, target = slice(SENDER, SENDER + 1), slice(TARGET, TARGET + 1)
    goal = (
        par["gov.neutral_denial"]
        + par["gov.tighten_gain"] * (par["gov.target_gap"] - state.perceived_gap[:, sender])
        + par["gov.politics_gain"] * state.hawkishness[:, sender]
        - par["gov.lobby_gain"] * signals.revenue_lost / 1e4
    )
    largest = par["gov.largest_step"]
    step = np.clip(np.clip(goal, 0.0, 1.0) - state.denial, -largest, largest)
    state.denial = state.denial + decides[:, sender] * step
    behind = np.maximum(state.perceived_gap[:, target] - par["gov.tolerated_gap"], 0.0)
    support = par["gov.subsidy_gain"] * signals.premium + par["gov.subsidy_gap_gain"] * behind
    state.subsidy = np.where(decides[:, target] > 0.0, np.clip(support, 0.0, 1.0), state.subsidy)
    on = state.hawkishness > par["gov.ban_on"]
    off = state.hawkishness < par["gov.ban_off"]
    banned = np.where(on, 1.0, np.where(off, 0.0, state.banned)) * active
    banned[:, [SENDER, TARGET]] = 0.0
    state.banned = banned
