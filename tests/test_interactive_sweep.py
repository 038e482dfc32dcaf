"""The interactive charts of a sweep: the effects of its table, and titles that claim what the intervals support."""

from pathlib import Path

import numpy as np
import pytest

from sim.charts.data import CannotDraw
from sim.charts.sweep_data import SweepRecord
from sim.charts.sweep_text import outcome_of
from sim.interactive.effects import effects, heat, levers, sweep_pictures
from sim.interactive.static import json_of, svg_of
from tests.sweep_folders import SPEED, STRICT, Planted, write_sweep

DIAL = (0.0, 0.4, 1.0)
FRONTIER = "frontier_capability.CN"


def planted(outcome: str, values: object, policy: str) -> float:
    """Strictness lowers the frontier in proportion; nothing else does anything."""
    assert isinstance(values, dict)
    return -float(values[STRICT]) if outcome == FRONTIER else 0.0


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> SweepRecord:
    """A grid over two levers."""
    grid = Planted({STRICT: DIAL, SPEED: (0.0, 1.0)}, planted, baseline={STRICT: 0.4, SPEED: 0.0})
    return SweepRecord(write_sweep(tmp_path_factory.mktemp("sweeps") / "two", grid))


def test_every_picture_of_a_sweep_is_drawn_twice_alike(two: SweepRecord) -> None:
    """A heat map for each outcome and a line chart for each lever of it."""
    found = dict(sweep_pictures(two))
    assert len(found) == len(two.outcomes) * (1 + len(levers(two)))
    again = dict(sweep_pictures(two))
    for name, picture in found.items():
        assert json_of(picture) == json_of(again[name])
        assert svg_of(picture).count("aria-roledescription") > len(two.points)
        assert picture.title in picture.alt


def test_tables_hold_the_effects_of_the_sweep(two: SweepRecord) -> None:
    """Mean, interval and quantiles of each point, as `effects.csv` has them."""
    table = heat(two, FRONTIER).table
    points = {(point.values[STRICT], point.values[SPEED]): point for point in two.points}
    curve = two.effect(list(points.values()), outcome_of(FRONTIER))
    strict, speed = (axis.label for axis in two.axes)
    for place, values in enumerate(points):
        mine = table[(table[strict] == values[0]) & (table[speed] == values[1])]
        for name in ("mean", "ci95_low", "p95"):
            np.testing.assert_allclose(mine[name], [curve[name][place]])
    line = effects(two, FRONTIER, strict)
    assert line.table["mean"].min() == pytest.approx(curve["mean"].min())
    assert "lower" in line.title


def test_no_effect_is_claimed_where_there_is_none(two: SweepRecord) -> None:
    """The planted outcome without an effect has none in its title."""
    assert effects(two, "gap_months.CN").title.startswith("No difference")


def test_what_a_sweep_cannot_show_is_said(tmp_path: Path, two: SweepRecord) -> None:
    """One lever has no plane, a sample no lines, and an unknown name no chart."""
    one = SweepRecord(write_sweep(tmp_path / "one", Planted({STRICT: DIAL}, planted, baseline={STRICT: 0.4})))
    with pytest.raises(CannotDraw, match="fewer than two"):
        heat(one)
    assert "p05" in json_of(effects(one))
    with pytest.raises(CannotDraw, match="no outcome planet"):
        heat(two, "planet")
    with pytest.raises(CannotDraw, match="no lever planet"):
        effects(two, FRONTIER, "planet")
    space = Planted({STRICT: DIAL, SPEED: (0.1, 0.5, 0.9)}, planted, baseline={STRICT: 0.4, SPEED: 0.1}, method="sobol")
    sample = SweepRecord(write_sweep(tmp_path / "sample", space))
    assert list(sweep_pictures(sample)) == []
    for draw in (heat, effects):
        with pytest.raises(CannotDraw, match="sample"):
            draw(sample)
