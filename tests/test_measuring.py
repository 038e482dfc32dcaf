"""Measures are computed one by one: what is asked for beside one moves no bit of it."""

import numpy as np

from sim.engine import Engine
from sim.measures import CATALOGUE, columns, record
from sim.measuring import FORMULAS, measure
from sim.scenario import load_scenario


def test_every_measure_has_a_formula_and_its_columns() -> None:
    assert list(FORMULAS) == list(CATALOGUE)
    engine = Engine(load_scenario("history_hold"), np.arange(2))
    engine.advance()
    assert {name: values.shape for name, values in measure(engine).items()} == {
        name: (2, len(row.columns)) for name, row in CATALOGUE.items()
    }


def test_a_measure_has_the_same_bits_alone_and_among_all() -> None:
    engine = Engine(load_scenario("deepseek_shock"), np.arange(3))
    for _ in range(40):
        engine.advance()
    together = record(engine)
    for name in CATALOGUE:
        places = [columns().index(column) for column in columns([name])]
        assert np.array_equal(record(engine, [name]), together[:, places], equal_nan=True), name


def test_a_run_of_reacting_governments_has_the_same_bits_alone() -> None:
    """A sum over the months of the past once differed in the last bit of the denial share of this run."""
    scenario = load_scenario("endogenous_governments")
    block, alone = Engine(scenario, np.arange(120, 130)), Engine(scenario, np.array([129]))
    for _ in range(54):
        block.advance()
        alone.advance()
    assert alone.governments.denial[0, 0] == block.governments.denial[9, 0] != 0.0
