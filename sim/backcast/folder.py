"""The folder of a backcast: backcast.json, scores.csv, backcast.md, manifest and figures; what is done is found."""

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sim.backcast.page import page
from sim.backcast.question import MODEL, Question, fits_read, origin_of, scenario_of
from sim.backcast.report import HEADER, as_json, score_rows
from sim.backcast.study import Study, carry_out
from sim.disk import disk_errors, one_writer, write_whole
from sim.ensemble import Pace
from sim.history import Draw, Outcome, redraw, write_manifest
from sim.plan import code_digest, commit, machine, versions
from sim.results import FORMAT, MANIFEST, OutputError, check_tables, file_digest, read_manifest

KIND = "backcast"
LOCK = ".lock"
JSON, SCORES, PAGE = "backcast.json", "scores.csv", "backcast.md"
READERS = ("operators.py", "monthly.py", "fact_formulas.py", "facts.py")
"""Modules that read records, which the digest of the model's code leaves out; here they move numbers."""


@dataclass(frozen=True)
class Order:
    """How a backcast is carried out: below which folder, how fast, with which charts, and whether afresh."""

    out: Path
    pace: Pace = field(default_factory=Pace)
    draw: Draw | None = None
    force: bool = False
    command: str = ""
    say: Callable[[str], None] = lambda text: None


def fulfil(question: Question, order: Order) -> Outcome:
    """Carry out a backcast or find it done. Raises InputError, OutputError and RunError."""
    folder = order.out / folder_name(question)
    with disk_errors(order.out):
        folder.mkdir(parents=True, exist_ok=True)
        with one_writer(folder / LOCK, lambda who: order.say(f"waiting for {who}, which computes the same backcast")):
            found = (folder / MANIFEST).exists() and not order.force
            if not found:
                started = time.monotonic()
                study = carry_out(question, order.pace)
                _write(study, order, folder, started)
            manifest = read_manifest(folder)
            check_tables(folder, manifest)
            error = _charts(folder, manifest, order)
            return Outcome(folder, found, read_manifest(folder), "", error)


def folder_name(question: Question) -> str:
    """Return `backcast-<hash>`; the hash is of the question, its scenario, the fits, code, data and NumPy's version."""
    package = Path(__file__).resolve().parents[1]
    known = {
        "kind": KIND,
        "question": asdict(question),
        "scenario": scenario_of(question, origin_of(question, question.cut), MODEL, question.until).digest(),
        "fits": fits_read(question),
        "code": [code_digest("backcast"), *(file_digest(package / name) for name in READERS)],
        "numpy": np.__version__,
    }
    return f"{KIND}-{hashlib.sha256(json.dumps(known).encode()).hexdigest()[:10]}"


def _write(study: Study, order: Order, folder: Path, started: float) -> None:
    found = as_json(study)
    text = json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / JSON, (text + "\n").encode())
    write_whole(folder / SCORES, _csv(study))
    write_whole(folder / PAGE, page(found).encode())
    write_manifest(folder, _manifest(study, found, order, folder, started))


def _manifest(study: Study, found: Mapping[str, Any], order: Order, folder: Path, started: float) -> dict[str, Any]:
    question = study.question
    return {
        "format": FORMAT,
        "kind": KIND,
        "status": "done",
        "name": question.scenario,
        "hash": folder.name.rpartition("-")[2],
        "title": f"Backcast of {study.scenario.title}",
        "seed": study.scenario.seed,
        "runs": study.runs,
        "question": asdict(question),
        "fits": found["fits"],
        "warnings": [text for text in found["notes"] if "prior" in text],
        "scenario": study.scenario.resolved(),
        "versions": versions(),
        "commit": commit(),
        "command": order.command,
        "platform": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digests": {"code": code_digest("backcast")},
        "tables": {name: file_digest(folder / name) for name in (JSON, SCORES, PAGE)},
        "seconds": round(time.monotonic() - started, 3),
        "figures": [],
    }


def _csv(study: Study) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(score_rows(study))
    return text.getvalue().encode()


def _charts(folder: Path, manifest: Mapping[str, Any], order: Order) -> str:
    """Draw the charts where they are not all there, and return what went wrong: the tables stand in any case."""
    figures = manifest.get("figures") or []
    if order.draw is None or (figures and all((folder / name).is_file() for name in figures)):
        return ""
    order.say("drawing the charts")
    try:
        redraw(folder, order.draw)
    except OutputError as error:
        return str(error)
    return ""
