"""The command `darkhorse memo`: its folder, its JSON, bad input, and that the same question finds the same answer."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sim.charts.drawing import draw_all
from sim.cli import app
from sim.memo.claims import CLAIMS
from sim.memo.folder import JSON, PAGE, TABLE
from sim.memo.study import ERRATA
from sim.memo.words import percent_of_ln, points, signed
from sim.results import check_tables, read_manifest

DRAWS = "8"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["memo", *words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small test of the memo on the prior, without charts."""
    out = tmp_path_factory.mktemp("memo")
    done = call("--draws", DRAWS, "--base", "prior", "--jobs", "2", "--out", str(out), "--no-charts", "--quiet")
    assert done.exit_code == 0, done.output
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def value(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / JSON).read_text(encoding="utf-8"))
    return told


def test_folder_is_whole_and_found_again(folder: Path) -> None:
    manifest = read_manifest(folder)
    check_tables(folder, manifest)
    assert manifest["kind"] == "memo"
    assert folder.name == f"memo-{manifest['hash']}"
    before = (folder / JSON).stat().st_mtime_ns
    again = call("--draws", DRAWS, "--base", "prior", "--jobs", "1", "--out", str(folder.parent), "--no-charts")
    assert again.exit_code == 0
    assert "there already" in again.stdout
    assert (folder / JSON).stat().st_mtime_ns == before


def test_json_has_everything_for_every_claim(value: dict[str, Any]) -> None:
    assert value["judged_on"] == "prior"
    assert [row["key"] for row in value["hypotheses"]] == [row.key for row in CLAIMS]
    for row in value["hypotheses"]:
        assert row["verdict"] in ("supported", "conditional", "refuted")
        assert row["reasons"]
        assert row["sentence"]
        for group, count in (("cells", 18), ("variants", 8), ("smuggling", 2)):
            entries = row[group]["prior"]
            assert len(entries) == count, (row["key"], group)
            assert all({"median", "p05", "p95", "p_claim", "mc_error", "runs"} <= entry.keys() for entry in entries)
        assert row["effects"]["prior"].keys() >= {"median", "p05", "p95", "p_positive", "p_claim", "mc_error"}
        assert row["condition"]["cells"]
        assert row["refuted_if"]
    assert {row["setting"] for row in value["five"]["prior"]} >= {"main", "frozen_routines", "V2b"}
    assert value["errata"] == list(ERRATA)
    assert value["placebos"]["prior"]["main"]["placebo.before_first_rule"]["p95"] == 0.0


def test_page_names_claims_numbers_and_errors(folder: Path, value: dict[str, Any]) -> None:
    text = (folder / PAGE).read_text(encoding="utf-8")
    for row in value["hypotheses"]:
        assert f"{row['key']}. {row['title']}: {row['verdict']}" in text
        assert row["sentence"] in text
    for words in ("60,000", "two orders of magnitude", "distillation", "list price", "5.576"):
        assert words in text
    assert "nan" not in text.lower().split()
    assert "\u2014" not in text


def test_table_has_a_row_for_every_setting(folder: Path, value: dict[str, Any]) -> None:
    with (folder / TABLE).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    cells = [row for row in rows if row["group"] == "cells"]
    assert len(cells) == 18 * len(CLAIMS)
    main = {row["hypothesis"]: row for row in rows if row["group"] == "main"}
    assert {key: row["verdict"] for key, row in main.items()} == {
        row["key"]: row["verdict"] for row in value["hypotheses"]
    }


def test_json_on_standard_output_is_the_file(folder: Path) -> None:
    done = call("--draws", DRAWS, "--base", "prior", "--out", str(folder.parent), "--no-charts", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads((folder / JSON).read_text(encoding="utf-8"))


def test_a_figure_for_every_claim_with_words_for_those_who_do_not_see_it(folder: Path) -> None:
    written = draw_all(folder, formats=("svg",), jobs=1)
    names = {path.stem for path in written}
    assert names >= {f"01_claim_{row.key}" for row in CLAIMS} | {"02_five_outcomes", "03_price", "04_shock"}
    for name in names:
        assert len((folder / "figures" / f"{name}.txt").read_text(encoding="utf-8")) > 60


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--base", "posteriors"), "Did you mean posterior"),
        (("--base", "prior", "--set", "world.base=posterior"), "Use --base"),
        (("deepseek_shok",), "Did you mean deepseek_shock"),
        (("no_chinese_labs",), "DeepSeek"),
        (("--set", "no.such.path=1"), "path"),
        (("--out", __file__), "not a folder"),
    ],
)
def test_bad_input(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = call("--draws", "2", *(words if "--out" in words else (*words, "--out", str(tmp_path))))
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert not list(tmp_path.iterdir())


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = call("history_hold", "--base", "prior", "--dry-run", "--json", "--out", str(tmp_path / "new"))
    told = json.loads(done.stdout)
    assert told["status"] == "planned"
    assert told["settings"]["cell"] == 18
    assert not (tmp_path / "new").exists()
    more = json.loads(call("--base", "prior", "--draws", "400", "--dry-run", "--json").stdout)
    assert more["runs"] == 2 * told["runs"]


def test_numbers_are_written_as_a_reader_would() -> None:
    assert percent_of_ln(0.0) == "0%"
    assert percent_of_ln(-0.0001) == "0%"
    assert percent_of_ln(0.6931472) == "+100%"
    assert points(-0.0312) == "-3.1 points"
    assert points(0.0001) == "0.0 points"
    assert signed(None) == "n/a"
