"""The charts: drawn from files only, titled with the numbers of the record, apart for a colour-blind reader."""

import importlib
import itertools
import json
import logging
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from PIL import Image

from sim.calendar import month_label
from sim.charts.compute import CHAIN
from sim.charts.data import COUNTERFACTUAL, CannotDraw, RunRecord, fan_of, open_record
from sim.charts.drawing import CHARTS, DOTS_PER_INCH, chosen, draw_all
from sim.charts.networks import circle, draw_community_graph, draw_lab_graph, teachers_of
from sim.charts.policies import policy_marks
from sim.charts.prices import inside_band, yearly_fall
from sim.charts.replay import replay
from sim.charts.sheet import Drawn, balanced, spread, text_width, wrapped
from sim.charts.style import BLOC_HUE, HUE, compact, house_style, lab_strokes
from sim.charts.text import percent, signed
from sim.data import load_tables
from sim.results import OutputError

Floats = NDArray[np.float64]
MONTHS = 72
LABS = load_tables().labs.text("lab")
LAB_BLOCS = dict(zip(LABS, load_tables().labs.text("bloc"), strict=True))
BLOCS = ("US", "CN", "EU", "OTHER")
REPLAYED = ("11_lab_network", "12_community_network")
FROM_RECORD = tuple(name for name in CHARTS if name not in REPLAYED)
HEADLINE = 47
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
"""Linear RGB as it is seen, full severity: Machado, Oliveira and Fernandes (2009)."""
CONTROLS = {
    "US": {
        "export_controls.tpp_ceiling": [
            {"from": "2022-10-07", "value": 4800.0},
            {"from": "2023-10-17", "value": 2400.0},
        ],
        "export_controls.hbm_control": [{"from": "2024-12-31", "value": 1.0}],
        "export_controls.memory_bandwidth_ceiling": [{"from": "2025-04-09", "value": 4000.0}],
        "export_controls.licence_share": [{"from": "2025-08-11", "value": 1.0}, {"from": "2026-01-13", "value": 0.5}],
    },
    "CN": {"purchase_veto": [{"from": "2025-08-01", "value": 0.9}, {"from": "2025-09-17", "value": 0.95}]},
}


def _logistic(t: Floats, middle: Floats | float, speed: float, top: Floats | float) -> Floats:
    return top / (1 + np.exp(-speed * (t - middle)))


