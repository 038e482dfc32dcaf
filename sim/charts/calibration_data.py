"""What the charts of a calibration read: its tables, its chain, and the names of numbers in words."""

import csv
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Array
from sim.charts.sheet import Heading, text_width
from sim.charts.style import SOFT, display, lighter
from sim.results import read_manifest

SILENT, LITTLE, LEARNT = "the data say nothing", "little", "learnt"
VERDICT_HUE = {LEARNT: "#4B1D5C", LITTLE: lighter("#4B1D5C", 0.35), SILENT: lighter(SOFT, 0.45)}
CAVEAT = "one model, discrepancies by judgement"
Row = Mapping[str, str]


class CalibrationRecord:
    """A folder that `darkhorse calibrate` wrote."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest. Raises OutputError where the folder is not whole."""
        self.folder = folder
        self.manifest: dict[str, Any] = read_manifest(folder)

    @functools.cached_property
    def names(self) -> list[Row]:
        """Rows of identifiability.csv, the most learnt name first."""
        return self._rows("identifiability.csv")

    @functools.cached_property
    def targets(self) -> list[Row]:
        """Rows of targets.csv in their order."""
        return self._rows("targets.csv")

    @functools.cached_property
    def chain(self) -> Array:
        """Scores in prior standard deviations (walkers, steps, names), names in the order of `names`."""
        with np.load(self.folder / "chain.npz") as stored:
            order = list(stored["names"])
            chosen = [order.index(row["name"]) for row in self.names]
            chain: Array = stored["chain"][:, :, chosen].astype(np.float64)
        return chain

    def _rows(self, name: str) -> list[Row]:
        with (self.folder / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def heading(self, title: str, reading: str, notes: Sequence[str] = ()) -> Heading:
        """Return the words around a figure; the last note says where it comes from."""
        told = self.manifest
        parts = [str(told["scenario_name"]), f"data to {told['fitted_to']}", f"seed {told['seed']}",
                 f"{told['runs']} runs", f"manifest {told['hash'][:12]}", CAVEAT]  # fmt: skip
        return Heading(title, reading, [*notes, " | ".join(parts)])


def number(row: Row, column: str) -> float:
    """Return a cell as a number."""
    return float(row[column])


def short(name: str) -> str:
    """Return a name in few words: `lab effect OpenAI`, `log price startup dev`."""
    parts = name.split(".")
    if parts[0] == "labs":
        return f"{parts[2].replace('_', ' ')} {display(parts[1])}"
    return " ".join(parts[1:]).replace("_", " ")


def in_words(name: str, width: float, points: float) -> str:
    """Return the phrase of a name as parameters.csv has it, cut at a word where it is wider than `width` points."""
    phrase = _phrases().get(name, name)
    if name.startswith("labs."):
        head = phrase.partition(":")[0].rpartition(" (")[0] or phrase.partition(":")[0]
        phrase = f"{display(name.split('.')[1])}: {head[0].lower()}{head[1:]}"
    if text_width(phrase, points) <= width:
        return phrase
    words = phrase.split()
    while len(words) > 1 and text_width(" ".join(words) + " …", points) > width:
        words.pop()
    return " ".join(words).rstrip(",;:(") + " …"


@functools.cache
def _phrases() -> Mapping[str, str]:
    from sim.parameter_facts import numbers

    return {name: known.phrase for name, known in numbers().items()}
