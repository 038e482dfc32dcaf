"""The backcast end to end on a few runs: every operator and month, no leak from after the cut, folder, page, errors."""

import csv
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from sim.backcast.baselines import LAST, TREND
from sim.backcast.facts import fact_bands, facts_summary
from sim.backcast.page import page
from sim.backcast.points import Point, by_operator, in_units, on_scale, points_of, reading, series_of
from sim.backcast.predict import DRAWS, NothingToForecast, luck_of, paths_of, predict, predict_alone
from sim.backcast.question import ALONE, FROZEN, MODEL, UNFITTED, UNTIED, ask, origin_of
from sim.backcast.report import as_json, score_rows
from sim.backcast.study import METHODS, Study, carry_out, planned
from sim.backcast.summary import RIVALS, beside, counted, sentence, targets_of
from sim.calendar import month_index, month_label
from sim.cli import app
from sim.data import Row, load_tables
from sim.ensemble import Pace
from sim.errors import InputError
from sim.operators import OPERATORS

CUT, UNTIL, RUNS = "2024-12", "2026-02", 12
ROW: Row = {
    "fact": "M8", "part": "a", "operator": "web_chatgpt_share", "formula": "at web_chatgpt_share 2025-01",
    "date": "2025-01", "observed": 0.8, "low": 0.7, "high": 0.9, "scale": "logit", "error": 0.3, "discrepancy": 0.25,
    "role": "FITTED",
}  # fmt: skip


def held() -> list[Point]:
    return points_of(load_tables().targets.rows)


@pytest.fixture(scope="module")
def study() -> Study:
    question = ask("history_hold", CUT, UNTIL, RUNS, ["2023-12"], "prior")
    return carry_out(question, Pace(block=5))


def test_every_operator_has_a_finite_ordered_forecast_for_every_month(study: Study) -> None:
    labels = [month_label(month) for month in range(month_index("2023-01"), month_index(UNTIL) + 1)]
    assert list(study.forecasts) == list(OPERATORS)
    for name, forecast in study.forecasts.items():
        assert list(forecast.quantiles) == labels
        for quantiles in forecast.quantiles.values():
            assert list(quantiles) == ["p05", "p25", "p50", "p75", "p95"]
            values = list(quantiles.values())
            assert all(math.isfinite(value) for value in values), name
            assert all(low <= high for low, high in pairwise(values)), name
            assert values[0] >= 0.0
            assert values[-1] <= (1.0 if OPERATORS[name].unit == "share" else math.inf)


def test_what_was_observed_after_the_cut_changes_no_forecast_and_no_rule(study: Study) -> None:
    """Every later value is replaced by another; quantiles of all methods stay, bit for bit, and only scores move."""
    moved = [
        replace(point, value=point.value + 1.0, observed=float(in_units(np.array(point.value + 1.0), point.operator)))
        if point.known > month_index(CUT) else point
        for point in study.points
    ]  # fmt: skip
    other = carry_out(replace(study.question, origins=(CUT,)), Pace(), moved)
    assert other.forecasts == study.forecasts
    mine = [row for row in study.scored if row.origin.cut == CUT]
    assert len(mine) == len(other.scored) > 100
    for before, after in zip(mine, other.scored, strict=True):
        assert (before.method, before.point.label) == (after.method, after.point.label)
        assert before.score.quantiles == after.score.quantiles
        assert before.score.z != after.score.z


def test_what_was_observed_before_the_cut_does_change_them(study: Study) -> None:
    moved = [replace(point, value=point.value + 1.0) if point.known <= month_index(CUT) else point
             for point in study.points]  # fmt: skip
    other = carry_out(replace(study.question, origins=(CUT,)), Pace(), moved)
    for name in ("frontier_eci", "enterprise_openai_share"):
        assert other.forecasts[name].quantiles["2025-01"]["p50"] > study.forecasts[name].quantiles["2025-01"]["p50"]
        lines, before = other.forecasts[name].rule_lines[LAST], study.forecasts[name].rule_lines[LAST]
        assert lines["2025-06"] > before["2025-06"]


