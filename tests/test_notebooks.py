"""The notebook tutorials, block by block: they run from top to bottom in one namespace, without a warning."""

import re
from pathlib import Path

import matplotlib.pyplot
import pytest

from tests.source_code import ROOT

PAGES = sorted((ROOT / "docs" / "tutorials" / "notebooks").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CLOSING = "## What this says, and what it does not"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    namespace: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page.name} block {number}", "exec"), namespace)
    matplotlib.pyplot.close("all")
    assert len(blocks) >= 4
    assert any(tmp_path.iterdir()) or "paired" in namespace


def test_each_page_ends_with_what_it_does_not_say() -> None:
    assert len(PAGES) == 3
    for page in PAGES:
        headings = re.findall(r"^## .*$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings[-1] == CLOSING, page.name
