"""What the charts of the memo's test read: memo.json, and the words that every figure of it ends with."""

import json
from pathlib import Path
from typing import Any

from sim.charts.text import CAVEAT
from sim.memo.folder import JSON
from sim.results import read_manifest, readable

HELD, NOT_HELD = "#009E73", "#B03A48"
"""Hues for runs in which a claim holds, and in which it does not."""
WORD_HUE = {"supported": HELD, "conditional": "#8A6D00", "refuted": NOT_HELD}
BASE_HUE = {"posterior": "#1A1A1A", "prior": "#8A8A8A"}


class MemoRecord:
    """A folder of the memo's test: its manifest and the value of memo.json."""

    def __init__(self, folder: Path) -> None:
        """Open a folder. Raises OutputError where it is not whole."""
        self.manifest = read_manifest(folder)
        with readable(folder / JSON):
            self.memo: dict[str, Any] = json.loads((folder / JSON).read_text(encoding="utf-8"))

    @property
    def judged(self) -> str:
        """The base that the verdicts rest on."""
        return str(self.memo["judged_on"])

    def source(self) -> str:
        """Return what a reader needs to find the result again, and the caveat of every figure."""
        memo = self.memo
        return (
            f"{memo['scenario']} | seed {memo['seed']} | {memo['draws']} draws, {memo['draws_in_cells']} in "
            "each cell | "
            f"{' and '.join(memo['bases'])} | manifest {self.manifest['hash']} | {CAVEAT}"
        )