def invented(runs: int, controlled: bool) -> dict[str, Floats]:
    """Series of plausible shape, (runs, months); `controlled` is the world shown, else the one without controls."""
    t = np.arange(MONTHS, dtype=np.float64)[None, :]
    z = np.linspace(-1.6, 1.6, runs)[:, None]
    y = np.cos(7.0 * np.arange(runs))[:, None]
    after = np.clip(t - 9, 0, None) * controlled
    out: dict[str, Floats] = {}

    def put(name: str, values: Any) -> None:
        out[name] = np.broadcast_to(np.asarray(values, dtype=np.float64), (runs, MONTHS)).copy()

    chinese = _logistic(t, 40 + 3 * z, 0.12, 0.20 + 0.05 * y) + 0.02 + 0.0006 * after * (1 + 0.5 * y)
    blocs = {"CN": chinese, "EU": 0.02 + 0.004 * y + 0 * t, "OTHER": 0.015 + 0 * t + 0.003 * z}
    blocs["US"] = 1 - sum(blocs.values())
    for bloc, share in blocs.items():
        put(f"token_share.{bloc}", share)
        put(f"revenue_share.{bloc}", share * (0.4 if bloc == "CN" else 1.0))
        put(f"token_share_abroad.{bloc}", share * 0.7)
        put(f"revenue_share_abroad.{bloc}", share * 0.2)
        members = [lab for lab in LABS if LAB_BLOCS[lab] == bloc]
        weights = np.array([1.0 / (place + 1.3) for place in range(len(members))])
        for lab, weight in zip(members, weights / weights.sum(), strict=True):
            put(f"token_share.{lab}", share * weight)
            put(f"release_open.{lab}", np.where(np.sin(0.11 * t + 9 * weight) + 0.4 * y > 0.3, 1.0, 0.0))
            put(f"capability.{lab}", 110 + 0.6 * t + 8 * weight + 2 * z)
            put(f"compute_labs.{lab}", 3e3 * weight * np.exp(0.09 * t))
    put("token_share.open", _logistic(t, 38 + 2 * z, 0.1, 0.3) + 0.03 * y + 0.04)
    put("revenue_share.open", out["token_share.open"] * 0.15)
    put("token_share.closed", 1 - out["token_share.open"])
    put("revenue_share.closed", 1 - out["revenue_share.open"])
    us = 104 + 0.72 * t + 0.25 * np.clip(t - 27, 0, None) + 1.2 * z
    lag = 7 + 2.2 * y + 0.03 * after - np.clip(t - 30, 0, 20) * 0.2
    for name, behind in (
        ("US", 0 * lag),
        ("CN", lag),
        ("EU", 14 + 0 * lag),
        ("OTHER", 22 + 0 * lag),
        ("open", lag + 1),
    ):
        put(f"frontier_capability.{name}", us - 0.8 * behind)
        put(f"gap_months.{name}", behind)
    for name, start in (("world", 3e5), ("US", 2e5), ("CN", 6e4), ("EU", 2e4), ("OTHER", 3e4)):
        growth = 0.092 if name != "CN" else 0.075 - 0.018 * controlled
        put(f"compute_owned.{name}", start * np.exp(growth * t + 0.08 * z))
        if name != "world":
            put(f"compute_share.{name}", out[f"compute_owned.{name}"] / out["compute_owned.world"])
    put("compute_inflow.legal", (9e3 * np.exp(0.02 * t) if controlled else 9e3 * np.exp(0.09 * t)) * (1 + 0.2 * z))
    put("compute_inflow.domestic", np.where(t < 24, 0.0, 1.2e4 * np.exp(0.05 * (t - 24))) * (1 + 0.25 * y))
    put("compute_inflow.smuggled", 900 * np.exp(0.08 * t + 0.5 * z) * (1 if controlled else 0.001))
    put("compute_inflow.cloud", 300 * np.exp(0.07 * t + 0.4 * y) * (1 if controlled else 0.001))
    put("scarcity_premium.CN", 0.03 * after * (1 + 0.3 * z) / (1 + 0.02 * after))
    put("research_effort_share.CN", 0.31 + 0.0005 * after * (1 + 1.4 * y))
    put("algorithmic_efficiency.CN", 0.06 * t - 0.0012 * after * (1 + 0.6 * z))
    put("token_price.closed", 30 * np.exp(-0.045 * t + 0.15 * z))
    put("token_price.open", 6 * np.exp(-0.07 * t + 0.2 * y))
    for level in (116, 122, 128, 134, 140):
        reached = (level - 104) / 0.8 + 2 * z
        put(f"price_fixed_capability.{level}", np.where(t < reached, np.nan, 30 * np.exp(-0.25 * (t - reached))))
    put("enterprise_share.OpenAI", 0.55 - 0.005 * t + 0.04 * y)
    put("enterprise_share.Anthropic", _logistic(t, 33, 0.15, 0.38) + 0.03 * z)
    put("enterprise_share.GoogleDeepMind", 0.1 + 0.002 * t + 0.01 * y)
    put("enterprise_share.CN", 0.004 + 0.0003 * t)
    put("consumer_share.OpenAI", 0.92 - 0.004 * t + 0.03 * z)
    put("consumer_share.GoogleDeepMind", 0.03 + 0.003 * t)
    put("consumer_share.DeepSeek", _logistic(t, 40, 0.3, 0.04))
    put("developer_token_share.CN", _logistic(t, 41 + 2 * z, 0.22, 0.3))
    put("developer_token_share.open", _logistic(t, 38 + 2 * z, 0.18, 0.36))
    put("hub_share.CN", _logistic(t, 30 + 2 * y, 0.12, 0.6))
    put("hub_share.US", 0.8 - out["hub_share.CN"])
    return out


