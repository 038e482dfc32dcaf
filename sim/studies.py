"""The folder of a study (a calibration, a backcast, a memo): files, manifest and figures; what is done is found again.

A study names everything that decides its numbers; the folder's name ends in the hash of that. The manifest is written
last, so a folder with one is whole, and a study that is interrupted leaves what its own parts left and no manifest.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sim.disk import clear_unfinished, disk_errors, one_writer, write_whole
from sim.history import Draw, Outcome, redraw, write_manifest
from sim.plan import code_digest, commit, machine, versions
from sim.results import FORMAT, MANIFEST, OutputError, check_tables, file_digest, read_manifest

LOCK = ".lock"
READERS = ("operators.py", "monthly.py", "fact_formulas.py", "facts.py")
"""Modules that read records, which the digest of the model's code leaves out; in studies they move numbers."""


@dataclass(frozen=True)
class Study:
    """What is to be found out: `known` (plain data) and the code of the folders `packages` of `sim` decide it.

    `compute` gets the folder, may keep unfinished work in it, and returns the files by name and what the manifest says
    beside the usual.
    """

    kind: str
    name: str
    title: str
    seed: int
    known: Mapping[str, Any]
    packages: tuple[str, ...]
    compute: Callable[[Path], tuple[Mapping[str, bytes], Mapping[str, Any]]]

    @property
    def folder_name(self) -> str:
        """Return `<kind>-<name>-<hash>`."""
        package = Path(__file__).resolve().parent
        code = [code_digest(*self.packages), *(file_digest(package / name) for name in READERS)]
        known = {"kind": self.kind, "code": code, "numpy": np.__version__, **self.known}
        text = json.dumps(known, sort_keys=True, allow_nan=False)
        return f"{self.kind}-{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Order:
    """How a study is carried out: below which folder, with which charts, whether afresh; `say` is told of waiting."""

    out: Path
    draw: Draw | None = None
    force: bool = False
    command: str = ""
    say: Callable[[str], None] = lambda text: None


def fulfil(study: Study, order: Order) -> Outcome:
    """Carry out a study or find it done. Raises InputError, OutputError, and RunError where runs failed."""
    folder = order.out / study.folder_name
    with disk_errors(order.out):
        folder.mkdir(parents=True, exist_ok=True)
        with one_writer(folder / LOCK, lambda who: order.say(f"waiting for {who}, which computes the same")):
            clear_unfinished(folder)
            found = (folder / MANIFEST).exists() and not order.force
            if not found:
                _carry_out(study, order, folder)
            manifest = read_manifest(folder)
            check_tables(folder, manifest)
            error = _charts(folder, manifest, order)
            return Outcome(folder, found, read_manifest(folder), "", error)


def _carry_out(study: Study, order: Order, folder: Path) -> None:
    started = time.monotonic()
    files, told = study.compute(folder)
    for name, content in files.items():
        write_whole(folder / name, content)
    manifest = {
        "format": FORMAT,
        "kind": study.kind,
        "status": "done",
        "name": study.name,
        "hash": folder.name.rpartition("-")[2],
        "title": study.title,
        "seed": study.seed,
        **told,
        "versions": versions(),
        "commit": commit(),
        "command": order.command,
        "platform": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digests": {"code": code_digest(*study.packages)},
        "tables": {name: file_digest(folder / name) for name in files},
        "seconds": round(time.monotonic() - started, 3),
        "figures": [],
    }
    write_manifest(folder, manifest)


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
