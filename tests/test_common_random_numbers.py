"""Paired runs: the same luck under every policy, in every block, whatever else is added or switched off."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from sim.data import Table, load_tables
from sim.distributions import Distribution
from sim.engine import Engine, Record
from sim.parameters import Places, draw
from sim.scenario import Scenario, load_scenario
from sim.scenario_schema import Channels
from sim.tape import SLOT_WIDTH, Tape

SHORT = ["end=2025-03", "outputs.at=[]"]
"""Past the first controls, the reasoning method and several reviews of every lab."""


def play(scenario: Scenario, rows: list[int] | np.ndarray) -> Record:
    return Engine(scenario, np.asarray(rows)).run()


def same(left: Record, right: Record) -> bool:
    return left.columns == right.columns and np.array_equal(left.values, right.values, equal_nan=True)


@pytest.fixture(scope="module")
def history() -> Scenario:
    return load_scenario("history_hold", SHORT)


@pytest.fixture(scope="module")
def baseline(history: Scenario) -> Record:
    return play(history, np.arange(8))


NULL_POLICIES = {
    "a step to the value in force": "policies.US.enforcement=[{from: 2023-05, value: 0.3}]",
    "a whole horizon at the default": "policies.EU.open_promotion={value: 0}",
    "a second step to the first one's value": "policies.CN.content_filter=[{from: 2023-08-15, value: 0.8}, "
                                              "{from: 2024-02, value: 0.8}]",
    "an announced step that changes nothing": "policies.US.export_controls.levy=[{from: 2024-06, announced: 2024-01, "
                                              "value: 0}]",
    "a dial where it is": "policies.dials.export_controls.strictness=0.5",
}  # fmt: skip


@pytest.mark.parametrize("policy", NULL_POLICIES)
def test_a_policy_that_changes_nothing_has_exactly_no_effect(baseline: Record, policy: str) -> None:
    changed = load_scenario("history_hold", [*SHORT, NULL_POLICIES[policy]])
    assert same(baseline, play(changed, np.arange(8)))


def test_a_policy_moves_nothing_before_its_date(history: Scenario, baseline: Record) -> None:
    """A ban from 2024-03 on leaves every month before it as it was, and not the months after it."""
    changed = load_scenario("history_hold", [*SHORT, "policies.EU.model_ban.consumer_app="
                                             "[{from: 2024-03, value: 0.9, against: CN}]"])  # fmt: skip
    found = play(changed, np.arange(8)).values
    assert np.array_equal(found[:, :26], baseline.values[:, :26], equal_nan=True)
    assert not np.array_equal(found[:, 26:], baseline.values[:, 26:], equal_nan=True)


def test_strictness_zero_is_the_world_without_chip_controls() -> None:
    """The dial at 0, and the same scenario without a lever of the group: bit by bit the same to its end, 2027-12.

    Likewise the counterfactual of the main scenario and the preset without controls.
    """
    inside = [key for key in load_scenario("history_hold").policies if key[1].startswith("export_controls.")]
    removed = [f"policies.{holder}.{name}=null" for holder, name in inside]
    assert len(removed) > 8
    rows = np.arange(2)
    dial = play(load_scenario("history_hold", ["policies.dials.export_controls.strictness=0"]), rows)
    assert same(dial, play(load_scenario("history_hold", removed), rows))
    arm = load_scenario("deepseek_shock").counterfactual_scenario()
    assert arm is not None
    assert same(play(arm, rows), play(load_scenario("no_controls"), rows))


@pytest.mark.parametrize("width", [1, 3, 7])
def test_a_run_is_the_same_in_blocks_of_any_width(history: Scenario, baseline: Record, width: int) -> None:
    parts = [play(history, np.arange(start, min(start + width, 8))) for start in range(0, 8, width)]
    assert np.array_equal(np.concatenate([part.values for part in parts]), baseline.values, equal_nan=True)


def test_a_run_is_the_same_in_any_company_and_order(history: Scenario, baseline: Record) -> None:
    rows = [905, 3, 3, 0, 77, 6]
    found = play(history, rows).values
    for place, row in enumerate(rows):
        if row < 8:
            assert np.array_equal(found[place], baseline.values[row], equal_nan=True)
    assert not np.array_equal(found[0], found[1], equal_nan=True)


@pytest.mark.parametrize("mode", ["governments=endogenous", "rationing=quota", "pricing=bertrand"])
def test_a_run_is_the_same_alone_in_every_mode(mode: str) -> None:
    channels = [f"model.channels.{name}=true" for name in Channels.model_fields]
    scenario = load_scenario("history_hold", [*SHORT, f"model.{mode}", *channels])
    together = play(scenario, np.arange(4))
    assert np.array_equal(play(scenario, [2]).values[0], together.values[2], equal_nan=True)


@dataclass(frozen=True)
class Point:
    """A distribution with one more parameter in it, for the draw."""

    is_fixed: bool = False

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """The uniform number itself."""
        return u


def test_a_parameter_more_moves_no_other_draw(history: Scenario) -> None:
    places, case = Places(Tape(history.seed), np.arange(50), {}), np.zeros(50, dtype=np.int64)
    specs: dict[str, Distribution | Point] = dict(history.world)
    before = draw([specs], case, history.correlations, places)
    after = draw([{"aaa.first": Point(), **specs, "zzz.last": Point()}], case, history.correlations, places)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert len({after[name].tobytes() for name in ("aaa.first", "zzz.last")}) == 2


def luck_of(engine: Engine) -> Iterator[tuple[str, np.ndarray]]:
    """Every look-up of a month."""

    def walk(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
        if is_dataclass(value):
            for entry in fields(value):
                yield from walk(f"{name}.{entry.name}", getattr(value, entry.name))
        else:
            yield name, value

    return walk("luck", engine._luck())


def test_a_lab_more_moves_no_other_luck(history: Scenario) -> None:
    """A lab at the end of the table leaves the draws and the monthly luck of the others as they were."""
    tables = load_tables()
    newcomer = {**tables.labs.rows[-1], "lab": "Newcomer", "entry": "2024-01"}
    larger = replace(tables, labs=Table("labs", [*tables.labs.rows, newcomer]))
    before, after = Engine(history, np.arange(3), tables), Engine(history, np.arange(3), larger)
    count = len(tables.labs.rows)
    assert count < SLOT_WIDTH
    assert np.array_equal(before.block.labs.effect, after.block.labs.effect[:, :count])
    assert np.array_equal(before.block.labs.recorded_compute, after.block.labs.recorded_compute[:, :, :count])
    assert all(np.array_equal(before.block.par[name], after.block.par[name]) for name in before.block.par)
    assert np.array_equal(before.nearness, after.nearness[:count, :count])
    for _ in range(3):
        before.advance()
        after.advance()
        for (name, mine), (_, theirs) in zip(luck_of(before), luck_of(after), strict=True):
            assert np.array_equal(mine, theirs[:, : mine.shape[1]]), name
    assert np.array_equal(before.labs.ln_effective, after.labs.ln_effective[:, :count]), "it has not entered yet"


@pytest.mark.parametrize("channel", list(Channels.model_fields))
def test_switching_a_channel_leaves_the_luck_alone(history: Scenario, channel: str) -> None:
    """The other setting of a channel: the same worlds are drawn, and every month looks up the same numbers."""
    now = getattr(history.model.channels, channel)
    other = load_scenario("history_hold", [*SHORT, f"model.channels.{channel}={str(not now).lower()}"])
    left, right = Engine(history, np.arange(2)), Engine(other, np.arange(2))
    switched = {name for name in left.block.par if not np.array_equal(left.block.par[name], right.block.par[name])}
    assert switched == {f"channel.{channel}"}
    assert np.array_equal(left.block.labs.effect, right.block.labs.effect)
    for month in (0, 20, 35):
        left.month = right.month = month
        for (name, mine), (_, theirs) in zip(luck_of(left), luck_of(right), strict=True):
            assert np.array_equal(mine, theirs), name


def test_luck_depends_on_seed_name_month_and_run() -> None:
    base = Tape(1).uniform("stance", 5, [4], 16)
    for other in (Tape(2).uniform("stance", 5, [4], 16), Tape(1).uniform("quality", 5, [4], 16),
                  Tape(1).uniform("stance", 6, [4], 16), Tape(1).uniform("stance", 5, [5], 16)):  # fmt: skip
        assert not np.isin(other, base).any()
    assert np.array_equal(base, Tape(1).uniform("stance", 5, [9, 4, 2], 16)[1:2])


def test_the_counterfactual_shares_worlds_and_luck() -> None:
    scenario = load_scenario("deepseek_shock", SHORT)
    arm = scenario.counterfactual_scenario()
    assert arm is not None
    main, other = Engine(scenario, np.arange(3)), Engine(arm, np.arange(3))
    assert all(np.array_equal(main.block.par[name], other.block.par[name]) for name in main.block.par)
    main.month = other.month = 30
    for (name, mine), (_, theirs) in zip(luck_of(main), luck_of(other), strict=True):
        assert np.array_equal(mine, theirs), name
