"""Whole worlds: the arrays against the twin, month by month, every field of the state to 1e-9."""

import ast
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sim.data import load_tables
from sim.engine import Engine
from sim.scenario import Scenario, load_scenario
from tests.twin.build import cut_tables, twin_inputs
from tests.twin.compare import differences
from tests.twin.model import TwinModel
from tests.twin.worlds import COMMUNITIES, EVERY_CHANNEL, FROZEN, REACTING, RECORDED, scenario_of

LEAST_MARGIN = 1e-8
"""A review that a difference of 1e-8 of its value would turn says nothing about the rules."""
INPUTS = ("sim.calendar", "sim.data", "sim.networks", "sim.policies", "sim.scenario", "sim.tape")
"""What the twin may take from the package: tables, dates, levers, networks and luck, no rule."""
HARNESS = ("compare.py", "mirror.py")
"""The part that sets the two side by side."""


def play(scenario: Scenario, labs: Sequence[str], communities: Sequence[int], runs: int) -> None:
    """Play a world both ways and require that every field agrees in every month."""
    tables = cut_tables(load_tables(), labs, communities)
    engine = Engine(scenario, np.arange(runs), tables)
    twins = [TwinModel(twin_inputs(scenario, tables, run)) for run in range(runs)]
    for _ in range(scenario.end + 1):
        engine.advance()
        for run, twin in enumerate(twins):
            twin.step()
            margins = [x.margin for x in twin.labs if x.entered]
            assert min(margins, default=1.0) > LEAST_MARGIN, "a stance hangs on rounding: take another seed"
            wrong = differences(engine, run, twin)
            assert not wrong, "\n".join(wrong[:20])


def test_the_twin_shares_no_rule_with_the_arrays() -> None:
    files = [file for file in Path(__file__).with_name("twin").glob("*.py") if file.name not in HARNESS]
    assert len(files) > 12
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] != "agents", file.name
                assert not name.startswith("sim") or name in INPUTS, (file.name, name)


SMALL = [
    ("central, every lever", ("central",), (), ("OpenAI", "Meta", "DeepSeek")),
    ("prior, every channel", ("prior",), (EVERY_CHANNEL,), ("Anthropic", "AlibabaQwen", "FringeOther")),
    ("frozen behaviour and dials", ("prior",), (FROZEN,), ("GoogleDeepMind", "Mistral", "Zhipu")),
    ("compute pooled", ("prior",), ("policies: {CN: {chip_allocation: 1.7}}",), ("Zhipu", "Moonshot", "DeepSeek")),
    ("governments react, other structures", ("prior",), (REACTING, EVERY_CHANNEL), ("OpenAI", "Moonshot", "FringeUS")),
]


@pytest.mark.parametrize(("base", "parts", "labs"), [case[1:] for case in SMALL], ids=[case[0] for case in SMALL])
def test_small_world_over_two_years(
    tmp_path: Path, base: tuple[str], parts: tuple[str, ...], labs: tuple[str, ...]
) -> None:
    scenario = scenario_of(tmp_path, RECORDED.format(base=base[0]), *parts)
    play(scenario, labs, COMMUNITIES, runs=3)


def test_small_world_beyond_the_record(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "extends: deepseek_shock\nschema: 1\nname: beyond\nworld: {base: prior}\n",
                           EVERY_CHANNEL)  # fmt: skip
    play(scenario, ("OpenAI", "Meta", "DeepSeek"), COMMUNITIES, runs=2)


@pytest.mark.slow
def test_full_world() -> None:
    """With the prior: the twin draws for itself, and knows no table of fitted draws."""
    scenario = load_scenario("deepseek_shock", ["world.base=prior"])
    tables = load_tables()
    play(scenario, [str(row["lab"]) for row in tables.labs.rows], range(len(tables.communities.rows)), runs=1)
