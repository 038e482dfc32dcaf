"""What the charts of a sensitivity study read: its manifest and its tables, by target."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.charts.sheet import Heading
from sim.charts.sweep_text import Outcome, outcome_of
from sim.charts.text import CAVEAT, in_sentence
from sim.results import read_manifest

EFFECT, LEVEL = "effect", "level"
CHANCE = "chance"
Row = dict[str, str]


@dataclass(frozen=True)
class Panel:
    """One target as a panel: effect or level, its outcome in words, its rows."""

    of: str
    outcome: Outcome
    rows: list[Row]

    @property
    def subject(self) -> str:
        """The target as it stands in a sentence."""
        return f"the effect on {self.outcome.subject}" if self.of == EFFECT else self.outcome.subject

    @property
    def name(self) -> str:
        """The target as it heads a panel."""
        return "Effect" if self.of == EFFECT else "Level"

    def number(self, row: Row, column: str, scaled: bool = True) -> float:
        """Return a number of a row, in the unit of the axis; NaN where it is empty."""
        text = row[column]
        return float(text) * (self.outcome.factor if scaled else 1.0) if text else float("nan")


class SensitivityRecord:
    """A folder that `darkhorse sensitivity` wrote. Results are shown at the first of the months that were asked for."""

    def __init__(self, folder: Path) -> None:
        """Read manifest and tables. Raises OutputError where the folder is not whole."""
        self.folder = folder
        self.manifest: dict[str, Any] = read_manifest(folder)
        self.month: str = self.manifest["at"][0]
        self._tables: dict[str, list[Row]] = {}

    @property
    def outcomes(self) -> list[str]:
        """The columns that were asked for."""
        return list(self.manifest["outcomes"])

    def panels(self, table: str, column: str) -> list[Panel]:
        """Return the panels of an outcome, effect first; targets that were left out have none."""
        rows = [row for row in self.rows(table) if row["outcome"] == column and row["at"] == self.month]
        found = [Panel(of, outcome_of(column), [row for row in rows if row["of"] == of]) for of in (EFFECT, LEVEL)]
        return [panel for panel in found if panel.rows]

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table."""
        if table not in self._tables:
            with (self.folder / table).open(encoding="utf-8", newline="") as stream:
                self._tables[table] = list(csv.DictReader(stream))
        return self._tables[table]

    def against(self) -> str:
        """Return what an effect is, as a sentence; empty where there is no counterfactual."""
        block = self.manifest["scenario"].get("counterfactual")
        if EFFECT not in self.manifest["of"] or not block:
            return ""
        title = in_sentence(str(block.get("title") or "its counterfactual").rstrip(". "))
        return f"Effect: the scenario less its counterfactual ({title}), same draws and chance."

    def heading(self, title: str, reading: str, stage: str, note: str = "") -> Heading:
        """Return the words around a figure; the last note says what the numbers rest on."""
        manifest, lost = self.manifest, self.manifest["dropped"][stage]
        parts = [manifest["name"], f"seed {manifest['seed']}", f"{manifest['runs_by_stage'][stage]} runs",
                 f"manifest {manifest['hash'][:12]}", CAVEAT]  # fmt: skip
        dropped = f"{lost['dropped']} of {lost['of']} groups of runs had a failure and are left out." * bool(
            lost["dropped"]
        )
        notes = " ".join(text for text in (self.against(), note, dropped) if text)
        return Heading(title, reading, [notes, " | ".join(parts)])


CAPITALS = {"eci": "ECI", "oom": "OOM", "hbm": "HBM", "flop": "FLOP", "kw": "kW"}


def label(name: str) -> str:
    """Return the name of a parameter or factor as a reader would write it: 'no control share (chip market)'."""
    group, _, rest = name.partition(".")
    if not rest:
        return name.replace("_", " ")
    words = " ".join(CAPITALS.get(word, word) for word in rest.replace("_", " ").replace(".", ", ").split(" "))
    if group == "labs":
        lab, _, what = rest.partition(".")
        return f"{lab}: {'compute on record' if what == 'compute' else what.replace('_', ' ')}"
    return f"{words} ({group.replace('_', ' ')})"


def short_label(name: str) -> str:
    """Return the same without the group, for a title: 'no control share'."""
    return label(name).partition(" (")[0]
