"""Headline numbers move only on purpose: `python -m sim.golden --update --reason TEXT`."""

import json

import numpy as np
import pytest

from sim import golden


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[float]]:
    read: dict[str, list[float]] = json.loads(golden.FILE.read_text(encoding="utf-8"))
    return read


@pytest.mark.slow
def test_headline_numbers_have_not_moved(recorded: dict[str, list[float]]) -> None:
    assert golden.differences(golden.headline_numbers(), recorded) == []


def test_the_record_is_worth_having(recorded: dict[str, list[float]]) -> None:
    assert len(recorded) == 3 * len(golden.COLUMNS)
    assert all(np.isfinite(values).all() and len(values) == len(golden.MONTHS) for values in recorded.values())
    controlled, free = (recorded[f"{arm}: scarcity_premium.CN"] for arm in ("main", "counterfactual"))
    assert max(controlled) > 0.1
    assert max(free) < 1e-9


def test_a_change_in_the_ninth_digit_is_seen(recorded: dict[str, list[float]]) -> None:
    name = "main: gap_months.CN"
    moved = {**recorded, name: [value * (1.0 + 5e-9) for value in recorded[name]]}
    assert len(golden.differences(moved, recorded)) == len(golden.MONTHS)
    assert golden.differences({key: recorded[key] for key in recorded if key != name}, recorded) == [f"{name}: gone"]