def write_run(
    folder: Path, runs: int = 11, drop: Iterable[str] = (), paired: bool = True, outputs: dict[str, Any] | None = None
) -> Path:
    """Write a run folder as `darkhorse run` does, with invented numbers, less the columns that `drop` names."""
    folder.mkdir(parents=True)
    tables = []
    arms = {"main": True, "counterfactual": False} if paired else {"main": True}
    for arm, controlled in arms.items():
        series = {name: values.ravel() for name, values in invented(runs, controlled).items() if name not in set(drop)}
        size = runs * MONTHS
        tables.append(
            pa.table(
                {
                    "arm": [arm] * size,
                    "run": np.repeat(np.arange(runs, dtype=np.int32), MONTHS),
                    "month": [month_label(m) for m in range(MONTHS)] * runs,
                    **series,
                }
            )
        )
    parquet.write_table(pa.concat_tables(tables), folder / "series.parquet")
    for name in ("summary.csv", "differences.csv"):
        (folder / name).write_text("month,arm\n", encoding="utf-8")
    scenario = {
        "name": "invented",
        "title": "History, then today's rules held",
        "seed": 7,
        "runs": runs,
        "policies": {"dials": {"export_controls.strictness": 0.5}, **CONTROLS},
        "model": {"community_graph": {"family": "watts_strogatz", "neighbours": 6, "rewiring": 0.1}},
        "outputs": {"bands": [0.5, 0.9], "at": ["2025-12", "2027-12"], "observed": True, **(outputs or {})},
    }
    manifest = {
        "format": 1,
        "kind": "run",
        "name": "invented",
        "hash": "0123456789",
        "seed": 7,
        "runs": runs,
        "scenario": scenario,
        "pairs": [["main", "counterfactual"]] if paired else [],
        "arms": {"main": scenario, "counterfactual": {**scenario, "title": "Same world without chip controls"}}
        if paired
        else {"main": scenario},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a counterfactual."""
    return write_run(tmp_path_factory.mktemp("runs") / "invented-0123456789")


@pytest.fixture(scope="module")
def record(run_dir: Path) -> RunRecord:
    """The same folder as the charts see it."""
    return open_record(run_dir, ("main", "counterfactual"))


def drawn_from(record: RunRecord, name: str) -> Drawn:
    """Draw one chart in this process."""
    module, _, function = CHARTS[name].rpartition(".")
    with house_style():
        drawn: Drawn = getattr(importlib.import_module(module), function)(record)
    return drawn


def median(column: str, controlled: bool = True, month: int = HEADLINE) -> float:
    """The median of an invented series, worked out here."""
    return float(np.median(invented(11, controlled)[column][:, month]))


def test_every_chart_is_drawn_in_both_formats_with_words(run_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The networks need runs of the engine; these numbers are invented, so they are left out, and that is said."""
    with caplog.at_level(logging.WARNING):
        files = draw_all(run_dir, jobs=1)
    figures = run_dir / "figures"
    assert files == sorted(figures / f"{name}.{kind}" for name in FROM_RECORD for kind in ("png", "svg", "txt"))
    for name in FROM_RECORD:
        with Image.open(figures / f"{name}.png") as image:
            assert image.size[0] == 1530
            assert len(image.convert("RGB").getcolors(2**24) or []) > 50
        words = (figures / f"{name}.txt").read_text(encoding="utf-8")
        assert "2025-12" in words
        assert 1 <= words.count(". ") + 1 <= 6
        assert "<title>" in (figures / f"{name}.svg").read_text(encoding="utf-8")
    (told,) = caplog.messages
    assert [word.rstrip(",") for word in told.split() if word[:2].isdecimal()] == list(REPLAYED)


def test_processes_draw_the_same_files(run_dir: Path, tmp_path: Path) -> None:
    """Two processes and one give the same bytes, PNG and SVG."""
    only = ("02_shares_by_bloc", "10_who_is_open_when")
    once = {file.name: file.read_bytes() for file in draw_all(run_dir, jobs=1, only=only)}
    other = write_run(tmp_path / "invented-0123456789")
    twice = {file.name: file.read_bytes() for file in draw_all(other, jobs=2, only=only)}
    assert once == twice
    assert len(once) == 6


def test_titles_say_the_numbers_of_the_record(record: RunRecord) -> None:
    """Each number is worked out from the invented series."""
    abroad, money = median("token_share_abroad.CN"), median("revenue_share_abroad.CN")
    low, high = np.quantile(invented(11, True)["token_share_abroad.CN"][:, HEADLINE], (0.05, 0.95))
    title = drawn_from(record, "04_tokens_and_revenue").title
    assert title == (
        f"Chinese models take {100 * abroad:.0f}% (90%: {100 * low:.0f}-{100 * high:.0f}%) of tokens used abroad by "
        f"2025-12 but {100 * money:.1f}% of revenue; without chip controls "
        f"{100 * median('token_share_abroad.CN', False):.0f}% and {100 * median('revenue_share_abroad.CN', False):.1f}%"
    )
    assert f"by {median('gap_months.CN'):.1f} months" in drawn_from(record, "06_frontier_and_gap").title
    assert f"{100 * median('compute_share.CN'):.1f}%" in drawn_from(record, "07_compute").title
    assert f"${median('token_price.closed'):.1f}" in drawn_from(record, "09_price").title
    assert f"OpenAI serves {percent(median('token_share.OpenAI'))}" in drawn_from(record, "01_shares_by_lab").title


def test_the_chain_speaks_of_paired_differences(record: RunRecord) -> None:
    """Medians of differences run by run, logarithms in per cent, and the signs that the band leaves open."""
    main, other = invented(11, True), invented(11, False)
    change = {link.name: np.median((main[link.column] - other[link.column])[:, HEADLINE]) for link in CHAIN}
    drawn = drawn_from(record, "08_from_scarcity_to_share")
    assert f"scarcity premium {100 * np.expm1(change['Scarcity premium']):+.0f}%" in drawn.title
    assert f"share abroad {signed(100 * change['Share abroad'])} points" in drawn.title
    words = " ".join(text.get_text().replace("\n", " ") for text in drawn.figure.texts)
    assert "includes zero for staff on efficiency." in words


@pytest.mark.parametrize("name", FROM_RECORD)
def test_words_stay_on_the_sheet_and_apart(record: RunRecord, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is cut off at the edge, and no two texts lie over each other."""
    figure = drawn_from(record, name).figure
    figure.set_dpi(DOTS_PER_INCH)
    boxes = drawn_texts(figure, monkeypatch)
    width, height = figure.bbox.width, figure.bbox.height
    cut = [words for words, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
    assert cut == []
    over = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 2
    ]
    assert over == []


def drawn_texts(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Bbox]]:
    """Every text that is drawn with the box it takes; labels of ticks beyond an axis exist but are not drawn."""
    found: dict[int, Text] = {}
    draw = Text.draw

    def note(self: Text, renderer: Any) -> None:
        if self.get_visible() and self.get_text().strip():
            found[id(self)] = self
        draw(self, renderer)

    with house_style(), monkeypatch.context() as patched:
        patched.setattr(Text, "draw", note)
        figure.draw_without_rendering()
        return [(text.get_text(), Text.get_window_extent(text)) for text in found.values()]


def test_every_axis_names_its_unit(record: RunRecord) -> None:
    """Charts of one unit a panel: the first panel of each row says it."""
    for name in ("02_shares_by_bloc", "03_open_and_closed", "06_frontier_and_gap", "08_from_scarcity_to_share"):
        labels = [ax.get_ylabel() for ax in drawn_from(record, name).figure.axes]
        assert labels[0] != ""
    chain = [ax.get_ylabel() for ax in drawn_from(record, "08_from_scarcity_to_share").figure.axes]
    assert chain[:4] == ["ln", "ln, run by run", "% of staff", "percentage points, run by run"]


def test_hues_stay_apart_for_colour_blind_readers() -> None:
    """At least 20 units of CIE Lab between any two hues of a chart, seen normally or without one kind of cone."""
    hues = {**BLOC_HUE, "open": HUE["open"]}
    for sight in (np.eye(3), np.array(DEUTERANOPIA), np.array(PROTANOPIA)):
        for (one, a), (other, b) in itertools.combinations(hues.items(), 2):
            distance = np.linalg.norm(lab_colour(a, sight) - lab_colour(b, sight))
            assert distance > 20, (one, other, distance)
    strokes = lab_strokes(LAB_BLOCS)
    assert len(set(strokes.values())) >= len(LABS) - 3 * 4


def lab_colour(colour: str, sight: Floats) -> Floats:
    """CIE Lab of #RRGGBB under D65 as seen through a matrix in linear RGB."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.einsum("ij,j->i", sight, linear), 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = np.einsum("ij,j->i", to_xyz, seen) / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def test_a_chart_without_its_measures_is_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The others are drawn."""
    folder = write_run(tmp_path / "invented-0123456789", runs=5, drop=["gap_months.CN", "token_price.open"])
    only = ("02_shares_by_bloc", "06_frontier_and_gap", "09_price")
    with caplog.at_level(logging.WARNING):
        files = draw_all(folder, ("svg",), 1, only=only)
    assert [file.name for file in files] == ["02_shares_by_bloc.svg", "02_shares_by_bloc.txt"]
    assert caplog.messages == [
        "charts left out: 06_frontier_and_gap (the run has no measure gap_months.CN); "
        "09_price (the run has no measure token_price.open)"
    ]


def test_a_run_without_counterfactual_is_drawn_alone(tmp_path: Path) -> None:
    """No second panel, no dashed line, no comparison in the title."""
    folder = write_run(tmp_path / "invented-0123456789", runs=5, paired=False)
    record = open_record(folder, ("main",))
    for name in FROM_RECORD:
        drawn = drawn_from(record, name)
        assert "without" not in drawn.title
        assert not any("dashed" in text.get_text() for text in drawn.figure.texts)
    assert len(drawn_from(record, "02_shares_by_bloc").figure.axes) == 1


def test_a_scenario_chooses_its_charts_bands_and_points(tmp_path: Path) -> None:
    """`outputs.charts`, `outputs.bands` and `outputs.observed` are obeyed."""
    outputs = {"charts": ["09_price"], "bands": [0.8], "observed": False}
    folder = write_run(tmp_path / "invented-0123456789", runs=5, outputs=outputs)
    assert [file.name for file in draw_all(folder, ("svg",), 1)] == ["09_price.svg", "09_price.txt"]
    record = open_record(folder, ("main", "counterfactual"))
    assert [band for band, _, _ in record.fan("token_share.CN").bands] == [0.8]
    assert "(80%:" in drawn_from(record, "09_price").title
    assert record.observed("token_price", "open") == []


def test_each_pair_of_a_comparison_has_a_folder(tmp_path: Path) -> None:
    """An arm is shown against the one that the manifest pairs it with, under its own title."""
    folder = write_run(tmp_path / "invented-0123456789", runs=3)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["pairs"] = [["main", "counterfactual"], ["counterfactual", "main"]]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    files = draw_all(folder, ("svg",), 1, only=["02_shares_by_bloc"])
    assert [file.relative_to(folder / "figures").as_posix() for file in files] == [
        f"{arm}/02_shares_by_bloc.{kind}" for arm in ("counterfactual", "main") for kind in ("svg", "txt")
    ]
    swapped = open_record(folder, ("counterfactual", "main"))
    panels = drawn_from(swapped, "02_shares_by_bloc").figure.axes
    titles = [text.get_text() for ax in panels for text in ax.texts if text.get_fontweight() == "bold"]
    assert titles == ["Same world without chip controls", "History, then today's rules held"]


def test_bad_requests_are_refused(tmp_path: Path, run_dir: Path) -> None:
    """A folder without a record, an arm that is not there, a chart that does not exist."""
    with pytest.raises(OutputError, match=r"manifest\.json"):
        draw_all(tmp_path)
    with pytest.raises(OutputError, match="no arm third"):
        open_record(run_dir, ("main", "third"))
    with pytest.raises(KeyError, match="no chart 99_nothing"):
        chosen(["99_nothing"])


def test_fans_are_quantiles_over_the_runs() -> None:
    """Linear quantiles; NaN means not reached yet and stands above every number."""
    values = np.cos(np.arange(91.0)).reshape(13, 7)
    fan = fan_of(np.arange(7), values, (0.5, 0.9))
    assert [band for band, _, _ in fan.bands] == [0.9, 0.5]
    for band, low, high in fan.bands:
        assert np.allclose(low, np.quantile(values, (1 - band) / 2, axis=0))
        assert np.allclose(high, np.quantile(values, (1 + band) / 2, axis=0))
    values[:7, 3] = np.nan
    values[:6, 4] = np.nan
    fan = fan_of(np.arange(7), values, (0.9,))
    assert np.isnan(fan.median[3])
    assert fan.median[4] == np.nanmax(values[:, 4])
    assert np.isfinite(fan.bands[0][1][3])
    assert np.isnan(fan.at(99).median)


def test_the_yearly_fall_needs_a_year() -> None:
    """From the first month in which half of the runs have a price."""
    price = np.full((3, 20), np.nan)
    price[:, 4:] = 32 * 0.5 ** np.arange(16.0)
    assert yearly_fall(fan_of(np.arange(20), price, (0.9,))) == 2.0**12
    assert yearly_fall(fan_of(np.arange(16), price[:, :16], (0.9,))) is None


def test_observed_points_are_drawn_as_the_tables_have_them(record: RunRecord) -> None:
    """Nothing after the record; one market, one marker; those inside the band are counted month by month."""
    for measure, entity in (("gap_months", "open"), ("compute_owned", "CN"), ("compute_inflow", "smuggled")):
        points = record.observed(measure, entity)
        assert points
        assert all(some.months.max() <= record.record_end for some in points)
        assert len({some.shape for some in points}) == len(points)
    assert [some.yearly for some in record.observed("compute_inflow", "smuggled")] == [True]
    rows = [row for row in record.tables.observed.rows if (row["measure"], row["entity"]) == ("hub_share", "CN")]
    fan = record.fan("hub_share.CN")
    inside = sum(fan.at(38).low <= float(row["value"]) <= fan.at(38).high for row in rows)
    assert inside_band(record, {"hub_share.CN": record.observed("hub_share", "CN")}) == (inside, len(rows))


def test_policy_dates_come_from_the_scenario(tmp_path: Path, record: RunRecord) -> None:
    """Months in which a rule binds; small steps are not marked, nor chip controls that a dial has undone."""
    marks = policy_marks(record)
    assert [(mark.number, month_label(mark.month)) for mark in marks] == [
        (1, "2022-10"), (2, "2023-11"), (3, "2025-01"), (4, "2025-04"), (5, "2025-08"), (6, "2026-01"),
    ]  # fmt: skip
    assert marks[4].words == "licences (100%) and Beijing's purchase veto (90%)"
    folder = write_run(tmp_path / "invented-0123456789", runs=2, paired=False)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["arms"]["main"]["policies"]["dials"]["export_controls.strictness"] = 0.0
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    undone = policy_marks(open_record(folder, ("main",)))
    assert [mark.words for mark in undone] == ["Beijing's purchase veto (90%)"]


@given(st.lists(st.floats(0, 1).map(lambda place: round(place, 9)), min_size=1, max_size=9), st.floats(0.01, 0.2))
def test_labels_are_spread_without_drifting(places: list[float], gap: float) -> None:
    """In order, at least a gap apart, with the same mean as before."""
    wanted = sorted(places)
    found = spread(wanted, gap)
    assert all(b - a >= gap - 1e-9 for a, b in itertools.pairwise(found))
    assert np.isclose(np.mean(found), np.mean(wanted))


@given(st.text("abc de(f)1%", min_size=1, max_size=200), st.floats(60, 400))
def test_lines_are_no_wider_than_the_sheet(text: str, width: float) -> None:
    """Unless a single word is."""
    for line in [*wrapped(text, width, 9.0), *balanced(text, width, 9.0)]:
        assert text_width(line, 9.0) <= width + 1 or " " not in line or "(" in line
    assert " ".join(wrapped(text, width, 9.0)).split() == text.split()


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (0.054, "0.054"), (0.3, "0.30"), (12.4, "12"), (1500.0, "1.5k"), (999_900.0, "1M"), (2.04e7, "20.4M")],
)
def test_numbers_are_written_in_few_characters(value: float, words: str) -> None:
    """Two digits or three."""
    assert compact(value) == words


