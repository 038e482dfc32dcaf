"""`darkhorse export`: IAMC tables, the workbook and the bundle hold the numbers of the folder, whole or not at all."""

import csv
import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import yaml
from typer.testing import CliRunner, Result

from sim.calendar import month_index
from sim.cli import app
from sim.compare import difference_in, quantiles
from sim.export.definitions import definition_files, mapping_rows
from sim.export.files import export
from sim.export.lines import difference_levels
from sim.export.variables import QUANTILES, REGION_WORDS, TABLE, quantile_name, variable_of
from sim.measures import CATALOGUE, columns
from sim.results import OutputError, Results

EVIL = "=1+1 <b>&</b> 50% of it"
MEASURES = ["token_share", "token_share_abroad", "gap_months", "compute_owned", "capability", "hhi"]


def darkhorse(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, a comparison and a sweep, small ones."""
    out = tmp_path_factory.mktemp("made")
    small = ["--set", "end=2023-06", "--set", f"title={json.dumps(EVIL)}", "--no-report", "--quiet", "--out", str(out)]
    chosen = ["--runs", "3", "--set", f"outputs.measures=[{','.join(MEASURES)}]", "--set", "outputs.at=[2022-12]"]
    axis = ["--vary", "export_controls.strictness=0,1", "--draws", "3", "--at", "2022-12,2023-06"]
    axis += ["--set", "outputs.at=[2022-12]"]
    for words in (
        ["run", "deepseek_shock", *chosen, "--no-charts"],
        ["compare", "deepseek_shock", "no_controls", *chosen],
        ["sweep", "deepseek_shock", *axis, "--outcomes", "gap_months.CN,compute_owned.CN", "--no-charts"],
    ):
        done = darkhorse(*words, *small)
        assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def run_folder(made: Path, tmp_path: Path) -> Path:
    """A run of one's own to spoil."""
    return Path(shutil.copytree(folder_of(made, "deepseek_shock-"), tmp_path / "here" / "run-1"))


def folder_of(made: Path, start: str) -> Path:
    return next(path for path in made.iterdir() if path.name.startswith(start))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def cells(path: Path, sheet: str) -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(path)
    return [tuple(cell.value for cell in row) for row in book[sheet].iter_rows()]


def test_every_column_has_one_variable_of_its_own() -> None:
    assert set(TABLE) == set(CATALOGUE)
    variables = [variable_of(column) for column in columns()]
    assert len({(one.name, one.region) for one in variables}) == len(columns())
    units: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    for one in variables:
        units.setdefault(CATALOGUE[one.column.partition(".")[0]].unit, set()).add(one.unit)
        names.setdefault(one.name, set()).add(one.unit)
        assert one.region in REGION_WORDS
        is_share = CATALOGUE[one.column.partition(".")[0]].unit.startswith("share")
        assert (one.unit == "%") == (one.factor == 100) == is_share, one.column
    assert all(len(found) == 1 for found in [*units.values(), *names.values()])


@pytest.mark.parametrize(("column", "name", "region", "unit"), [
    ("token_share.CN", "AI Market [Share]|Tokens|China", "World", "%"),
    ("token_share_abroad.CN", "AI Market [Share]|Tokens|Abroad|China", "World", "%"),
    ("token_share.DeepSeek", "AI Market [Share]|Tokens|China|DeepSeek", "World", "%"),
    ("token_share.open", "AI Market [Share]|Tokens|Open Weights", "World", "%"),
    ("compute_owned.EU", "Compute|Owned", "European Union", "H100e"),
    ("compute_owned.world", "Compute|Owned", "World", "H100e"),
    ("compute_inflow.smuggled", "Compute|Inflow|Smuggled", "China", "H100e/month"),
    ("capability.GoogleDeepMind", "Capability|Best Model on Offer|United States|Google DeepMind", "World", "ECI"),
    ("country_share.RU_BY", "AI Market [Share]|Tokens|Consumers|China|DeepSeek", "Russia and Belarus", "%"),
    ("hhi.labs", "AI Market|Concentration|Labs", "World", "index"),
    ("price_fixed_capability.122", "Price|Tokens|At Capability|122", "World", "USD/million tokens"),
])  # fmt: skip
def test_variables_by_name(column: str, name: str, region: str, unit: str) -> None:
    found = variable_of(column)
    assert (found.name, found.region, found.unit) == (name, region, unit)


def test_definitions_name_every_variable_and_region_once() -> None:
    files = {name: yaml.safe_load(text) for name, text in definition_files().items()}
    entries = files["definitions/variable/variables.yaml"]
    names = [name for entry in entries for name in entry]
    assert len(names) == len(set(names))
    tags = files["definitions/variable/tag_quantile.yaml"][0]["Quantile"]
    levels = [name for entry in tags for name in entry]
    whole = {name.replace("{Quantile}", level) for name in names for level in levels}
    for column in columns():
        for level in QUANTILES:
            assert {quantile_name(variable_of(column).name, level, change) for change in (True, False)} <= whole
    regions = [region for part in files["definitions/region/regions.yaml"] for entries in part.values()
               for entry in entries for region in entry]  # fmt: skip
    assert sorted(regions) == sorted(REGION_WORDS)
    assert len(mapping_rows()) == len(columns()) + 1
    assert not set(':;"') & {sign for entry in entries for words in entry.values() for sign in words["description"]}


def test_differences_leave_out_what_is_not_defined() -> None:
    first = np.array([[3.0, np.nan, 1.0], [5.0, np.nan, np.nan], [9.0, np.nan, 2.0]])
    found = difference_levels(first, np.ones_like(first))
    assert found[2, 0] == 4.0
    assert np.isnan(found[:, 1]).all()
    assert found[:, 2].tolist() == quantiles(np.array([0.0, 1.0]), (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()


def test_iamc_tables_hold_the_quantiles_of_the_run(made: Path, tmp_path: Path) -> None:
    folder = folder_of(made, "deepseek_shock-")
    place = export(folder, ["iamc"], tmp_path / "out").out / "iamc"
    results = Results(folder)
    wide = {(r["scenario"], r["region"], r["variable"]): r for r in rows_of(place / "iamc_yearly_wide.csv")}
    monthly = {(r["scenario"], r["region"], r["variable"]): r for r in rows_of(place / "iamc_monthly_wide.csv")}
    assert set(next(iter(wide.values()))) == {"model", "scenario", "region", "variable", "unit", "2022"}
    for column in results.columns:
        variable = variable_of(column)
        values = results.read([column])[column]
        month = month_index("2022-12")
        for arm, scenario in {"main": "deepseek_shock", "counterfactual": "deepseek_shock counterfactual"}.items():
            levels = variable.factor * quantiles(values[arm][:, month], (0.05, 0.5))
            for level, value in zip(("p05", "p50"), levels, strict=True):
                key = (scenario, variable.region, quantile_name(variable.name, level))
                told = [monthly[key]["2022-12-01"], wide[key]["2022"]] if np.isfinite(value) else []
                assert all(float(text) == pytest.approx(value, rel=1e-9) for text in told), key
                assert len(told) == 2 or monthly.get(key, {"2022-12-01": ""})["2022-12-01"] == ""
        found = difference_in(results, values, ("main", "counterfactual"), month)
        if found.runs:
            row = wide["deepseek_shock", variable.region, quantile_name(variable.name, "p95", True)]
            assert float(row["2022"]) == pytest.approx(variable.factor * found.p95, rel=1e-9)
            assert row["unit"] == variable.difference_unit


def test_long_wide_and_workbooks_hold_the_same(made: Path, tmp_path: Path) -> None:
    place = export(folder_of(made, "compare-"), ["iamc"], tmp_path / "out").out / "iamc"
    wide = rows_of(place / "iamc_yearly_wide.csv")
    keys = ("model", "scenario", "region", "variable", "unit")
    long = {tuple(row[key] for key in keys): row["value"] for row in rows_of(place / "iamc_yearly_long.csv")}
    assert long == {tuple(row[key] for key in keys): row["2022"] for row in wide}
    assert {row["scenario"] for row in wide} == {"deepseek_shock", "no_controls"}
    book = cells(place / "iamc_yearly_wide.xlsx", "data")
    assert book[0] == (*keys, 2022)
    assert [tuple(map(str, row[:5])) for row in book[1:]] == [tuple(row[key] for key in keys) for row in wide]
    assert [row[5] for row in book[1:]] == [float(row["2022"]) for row in wide]
    meta = cells(place / "iamc_yearly_wide.xlsx", "meta")
    assert meta[0][:4] == ("model", "scenario", "title", "difference_against")
    assert [row[3] for row in meta[1:]] == [None, "deepseek_shock"]
    assert cells(place / "iamc_yearly_long.xlsx", "data")[0] == (*keys, "year", "value")


def test_a_sweep_is_a_scenario_for_each_point(made: Path, tmp_path: Path) -> None:
    folder = folder_of(made, "sweep-")
    place = export(folder, ["iamc"], tmp_path / "out").out / "iamc"
    rows = rows_of(place / "iamc_monthly_wide.csv")
    summary = [row for row in rows_of(folder / "summary.csv") if row["outcome"] == "compute_owned.CN"]
    for told in (row for row in summary if row["at"] == "2023-06"):
        mine = [row for row in rows if row["scenario"].startswith(f"deepseek_shock {told['point']} (")
                and row["variable"] == "Compute|Owned|Median"]  # fmt: skip
        assert [float(row["2023-06-01"]) for row in mine] == [float(told["p50"])]
    meta = rows_of(place / "iamc_meta.csv")
    assert [row["export_controls.strictness"] for row in meta if row["role"] == "point"] == ["0", "1"]
    assert all(row["difference_against"] in {other["scenario"] for other in meta} for row in meta)


def test_workbook_holds_the_tables(made: Path, tmp_path: Path) -> None:
    folder = folder_of(made, "deepseek_shock-")
    made_now = export(folder, ["xlsx"], tmp_path / "out")
    path = made_now.out / made_now.names[0]
    book = openpyxl.load_workbook(path)
    sheets = [
        "Read me",
        "Charts",
        "Tokens abroad",
        "Tokens",
        "Tokens of open models",
        "Outcomes",
        "summary",
        "differences",
        "Parameters",
        "Policies",
    ]
    assert book.sheetnames == [*sheets, "Scenario", "Manifest", "Data dictionary"]
    for name in ("summary", "differences"):
        written = rows_of(folder / f"{name}.csv")
        header, *rows = cells(path, name)
        assert list(header) == list(written[0])
        assert len(rows) == len(written)
        for row, told in zip(rows[::37], written[::37], strict=True):
            for cell, text in zip(row, told.values(), strict=True):
                assert cell == (None if text == "" else float(text) if isinstance(cell, int | float) else text)
        assert book[name].freeze_panes == "A2"
        assert book[name].auto_filter.ref
    results = Results(folder)
    values = results.read(["token_share_abroad.CN"])["token_share_abroad.CN"]
    series = cells(path, "Tokens abroad")
    levels = quantiles(values["main"], (0.05, 0.25, 0.5, 0.75, 0.95))
    change = difference_levels(values["main"], values["counterfactual"])[2]
    for place, told in {3: levels[2], 6: levels[4] - levels[0], 10: change}.items():
        assert [row[place] for row in series[1:]] == pytest.approx(told.tolist(), rel=1e-14)
    assert [f"{row[0]:%Y-%m}" for row in series[1:3]] == ["2022-01", "2022-02"]
    assert len(book["Charts"]._charts) == 6
    numbers = cells(path, "Parameters")
    assert {"source", "grade", "p50"} <= set(numbers[0])
    assert len(numbers) > 200
    assert len(cells(path, "Data dictionary")) == len(columns()) + 1


def test_nothing_becomes_a_formula(made: Path, tmp_path: Path) -> None:
    """A title or name that starts like a formula stays text, in every sheet."""
    made_now = export(folder_of(made, "deepseek_shock-"), ["xlsx"], tmp_path / "out")
    book = openpyxl.load_workbook(made_now.out / made_now.names[0])
    assert book["Read me"]["A1"].value == EVIL
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds <= {"s", "n", "d", "b"}
    texts = [cell.value for cell in book["Scenario"]["B"]]
    assert EVIL in texts


@pytest.mark.parametrize("start", ["deepseek_shock-", "sweep-"])
def test_the_same_record_gives_the_same_bytes(made: Path, tmp_path: Path, start: str) -> None:
    folder = folder_of(made, start)
    first, second = (export(folder, [], tmp_path / name).out for name in ("one", "two"))
    names = sorted(path.relative_to(first).as_posix() for path in first.rglob("*") if path.is_file())
    assert len(names) > 10
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_bundle_has_all_that_is_needed(run_folder: Path, tmp_path: Path) -> None:
    (run_folder / "report.html").write_text("<p>here</p>", encoding="utf-8")
    made_now = export(run_folder, ["zip"])
    assert made_now.out == run_folder / "export"
    with zipfile.ZipFile(made_now.out / "run-1.zip") as bundle:
        bundle.extractall(tmp_path / "un")
        assert all(name.startswith("run-1/") for name in bundle.namelist())
    place = tmp_path / "un" / "run-1"
    sums = {line[66:]: line[:64] for line in (place / "SHA256SUMS").read_text().splitlines()}
    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert files == {*sums, "SHA256SUMS"}
    assert all(hashlib.sha256((place / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())
    needed = {"manifest.json", "series.parquet", "summary.csv", "report.html", "LICENSE", "CITATION.cff", "README.md"}
    assert needed | {"scenarios/main.yaml", "data/parameters.csv", "data/observed.csv"} <= files
    assert "conditional on the scenario" in (place / "README.md").read_text(encoding="utf-8")
    again = darkhorse(
        "run",
        str(place / "scenarios" / "main.yaml"),
        "--no-charts",
        "--no-report",
        "--quiet",
        "--out",
        str(tmp_path),
    )
    assert again.exit_code == 0, again.output
    hashes = [json.loads((at / "manifest.json").read_text())["hash"] for at in (place, Path(again.stdout.strip()))]
    assert hashes[0] == hashes[1], "the scenario of the bundle is the one that was run"
    assert darkhorse("replay", str(place), "--run", "1").exit_code == 0


@pytest.mark.slow
def test_charts_and_report_are_made_from_an_unpacked_bundle(made: Path, tmp_path: Path) -> None:
    folder = folder_of(made, "deepseek_shock-")
    made_now = export(folder, ["zip"], tmp_path / "out")
    with zipfile.ZipFile(made_now.out / made_now.names[0]) as bundle:
        bundle.extractall(tmp_path / "un")
    done = darkhorse("chart", str(tmp_path / "un" / folder.name), "--jobs", "1", "--quiet")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "un" / folder.name / "figures" / "02_shares_by_bloc.png").is_file()
    done = darkhorse("report", str(tmp_path / "un" / folder.name), "--quiet")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "un" / folder.name / "report.html").is_file()


def test_a_file_outside_the_folder_is_refused(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"x")
    manifest = json.loads((run_folder / "manifest.json").read_text(encoding="utf-8"))
    (run_folder / "manifest.json").write_text(json.dumps({**manifest, "figures": ["../../secret.png"]}))
    with pytest.raises(OutputError, match="outside the folder"):
        export(run_folder, ["zip"])
    (run_folder / "manifest.json").write_text(json.dumps(manifest))
    (run_folder / "figures").mkdir()
    (run_folder / "figures" / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(OutputError, match="outside the folder"):
        export(run_folder, ["zip"])
    assert not (run_folder / "export").exists()


def test_whole_or_not_at_all(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(run_folder, ["xlsx", "iamc"])
    old = {path: path.read_bytes() for path in (run_folder / "export").rglob("*") if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sim.export.files.write_bundle", full)
    with pytest.raises(OutputError, match="is full"):
        export(run_folder, [])
    now = {path: path.read_bytes() for path in (run_folder / "export").rglob("*") if path.is_file()}
    assert now == old
    assert not list(run_folder.glob(".*tmp*"))
    monkeypatch.undo()
    export(run_folder, [])
    assert sorted(path.name for path in (run_folder / "export").iterdir()) == ["iamc", "run-1.xlsx", "run-1.zip"]


def test_the_command_says_what_it_wrote(run_folder: Path, tmp_path: Path) -> None:
    done = darkhorse("export", str(run_folder), "--xlsx", "--out", str(tmp_path / "new" / "out"), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["files"] == [str(tmp_path / "new" / "out" / "run-1.xlsx")]
    assert Path(told["files"][0]).is_file()


def test_bad_input_is_refused(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert darkhorse("export", str(tmp_path / "nowhere")).exit_code == 1
    done = darkhorse("export", str(run_folder), "--xlsx", "--out", str(tmp_path / "file"))
    assert (done.exit_code, "not a folder" in done.output) == (2, True)
    path = run_folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "status": "incomplete"}))
    done = darkhorse("export", str(run_folder))
    assert (done.exit_code, "is incomplete" in done.output) == (1, True)
    path.write_text(json.dumps({**manifest, "kind": "memo"}))
    done = darkhorse("export", str(run_folder), "--iamc")
    assert (done.exit_code, "no IAMC form" in done.output) == (2, True)
    path.write_text(json.dumps(manifest))
    (run_folder / "summary.csv").write_text("changed")
    done = darkhorse("export", str(run_folder))
    assert (done.exit_code, "not as it was written" in done.output) == (1, True)
    assert not (run_folder / "export").exists()


def test_a_folder_of_another_kind_gets_the_other_forms(run_folder: Path) -> None:
    path = run_folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "kind": "sensitivity"}))
    made_now = export(run_folder, [])
    assert made_now.names == ("run-1.xlsx", "run-1.zip")
    assert "no IAMC form" in made_now.left_out
    assert "summary" in openpyxl.load_workbook(made_now.out / "run-1.xlsx").sheetnames


def test_without_the_package_it_says_how_to_get_it(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    done = darkhorse("export", str(run_folder), "--xlsx")
    assert (done.exit_code, "pip install 'darkhorse[export]'" in done.output) == (2, True)
    assert not (run_folder / "export").exists()
