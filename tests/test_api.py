"""The Python API: the numbers of the command line, tables and arrays of the right shape, plots, and kind refusals."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from typer.testing import CliRunner

import sim.api as darkhorse
from sim.cli import app
from sim.errors import InputError
from sim.results import OutputError, Results
from sim.scenario import load_scenario

MEASURES = ["token_share_abroad", "gap_months", "compute_owned", "token_share"]
SMALL = {"end": "2023-06", "outputs.measures": MEASURES, "outputs.at": ["2023-01"]}
SHARE, GAP = "token_share_abroad.CN", "gap_months.CN"


@pytest.fixture(scope="module")
def result() -> darkhorse.Result:
    return darkhorse.run(darkhorse.load("deepseek_shock", SMALL), runs=4)


@pytest.fixture(scope="module")
def compared() -> darkhorse.Result:
    base = darkhorse.load("deepseek_shock", SMALL)
    longer = darkhorse.change(base, {"end": "2023-09", "export_controls.strictness": 0.0}, name="free")
    return darkhorse.compare(base, longer, runs=3)


@pytest.fixture(scope="module")
def by_command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli")
    sets = ["end=2023-06", f"outputs.measures=[{','.join(MEASURES)}]", "outputs.at=[2023-01]"]
    options = [word for text in sets for word in ("--set", text)]
    done = CliRunner().invoke(
        app, ["run", "deepseek_shock", "--runs", "4", *options, "--no-charts", "--quiet", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    return next(out.iterdir())


def test_the_numbers_of_the_command_line_bit_for_bit(result: darkhorse.Result, by_command: Path) -> None:
    recorded = Results(by_command)
    assert result.columns == recorded.columns
    mine, theirs = result.results.read(result.columns), recorded.read(recorded.columns)
    for column in result.columns:
        for arm in ("main", "counterfactual"):
            assert mine[column][arm].tobytes() == np.ascontiguousarray(theirs[column][arm]).tobytes(), (column, arm)


def test_save_writes_the_folder_of_the_command_line(
    result: darkhorse.Result, by_command: Path, tmp_path: Path
) -> None:  # fmt: skip
    folder = result.save(tmp_path)
    assert folder.name == by_command.name
    for name in ("summary.csv", "differences.csv", "series.parquet"):
        assert (folder / name).read_bytes() == (by_command / name).read_bytes(), name
    again = darkhorse.open_results(folder)
    assert again.manifest["digests"] == darkhorse.open_results(by_command).manifest["digests"]
    with pytest.raises(InputError, match="on disk already"):
        again.save(tmp_path)


def test_summary_and_differences_are_the_tables_of_the_folder(result: darkhorse.Result, by_command: Path) -> None:
    for name, frame in (("summary.csv", result.summary()), ("differences.csv", result.differences())):
        with (by_command / name).open(encoding="utf-8", newline="") as stream:
            header, *rows = list(csv.reader(stream))
        assert list(frame.columns) == header
        written = {tuple(row): None for row in rows}
        told = [["" if cell != cell else f"{cell:.10g}" if isinstance(cell, float) else str(cell) for cell in row]
                for row in frame.itertuples(index=False)]  # fmt: skip
        assert {tuple(row): None for row in told} == written, name
        assert len(told) == len(rows) > 50


def test_a_part_of_the_tables(result: darkhorse.Result) -> None:
    summary = result.summary(at=["2022-12", "2023-01"], columns=[SHARE])
    assert len(summary) == 4
    assert set(summary["month"]) == {"2022-12", "2023-01"}
    differences = result.differences(at="2022-12", columns=SHARE)
    assert differences[["arm", "against", "runs"]].to_numpy().tolist() == [["main", "counterfactual", 4]]


def test_frame_has_every_run_and_month(result: darkhorse.Result) -> None:
    frame = result.frame(SHARE)
    assert list(frame.columns) == ["arm", "run", "month", SHARE]
    assert len(frame) == 2 * 4 * 18
    one = frame[(frame["arm"] == "counterfactual") & (frame["run"] == 2)]
    assert one["month"].dt.strftime("%Y-%m").tolist() == result.months
    assert one[SHARE].tolist() == result.results.read([SHARE])[SHARE]["counterfactual"][2].tolist()


def test_dataset_has_labels_and_units(compared: darkhorse.Result) -> None:
    data = compared.dataset([SHARE, GAP])
    assert dict(data.sizes) == {"arm": 2, "run": 3, "month": 18}, "months that not every arm has are left out"
    assert data[GAP].attrs["units"] == "months"
    assert data.attrs["note"].endswith("not a forecast")
    values = data[SHARE].sel(arm="free", month="2023-06-01").values
    assert values.tolist() == compared.results.read([SHARE])[SHARE]["free"][:, 17].tolist()
    assert compared.dataset().sizes == data.sizes
    assert len(compared.dataset()) == len(compared.columns)


def test_comparison_holds_the_alternative_against_the_base(compared: darkhorse.Result) -> None:
    assert compared.pairs == [("free", "deepseek_shock")]
    found = compared.differences(at="2023-06", columns=["compute_owned.CN"]).iloc[0]
    values = compared.results.read(["compute_owned.CN"])["compute_owned.CN"]
    assert found["mean"] == pytest.approx(float((values["free"][:, 17] - values["deepseek_shock"][:, 17]).mean()))
    assert found["mean"] > 0, "without controls China owns more"


def test_plot_draws_on_the_axes_given_and_leaves_settings_alone(result: darkhorse.Result) -> None:
    before = dict(matplotlib.rcParams)
    figure, axes = pyplot.subplots()
    returned = result.plot(SHARE, ax=axes)
    own = result.plot("compute_owned.CN", colour="#123456")
    assert returned is axes
    assert own is not axes
    assert dict(matplotlib.rcParams) == before
    solid, dashed = (line for line in axes.lines if str(line.get_label()).startswith("median"))
    assert np.array_equal(np.asarray(solid.get_ydata()), result.record().fan(SHARE).median)
    assert np.array_equal(np.asarray(dashed.get_ydata()), result.record().fan(SHARE, "counterfactual").median)
    assert own.lines[0].get_color() == "#123456"
    assert axes.get_title(loc="left").startswith("China")
    figure.canvas.draw()
    pyplot.close("all")


def test_picture_is_the_interactive_chart(result: darkhorse.Result) -> None:
    picture = result.picture()
    assert "2023-01" in picture.title
    assert len(picture.table) > 0
    assert picture.chart.to_dict()["$schema"].startswith("https://vega.github.io")
    with pytest.raises(InputError, match="'chain' or 'channels'"):
        result.picture("pie")


def test_change_lays_values_over_as_the_command_line_does() -> None:
    base = darkhorse.load("deepseek_shock")
    mine = darkhorse.change(base, {"export_controls.strictness": np.float64(0.8)}, name="x")
    theirs = load_scenario("deepseek_shock", ["export_controls.strictness=0.8", "name=x"])
    assert mine.digest() == theirs.digest()
    assert darkhorse.change("deepseek_shock", {"runs": np.int64(7)}).name == "deepseek_shock_changed"
    dated = [{"from": date(2025, 1, 1), "value": 0.3}]
    step = darkhorse.change(base, {"policies.US.enforcement": dated}).policies["US", "enforcement"].steps[0]
    assert (step.start, step.value) == ("2025-01-01", 0.3)
    assert base.digest() == load_scenario("deepseek_shock").digest(), "the scenario that was given stays as it is"
    assert darkhorse.change(base, {"policies.CN.purchase_veto": None}).policies.keys() < base.policies.keys()


def test_what_is_wrong_is_said_with_the_nearest_name(result: darkhorse.Result, tmp_path: Path) -> None:
    base = darkhorse.load("deepseek_shock", SMALL)
    wrong: dict[str, Callable[[], object]] = {
        "Did you mean policies.US.enforcement": lambda: darkhorse.change(base, {"policies.US.enforcment": 1}),
        "it must be a number in": lambda: darkhorse.change(base, {"policies.US.enforcement": 7}),
        "no measure 'token_shar'": lambda: darkhorse.run(base, measures=["token_shar"]),
        "no measure 'gap'": lambda: darkhorse.change(base, {"outputs.measures": ["gap"]}),
        "Give each its own": lambda: darkhorse.compare(base, base, runs=2),
        "nothing to compare": lambda: darkhorse.compare(base),
        "Did you mean deepseek_shock": lambda: darkhorse.load("deepseek_shok"),
        "Did you mean gap_months.CN": lambda: result.frame("gap_month.CN"),
        "no month '2023-07'": lambda: result.summary(at="2023-07"),
        "no arm 'mian'. Did you mean main": lambda: result.plot(GAP, arm="mian"),
    }
    for words, call in wrong.items():
        with pytest.raises(ValueError, match=words):
            call()
    with pytest.raises(OutputError, match="does not exist"):
        darkhorse.open_results(tmp_path / "nowhere")


def test_it_says_what_it_is(result: darkhorse.Result, compared: darkhorse.Result) -> None:
    assert "4 of each, seed 20250120" in repr(result)
    assert "free less deepseek_shock" in repr(compared)
    marked = darkhorse.change(darkhorse.load("no_controls", SMALL), {}, title="<b>&</b>")
    shown = darkhorse.run(marked, runs=1, measures=["gap_months"])._repr_html_()
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in shown
    assert "<b>" not in shown
