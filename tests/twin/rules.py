"""Section 2: the levers and dials of a month as one set of numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from tests.twin.chip_market import Thresholds
from tests.twin.inputs import BLOCS, MEMBERS, TwinInputs, positive

BLOCKING = ("tpp_ceiling", "interconnect_floor", "density_tpp_floor", "density_ceiling", "memory_bandwidth_ceiling")
FINITE_MEANS_CONTROL = ("tpp_ceiling", "density_tpp_floor", "density_ceiling", "memory_bandwidth_ceiling")
REGION_GOVERNMENTS = {
    "US": ("US",), "CN": ("CN",), "EU": ("EU",), "JPKR": ("JP", "KR"), "IN": ("IN",), "GULF": ("GULF",),
    "ROW_S": ("ROW",), "RU_BY": (),
}  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """Every rule in force in one month; shares 0 to 1, thresholds in the unit of their lever, `*_by` per bloc."""

    thresholds: Thresholds
    licence_tpp_ceiling: float
    licence_memory_bandwidth_ceiling: float
    licence_share: float
    volume_share: float
    levy: float
    hbm_control: float
    tool_control: float
    foundry_control: float
    enforcement: float
    cloud_kyc: float
    tier_quota: float
    denial: float
    extra: float
    loss: float
    entity_list_scope: float
    api_kyc: float
    anti_distillation: float
    closed_models_abroad: float
    purchase_veto: float
    mineral_control: float
    penalty: float
    anticipated: float
    rush: float
    promotion_by: dict[str, float]
    restriction_by: dict[str, float]
    subsidy_by: dict[str, float]
    talent_by: dict[str, float]
    filter_by: dict[str, float]
    energy_by: dict[str, float]
    allocation_by: dict[str, float]
    cap_by: dict[str, float]


def denial_of(strictness: float) -> tuple[float, float]:
    """Denial share D and extra denial X of the strictness dial."""
    return min(1.0, 2.0 * strictness), positive(2.0 * strictness - 1.0)


def divided(value: float, denial: float) -> float:
    """A limit divided by the denial share: none where nothing is denied."""
    return math.inf if denial == 0.0 or math.isinf(value) else value / denial


def first_control(inputs: TwinInputs) -> int:
    """First month in which a chip threshold is finite; 0 if none ever is."""
    for month in range(inputs.months):
        values = [inputs.lever(f"export_controls.{name}", month) for name in FINITE_MEANS_CONTROL]
        if any(value is not None and math.isfinite(value) for value in values):
            return month
    return 0


def is_announced(inputs: TwinInputs, levers: tuple[str, ...], month: int, tighter: float) -> bool:
    """Whether a tightening of a lever is known in `month` and not yet in force; `tighter` 1 upwards, -1 downwards."""
    for (_, lever), steps in inputs.steps.items():
        for step in steps if lever in levers else ():
            before, after = inputs.lever(lever, step.first - 1), inputs.lever(lever, step.first)
            rises = before is not None and after is not None and tighter * after > tighter * before
            if step.announced <= month < step.first and rises:
                return True
    return False


def thresholds_at(inputs: TwinInputs, month: int) -> Thresholds:
    """The chip thresholds in force."""
    values = [inputs.lever(f"export_controls.{name}", month) for name in BLOCKING]
    floor_default = {1: 0.0}
    return Thresholds(*(floor_default.get(k, math.inf) if x is None else x for k, x in enumerate(values)))


def rules_in_force(inputs: TwinInputs, month: int, denial: float | None = None) -> Rules:
    """The rules of `month`; `denial` replaces the dial's D where a government decides it."""

    def value(name: str, default: float) -> float:
        found = inputs.lever(name, month)
        return default if found is None else found

    D, X = denial_of(inputs.dials.get("export_controls.strictness", 0.5))
    if denial is not None:
        D = denial
    if month < first_control(inputs):
        X = 0.0
    diffusion = inputs.dials.get("open_source.diffusion", 0.5)
    constraint = inputs.dials.get("compute.constraint", 0.0)
    efforts = [float(path[month]) for (_, lever), path in inputs.levers.items() if lever == "enforcement"]
    phi = sum(efforts) / len(efforts) if efforts else 0.3
    changing = tuple(f"export_controls.{name}" for name in BLOCKING)
    by = _by_bloc(inputs, month)
    promotion = {b: min(1.0, x + positive(2.0 * diffusion - 1.0)) for b, x in by("open_promotion", 0.0).items()}
    return Rules(
        thresholds=thresholds_at(inputs, month),
        licence_tpp_ceiling=value("export_controls.licence_tpp_ceiling", 0.0),
        licence_memory_bandwidth_ceiling=value("export_controls.licence_memory_bandwidth_ceiling", 0.0),
        licence_share=value("export_controls.licence_share", 0.0),
        volume_share=divided(value("export_controls.volume_share", math.inf), D),
        levy=value("export_controls.levy", 0.0) * D,
        hbm_control=value("export_controls.hbm_control", 0.0) * D,
        tool_control=value("export_controls.tool_control", 0.0) * D,
        foundry_control=value("export_controls.foundry_control", 0.0) * D,
        enforcement=phi + (1.0 - phi) * X,
        cloud_kyc=value("cloud_kyc", 0.0),
        tier_quota=divided(value("tier_quota", math.inf), D),
        denial=D,
        extra=X,
        loss=max(value("foundry_disruption", 0.0), constraint / 2.0),
        entity_list_scope=value("collaboration.entity_list_scope", 0.0),
        api_kyc=value("model_access.api_kyc", 0.0),
        anti_distillation=value("model_access.anti_distillation", 0.0),
        closed_models_abroad=value("model_access.closed_models_abroad", 0.0),
        purchase_veto=value("purchase_veto", 0.0),
        mineral_control=value("mineral_control", 0.0),
        penalty=positive(1.0 - 2.0 * diffusion),
        anticipated=D * is_announced(inputs, changing, month, tighter=-1.0),
        rush=D * is_announced(inputs, ("export_controls.hbm_control",), month, tighter=1.0),
        promotion_by=promotion,
        restriction_by=by("open_restriction", math.inf),
        subsidy_by=by("subsidy", 0.0),
        talent_by=by("talent_openness", 0.5),
        filter_by=by("content_filter", 0.0),
        energy_by=by("energy_growth", 1.0),
        allocation_by=by("chip_allocation", 0.0),
        cap_by=by("training_compute_cap", math.inf),
    )


def _by_bloc(inputs: TwinInputs, month: int) -> Callable[[str, float], dict[str, float]]:
    def by(name: str, default: float) -> dict[str, float]:
        found = {bloc: inputs.lever(name, month, MEMBERS[bloc]) for bloc in BLOCS}
        return {bloc: default if x is None else x for bloc, x in found.items()}

    return by


def ban(inputs: TwinInputs, month: int, region: str, segment: str, origin: str) -> float:
    """Largest ban that the governments of a region hold against models of a bloc in a segment."""
    name = f"model_ban.{segment}"
    holders = [g for g in REGION_GOVERNMENTS[region]
               if (g, name) in inputs.levers and origin in (inputs.against.get((g, name)) or ("CN",))]  # fmt: skip
    return max((float(inputs.levers[g, name][month]) for g in holders), default=0.0)
