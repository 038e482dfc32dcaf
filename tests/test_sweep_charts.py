"""The charts of experiments: which there are for a folder, and that they show the numbers of its files."""

import csv
import importlib
import itertools
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection

from sim.charts.contour import zero_lines
from sim.charts.data import CannotDraw
from sim.charts.drawing import DOTS_PER_INCH, EXPERIMENT_CHARTS, Kind, draw_all
from sim.charts.scale import number_tick, scale_of
from sim.charts.scatter import local_average
from sim.charts.sheet import Drawn, Heading, open_sheet
from sim.charts.style import house_style
from sim.charts.sweep_data import Curve, SweepRecord, evenly, nearest, value_in
from sim.charts.sweep_text import change, lever_words, outcome_of, value_words
from sim.results import OutputError, check_tables, file_digest, read_manifest
from tests.sweep_folders import OPEN, SPEED, STRICT, Planted, Value, write_sweep
from tests.test_charts import drawn_texts


def one_figure(folder: Path) -> Drawn:
    """A chart that is one figure, titled by the folder it is given."""
    sheet = open_sheet(4.0, 1.0, 1, 1, Heading(folder.name, "", []))
    return Drawn(sheet.figure, folder.name, f"A blank sheet for {folder.name}.")


def several_figures(folder: Path) -> Iterator[tuple[str, Drawn]]:
    """A chart that is a figure for each of two outcomes, and then finds that it cannot draw a third."""
    yield "gap_months.CN", one_figure(folder)
    yield "b", one_figure(folder)
    raise CannotDraw("there is no c")


