"""The worlds in which the memo is tried: settings of structure and parameters, and in each of them the same few arms.

An arm is what is done (controls as recorded, none, Chinese weights withheld, ...), a setting is where it is done (the
scenario as it is, a structural variant, a cell of what nobody knows, an ablation). Every arm of every setting plays the
same draws and the same luck, so an effect is a difference run by run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.calendar import month_index
from sim.data import load_tables
from sim.errors import InputError, Problem
from sim.scenario import Scenario, Template
from sim.yamlfile import node_of

Values = Mapping[str, Any]

END = "2026-12"
"""Last month that is played: a year after the record, the end of the window of H1a."""
NO_CONTROL_SHARES = (0.13, 0.19, 0.25)
REGIMES = ("price", "quota")
ELASTICITIES = (0.4, 1.0, 2.58)
DIVERTED = {"low": 0.02, "high": 0.12}
"""Values of the cells: v0, rationing, sigma; and of the diverted share, the ends of its 90% range."""
MAIN = "main"
PRINTED, STRUCTURE, DIVERSION, ABLATION, SHOCK, PLACEBO = (
    "cell", "variant", "smuggling", "ablation", "shock", "placebo",
)  # fmt: skip
POSTERIOR, PRIOR = "posterior", "prior"
MIDDLE = "the middle of the lab effect of {}"
"""Stands for a number that depends on the base."""

CONTROLS, NONE, WITHHELD, UNTAUGHT, NO_COMMUNITY = "controls", "none", "withheld", "untaught", "no_community"
UNFILTERED, FILTERED, NO_CHINA, FRICTIONLESS = "unfiltered", "filtered", "no_chinese_labs", "frictionless"
ISOLATED, ALL_CLOSED, OCTOBER = "isolated", "all_closed", "october_2022"

_NO_CONTROLS: Values = {"policies.dials.export_controls.strictness": 0, "policies.CN.purchase_veto": None}
_LATER_RULES = (
    "export_controls.density_ceiling", "export_controls.density_tpp_floor", "export_controls.memory_bandwidth_ceiling",
    "export_controls.licence_tpp_ceiling", "export_controls.licence_memory_bandwidth_ceiling",
    "export_controls.licence_share", "export_controls.volume_share", "export_controls.levy",
    "export_controls.hbm_control", "export_controls.foundry_control", "enforcement", "cloud_kyc", "tier_quota",
)  # fmt: skip
_OCTOBER_2022: Values = {
    **{f"policies.US.{lever}": None for lever in _LATER_RULES},
    "policies.US.export_controls.tpp_ceiling": [{"from": "2022-10-07", "value": 4800}],
    "policies.US.export_controls.interconnect_floor": [{"from": "2022-10-07", "value": 600}],
    "policies.US.export_controls.tool_control": [{"from": "2022-10-07", "value": 0.4}],
    "policies.JP.export_controls.tool_control": None,
    "policies.NL.export_controls.tool_control": None,
    "policies.CN.purchase_veto": None,
}
ARM_VALUES: dict[str, Values] = {
    CONTROLS: {},
    NONE: _NO_CONTROLS,
    WITHHELD: {"policies.CN.open_restriction": -40},
    UNTAUGHT: {"model.channels.distillation": False},
    NO_COMMUNITY: {"model.channels.community_contribution": False},
    UNFILTERED: {"policies.CN.content_filter": None},
    FILTERED: {"policies.CN.content_filter": 1},
    NO_CHINA: {},
    FRICTIONLESS: {"policies.CN.content_filter": None, "policies.US.model_access.closed_models_abroad": None},
    ISOLATED: {"model.channels.distillation": False, "model.channels.spillovers": False},
    ALL_CLOSED: {"policies.dials.open_source.diffusion": 0},
    OCTOBER: _OCTOBER_2022,
}
"""What each arm sets; those of no Chinese labs and of no friction depend on the tables and are completed below."""
ARM_WORDS: dict[str, str] = {
    CONTROLS: "the recorded timeline",
    NONE: "the same world without chip controls and without the purchase veto that answers them",
    WITHHELD: "no Chinese weights near the frontier published, from the start",
    UNTAUGHT: "the distillation channel off for every lab",
    NO_COMMUNITY: "no gain from the use of open models by developers",
    UNFILTERED: "no content rules on Chinese models",
    FILTERED: "full content rules on Chinese models from the start",
    NO_CHINA: "no Chinese lab ever enters",
    FRICTIONLESS: "no access mask, ban, withdrawal or content filter anywhere",
    ISOLATED: "neither distillation nor spillovers",
    ALL_CLOSED: "no weights published by anybody",
    OCTOBER: "only the rule of October 2022, later ones never",
}
PRINCIPAL = (CONTROLS, NONE, WITHHELD, UNTAUGHT, NO_COMMUNITY, UNFILTERED, FILTERED, NO_CHINA)
"""The arms of the scenario itself, of every structural variant and of every cell."""
MAIN_ALONE = (ISOLATED, ALL_CLOSED, OCTOBER, FRICTIONLESS)
"""Arms of the scenario itself only."""


@dataclass(frozen=True)
class Setting:
    """Where the claims are tried. `group`: main, variant, cell, smuggling, ablation, shock or placebo; `sets` by path.

    `factors`: of a cell, its value on each axis.
    """

    key: str
    label: str
    group: str
    sets: Values
    arms: tuple[str, ...]
    factors: Mapping[str, Any] = field(default_factory=dict)


def settings() -> list[Setting]:
    """Return every setting: the scenario, its variants, cells, ablations, rewrites of the shock, and placebos."""
    return [
        Setting(MAIN, "the scenario as it is", MAIN, {}, (*PRINCIPAL, *MAIN_ALONE)),
        *_variants(),
        *cells(),
        *_smuggling(),
        *_ablations(),
        *_shocks(),
    ]


def cells() -> list[Setting]:
    """Return the 18 cells: no-control demand x rationing x substitution between compute and researchers."""
    found = []
    for share in NO_CONTROL_SHARES:
        for regime in REGIMES:
            for sigma in ELASTICITIES:
                sets = {
                    "world.chip_market.no_control_share": share,
                    "model.rationing": regime,
                    "world.research.elasticity_compute_labour": sigma,
                }
                key = f"v0={share:g} {regime} sigma={sigma:g}"
                factors = {"v0": share, "rationing": regime, "sigma": sigma}
                found.append(Setting(key, key, PRINTED, sets, PRINCIPAL, factors))
    return found


def _variants() -> list[Setting]:
    exponent, fungible = "world.research.frontier_experiment_exponent", "world.budget.fungibility"
    rows: list[tuple[str, str, Values]] = [
        ("V1a", "experiments need not grow with the frontier (varpi 0)", {exponent: 0.0}),
        ("V1b", "experiments grow with the frontier (varpi 1)", {exponent: 1.0}),
        ("V2a", "chips by quota, freed money hardly usable (zeta 0.1)", {"model.rationing": "quota", fungible: 0.1}),
        ("V2b", "chips by quota, freed money fully usable (zeta 1)", {"model.rationing": "quota", fungible: 1.0}),
        ("V3a", "slack off: shortfall alone makes nobody more inventive", {"model.channels.slack": False}),
        ("V3b", "slack on: shortfall makes labs more inventive", {"model.channels.slack": True}),
        ("V4", "labs keep their first stance on openness", {"model.channels.openness_choice": False}),
        ("V5", "no spillovers between labs", {"model.channels.spillovers": False}),
    ]
    return [Setting(key, label, STRUCTURE, sets, PRINCIPAL) for key, label, sets in rows]


def _smuggling() -> list[Setting]:
    return [
        Setting(
            f"smuggling {name}", f"diverted share {value:g} of output", DIVERSION,
            {"world.chip_market.diverted_share": value}, PRINCIPAL, {"smuggling": name},
        )
        for name, value in DIVERTED.items()
    ]  # fmt: skip


def _ablations() -> list[Setting]:
    pair = (CONTROLS, NONE)
    share, used = (CONTROLS, WITHHELD), (CONTROLS, UNFILTERED, FILTERED)
    rows: list[tuple[str, str, Values, tuple[str, ...]]] = [
        ("frozen_routines", "labs never re-plan", {"model.channels.portfolio_response": False}, pair),
        ("no_distillation", "no distillation", {"model.channels.distillation": False}, pair),
        ("no_listing", "no entity listing", {"policies.US.collaboration.entity_list_scope": None}, pair),
        ("no_anticipation", "nobody buys ahead of a rule", {"model.channels.anticipation": False}, pair),
        ("state_reaction", "states fund those who fall behind", {"model.channels.state_reaction": True}, pair),
        ("import_substitution", "domestic chips answer", {"model.channels.import_substitution": True}, pair),
        ("no_reasoning", "no lab learns the reasoning method", {"model.channels.reasoning": False}, pair),
        ("escape_competition", "funding grows with a close rival", {"model.channels.escape_competition": True},
         (*pair, NO_CHINA)),
        ("no_trust", "nobody distrusts a foreign origin", {"model.channels.trust": False}, (*share, *used[1:])),
        ("no_consideration", "everybody considers every origin", {"model.channels.consideration": False},
         (*pair, WITHHELD)),
        ("no_filter_relief", "fine-tuning does not remove the filter", {"world.demand.filter_relief": 0.0}, used),
        ("closed_teachers", "closed models teach nobody abroad", {"policies.US.model_access.anti_distillation": 1},
         (CONTROLS, UNTAUGHT)),
    ]  # fmt: skip
    return [Setting(key, label, ABLATION, sets, arms) for key, label, sets, arms in rows]


def _shocks() -> list[Setting]:
    event = "world.events.reasoning_method"
    effect, other = "world.labs.DeepSeek.lab_effect", "world.labs.Mistral.lab_effect"
    given = {"gain_eci": {"p05": 1.8, "p50": 6.6, "p95": 11.4}}
    rows: list[tuple[str, str, Values]] = [
        ("event_removed", "the reasoning method is never found", {event: None}),
        ("event_delayed", "it is found six months later", {event: {**given, "date": "2025-03-12", "lab": "OpenAI"}}),
        ("event_at_mistral", "Mistral finds it", {event: {**given, "date": "2024-09-12", "lab": "Mistral"}}),
        ("event_at_deepseek", "DeepSeek finds it", {event: {**given, "date": "2024-09-12", "lab": "DeepSeek"}}),
        ("effect_zero", "DeepSeek's lab effect is 0", {effect: 0.0}),
        (
            "effects_swapped",
            "DeepSeek and Mistral swap the middles of their lab effects",
            {effect: MIDDLE.format("Mistral"), other: MIDDLE.format("DeepSeek")},
        ),
    ]
    return [Setting(key, label, SHOCK, sets, (CONTROLS, NONE)) for key, label, sets in rows]


class Worlds:
    """The scenarios of the arms of every setting, on one base (prior or posterior)."""

    def __init__(self, name: str, sets: tuple[str, ...], base: str) -> None:
        """Read and check the scenario. Raises InputError, also where it leaves nothing to ask the memo about."""
        laid = (*sets, f"end={END}", "outputs.at=[]", f"world.base={base}")
        if base == PRIOR:
            laid = (*laid, "world.fitted_to=null")
        self.base = base
        self._template = Template(name, laid)
        self.scenario: Scenario = self._template.scenario
        self._bans: Values = {
            f"policies.{government}.{lever}": None
            for government, lever in self.scenario.policies
            if lever.startswith("model_ban.")
        }
        tables = load_tables().labs
        blocs = zip(tables.text("lab"), tables.text("bloc"), strict=True)
        self._chinese = [lab for lab, bloc in blocs if bloc == "CN"]
        effects = dict(zip(tables.text("lab"), tables.number("lab_effect"), strict=True))
        fitted = {lab: self.scenario.world.get(f"labs.{lab}.lab_effect") for lab in ("DeepSeek", "Mistral")}
        self._middles = {
            MIDDLE.format(lab): float(effects[lab]) if found is None else found.centre for lab, found in fitted.items()
        }
        entry = self.scenario.world.get("labs.DeepSeek.entry")
        if entry is not None and entry.centre > month_index("2024-12"):
            raise InputError(Problem("DeepSeek enters after 2024-12 or never: the memo is about what it did then",
                                     name, path="world.labs.DeepSeek.entry",
                                     remedy="Ask about deepseek_shock or history_hold"))  # fmt: skip

    def arm(self, setting: Setting, arm: str) -> Scenario:
        """Return the scenario of an arm of a setting. What an arm sets wins. Raises InputError."""
        values: dict[str, Any] = {**setting.sets, **ARM_VALUES[arm]}
        if arm == NO_CHINA:
            values |= {f"world.labs.{lab}.entry": "never" for lab in self._chinese}
        if arm == FRICTIONLESS:
            values |= self._bans
        values = {path: self._middles.get(str(value), value) for path, value in values.items()}
        return self._template.variant((path, node_of(value, "memo")) for path, value in values.items())
