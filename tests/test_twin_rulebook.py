"""Levers and dials of a month as rules: the arrays' rulebook against the twin."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.data import BLOCS, load_tables
from sim.engine import Engine
from tests.twin.build import cut_tables, twin_inputs
from tests.twin.draws import agree
from tests.twin.rules import BLOCKING, ban, rules_in_force
from tests.twin.worlds import COMMUNITIES, RECORDED, scenario_of

TABLES = load_tables()
HELD_BY_MANY = """
policies:
  dials: {export_controls.strictness: %s, open_source.diffusion: %s, compute.constraint: %s}
  JP: {export_controls.tool_control: [{from: 2022-03-01, value: 0.9}], subsidy: [{from: 2022-02-01, value: 0.4}]}
  KR:
    export_controls.hbm_control: [{from: 2022-06-20, announced: 2022-03-01, value: 0.3}]
    model_ban.startup_dev: [{from: 2022-04-01, value: 0.5, against: CN}]
  EU:
    model_ban.consumer_app: [{from: 2022-04-01, value: 0.2, against: [CN, US]}]
    open_promotion: [{from: 2022-05-01, value: 0.3}]
    energy_growth: [{from: 2022-05-01, value: 0.5}]
  GULF: {enforcement: [{from: 2022-02-01, value: 0.9}], energy_growth: [{from: 2022-05-01, value: 3}]}
"""
NAMES = (
    "licence_tpp_ceiling", "licence_memory_bandwidth_ceiling", "licence_share", "volume_share", "levy", "denial",
    "enforcement", "cloud_kyc", "tier_quota", "hbm_control", "tool_control", "foundry_control", "purchase_veto",
    "mineral_control",
)  # fmt: skip
OTHER_NAMES = {"extra_denial": "extra", "output_loss": "loss", "rush_chips": "anticipated", "rush_memory": "rush"}
DIALS = [(0.5, 0.5, 0.0), (0.3, 0.8, 0.7), (0.9, 0.2, 0.1), (0.0, 0.0, 1.0), (1.0, 1.0, 0.5)]


def by_bloc(array: Any, values: dict[str, float]) -> None:
    """Require equality bloc by bloc."""
    agree(np.broadcast_to(array, (1, len(BLOCS)))[0], [values[bloc] for bloc in BLOCS])


@pytest.mark.parametrize("dials", DIALS, ids=str)
def test_rules_of_every_month(tmp_path: Path, dials: tuple[float, float, float]) -> None:
    scenario = scenario_of(tmp_path, RECORDED.format(base="central"), HELD_BY_MANY % dials)
    tables = cut_tables(TABLES, ("OpenAI", "DeepSeek"), COMMUNITIES)
    engine, inputs = Engine(scenario, np.arange(1), tables), twin_inputs(scenario, tables, 0)
    book = engine.block.rulebook
    for month in range(scenario.end + 1):
        own, subsidy = rules_in_force(inputs, month), book.dated_subsidy(month)
        chips = book.chips(month, book.dial_denial(), subsidy)
        for name in BLOCKING:
            agree(getattr(chips.thresholds, name)[0, 0], getattr(own.thresholds, name))
        for name in NAMES:
            agree(getattr(chips, name)[0, 0], getattr(own, name))
        for name, other in OTHER_NAMES.items():
            agree(getattr(chips, name)[0, 0], getattr(own, other))
        by_bloc(chips.energy_growth, own.energy_by)
        labs, known, published = book.labs(month, subsidy), book.knowledge(month), book.publication(month)
        by_bloc(labs.subsidy, own.subsidy_by)
        by_bloc(labs.allocation, own.allocation_by)
        by_bloc(labs.talent_openness, own.talent_by)
        by_bloc(known.training_cap, own.cap_by)
        by_bloc(published.promotion, own.promotion_by)
        by_bloc(published.restriction, own.restriction_by)
        agree([known.entity_list[0, 0], known.interface_checks[0, 0], known.anti_distillation[0, 0],
               published.penalty[0, 0]],
              [own.entity_list_scope, own.api_kyc, own.anti_distillation, own.penalty])  # fmt: skip
        places = book.places(month, engine.governments.banned)
        agree([places.closed_abroad[0, 0], places.content_filter[0, 0]],
              [own.closed_models_abroad, own.filter_by["CN"]])  # fmt: skip
        for c, row in enumerate(tables.communities.rows):
            agree(places.ban[0, c], [ban(inputs, month, str(row["region"]), str(row["segment"]), b) for b in BLOCS])
