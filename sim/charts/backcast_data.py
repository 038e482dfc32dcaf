"""What the charts of a backcast read: its JSON and its manifest."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Array
from sim.calendar import month_index
from sim.charts.sheet import Heading
from sim.results import read_manifest

CONDITIONAL = "Conditional on recorded chip supply, lab compute and policies after the cut."
Row = Mapping[str, Any]


class BackcastRecord:
    """A folder that `darkhorse backcast` wrote."""

    def __init__(self, folder: Path) -> None:
        """Read manifest and JSON. Raises OutputError where the folder is not whole."""
        self.folder = folder
        self.manifest: dict[str, Any] = read_manifest(folder)
        self.found: dict[str, Any] = json.loads((folder / "backcast.json").read_text(encoding="utf-8"))
        self.cut = month_index(self.found["fit_until"])

    @property
    def operators(self) -> Sequence[Row]:
        """One entry for each operator."""
        rows: Sequence[Row] = self.found["operators"]
        return rows

    def months(self, operator: str) -> list[int]:
        """Return the month numbers of the forecasts."""
        return [month_index(label) for label in self.found["forecasts"][operator]]

    def quantile(self, operator: str, name: str) -> Array:
        """Return a quantile of the forecasts, (months,)."""
        return np.array([one[name] for one in self.found["forecasts"][operator].values()], dtype=np.float64)

    def rules(self, operator: str) -> dict[str, tuple[list[int], list[float]]]:
        """Return months and centres of the simple rules after the cut."""
        lines: Mapping[str, Mapping[str, float]] = self.found["rules"][operator]
        return {name: ([month_index(label) for label in line], list(line.values())) for name, line in lines.items()}

    def observed(self, operator: str) -> Sequence[Row]:
        """Return the observations of an operator."""
        rows: Sequence[Row] = self.found["observed"][operator]
        return rows

    def heading(self, title: str, reading: str, notes: Sequence[str]) -> Heading:
        """Return the words around a figure; the last note says what the numbers rest on."""
        found = self.found
        parts = [found["scenario"], f"fit: {found['fit']}", f"seed {found['seed']}", f"{found['draws']} runs",
                 f"manifest {self.manifest['hash'][:12]}", CONDITIONAL]  # fmt: skip
        return Heading(title, reading, [*notes, " | ".join(parts)])