def test_every_target_after_a_cut_is_scored_by_every_method_that_can(study: Study) -> None:
    for (cut, operator, label), methods in targets_of(study.scored).items():
        (point,) = [one for one in study.points if (one.operator, one.label) == (operator, label)]
        assert point.known > month_index(cut)
        known = [one for one in study.points if one.operator == operator and one.known <= month_index(cut)]
        assert {MODEL, ALONE, FROZEN, UNTIED} <= set(methods)
        assert (LAST in methods) == (len(known) >= 1)
        assert (TREND in methods) == (len(known) >= 2)
        assert list(methods) == [method for method in METHODS if method in methods]
    later = [one for one in study.points if one.known > month_index("2023-12")]
    assert len([key for key in targets_of(study.scored) if key[0] == "2023-12"]) == len(later)


def test_variants_differ_and_share_their_luck(study: Study) -> None:
    scores = targets_of(study.scored)[CUT, "cn_us_lag_months", "L4 (2025)"]
    assert scores[UNTIED].score.quantiles != scores[MODEL].score.quantiles
    same = targets_of(study.scored)[CUT, "nvidia_output_h100e", "C3 (NVIDIA 2025)"]
    assert same[UNTIED].score.quantiles == same[MODEL].score.quantiles


def test_what_is_given_is_in_no_count(study: Study) -> None:
    rows = counted(study.scored, study.question.origins)
    assert rows
    assert all(row.point.role != "INPUT" for row in rows)
    assert any(row.point.given for row in study.scored)
    found = beside(rows, LAST)
    ratios = [one[MODEL].score.crps_scale / one[LAST].score.crps_scale
              for one in targets_of(rows).values() if LAST in one]  # fmt: skip
    assert (found.targets, found.beaten) == (len(ratios), sum(ratio < 1.0 for ratio in ratios))
    assert found.ratio == pytest.approx(np.median(ratios))


def test_the_prior_that_stands_in_for_a_fit_is_announced(study: Study) -> None:
    found = as_json(study)
    assert "prior" in found["notes"][0]
    assert any("recorded" in note for note in found["notes"])
    absent = replace(study, origins=tuple(replace(origin, stands_in=True) for origin in study.origins))
    assert "No fit to 2023-12, 2024-12 is shipped" in as_json(absent)["notes"][0]


def test_page_and_rows_say_what_the_json_says(study: Study) -> None:
    found = as_json(study)
    json.dumps(found, allow_nan=False)
    text = page(found)
    for name in OPERATORS:
        assert f"`{name}`" in text
    best = found["baselines"][LAST]
    assert f"{best['beaten']} of {best['targets']}" in text
    assert "given, not forecast" in text.lower()
    assert "recorded" in text
    assert len(score_rows(study)) == len(study.scored)
    assert set(found["baselines"]) == set(RIVALS)
    assert found["facts"] == facts_summary(fact_bands(study))


def test_facts_are_counted_by_their_bands(study: Study) -> None:
    bands = fact_bands(study)
    assert {band.fact for band in bands} >= {"C1", "C2", "L3", "M1", "M8", "M12"}
    for band in bands:
        assert band.inside == (band.low <= band.observed <= band.high)
        assert math.isnan(band.naive) or band.naive > 0.0
    summary = facts_summary(bands)
    assert summary["parts_inside"] == sum(band.inside for band in bands)
    one = [replace(band, inside=band.part != bands[0].part) for band in bands if band.fact == bands[0].fact]
    assert facts_summary(one)["facts_all_inside"] == 0
    assert facts_summary(one)["facts_half_inside"] == 1