def test_networks_are_drawn_from_graphs() -> None:
    """Every node has a place, every lab its strongest teachers; the key is not needed for that."""
    labs: nx.DiGraph[str] = nx.DiGraph()
    for lab, bloc in LAB_BLOCS.items():
        labs.add_node(lab, bloc=bloc, size=float(len(lab)))
    for one, other in itertools.permutations(LABS, 2):
        labs.add_edge(one, other, weight=float(len(one)))
    peers = nx.watts_strogatz_graph(11, 4, 0.1, seed=1)
    for node in peers:
        peers.add_node(node, region=("US", "CN", "EU")[node % 3], segment="consumer_app", size=1.0 + node, share_CN=0.3)
    axes = Figure().subplots(1, 2)
    assert draw_lab_graph(labs, axes[0]) is axes[0]
    assert len(axes[0].collections) == len(LABS)
    assert len(axes[0].patches) == 2 * len(LABS)
    assert teachers_of(labs, "OpenAI")[0][0] == "GoogleDeepMind"
    assert draw_community_graph(peers, axes[1]) is axes[1]
    assert len(axes[1].patches) == peers.number_of_edges()
    places = circle({"a": ["1", "2"], "b": ["3"]})
    assert np.allclose([np.hypot(x, y) for x, y in places.values()], 1.0)


