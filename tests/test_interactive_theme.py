"""Colours of the interactive charts: enough contrast, and apart for every reader."""

import itertools

import numpy as np
import pytest

from sim.charts.style import BLOC_HUE, HUE, INK, PAPER, SOFT
from sim.charts.sweep import LINES
from sim.interactive.effects import BLACK, cell_hue
from sim.interactive.theme import (
    CHANNEL_HUE,
    LAB_HUES,
    LINE_CONTRAST,
    RULE,
    TEXT_CONTRAST,
    ZONE,
    contrast,
    lab_hues,
    line_hue,
    text_hue,
    with_contrast,
)
from tests.test_charts import DEUTERANOPIA, PROTANOPIA, lab_colour

LINE_COLOURS = [*HUE.values(), *CHANNEL_HUE.values(), *LINES, *(hue for hues in LAB_HUES.values() for hue in hues)]


@pytest.mark.parametrize(("one", "other", "ratio"), [("#000000", "#FFFFFF", 21.0), ("#777777", "#FFFFFF", 4.48)])
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    """Against published values, and the same either way."""
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.parametrize("ground", [PAPER, ZONE])
def test_lines_and_text_stand_out(ground: str) -> None:
    """Lines 3:1 and text 4.5:1 on paper and on the zone after the record."""
    for colour in LINE_COLOURS:
        assert contrast(line_hue(colour), ground) >= LINE_CONTRAST, colour
        assert contrast(text_hue(colour), ground) >= TEXT_CONTRAST, colour
    assert all(contrast(colour, ground) >= TEXT_CONTRAST for colour in (INK, SOFT))
    assert contrast(RULE, ground) >= LINE_CONTRAST


def test_a_colour_that_stands_out_is_left_alone() -> None:
    """Only what is too pale is darkened, and no further than asked."""
    assert line_hue(BLOC_HUE["US"]) == BLOC_HUE["US"]
    darkened = with_contrast("#FFFF00", LINE_CONTRAST)
    assert LINE_CONTRAST <= contrast(darkened, ZONE) < LINE_CONTRAST + 0.4


def test_areas_and_blocs_stay_apart_for_colour_blind_readers() -> None:
    """At least 20 units of CIE Lab between neighbours, seen normally or without one kind of cone."""
    blocs = [line_hue(hue) for hue in (*BLOC_HUE.values(), HUE["open"])]
    stacked = list(CHANNEL_HUE.values())
    for sight in (np.eye(3), np.array(DEUTERANOPIA), np.array(PROTANOPIA)):
        for one, other in [*itertools.combinations(blocs, 2), *itertools.combinations(stacked, 2)]:
            distance = np.linalg.norm(lab_colour(one, sight) - lab_colour(other, sight))
            assert distance > 20, (one, other, distance)


def test_labs_of_two_blocs_stay_apart() -> None:
    """No US lab looks like a Chinese one to any reader, and no two labs of a bloc have one colour."""
    for sight in (np.eye(3), np.array(DEUTERANOPIA), np.array(PROTANOPIA)):
        for one, other in itertools.product(LAB_HUES["US"], LAB_HUES["CN"]):
            assert np.linalg.norm(lab_colour(one, sight) - lab_colour(other, sight)) > 10, (one, other)
    labs = [(f"{bloc}{place}", bloc) for bloc, hues in LAB_HUES.items() for place in range(len(hues))]
    found = lab_hues(labs)
    assert len(set(found.values())) == len(labs)


@pytest.mark.parametrize("size", np.linspace(-1, 1, 21))
def test_numbers_in_cells_can_be_read(size: float) -> None:
    """Black or white, whichever stands out more, does so enough."""
    assert max(contrast(cell_hue(float(size)), ink) for ink in (BLACK, PAPER)) >= TEXT_CONTRAST