def test_points_are_read_on_the_operators_scale() -> None:
    (point,) = points_of([ROW, {**ROW, "operator": ""}])
    assert point.value == pytest.approx(math.log(0.8 / 0.2))
    assert (point.known, point.error, point.discrepancy, point.given) == (month_index("2025-01"), 0.3, 0.25, False)
    span = {**ROW, "formula": "mean web_chatgpt_share 2025-01 2025-03", "role": "INPUT"}
    (average,) = points_of([span])
    assert average.given
    assert average.time == month_index("2025-02")
    np.testing.assert_allclose(reading([average], range(35, 41)), [[0.0, 1 / 3, 1 / 3, 1 / 3, 0.0, 0.0]])
    (carried,) = points_of([{**ROW, "scale": "linear", "error": 0.06, "discrepancy": 0.03}])
    assert carried.error == pytest.approx((math.log(9.0) - math.log(0.7 / 0.3)) / (2 * 1.6449), rel=1e-3)
    assert carried.discrepancy == pytest.approx(carried.error / 2.0)


def test_rows_that_are_no_points_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError) as caught:
        points_of(
            [{**ROW, "operator": "web_chatgtp_share"}, {**ROW, "formula": "change web_chatgpt_share 2025-01 2025-02"}]
        )
    first, second = caught.value.problems
    assert first.nearest == "web_chatgpt_share"
    assert "no point of a series" in second.message


def test_series_are_in_order_of_time() -> None:
    for points in by_operator(held()).values():
        times = series_of(points).times
        assert np.all(np.diff(times) >= 0.0)


def test_values_come_back_from_the_scale_within_what_can_be() -> None:
    assert in_units(np.array([-900.0, 900.0]), "web_chatgpt_share") == pytest.approx([0.0, 1.0])
    assert in_units(np.array([-3.0, 4.0]), "cn_us_lag_months").tolist() == [0.0, 4.0]
    assert np.exp(on_scale(np.array([0.0, 5e3]), "cn_inflow_legal_h100e")).tolist() == pytest.approx([100.0, 5e3])


def test_forecasts_start_from_the_last_observation_and_model_alone_does_not() -> None:
    months = list(range(24, 60))
    paths = paths_of("frontier_eci", np.full((400, 36), 130.0), months)
    point = Point("frontier_eci", (40,), 136.0, 136.0, 1e-6, 2.0, "FITTED", "x")
    luck = luck_of("frontier_eci", months, 1, range(400), 1)
    found = predict(paths, [point], 2.0, luck).draws
    assert found[:, 16] == pytest.approx(136.0, abs=1e-2)
    assert found[:, 28].mean() == pytest.approx(130.0 + 6.0 * math.exp(-0.5), abs=0.25)
    alone = predict_alone(paths, [point], 2.0, luck)
    assert alone.draws[:, 16].mean() == pytest.approx(130.0, abs=0.2)
    assert alone.draws.shape == (400 * DRAWS, 36)
    later = Point("frontier_eci", (50, 51, 52), 0.0, 0.0, 0.5, 2.0, "FITTED", "x")
    assert alone.at(later) == pytest.approx(alone.draws[:, 26:29].mean(axis=1) + 0.5 * alone.noise[:, 28])


def test_holes_in_the_runs_are_filled_and_counted() -> None:
    values = np.array([[1.0, np.nan, 5.0, np.nan], [3.0, np.nan, np.nan, np.nan]])
    paths = paths_of("frontier_eci", values, range(4))
    assert paths.missing == 5
    assert paths.values.tolist() == [[1.0, 2.0, 5.0, 5.0], [3.0, 2.0, 5.0, 5.0]]
    with pytest.raises(NothingToForecast, match="frontier_eci"):
        paths_of("frontier_eci", np.full((2, 3), np.nan), range(3))