def made_up(folder: Path, kind: str, tables: dict[str, str]) -> Path:
    """A folder with a manifest of a kind and no more."""
    folder.mkdir()
    manifest = {"format": 1, "kind": kind, "tables": tables}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_the_kind_of_a_folder_says_which_charts_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A function may give one figure or several; what it cannot draw is said; unknown kinds and names are refused."""
    charts = {"01_one": f"{__name__}.one_figure", "02_more": f"{__name__}.several_figures"}
    monkeypatch.setitem(EXPERIMENT_CHARTS, "invented", Kind("pathlib.Path", charts))
    folder = made_up(tmp_path / "invented-1", "invented", {})
    with caplog.at_level(logging.WARNING):
        files = draw_all(folder, ("svg",), 1)
    assert [file.name for file in files] == [
        f"{name}.{kind}" for name in ("01_one", "02_more_b", "02_more_gap_months.CN") for kind in ("svg", "txt")
    ]
    assert caplog.messages == ["charts left out: 02_more (there is no c)"]
    assert "<title>invented-1</title>" in files[0].read_text(encoding="utf-8")
    assert len(draw_all(folder, ("svg",), 1, only=["01_one"])) == 2
    with pytest.raises(KeyError, match="no chart 09_price; there are 01_one, 02_more"):
        draw_all(folder, only=["09_price"])
    with pytest.raises(OutputError, match="of kind 'other'"):
        draw_all(made_up(tmp_path / "other-1", "other", {}))


def test_a_folder_holds_the_tables_that_its_manifest_names(tmp_path: Path) -> None:
    """A run holds those of runs, whatever it says; an experiment those it names, as they were written."""
    with pytest.raises(OutputError, match=r"series\.parquet, summary\.csv, differences\.csv is missing"):
        read_manifest(made_up(tmp_path / "run", "run", {}))
    with pytest.raises(OutputError, match=r"not whole: effects\.csv is missing"):
        read_manifest(made_up(tmp_path / "lost", "sweep", {"effects.csv": ""}))
    table = tmp_path / "effects.csv"
    table.write_text("point\n", encoding="utf-8")
    folder = made_up(tmp_path / "sweep", "sweep", {"effects.csv": file_digest(table)})
    table.rename(folder / "effects.csv")
    manifest = read_manifest(folder)
    check_tables(folder, manifest)
    (folder / "effects.csv").write_text("point\n1\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"effects\.csv is not as it was written"):
        check_tables(folder, manifest)


CAPABILITY, ABROAD, OWNED, CONCENTRATION = (
    "frontier_capability.CN", "token_share_abroad.CN", "compute_owned.CN", "hhi.labs",
)  # fmt: skip
OUTCOMES = (CAPABILITY, ABROAD, OWNED, CONCENTRATION)
DIAL = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
RATIONING = "model.rationing"
STRENGTH = {"as_written": 0.0, "tight": 0.7, "loose": -0.5}
HEADLINE = "2025-12"


def planted_effect(outcome: str, values: Mapping[str, Value], policy: str) -> float:
    """Falls with strictness, more so with enforcement; never moves concentration."""
    if outcome == CONCENTRATION:
        return 0.0
    size = -(float(values.get(STRICT, 0.4)) - 0.4) * (1 + float(values.get(SPEED, 0.0)))
    return size - STRENGTH[policy] + 0.3 * (values.get(OPEN) is True) + 0.4 * (values.get(RATIONING) == "quota")


def nothing(outcome: str, values: Mapping[str, Value], policy: str) -> float:
    """No effect of anything."""
    return 0.0


def noisy(outcome: str, values: Mapping[str, Value], policy: str) -> float:
    """An effect far below the noise."""
    return 1e-3


def sample(count: int) -> dict[str, list[Value]]:
    """A made-up sample of three levers, one of them over four decades and one of words."""
    level = [(0.5 + 0.6180339887 * place) % 1 for place in range(count)]
    return {
        STRICT: [round((place + 0.5) / count, 4) for place in range(count)],
        "world.cost": [round(10 ** (4 * each - 2), 5) for each in level],
        OPEN: [place % 3 == 0 for place in range(count)],
    }


CASES: dict[str, Planted] = {
    "one": Planted({STRICT: DIAL}, planted_effect, OUTCOMES, {STRICT: 0.4}, series=(CAPABILITY,), failed=(3,)),
    "two": Planted({STRICT: DIAL, SPEED: (0.0, 0.5, 1.0)}, planted_effect, OUTCOMES, {STRICT: 0.4, SPEED: 0.0}),
    "three": Planted(
        {STRICT: DIAL, SPEED: (0.0, 1.0), OPEN: (False, True)},
        planted_effect,
        OUTCOMES[:2],
        {STRICT: 0.4, SPEED: 0.0, OPEN: False},
    ),
    "policies": Planted(
        {STRICT: (0.4,)}, planted_effect, OUTCOMES, {STRICT: 0.4}, tuple(STRENGTH), series=(CAPABILITY, ABROAD)
    ),
    "own": Planted({STRICT: DIAL}, planted_effect, OUTCOMES[:2], {}, tuple(STRENGTH), against_policy=True),
    "words": Planted(
        {RATIONING: ("price", "quota"), OPEN: (False, True)},
        planted_effect,
        OUTCOMES,
        {RATIONING: "price", OPEN: False},
        series=(ABROAD,),
    ),
    "odd": Planted(
        {"world.cost": (1.0, 10.0, 100.0, 1000.0), SPEED: (0.0, 0.001, 0.1, 50.0)},
        lambda outcome, values, policy: 0.1 * float(np.log10(float(values["world.cost"]))),
        (*OUTCOMES, "price_fixed_capability.140"),
        {"world.cost": 1.0, SPEED: 0.0},
        undefined=("price_fixed_capability.140",),
        failed=(0, 40),
    ),
    "null": Planted({STRICT: DIAL, SPEED: (0.0, 1.0)}, nothing, OUTCOMES[:2], {STRICT: 0.4, SPEED: 0.0}, noise=0.0),
    "noise": Planted({STRICT: DIAL, SPEED: (0.0, 1.0)}, noisy, OUTCOMES[:2], {STRICT: 0.4, SPEED: 0.0}, noise=9.0),
    "single": Planted({STRICT: DIAL}, planted_effect, OUTCOMES[:2], {STRICT: 0.4}, draws=1, seeds=1),
    "sample": Planted(
        sample(48),
        planted_effect,
        OUTCOMES,
        {STRICT: 0.4, "world.cost": 1.0, OPEN: False},
        method="latin_hypercube",
        draws=32,
    ),
}
APPLY = {
    "one": {"01_effects", "02_levels", "04_trajectories"},
    "two": {"01_effects", "02_levels", "03_heatmap"},
    "three": {"01_effects", "02_levels", "03_heatmap", "05_overview"},
    "policies": {"04_trajectories", "05_overview"},
    "own": {"01_effects", "02_levels", "05_overview"},
    "words": {"03_heatmap", "04_trajectories", "05_overview"},
    "odd": {"01_effects", "02_levels", "03_heatmap"},
    "null": {"01_effects", "02_levels", "03_heatmap"},
    "noise": {"01_effects", "02_levels", "03_heatmap"},
    "single": {"01_effects", "02_levels"},
    "sample": {"06_scatter"},
}
"""Which charts there are for each folder."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SweepRecord]:
    """Every folder, opened."""
    place = tmp_path_factory.mktemp("sweeps")
    return {name: SweepRecord(write_sweep(place / name, planted)) for name, planted in CASES.items()}


