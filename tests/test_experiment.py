"""Designs: axes, grids, sampled designs, policies, baselines, run numbers; and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.errors import InputError
from sim.experiments.axes import parse_axis
from sim.experiments.experiment import BASELINE, POINT, Experiment, plan_experiment
from sim.experiments.outcomes import DEFAULT_OUTCOMES, PATH
from sim.experiments.sampling import unit_points
from sim.setup import names_drawn

SHORT = ["end=2022-06", "outputs.at=[]"]
STRICT, OPEN = "policies.dials.export_controls.strictness", "policies.dials.open_source.diffusion"
FILE = """
schema: 1
name: two_levers
end: 2022-06
counterfactual: {set: {policies.dials.export_controls.strictness: 0}}
experiment:
  vary:
    export_controls.strictness: {from: 0, to: 1, count: 3}
    open_source.diffusion: [0.5, 1]
  draws: 3
  seeds: 2
  outcomes: [gap_months.CN, token_share_abroad]
  at: [2022-03]
"""


def plan(**changes: Any) -> Experiment:
    """An experiment on the main scenario, shortened."""
    return plan_experiment("deepseek_shock", SHORT, changes)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=0:1:11", {"from": 0.0, "to": 1.0, "count": 11}),
        ("a.b=-1:2.5", {"from": -1.0, "to": 2.5, "count": None}),
        ("a.b=0,0.5,1", [0, 0.5, 1]),
        ("a.b=true,false", [True, False]),
        ("a.b=price, quota", ["price", "quota"]),
        ("a.b=[{level: weak}, {level: strong}]", [{"level": "weak"}, {"level": "strong"}]),
        ("a.b=none,2400", ["none", 2400]),
    ],
)
def test_axes_are_read_from_the_command_line(text: str, values: Any) -> None:
    assert parse_axis(text) == ("a.b", values)


@pytest.mark.parametrize("text", ["a.b", "a.b=", "a.b=1", "a.b=0:1:1", "a.b=0:x:3", "a.b=0:1:2:3", "a.b=0:nan:3"])
def test_only_lists_and_ranges_sweep(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_axis(text)
    assert "--vary" in str(error.value)


def test_a_grid_has_every_combination_the_last_axis_fastest() -> None:
    found = plan(vary={"strictness": {"from": 0, "to": 1, "count": 3}, "diffusion": [0.5, 1]}, baseline="as_written")
    asked = [tuple(point.values.values()) for point in found.points if point.role == POINT]
    assert asked == [(0.0, 0.5), (0.0, 1), (0.5, 0.5), (0.5, 1), (1.0, 0.5), (1.0, 1)]
    assert all(list(point.values) == [STRICT, OPEN] for point in found.points if point.role == POINT)
    dials = [(point.scenario.dials[STRICT[15:]], point.scenario.dials[OPEN[15:]]) for point in found.points[:6]]
    assert dials == asked


def test_run_numbers_pair_points_on_draw_and_luck() -> None:
    found = plan(vary={"strictness": [0, 1]}, draws=5, seeds=3)
    lot = found.lot()
    assert found.runs == len(lot) == len(found.points) * 15
    by_point = lot.case.reshape(len(found.points), 15)
    assert (by_point == np.arange(len(found.points))[:, np.newaxis]).all()
    for numbers in (lot.draw, lot.chance):
        assert (numbers.reshape(-1, 15) == numbers[:15]).all()
    assert lot.draw[:15].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert lot.chance[:15].tolist() == list(range(15))


def test_the_block_of_a_file_and_options_say_the_same(tmp_path: Path) -> None:
    file = tmp_path / "two_levers.yaml"
    file.write_text(FILE, encoding="utf-8")
    from_file = plan_experiment(file, [], {})
    file.write_text(FILE[: FILE.index("experiment:")], encoding="utf-8")
    options = {
        "vary": {"strictness": {"from": 0, "to": 1, "count": 3}, "diffusion": [0.5, 1]}, "draws": 3, "seeds": 2,
        "outcomes": ["gap_months.CN", "token_share_abroad"], "at": ["2022-03"],
    }  # fmt: skip
    from_options = plan_experiment(file, [], options)
    assert from_file.folder_name == from_options.folder_name
    assert from_file.ask.columns == from_options.ask.columns
    assert from_file.runs == 6 * 6
    assert len(from_file.ask.columns) == 21 * (1 + len(PATH))


def test_options_replace_what_the_file_says_of_the_same_thing(tmp_path: Path) -> None:
    file = tmp_path / "two_levers.yaml"
    file.write_text(FILE, encoding="utf-8")
    found = plan_experiment(file, [], {"draws": 7, "vary": {"export_controls.strictness": [0.2, 0.4]}})
    assert found.block.draws == 7
    assert {point.values[STRICT] for point in found.points if point.role == POINT} == {0.2, 0.4}


def test_the_baseline_is_the_counterfactual_at_the_same_point() -> None:
    found = plan(vary={"diffusion": [0.5, 1]})
    assert found.against == "Same world without chip controls"
    for point in found.points[:2]:
        held = found.points[point.baseline]
        assert held.role == BASELINE
        assert held.scenario.dials["export_controls.strictness"] == 0.0
        assert held.scenario.dials["open_source.diffusion"] == point.values[OPEN]
    assert found.points[2].baseline == 2


def test_a_baseline_that_equals_a_point_is_that_point() -> None:
    found = plan(vary={"strictness": [0, 0.5, 1]}, baseline={"strictness": 0})
    assert len(found.points) == 3
    assert [point.baseline for point in found.points] == [0, 0, 0]
    assert plan(vary={"strictness": [0, 0.5, 1]}, baseline="as_written").points[0].baseline == 1


def test_policies_are_overlays_and_may_be_the_baseline() -> None:
    policies = {"hold": "as_written", "lift": "counterfactual", "open": {"diffusion": 1}}
    found = plan(policies=policies, vary={"rationing": ["price", "quota"]}, baseline="hold")
    assert found.policies == ["hold", "lift", "open"]
    assert [point.baseline for point in found.points] == [0, 1] * 3
    assert [point.scenario.model.rationing for point in found.points] == ["price", "quota"] * 3
    assert found.points[4].scenario.dials["open_source.diffusion"] == 1.0


@pytest.mark.parametrize("method", ["latin_hypercube", "sobol"])
def test_sampled_designs_fill_their_ranges(method: str) -> None:
    vary = {"strictness": {"from": 0.2, "to": 0.8}, "rationing": ["price", "quota"]}
    found = plan(vary=vary, method=method, points=16, baseline="as_written", draws=2)
    values = np.array([point.values[STRICT] for point in found.points if point.role == POINT])
    assert len(values) == 16
    assert ((values > 0.2) & (values < 0.8)).all()
    assert sorted(((values - 0.2) / 0.6 * 16).astype(int)) == list(range(16))  # one in each sixteenth
    assert sum(point.scenario.model.rationing == "quota" for point in found.points[:16]) == 8
    again = plan(vary=vary, method=method, points=16, baseline="as_written", draws=2)
    assert again.folder_name == found.folder_name


@pytest.mark.parametrize("method", ["latin_hypercube", "sobol"])
def test_draws_can_be_sampled_apart_from_levers(method: str) -> None:
    found = plan(vary={"strictness": [0, 1]}, draws=8, seeds=2, draw_method=method)
    lot = found.lot()
    assert lot.names == tuple(names_drawn(found.base))
    assert lot.places.shape == (found.runs, len(lot.names))
    first = lot.places[:16]
    assert (first[::2] == first[1::2]).all()
    assert (lot.places[16:32] == first).all()
    assert (np.sort((first[::2] * 8).astype(int), axis=0) == np.arange(8)[:, np.newaxis]).all()


def test_designs_of_one_seed_are_told_apart_by_name_and_repeat() -> None:
    first, other = (unit_points("sobol", 8, 3, 5, name) for name in ("levers", "draws"))
    assert (first != other).any()
    assert np.array_equal(first, unit_points("sobol", 8, 3, 5, "levers"))
    assert (first != unit_points("sobol", 8, 3, 6, "levers")).any()


def test_sobol_lengths_that_are_not_balanced_are_warned_of() -> None:
    assert plan(vary={"strictness": [0, 1]}, draws=10, draw_method="sobol").warnings
    assert not plan(vary={"strictness": [0, 1]}, draws=16, draw_method="sobol").warnings


def test_what_is_kept_by_default() -> None:
    ask = plan(vary={"strictness": [0, 1]}).ask
    assert ask.outcomes == DEFAULT_OUTCOMES
    assert "gap_months.CN@2022-06" in ask.columns
    assert "gap_months.CN@mean" in ask.columns


def test_the_folder_is_named_by_what_determines_the_numbers() -> None:
    names = {
        plan(vary={"strictness": [0, 1]}).folder_name,
        plan(vary={"strictness": [0, 0.9]}).folder_name,
        plan(vary={"strictness": [0, 1]}, draws=65).folder_name,
        plan(vary={"strictness": [0, 1]}, seeds=2).folder_name,
        plan(vary={"strictness": [0, 1]}, baseline="as_written").folder_name,
        plan(vary={"strictness": [0, 1]}, outcomes=["gap_months.CN"]).folder_name,
        plan(vary={"strictness": [0, 1]}, draw_method="sobol").folder_name,
        plan_experiment("deepseek_shock", [*SHORT, "seed=4"], {"vary": {"strictness": [0, 1]}}).folder_name,
    }
    assert len(names) == 8
    assert plan(vary={"strictness": [0, 1]}).folder_name in names


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "nothing varies"),
    ({"vary": {"strictnes": [0, 1]}}, "strictness"),
    ({"vary": {"strictness": 0.5}}, "only lists and ranges sweep"),
    ({"vary": {"strictness": []}}, "the list is empty"),
    ({"vary": {"strictness": [0, 0]}}, "twice"),
    ({"vary": {"strictness": [0, 2]}}, "out of range"),
    ({"vary": {"strictness": {"from": 1, "to": 0, "count": 3}}}, "where it starts"),
    ({"vary": {"strictness": {"from": 0, "to": 1}}}, "number of values"),
    ({"vary": {"strictness": {"from": 0, "to": 1, "cont": 3}}}, "cont"),
    ({"vary": {"strictness": [0, 1], "export_controls.strictness": [0, 1]}}, "twice"),
    ({"vary": {"strictness": [0, 1]}, "baseline": "nobody"}, "there is no policy 'nobody'"),
    ({"vary": {"strictness": [0, 1]}, "baseline": {"strictnes": 0}}, "strictness"),
    ({"vary": {"strictness": [0, 1]}, "policies": {"x": 3}}, "a policy sets values"),
    ({"vary": {"strictness": [0, 1]}, "outcomes": ["gap_month.CN"]}, "gap_months.CN"),
    ({"vary": {"strictness": [0, 1]}, "at": ["2040-01"]}, "outside the run"),
    ({"vary": {"strictness": {"from": 0, "to": 1}}, "method": "sobol"}, "--points"),
    ({"vary": {"strictness": [0, 1]}, "method": "random"}, "latin_hypercube"),
    ({"vary": {"strictness": [0, 1]}, "draws": 0}, "draws"),
    ({"vary": {"seed": [1, 2]}}, "seed holds for all points"),
    ({"vary": {"end": ["2022-03", "2022-04"]}}, "end holds for all points"),
    ({"policies": {"later": {"end": "2022-04"}}}, "end holds for all points"),
    ({"policies": {"as_written": {"diffusion": 1}}}, "as_written has a meaning of its own"),
    ({"policies": {"counterfactual": {"diffusion": 1}}}, "counterfactual has a meaning of its own"),
    ({"vary": {"strictness": [0, 1]}, "baseline": ["a"]}, "a word or values"),
    ({"vary": {axis: {"from": 0, "to": 1, "count": 900} for axis in ("strictness", "diffusion")}}, "810,000 points"),
    ({"vary": {"strictness": [0, 1]}, "draws": 900_000, "seeds": 10_000}, "more than"),
]


@pytest.mark.parametrize(("changes", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_bad_experiments_are_refused_in_words(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as error:
        plan(**changes)
    assert text in str(error.value)


def test_faults_of_a_file_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "two_levers.yaml"
    bad = FILE.replace("to: 1, count: 3", "to: 2, cont: 3").replace("[0.5, 1]", "0.5")
    file.write_text(bad, encoding="utf-8")
    with pytest.raises(InputError) as error:
        plan_experiment(file, [], {})
    assert [(problem.line, problem.path) for problem in error.value.problems] == [
        (8, "experiment.vary.export_controls.strictness.cont"), (9, "experiment.vary.open_source.diffusion"),
    ]  # fmt: skip
    file.write_text(FILE.replace("to: 1, count: 3", "to: 2, count: 3"), encoding="utf-8")
    with pytest.raises(InputError, match=r"two_levers\.yaml:8: .*2 is out of range"):
        plan_experiment(file, [], {})
    result = CliRunner().invoke(app, ["validate", str(file)])
    assert result.exit_code == 2
    assert "two_levers.yaml:8: " in result.stderr


def test_nothing_is_written_where_the_executor_is_at_fault(tmp_path: Path) -> None:
    words = [
        "sweep",
        "deepseek_shock",
        "--vary",
        "strictness=0,1",
        "--executor",
        "dusk",
        "--out",
        str(tmp_path / "out"),
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "Did you mean dask?" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_option_given_twice_is_refused() -> None:
    for words in (["--vary", "strictness=0,1"], ["--policy", "a={diffusion: 1}"]):
        result = CliRunner().invoke(app, ["sweep", "deepseek_shock", *words, *words, "--dry-run"])
        assert result.exit_code == 2
        assert "given twice" in result.stderr


def test_no_counterfactual_means_compared_with_the_scenario_as_written(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text("schema: 1\nname: plain\nend: 2022-03\n", encoding="utf-8")
    found = plan_experiment(file, [], {"vary": {"strictness": [0, 1]}})
    assert found.against == "the scenario as written"
    with pytest.raises(InputError, match="no counterfactual"):
        plan_experiment(file, [], {"policies": {"x": "counterfactual"}})