def test_luck_is_that_of_the_run_whatever_the_others() -> None:
    many, few = luck_of("frontier_eci", range(5), 2, range(9), 7), luck_of("frontier_eci", range(5), 2, range(4, 9), 7)
    np.testing.assert_array_equal(many.discrepancy[4:], few.discrepancy)
    np.testing.assert_array_equal(many.points[4:], few.points)
    assert not np.array_equal(many.discrepancy, luck_of("cn_us_lag_months", range(5), 2, range(9), 7).discrepancy)


@pytest.mark.parametrize(
    ("ratios", "inside", "expected"),
    [
        ({LAST: 1.5, TREND: 0.5}, [True] * 4, "The last value does better here, the model better than a simple trend"),
        ({LAST: 1.2, TREND: 1.2}, [True] * 4, "The last value and a simple trend do better here (4 scores)."),
        ({LAST: 0.5, TREND: 1.01}, [True], "better than the last value, about as well as a simple trend (1 score)."),
        ({LAST: 1.0, TREND: 0.98}, [True], "No better and no worse than the simple rules"),
        ({LAST: 0.5, FROZEN: 1.3}, [True], "The model with frozen routines does better still."),
        ({}, [False, True], "no simple rule to beat. It misses: 1 of 2 observations lie in its 90% band."),
        ({LAST: 0.5}, [], "Nothing was observed after these cuts"),
    ],
)
def test_sentences_are_plain(ratios: dict[str, float], inside: list[bool], expected: str) -> None:
    full = {name: ratios.get(name) for name in RIVALS}
    assert expected in sentence(False, 4, inside, full)
    assert "proves nothing" in sentence(True, 4, inside, full)
    assert "Never observed" in sentence(False, 0, [], full)


def test_one_fit_is_run_once_and_variants_only_where_something_is_scored() -> None:
    question = ask("history_hold", "2025-12", UNTIL, RUNS, ["2023-12", "2024-12"], "prior")
    arms = planned(question, held())
    assert list(arms) == [("prior", MODEL), ("prior", FROZEN), ("prior", UNTIED)]
    assert arms["prior", MODEL].end == month_index(UNTIL)
    assert not arms["prior", FROZEN].model.channels.portfolio_response
    assert not arms["prior", UNTIED].model.channels.spillovers
    alone = ask("history_hold", "2025-12", UNTIL, RUNS, [], "prior")
    assert list(planned(alone, held())) == [("prior", MODEL)]


def fits(folder: Path, monkeypatch: pytest.MonkeyPatch, *months: str) -> None:
    monkeypatch.setattr("sim.backcast.question.fitted_months", lambda: list(months))


def test_a_fit_that_is_not_shipped_is_told_with_the_nearest_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits(tmp_path, monkeypatch, "2023-12", "2024-12")
    with pytest.raises(InputError) as caught:
        ask("history_hold", "2024-09", UNTIL, RUNS, [], "posterior")
    (problem,) = caught.value.problems
    assert problem.nearest == "2024-12"
    assert "darkhorse calibrate --until 2024-09" in str(problem)
    fits(tmp_path, monkeypatch)
    with pytest.raises(InputError, match="no fit is shipped"):
        ask("history_hold", None, UNTIL, RUNS, [], "posterior")


def test_an_origin_without_a_fit_falls_back_to_the_prior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = replace(ask("history_hold", CUT, UNTIL, RUNS, [], "prior"), world="posterior")
    fits(tmp_path, monkeypatch, "2024-12")
    assert origin_of(question, "2024-12").sets == ("world.base=posterior", "world.fitted_to=2024-12")
    older = origin_of(question, "2024-06")
    assert (older.fit, older.stands_in) == ("prior", True)


SMALL = ("--world", "prior", "--draws", "8", "--until", "2026-02", "--origins", "2024-12", "--no-charts")


