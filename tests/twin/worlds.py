"""Small worlds to play both ways: a scenario that pulls every lever, and variants laid over it."""

from pathlib import Path

from sim.scenario import Scenario, load_scenario

COMMUNITIES = (0, 3, 4, 5, 8, 9, 12, 13, 22, 34, 39)
"""Rows of communities.csv: eleven of the forty, of seven regions and all segments."""

RECORDED = """
schema: 1
name: recorded
end: 2023-12
runs: 3
world:
  base: {base}
  events:
    reasoning_method: {{date: 2022-09, lab: OpenAI, gain_eci: 6.6}}
policies:
  US:
    export_controls.tpp_ceiling:
      - {{from: 2022-06-07, announced: 2022-04-01, value: 4800}}
      - {{from: 2023-02-01, announced: 2022-11-01, value: 2400}}
    export_controls.interconnect_floor: [{{from: 2022-06-07, value: 600}}, {{from: 2023-02-01, value: 0}}]
    export_controls.density_tpp_floor: [{{from: 2023-02-01, value: 1600}}]
    export_controls.density_ceiling: [{{from: 2023-02-01, value: 3.2}}]
    export_controls.memory_bandwidth_ceiling: [{{from: 2023-06-01, announced: 2023-03-20, value: 3000}}]
    export_controls.licence_tpp_ceiling: [{{from: 2023-08-01, value: 21000}}]
    export_controls.licence_memory_bandwidth_ceiling: [{{from: 2023-08-01, value: 6500}}]
    export_controls.licence_share: [{{from: 2023-08-01, value: 0.7, ramp: 3}}]
    export_controls.volume_share: [{{from: 2023-10-01, value: 0.05}}]
    export_controls.levy: [{{from: 2023-09-01, value: 0.25}}]
    export_controls.hbm_control: [{{from: 2023-09-20, announced: 2023-07-01, value: 0.8}}]
    export_controls.tool_control: [{{from: 2022-10-01, value: 0.6}}]
    export_controls.foundry_control: [{{from: 2023-11-01, value: 0.5}}]
    enforcement: [{{from: 2023-01-01, value: 0.6}}]
    cloud_kyc: [{{from: 2023-04-01, value: 0.3}}]
    tier_quota: [{{from: 2023-10-01, value: 9000}}]
    collaboration.entity_list_scope: [{{from: 2022-08-01, value: 0.3}}]
    model_access.api_kyc: [{{from: 2023-05-01, value: 0.4}}]
    model_access.anti_distillation: [{{from: 2023-07-01, value: 0.2}}]
    model_access.closed_models_abroad: [{{from: 2023-09-01, value: 0.4}}]
    model_ban.enterprise_regulated: [{{from: 2023-08-01, value: 0.7, against: CN}}]
    open_restriction: [{{from: 2023-06-01, value: -4}}]
    training_compute_cap: [{{from: 2023-10-01, value: 2.0e+25}}]
    talent_openness: [{{from: 2022-07-01, value: 0.7}}]
  CN:
    purchase_veto: [{{from: 2023-11-01, value: 0.3}}]
    subsidy: [{{from: 2022-09-01, value: 0.5, ramp: 4}}]
    chip_allocation: [{{from: 2022-05-01, value: 0.6}}, {{from: 2023-03-01, value: 1.4}}]
    content_filter: [{{from: 2022-08-15, value: 0.8}}]
    mineral_control: [{{from: 2023-02-01, value: 0.5}}]
    open_promotion: [{{from: 2022-07-01, value: 0.6}}]
  TW:
    foundry_disruption: [{{from: 2023-05-01, until: 2023-09-30, value: 0.3}}]
"""

EVERY_CHANNEL = """
model:
  channels: {peers: true, slack: true, state_reaction: true, escape_competition: true, import_substitution: true}
"""
FROZEN = """
policies:
  dials: {export_controls.strictness: 0.8, open_source.diffusion: 0.8, compute.constraint: 0.4}
model:
  channels: {spillovers: false, distillation: false, portfolio_response: false, openness_choice: false,
             community_contribution: false, trust: false, consideration: false, reasoning: false, anticipation: false}
"""
REACTING = """
model: {governments: endogenous, pricing: bertrand, rationing: quota}
"""


def scenario_of(folder: Path, *parts: str) -> Scenario:
    """The scenario of a chain of files, each laid over the one before."""
    for k, part in enumerate(parts):
        head = "" if k == 0 else f"schema: 1\nname: part{k}\nextends: ./part{k - 1}.yaml\n"
        (folder / f"part{k}.yaml").write_text(head + part.lstrip(), encoding="utf-8")
    return load_scenario(str(folder / f"part{len(parts) - 1}.yaml"))
