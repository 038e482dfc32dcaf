"""The committed gallery: a file for every figure that its page and the command name, none too many, none empty."""

import re
from pathlib import Path

import pytest

from sim.charts.gallery import FOLDER, WORKS, Work, gather, page
from tests.source_code import ROOT

NAMES = [name for work in WORKS for name in work.figures]
MOST_BYTES = 4_000_000


def test_every_figure_is_there_and_no_other() -> None:
    assert sorted(path.stem for path in (ROOT / FOLDER).glob("*.png")) == sorted(NAMES)
    assert sum(path.stat().st_size for path in (ROOT / FOLDER).glob("*.png")) < MOST_BYTES


def test_page_shows_every_figure_with_its_command_and_manifest() -> None:
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert re.findall(r"gallery/(\w+)\.png", text) == NAMES
    for work in WORKS:
        assert text.count(f"`darkhorse {work.command}`, manifest ") == len(work.figures)


def test_gather_copies_figure_and_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, into = tmp_path / "run-x", tmp_path / "gallery"
    (folder / "figures").mkdir(parents=True)
    into.mkdir()
    (folder / "figures" / "01_a.png").write_bytes(b"a picture")
    (folder / "figures" / "01_a.txt").write_text("Shares [90%]\nby bloc.\n", encoding="utf-8")
    monkeypatch.setattr("sim.charts.gallery.read_manifest", lambda _: {"hash": "0123456789"})
    work = Work("run x", "A run", {"shares": "01_a"})
    (shown,) = gather(work, folder, into)
    assert (into / "shares.png").read_bytes() == b"a picture"
    assert shown.alt == "Shares [90%] by bloc."
    text = page([(work, [shown])])
    assert "![Shares (90%) by bloc.](../outputs/gallery/shares.png)" in text
    assert "`darkhorse run x`, manifest 0123456789" in text
