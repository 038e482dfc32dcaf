"""A report on the memo's claims: the numbers of its table are those of memo.json."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.report.evidence_sections import effect, unit_of
from tests.report_folders import page_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("memo")
    command = ["memo", "--draws", "4", "--base", "prior", "--out", str(place), "--no-charts", "--jobs", "1", "-q"]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0, found.output
    return next(place.iterdir())


def test_the_memo_writes_a_report_with_its_verdicts(folder: Path) -> None:
    page = page_of((folder / "report.html").read_text(encoding="utf-8"))
    assert (page.wrong, page.stack) == ([], [])
    assert len(page.ids) == len(set(page.ids))
    value = json.loads((folder / "memo.json").read_text(encoding="utf-8"))
    rows = page.tables["memo-1"][1:]
    assert len(rows) == len(value["hypotheses"]) == 12
    for row, told in zip(rows, value["hypotheses"], strict=True):
        assert row[0].startswith(f"{told['key']}. ")
        assert row[1].startswith(told["verdict"])
        assert row[2].startswith(effect(told["effects"]["prior"]["median"], unit_of(told)))
    assert all(known["alt"] for tag, known in page.tags if tag == "img")