def figures(record: SweepRecord, chart: str) -> dict[str, Drawn]:
    """The figures of one chart by suffix, empty where it does not apply."""
    module, _, function = EXPERIMENT_CHARTS["sweep"].charts[chart].rpartition(".")
    with house_style():
        try:
            drawn = getattr(importlib.import_module(module), function)(record)
            return {"": drawn} if isinstance(drawn, Drawn) else dict(drawn)
        except CannotDraw:
            return {}


def rows(record: SweepRecord, table: str, outcome: str, at: str = HEADLINE) -> list[dict[str, str]]:
    """Rows of a table as they stand in its file, in the order of the points."""
    with (record.sweep.folder / table).open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if (row["outcome"], row["at"]) == (outcome, at)]


def numbers(found: list[dict[str, str]], column: str) -> list[float]:
    """A column of such rows."""
    return [float(row[column]) for row in found]


def line(ax: Axes, label: str) -> Any:
    """The heights of the line with a label."""
    return next(some.get_ydata() for some in ax.get_lines() if some.get_label() == label)


@pytest.mark.parametrize("name", CASES)
def test_a_folder_gets_the_charts_that_apply(records: dict[str, SweepRecord], name: str) -> None:
    """Levers with ranges, planes of two, series, names, samples; the others say why not."""
    drawn = {chart for chart in EXPERIMENT_CHARTS["sweep"].charts if figures(records[name], chart)}
    assert drawn == APPLY[name]