def test_a_fit_is_set_beside_the_prior_and_only_its_own_origin_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study: Study
) -> None:
    """The rival 'not fitted' is the study with the prior, number by number; without a fit there is none."""
    (tmp_path / "posterior").mkdir()
    lines = "draw,weight,labs.OpenAI.lab_effect\n0,1,0.4\n1,1,0.6\n"
    (tmp_path / "posterior" / f"{CUT}.csv").write_text(lines, encoding="utf-8")
    monkeypatch.setattr("sim.posterior.data_folder", lambda: tmp_path)
    question = ask("history_hold", None, UNTIL, RUNS, ["2023-12"], "posterior")
    assert question.cut == CUT
    found = carry_out(question, Pace())
    mine, prior = targets_of(found.scored), targets_of(study.scored)
    for key, methods in mine.items():
        assert (UNFITTED in methods) == (key[0] == CUT)
        rival = methods[UNFITTED] if key[0] == CUT else methods[MODEL]
        assert rival.score == prior[key][MODEL].score
    frontier = mine[CUT, "frontier_eci", "L3 (frontier 2025-12)"]
    assert frontier[MODEL].score != frontier[UNFITTED].score
    assert "prior stands in" in as_json(found)["notes"][0]


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["backcast", *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--world", "postrior"), "Did you mean posterior"),
        (("--world", "prior", "--fit-until", "2024-13"), "does not exist"),
        (("--world", "prior", "--until", "2025-12"), "too early"),
        (("--world", "prior", "--origins", "2026-03"), "no cut at 2026-03"),
        (("--world", "prior", "--origins", "2024-06-30"), "not a month"),
        (("--world", "prior", "--scenario", "history_holds"), "history_hold"),
        (("--world", "prior", "--set", "model.rationing=lottery"), "rationing"),
    ],
)
def test_bad_input_is_exit_2_and_writes_nothing(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    result = call(*words, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A backcast by command, and what it printed with --json."""
    out = tmp_path_factory.mktemp("backcast")
    result = call(*SMALL, "--json", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    (found,) = out.iterdir()
    return found, result.stdout


def test_the_command_prints_what_it_wrote_and_finds_it_again(folder: tuple[Path, str]) -> None:
    place, printed = folder
    assert place.name.startswith("backcast-")
    assert printed == (place / "backcast.json").read_text(encoding="utf-8")
    found = json.loads(printed)
    for key in ("forecasts", "made", "fit_until", "scenario", "draws", "scores", "baselines", "origins", "coverage"):
        assert key in found
    assert found["fit_until"] == "2025-12"
    with (place / "scores.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["origin"] for row in rows} == {"2024-12"}
    assert sum(len(one["methods"]) for one in found["scores"]) == len(rows)
    again = call(*SMALL, "--out", str(place.parent))
    assert "were there already" in again.stdout
    forced = call(*SMALL, "--jobs", "2", "--force", "--json", "--out", str(place.parent))
    assert {**json.loads(forced.stdout), "made": found["made"]} == found


def test_a_dry_run_says_what_it_would_take(tmp_path: Path) -> None:
    result = call("--world", "prior", "--draws", "8", "--dry-run", "--json", "--out", str(tmp_path))
    found = json.loads(result.stdout)
    assert found["all_runs"] == sum(found["runs"].values()) == 24
    assert list(tmp_path.iterdir()) == []


def test_charts_of_scores_and_operators(folder: tuple[Path, str]) -> None:
    from sim.charts.backcast import operators
    from sim.charts.backcast_data import BackcastRecord
    from sim.charts.backcast_scores import scores
    from sim.charts.style import house_style

    record = BackcastRecord(folder[0])
    with house_style():
        summary = scores(record)
        assert "beats the last value on" in summary.title
        drawn = {}
        for name, figure in operators(record):
            drawn[name] = figure
            if name == "web_chatgpt_share":
                break
    marked = drawn["enterprise_openai_share"].figure.axes[0]
    filled = [line for line in marked.lines if line.get_marker() == "o"]
    assert len(filled) == 4  # all four observations are known at the cut 2025-12
    assert "90%" in drawn["web_chatgpt_share"].title
    assert drawn["web_chatgpt_share"].alt
