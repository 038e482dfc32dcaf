"""The charts of experiments: which there are for a folder, and that they show the numbers of its files."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.chart_data import CannotDraw
from sim.chart_sheet import Drawn, Heading, open_sheet
from sim.charts import EXPERIMENT_CHARTS, Kind, draw_all
from sim.results import OutputError, check_tables, file_digest, read_manifest


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
    assert caplog.messages == ["chart 02_more is left out: there is no c"]
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