@pytest.mark.parametrize("name", CASES)
def test_words_stay_on_the_sheet_and_apart(
    records: dict[str, SweepRecord], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text is cut off at the edge, and no two texts lie over each other."""
    for chart in sorted(APPLY[name]):
        for suffix, drawn in figures(records[name], chart).items():
            drawn.figure.set_dpi(DOTS_PER_INCH)
            boxes = drawn_texts(drawn.figure, monkeypatch)
            width, height = drawn.figure.bbox.width, drawn.figure.bbox.height
            cut = [text for text, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
            assert cut == [], (chart, suffix)
            over = [
                (one, other)
                for (one, a), (other, b) in itertools.combinations(boxes, 2)
                if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 2
            ]
            assert over == [], (chart, suffix)


def test_effects_are_drawn_as_the_file_has_them(records: dict[str, SweepRecord]) -> None:
    """Shares in percentage points; the other month is dashed; the bands end where the file says."""
    record = records["one"]
    (drawn,) = figures(record, "01_effects").values()
    for ax, outcome, factor in zip(drawn.figure.axes, OUTCOMES, (1, 100, 1, 1), strict=True):
        found = rows(record, "effects.csv", outcome)
        assert np.allclose(line(ax, "mean"), np.multiply(factor, numbers(found, "mean")))
        later = rows(record, "effects.csv", outcome, "2027-12")
        assert np.allclose(line(ax, "2027-12"), np.multiply(factor, numbers(later, "mean")))
        outer, inner = (np.asarray(band.get_paths()[0].vertices) for band in ax.collections[:2])
        for band, low, high in ((outer, "p05", "p95"), (inner, "ci95_low", "ci95_high")):
            assert np.isclose(band[:, 1].min(), factor * min(numbers(found, low)))
            assert np.isclose(band[:, 1].max(), factor * max(numbers(found, high)))
    words = [ax.get_ylabel() for ax in drawn.figure.axes]
    assert words == ["ECI", "percentage points", "H100e", "index 0 to 1"]


def test_one_line_for_each_value_of_the_other_lever(records: dict[str, SweepRecord]) -> None:
    """Named at their ends, each with the effects of its points."""
    record = records["two"]
    drawn = figures(record, "01_effects")["export_controls_strictness"]
    found = rows(record, "effects.csv", ABROAD)
    for value in ("0", "0.5", "1"):
        mine = [row for row in found if float(row[SPEED]) == float(value)]
        assert np.allclose(line(drawn.figure.axes[1], value), np.multiply(100, numbers(mine, "mean")))
        assert value in [text.get_text() for text in drawn.figure.axes[1].texts]


def test_levels_are_drawn_as_the_file_has_them(records: dict[str, SweepRecord]) -> None:
    """Medians, in per cent for shares."""
    (drawn,) = figures(records["one"], "02_levels").values()
    found = numbers(rows(records["one"], "summary.csv", ABROAD), "p50")
    assert np.allclose(line(drawn.figure.axes[1], "median"), np.multiply(100, found))
    first, last = numbers(rows(records["one"], "summary.csv", CAPABILITY), "p50")[:: len(DIAL) - 1]
    assert f"median {first:.0f} ECI with export controls strictness 0, {last:.0f} with 1" in drawn.title


def test_titles_and_alternative_texts_state_the_numbers(records: dict[str, SweepRecord]) -> None:
    """The largest clear effect of each sign, with its interval and what it is compared with."""
    found = rows(records["one"], "effects.csv", CAPABILITY)
    low, high = found[0], found[-1]
    drawn = figures(records["one"], "01_effects")["export_controls_strictness"]
    assert f"is {abs(float(high['mean'])):.1f} ECI (95%: {abs(float(high['ci95_high'])):.1f} to " in drawn.title
    assert f"with export controls strictness 0 it is {float(low['mean']):.1f} ECI" in drawn.title
    assert "lower than with 0.4" in drawn.title
    assert drawn.title.endswith("in 2025-12")
    assert f"Frontier capability, China {change(float(high['mean']))} ECI (95%: " in drawn.alt
    notes = " ".join(text.get_text().replace("\n", " ") for text in drawn.figure.texts)
    assert "6 points x 12 draws x 3 seeds | seed 7" in notes
    assert "1 of 216 runs failed" in notes
    assert "12 draws: intervals are rough" in notes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "null",
            "No difference from the baseline in China's frontier capability in 2025-12, by export",
        ),
        (
            "noise",
            "No clear difference from the baseline in China's frontier capability in 2025-12, by export",
        ),
        ("single", "with too few runs for an interval"),
        ("own", "with policy tight and export controls strictness 0"),
    ],
)
def test_titles_claim_only_what_the_interval_supports(records: dict[str, SweepRecord], name: str, words: str) -> None:
    """Nothing, nothing clear, no interval at all, or an effect at one value against the policy there."""
    title = figures(records[name], "01_effects")["export_controls_strictness"].title
    assert words.lower() in title.lower()


def test_an_effect_picked_among_many_needs_a_wider_interval() -> None:
    """Half widths by hand from Student's t: 2.2010 for one point of 12 draws, 3.8335 for one picked among 18."""
    mean = np.array([0.0, *[2.3] * 16, 3.8, 3.9])
    half = np.where(mean == 0, 0.0, 2.2010)
    ends = {"mean": mean, "ci95_low": mean - half, "ci95_high": mean + half, "p05": mean, "p95": mean}
    points: list[Any] = list(range(19))
    curve = Curve(points, ends, 12)
    assert curve.clear.sum() == 18
    assert curve.sure.tolist() == [False] * 18 + [True]
    assert Curve(points[:2], {name: values[:2] for name, values in ends.items()}, 12).sure.tolist() == [False, True]


def test_heatmap_cells_are_those_of_the_file(records: dict[str, SweepRecord]) -> None:
    """Numbers, hatching where the interval includes zero, the baseline outlined, colours centred at zero."""
    record = records["odd"]
    drawn = figures(record, "03_heatmap")[CAPABILITY]
    ax, bar = drawn.figure.axes
    found = rows(record, "effects.csv", CAPABILITY)
    printed = {text.get_position(): text.get_text() for text in ax.texts}
    places = list(itertools.product(range(4), range(4)))
    unclear = set()
    for place, row in zip(places, found, strict=True):
        assert float(printed[place]) == pytest.approx(float(row["mean"]), abs=0.0051)
        equal = float(row["mean"]) == float(row["p05"]) == float(row["p95"]) == 0
        if not equal and float(row["ci95_low"]) <= 0 <= float(row["ci95_high"]):
            unclear.add(place)
    hatched = {(box.get_x() + 0.5, box.get_y() + 0.5) for box in ax.patches if box.get_gid() == "unclear"}  # type: ignore[attr-defined]
    assert hatched == unclear
    assert len([box for box in ax.patches if box.get_gid() == "baseline"]) == 1
    low, high = bar.get_ylim()
    assert low == -high == pytest.approx(-max(numbers(found, "mean")))


def test_the_line_of_no_effect_lies_where_it_was_planted(records: dict[str, SweepRecord]) -> None:
    """At strictness 0.4 whatever the enforcement, that is in column 2; none without clear cells of both signs."""
    ax = figures(records["two"], "03_heatmap")[CAPABILITY].figure.axes[0]
    (zero,) = [some for some in ax.collections if isinstance(some, LineCollection) and some.get_gid() == "zero"]
    corners = np.concatenate(zero.get_segments())
    assert np.allclose(corners[:, 0], 2.0, atol=0.05)
    assert {0.0, 1.0, 2.0} <= set(corners[:, 1].round(6))
    for name in ("null", "noise", "odd"):
        for drawn in figures(records[name], "03_heatmap").values():
            assert not [some for some in drawn.figure.axes[0].collections if some.get_gid() == "zero"]


def test_lines_of_no_effect_pass_between_the_signs() -> None:
    """Linear between centres; straight across to an edge of zeros; along zeros between the signs; never on a floor."""
    nan = np.nan

    def pieces(*table: tuple[float, ...]) -> list[list[tuple[float, float]]]:
        return [sorted(map(tuple, piece.round(6).tolist())) for piece in zero_lines(np.array(table, dtype=np.float64))]

    assert pieces((1, -1), (3, -1)) == [[(0.5, 0.0), (0.75, 1.0)]]
    assert pieces((0, 0, 0), (1, -1, 0)) == [[(0.5, 0.0), (0.5, 1.0)]]
    assert pieces((0, 1), (-1, 0)) == [[(0.0, 0.0), (1.0, 1.0)]]
    assert pieces((0, 1), (-1, -1)) == [[(0.0, 0.0), (1.0, 0.5)]]
    assert pieces((1, 0, -1), (2, 0, -1)) == [[(1.0, 0.0), (1.0, 1.0)]]
    assert pieces((1, 2), (0, 0), (-1, -2)) == [[(0.0, 1.0), (1.0, 1.0)]]
    assert pieces((1, -1), (-1, 3)) == [[(0.5, 0.0), (1.0, 0.25)], [(0.0, 0.5), (0.25, 1.0)]]
    assert pieces((1, -3), (-1, 1)) == [[(0.0, 0.5), (0.25, 0.0)], [(0.5, 1.0), (1.0, 0.75)]]
    assert pieces((0, 0), (1, 1)) == pieces((0, 0, 1), (0, 0, 1)) == pieces((1, nan), (-1, -1)) == []


def test_facets_hold_the_third_lever(records: dict[str, SweepRecord]) -> None:
    """One panel for each of its values."""
    drawn = figures(records["three"], "03_heatmap")[CAPABILITY]
    assert [ax.get_title(loc="left") for ax in drawn.figure.axes[:2]] == ["CN open releases off", "CN open releases on"]


def test_trajectories_are_medians_of_the_runs(records: dict[str, SweepRecord]) -> None:
    """Of the runs that did not fail, beside the baseline's; one panel for each value."""
    record = records["one"]
    (drawn,) = figures(record, "04_trajectories").values()
    values = record.series(CAPABILITY).reshape(len(DIAL), -1, 72).astype(np.float64)
    assert len(drawn.figure.axes) == len(DIAL)
    for ax, mine in zip(drawn.figure.axes, values, strict=True):
        known = mine[np.isfinite(mine).all(axis=1)]
        assert np.allclose(ax.get_lines()[0].get_ydata(), np.median(known, axis=0), rtol=1e-6)
        assert np.allclose(line(ax, "baseline"), np.median(values[2], axis=0), rtol=1e-6)
    assert {suffix.split("_")[0] for suffix in figures(records["policies"], "04_trajectories")} == {"policy"}


def test_the_overview_has_a_row_for_each_name(records: dict[str, SweepRecord]) -> None:
    """Dots at the means of the file, the largest first; full where the interval excludes zero."""
    record = records["policies"]
    (drawn,) = figures(record, "05_overview").values()
    means = {row["policy"]: float(row["mean"]) for row in rows(record, "effects.csv", CAPABILITY)}
    ax = drawn.figure.axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["loose", "tight"]
    (dots,) = [some for some in ax.collections if isinstance(some, PathCollection)]
    assert np.allclose(np.asarray(dots.get_offsets())[:, 0], [means["loose"], means["tight"]])
    assert f"loose {change(means['loose'])} ECI" in drawn.alt
    labels = [text.get_text() for text in figures(records["words"], "05_overview")[""].figure.axes[0].get_yticklabels()]
    assert labels == ["model rationing: quota", "CN open releases: on"]


def test_samples_are_scattered_with_a_local_average(records: dict[str, SweepRecord]) -> None:
    """Dots as in the file; the mean of a word is that of its points; the average follows what was planted."""
    record = records["sample"]
    drawn = figures(record, "06_scatter")[CAPABILITY]
    found = [row for row in rows(record, "effects.csv", CAPABILITY) if row["point"] != row["baseline"]]
    for ax in drawn.figure.axes:
        (dots,) = [some for some in ax.collections if isinstance(some, PathCollection)]
        assert np.allclose(np.asarray(dots.get_offsets())[:, 1], numbers(found, "mean"))
    by_word = [np.mean([float(row["mean"]) for row in found if row[OPEN] == word]) for word in ("false", "true")]
    assert np.allclose(sorted(line(drawn.figure.axes[2], "mean")), sorted(by_word))
    points = [point for point in record.points if point.number != point.baseline]
    axis = record.axes[0]
    average = local_average(axis, scale_of(record.values(axis), True), record.effect(points, outcome_of(CAPABILITY)))
    assert average.moves
    assert average.mean[0] > 1.0 > -1.0 > average.mean[-1]
    assert "move most with export controls strictness" in drawn.title
    assert figures(record, "06_scatter")[CONCENTRATION].title.startswith("No lever has an effect on")


def test_a_flat_sample_moves_nothing() -> None:
    """An average over points that differ only by noise has overlapping intervals."""
    noise = np.cos(7.0 * np.arange(60))
    points: Any = [type("P", (), {"values": {"x": place / 60}})() for place in range(60)]
    axis: Any = type("A", (), {"path": "x"})()
    average = local_average(axis, scale_of([place / 60 for place in range(60)], True), Curve(points, {"mean": noise}))
    assert not average.moves
    assert (average.low < average.mean).all()


def test_figures_are_the_same_files_each_time(tmp_path: Path) -> None:
    """PNG and SVG byte for byte, from one process or two."""
    only = ("01_effects", "03_heatmap")
    drawn = [
        {
            file.name: file.read_bytes()
            for file in draw_all(write_sweep(tmp_path / str(jobs), CASES["two"]), jobs=jobs, only=only)
        }
        for jobs in (1, 2)
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 3 * (2 + len(OUTCOMES))


def test_scales_keep_values_apart() -> None:
    """Decades on a logarithmic axis, crowded values one step apart, samples never."""
    assert scale_of([1.0, 10.0, 100.0, 1000.0]).kind == "log"
    assert scale_of([0.0, 0.25, 1.0]).kind == "linear"
    assert scale_of([0.0, 0.001, 0.1, 50.0]).kind == "even"
    assert scale_of([0.0, 0.001, 0.1, 50.0]).note == "values evenly spaced"
    assert scale_of([0.0, 0.001, 0.1, 50.0], sampled=True).kind == "linear"
    assert scale_of(["a", "b"]).at("b") == 1.0
    assert not scale_of([0.0, 1.0]).holds(2.0)
    assert not scale_of([0.0, 1.0]).holds(None)


def test_values_are_chosen_and_found() -> None:
    """Evenly with both ends and the one to keep; the nearest on the grid; dotted keys in a scenario."""
    assert evenly(list(range(21)), 5) == [0, 5, 10, 15, 20]
    assert evenly(list(range(21)), 5, keep=11) == [0, 5, 11, 15, 20]
    assert nearest([0.0, 0.4, 0.6], 0.55) == 0.6
    assert nearest([0.6, 0.7, 0.8], 0.75) == 0.8
    assert nearest(["a", "b"], None) == "a"
    block = {"policies": {"dials": {"a.b": 0.5}, "US": {"x": {"from": 1}}}}
    assert value_in(block, "policies.dials.a.b") == 0.5
    assert value_in(block, "policies.US.x") is None
    assert value_in(block, "policies.dials.a") is None


def test_outcomes_levers_and_values_in_words() -> None:
    """As a reader would write them."""
    assert outcome_of("gap_months.open").subject == "open models' lag behind the US"
    assert outcome_of("hhi.labs").name == "Concentration (labs)"
    assert outcome_of("token_share.DeepSeek").subject == "DeepSeek's token share"
    assert outcome_of("price_fixed_capability.128").name == "Price at ECI 128"
    assert outcome_of("market_spend").subject == "market spend"
    assert lever_words("policies.dials.export_controls.strictness") == "export controls strictness"
    assert [value_words(value) for value in (True, "false", 0.25, 12000, "quota")] == [
        "on",
        "off",
        "0.25",
        "12k",
        "quota",
    ]
    assert [number_tick(value) for value in (137.5, -0.0, 25000.0, -20000.0)] == ["137.5", "0", "25k", "-20k"]
