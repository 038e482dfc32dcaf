"""The folder of a backcast: backcast.json, scores.csv, backcast.md, manifest and figures; what is done is found."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sim.backcast.page import page
from sim.backcast.question import MODEL, Question, fits_read, origin_of, scenario_of
from sim.backcast.report import HEADER, as_json, score_rows
from sim.backcast.study import Study as Backcast
from sim.backcast.study import carry_out
from sim.ensemble import Pace
from sim.studies import Study

KIND = "backcast"
JSON, SCORES, PAGE = "backcast.json", "scores.csv", "backcast.md"


def study_of(question: Question, pace: Pace) -> Study:
    """Return the study of a question, computed as fast as `pace` says. Raises InputError."""
    scenario = scenario_of(question, origin_of(question, question.cut), MODEL, question.until)
    known = {"question": asdict(question), "scenario": scenario.digest(), "fits": fits_read(question)}
    name = f"{question.scenario}-{question.cut}".replace("/", "_")

    def compute(folder: Path) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
        return _files(carry_out(question, pace))

    return Study(KIND, name, f"Backcast of {scenario.title}", scenario.seed, known, ("backcast",), compute)


def _files(backcast: Backcast) -> tuple[Mapping[str, bytes], Mapping[str, Any]]:
    """Return the files by name, and what the manifest says beside the usual."""
    found = as_json(backcast)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    told = {
        "runs": backcast.runs,
        "question": asdict(backcast.question),
        "fits": found["fits"],
        "warnings": [note for note in found["notes"] if "prior" in note],
        "scenario": backcast.scenario.resolved(),
    }
    return {JSON: text.encode(), SCORES: _csv(backcast), PAGE: page(found).encode()}, told


def _csv(found: Backcast) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(score_rows(found))
    return text.getvalue().encode()
