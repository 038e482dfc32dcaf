"""Studies of the shipped scenario that come with darkhorse, for reports on a single run.

    python -m sim.report.reference DIR...

writes them anew from folders of results; the last folder of a kind (and, of discoveries, of a question) counts.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.disk import write_whole
from sim.places import data_folder
from sim.plan import own_version
from sim.posterior import FOLDER, fitted_months
from sim.report.evidence import Evidence, calibration_data, evidence_of, plain

NAME = "evidence.json"
PLACE = "reference"
"""Folder below the data tables. JSON does not count in the digest of the model."""


def reference(kind: str) -> list[Evidence]:
    """Return the shipped studies of a kind; none where none was shipped."""
    if kind == "calibration":
        return _calibration()
    path = data_folder() / PLACE / NAME
    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["studies"]
    return [
        Evidence(**{**row, "commands": tuple(row["commands"])}, shipped=True) for row in rows if row["kind"] == kind
    ]


def _calibration() -> list[Evidence]:
    """The shipped fit has a note of its own beside its draws."""
    months = fitted_months()
    if not months:
        return []
    path = data_folder() / FOLDER / f"{months[-1]}.json"
    note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    name = str(note["scenario_name"])
    command = f"darkhorse calibrate {name} --until {note['fitted_to']}"
    about = ("calibration", name, f"Fit to {note['fitted_to']}", (command,), "", str(note["model"]), own_version())
    return [Evidence(*about, calibration_data(note), shipped=True)]


def text_of(studies: Sequence[Evidence]) -> str:
    """Return the file that holds some studies; of two that ask the same the later one counts."""
    kept = {(one.kind, one.data.get("when", ""), one.data.get("side", "")): plain(one) for one in studies}
    return json.dumps({"studies": list(kept.values())}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def main(folders: Sequence[str]) -> None:
    """Write the shipped studies from folders of results. Raises OutputError where one is not whole."""
    text = text_of([evidence_of(Path(folder)) for folder in folders])
    place = data_folder() / PLACE
    place.mkdir(exist_ok=True)
    write_whole(place / NAME, text.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