@pytest.mark.slow
def test_networks_are_drawn_only_from_runs_that_repeat(tmp_path: Path) -> None:
    """The engine gives the record again, bit for bit, or the charts are left out."""
    from sim.engine import Engine
    from sim.scenario import load_scenario

    scenario = load_scenario("history_hold", ["end=2024-06", "outputs.at=[2024-06]"])
    run = Engine(scenario, np.arange(3)).run()
    folder = write_run(tmp_path / "invented-0123456789", runs=3, paired=False)
    flat = {name: run.values[:, :, place].ravel() for place, name in enumerate(run.columns)}
    months = [month_label(int(month)) for month in run.months] * 3
    index = {
        "arm": ["main"] * len(months),
        "run": np.repeat(run.rows.astype(np.int32), len(run.months)),
        "month": months,
    }
    parquet.write_table(pa.table({**index, **flat}), folder / "series.parquet")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["scenario"] = manifest["arms"]["main"] = scenario.resolved()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    record = open_record(folder, ("main",))
    assert replay(record).month == record.headline == 29
    for name in REPLAYED:
        assert "2024-06" in drawn_from(record, name).title
    flat["token_share.OpenAI"][29] += 1e-12
    parquet.write_table(pa.table({**index, **flat}), folder / "series.parquet")
    with pytest.raises(CannotDraw, match="do not give the numbers on record"):
        drawn_from(open_record(folder, ("main",)), REPLAYED[0])


def test_importing_the_charts_is_light() -> None:
    """Names of charts are needed to validate a scenario, where a second would be felt."""
    heavy = ("pandas", "matplotlib", "scipy", "mesa")
    code = f"import sys, sim.charts.drawing; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_counterfactual_is_read_from_its_own_rows(record: RunRecord) -> None:
    """Pairs are run by run: the difference is that of the invented worlds."""
    expected = invented(11, True)["token_share.CN"] - invented(11, False)["token_share.CN"]
    assert np.array_equal(record.difference("token_share.CN"), expected)
    assert record.now("token_share.CN", COUNTERFACTUAL).median == pytest.approx(median("token_share.CN", False))
