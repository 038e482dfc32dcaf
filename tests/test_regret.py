"""Regret and trade-offs on tables worked by hand: what is best, what is dominated, and how much weights matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.analysis.regret import (
    dominators,
    front_shares,
    high,
    on_front,
    regrets,
    resampled,
    shares_of_least,
    stakes,
    summarise,
    twins,
    weighted,
    weightings,
    winners,
)

TABLE = np.array([[10.0, 2.0, 5.0], [8.0, 6.0, 5.0], [0.0, 9.0, 4.0]])
"""Three policies (rows) in three draws."""
BY_HAND = np.array([[0.0, 7.0, 0.0], [2.0, 3.0, 0.0], [10.0, 0.0, 1.0]])


def test_regret_of_a_table_worked_by_hand() -> None:
    assert regrets(TABLE).tolist() == BY_HAND.tolist()
    found = summarise(BY_HAND, resampled(3, seed=1))
    assert found.mean.tolist() == pytest.approx([7 / 3, 5 / 3, 11 / 3])
    assert found.most.tolist() == [7.0, 3.0, 10.0]
    assert found.high.tolist() == [7.0, 3.0, 10.0]
    assert found.best.tolist() == pytest.approx([0.5, 1 / 6, 1 / 3])
    assert int(np.argmin(found.most)) == 1


def test_the_high_regret_is_not_exceeded_in_nine_draws_of_ten() -> None:
    assert high(np.arange(1.0, 11.0)[None, :]).tolist() == [9.0]
    assert high(np.arange(1.0, 101.0)[::-1][None, :]).tolist() == [90.0]
    assert high(np.array([[3.0]])).tolist() == [3.0]
    assert high(np.zeros((2, 5, 4))).shape == (2, 4)


def test_errors_of_the_mean_are_those_of_theory() -> None:
    values = np.random.default_rng(0).normal(size=(1, 400)) + 5.0
    found = summarise(values, resampled(400, seed=3))
    assert found.mean_error[0] == pytest.approx(values.std() / 20.0, rel=0.1)
    assert summarise(np.ones((2, 40)), resampled(40, seed=3)).high_error.tolist() == [0.0, 0.0]


def test_ties_share_what_they_win() -> None:
    assert shares_of_least(np.array([[0.0, 1.0], [0.0, 1.0], [5.0, 0.0]])).tolist() == [0.25, 0.25, 0.5]
    assert shares_of_least(np.zeros((4, 3))).tolist() == [0.25] * 4


def test_a_score_is_scaled_by_what_is_at_stake() -> None:
    values = np.stack([TABLE, 100.0 * TABLE[::-1], np.full((3, 3), 7.0)], axis=2)
    scale = stakes(values)
    assert scale.tolist() == pytest.approx([6.0 + 0.0, 600.0, 0.0])
    score = weighted(values, np.array([3.0, 1.0, 5.0]), scale)
    assert score == pytest.approx(0.75 * TABLE / 6.0 + 0.25 * TABLE[::-1] / 6.0)
    assert weighted(values, np.array([0.0, 0.0, 1.0]), scale).tolist() == np.zeros((3, 3)).tolist()
    assert weighted(values, np.array([2.0, 2.0, 2.0]), scale) == pytest.approx(weighted(values, np.ones(3), scale))


def test_a_dominated_policy_is_not_on_the_front() -> None:
    points = np.array([[1.0, 5.0, 3.0], [2.0, 4.0, 3.0], [0.5, 4.5, 3.0], [1.0, 5.0, 3.0], [0.0, 0.0, 9.0]])
    assert on_front(points).tolist() == [True, True, False, True, True]
    assert dominators(points) == [None, None, 0, None, None]


def test_bootstrap_tells_a_close_front_from_a_clear_one() -> None:
    chance = np.random.default_rng(4)
    luck = chance.normal(size=(200, 1))
    clear = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, -1.0, -1.0]])[:, None, :] + luck
    assert front_shares(clear, resampled(200, seed=2)).tolist() == [1.0, 1.0, 0.0]
    close = np.zeros((2, 200, 3)) + chance.normal(size=(2, 200, 1))
    assert sum(front_shares(close, resampled(200, seed=2))) == pytest.approx(1.0)
    assert 0.0 < front_shares(close, resampled(200, seed=2)).min() < 0.5


def test_weights_fill_the_simplex_evenly() -> None:
    weights = weightings(3, seed=6, count=4000)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert weights.min() > 0.0
    assert weights.mean(axis=0) == pytest.approx(1 / 3, abs=0.02)
    assert (weights[:, 0] > 0.5).mean() == pytest.approx(0.25, abs=0.02)  # the corner of a triangle


def test_each_objective_has_the_corner_in_which_its_policy_wins() -> None:
    values = np.zeros((3, 10, 2))
    values[0, :, 0] = values[1, :, 1] = 1.0
    by_high, by_most = winners(values, stakes(values), weightings(2, seed=6))
    assert by_high.tolist() == by_most.tolist()
    assert by_high == pytest.approx([0.5, 0.5, 0.0], abs=0.03)


def test_policies_that_give_the_same_numbers_are_named() -> None:
    values = np.stack([TABLE, TABLE + 1.0, TABLE, TABLE])[..., None]
    assert twins(values) == [(0, 2), (0, 3)]
    assert twins(TABLE[..., None]) == []


def test_resamples_are_repeated_by_the_seed_and_change_with_it() -> None:
    first = resampled(50, seed=1, count=20)
    assert first.shape == (20, 50)
    assert (first == resampled(50, seed=1, count=20)).all()
    assert (first != resampled(50, seed=2, count=20)).any()
    assert {int(first.min()), int(first.max())} == {0, 49}


TABLES = arrays(np.float64, (4, 6), elements=st.floats(-100, 100, width=32))


@given(TABLES)
def test_some_policy_has_no_regret_in_each_draw(values: np.ndarray) -> None:
    found = regrets(values)
    assert (found >= 0.0).all()
    assert (found.min(axis=0) == 0.0).all()


@given(TABLES)
def test_regret_does_not_depend_on_what_all_policies_share(values: np.ndarray) -> None:
    assert regrets(values + np.arange(6.0)) == pytest.approx(regrets(values), abs=1e-9)


@given(TABLES)
def test_the_front_is_never_empty_and_nothing_on_it_is_dominated(values: np.ndarray) -> None:
    front = on_front(values)
    assert front.any()
    assert [over is None for over in dominators(values)] == front.tolist()
