"""Ensembles: the same bits for any block, any number of processes and any company; failures leave the rest standing."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.worlds import with_communities, with_labs
from sim.data import load_tables
from sim.engine import Engine, Record
from sim.ensemble import THREAD_VARIABLES, Block, Pace, RunError, run_arms, run_blocks, simulate_block
from sim.errors import InputError, Problem
from sim.scenario import Scenario, load_scenario
from sim.tape import Tape

TINY = """
schema: 1
name: tiny
end: 2022-05
runs: 7
seed: 3
policies: {US: {export_controls.tpp_ceiling: [{from: 2022-02-01, value: 2400}]}}
counterfactual: {set: {policies.dials.export_controls.strictness: 0}}
"""
Rows = NDArray[np.int64]


def fake(scenario: Scenario, rows: Rows, measures: list[str] | None) -> Record:
    """Looked-up numbers instead of a world: shape (runs, months, 2)."""
    tape = Tape(scenario.seed)
    values = np.stack([tape.uniform("fake", month, rows, 2) for month in range(scenario.months)], axis=1)
    columns = ["token_share.CN", "gap_months.CN"]
    return Record(rows, np.arange(scenario.start, scenario.end + 1), columns, values)


def breaks_at_four(scenario: Scenario, rows: Rows, measures: list[str] | None) -> Record:
    """Fail where run 4 takes part."""
    if 4 in rows:
        raise FloatingPointError("overflow encountered\nin exp")
    return fake(scenario, rows, measures)


def dies(scenario: Scenario, rows: Rows, measures: list[str] | None) -> Record:
    """End the process as the system does when memory runs out."""
    if multiprocessing.parent_process() is None:
        raise AssertionError("this ran in the parent")
    os.kill(os.getpid(), signal.SIGKILL)
    return fake(scenario, rows, measures)


def refuses(scenario: Scenario, rows: Rows, measures: list[str] | None) -> Record:
    """Find fault with the scenario while setting up."""
    raise InputError(Problem("the correlations cannot hold together"))


def tells_threads(scenario: Scenario, rows: Rows, measures: list[str] | None) -> Record:
    """Record how many threads BLAS may use in this process."""
    record = fake(scenario, rows, measures)
    record.values[:] = float(os.environ.get(THREAD_VARIABLES[0], "nan"))
    return record


@pytest.fixture
def tiny(tmp_path: Path) -> Scenario:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY, encoding="utf-8")
    return load_scenario(file)


@pytest.fixture
def arms(tiny: Scenario) -> dict[str, Scenario]:
    other = tiny.counterfactual_scenario()
    assert other is not None
    return {"main": tiny, "counterfactual": other}


@pytest.mark.parametrize("block", [1, 2, 3, 7, 128])
def test_same_bits_for_any_block(arms: dict[str, Scenario], block: int) -> None:
    whole = run_arms(arms, range(7), simulate=fake)
    parts = run_arms(arms, range(7), pace=Pace(block=block), simulate=fake)
    assert list(parts) == ["main", "counterfactual"]
    for arm, record in whole.items():
        assert parts[arm].rows.tolist() == list(range(7))
        assert parts[arm].values.tobytes() == record.values.tobytes()


def test_a_run_computed_alone_has_the_bits_it_has_in_company(tiny: Scenario) -> None:
    company = run_arms({"main": tiny}, range(7), simulate=fake)["main"]
    alone = run_arms({"main": tiny}, [5], simulate=fake)["main"]
    assert alone.rows.tolist() == [5]
    assert alone.values[0].tobytes() == company.values[5].tobytes()


def test_real_world_has_the_same_bits_in_blocks_and_alone(arms: dict[str, Scenario]) -> None:
    whole = run_arms(arms, range(5))
    parts = run_arms(arms, range(5), pace=Pace(block=2))
    alone = run_arms(arms, [3])
    for arm, record in whole.items():
        assert parts[arm].values.tobytes() == record.values.tobytes()
        assert alone[arm].values[0].tobytes() == record.values[3].tobytes()
    assert whole["main"].values.tobytes() != whole["counterfactual"].values.tobytes()


def test_blocks_come_arm_by_arm_in_the_order_of_the_runs(arms: dict[str, Scenario]) -> None:
    blocks = list(run_blocks(arms, range(5), pace=Pace(block=2), simulate=fake))
    order = [(block.arm, block.rows.tolist()) for block in blocks]
    assert order == [(arm, rows) for arm in arms for rows in ([0, 1], [2, 3], [4])]


def test_processes_give_the_same_bits_in_the_same_order(arms: dict[str, Scenario]) -> None:
    here = list(run_blocks(arms, range(64), pace=Pace(jobs=1, block=16), simulate=fake))
    counts: list[tuple[int, int]] = []
    pace = Pace(jobs=2, block=16, progress=lambda done, total: counts.append((done, total)))
    there = list(run_blocks(arms, range(64), pace=pace, simulate=fake))
    assert [(block.arm, block.rows.tolist()) for block in there] == [(b.arm, b.rows.tolist()) for b in here]
    assert [values(block).tobytes() for block in there] == [values(block).tobytes() for block in here]
    assert [done for done, _ in counts] == list(range(0, 129, 16))
    assert {total for _, total in counts} == {128}


def test_few_runs_stay_in_this_process(arms: dict[str, Scenario]) -> None:
    assert [block.error for block in run_blocks(arms, range(4), pace=Pace(jobs=8), simulate=dies)] != ["", ""]


def test_each_process_uses_one_thread_and_the_setting_is_put_back(
    tiny: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THREAD_VARIABLES[0], "7")
    monkeypatch.delenv(THREAD_VARIABLES[1], raising=False)
    records = run_arms({"main": tiny}, range(64), pace=Pace(jobs=2, block=32), simulate=tells_threads)
    assert np.unique(records["main"].values).tolist() == [1.0]
    assert os.environ[THREAD_VARIABLES[0]] == "7"
    assert THREAD_VARIABLES[1] not in os.environ


def test_a_block_that_fails_leaves_the_others_standing(tiny: Scenario) -> None:
    blocks = list(run_blocks({"main": tiny}, range(7), pace=Pace(block=2), simulate=breaks_at_four))
    assert [block.record is None for block in blocks] == [False, False, True, False]
    assert blocks[2].error.startswith("FloatingPointError: overflow encountered in exp (test_ensemble.py, line ")


def test_failures_are_told_with_their_runs(tiny: Scenario) -> None:
    with pytest.raises(RunError, match=r"^runs 4 to 5 of 'main' failed: FloatingPointError"):
        run_arms({"main": tiny}, range(7), pace=Pace(block=2), simulate=breaks_at_four)


def test_bad_input_found_by_a_worker_is_raised_as_such(tiny: Scenario) -> None:
    for jobs in (1, 2):
        with pytest.raises(InputError, match="cannot hold together"):
            run_arms({"main": tiny}, range(64), pace=Pace(jobs=jobs, block=32), simulate=refuses)


def test_a_killed_process_ends_the_ensemble_with_one_sentence(tiny: Scenario) -> None:
    with pytest.raises(RunError, match="ended from outside"):
        run_arms({"main": tiny}, range(64), pace=Pace(jobs=2, block=32), simulate=dies)


def test_leaving_early_ends_the_processes(tiny: Scenario) -> None:
    blocks: Iterator[Block] = run_blocks({"main": tiny}, range(256), pace=Pace(jobs=2, block=32), simulate=fake)
    next(blocks)
    assert len(multiprocessing.active_children()) > 0
    blocks.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


def test_measures_are_handed_to_the_engine(tiny: Scenario) -> None:
    record = simulate_block(tiny, np.arange(2), ["gap_months"])
    assert record.columns == ["gap_months.CN", "gap_months.open"]
    assert record.values.shape == (2, tiny.months, 2)


def test_worlds_of_the_benchmarks_split_agents_and_keep_the_totals(tiny: Scenario) -> None:
    tables = load_tables()
    split = with_communities(tables, 3 * len(tables.communities.rows))
    for column in ("spend_share_2025", "users_2025"):
        assert split.communities.number(column).sum() == pytest.approx(tables.communities.number(column).sum())
    whole, parts = (Engine(tiny, np.arange(2), found).run(["token_share", "adoption"]) for found in (tables, split))
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-9)
    assert len(with_labs(tables, 4).labs.rows) == 4
    doubled = with_labs(tables, 2 * len(tables.labs.rows)).labs
    assert len(set(doubled.text("lab"))) == 2 * len(tables.labs.rows)
    assert doubled.number("compute_2025").sum() == pytest.approx(tables.labs.number("compute_2025").sum())
    with pytest.raises(ValueError, match="no multiple"):
        with_communities(tables, 41)
    with pytest.raises(ValueError, match="1 to 32 labs"):
        with_labs(tables, 33)


def values(block: Block) -> NDArray[np.float64]:
    """The numbers of a block that succeeded."""
    assert block.record is not None
    return np.asarray(block.record.values)
