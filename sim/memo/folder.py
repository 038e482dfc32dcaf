"""The folder of the memo's test: found again by a hash of all that determines its numbers, written whole."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sim.analysis import derived
from sim.memo.page import page, table
from sim.memo.study import SCHEMA, Asked
from sim.memo.words import paragraph
from sim.memo.worlds import Worlds
from sim.plan import code_digest, commit, machine, versions
from sim.results import FORMAT

KIND = "memo"
JSON, TABLE, PAGE = "memo.json", "memo.csv", "memo.md"


def folder_of(out: Path, worlds: Mapping[str, Worlds], asked: Asked) -> Path:
    """Return where the test of these worlds is written: `memo-<hash>`."""
    known = {
        "schema": SCHEMA,
        "scenarios": {base: world.scenario.digest() for base, world in worlds.items()},
        "settings": [asdict(setting) for setting in asked.settings],
        "sizes": asdict(asked.sizes),
        "code": _code(),
        "numpy": np.__version__,
    }
    text = json.dumps(known, sort_keys=True, default=str)
    return out / f"memo-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def write(folder: Path, memo: dict[str, Any], worlds: Mapping[str, Worlds], runs: int, command: str) -> dict[str, Any]:
    """Write memo.json, memo.csv and memo.md with their manifest, which is returned. Raises OutputError."""
    for row in memo["hypotheses"]:
        row["sentence"] = paragraph(row, memo)
    main = worlds[memo["judged_on"]].scenario
    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "status": "done",
        "name": KIND,
        "hash": folder.name.rpartition("-")[2],
        "title": memo["title"],
        "seed": memo["seed"],
        "draws": memo["draws"],
        "seeds": memo["seeds_per_draw"],
        "runs": runs,
        "bases": memo["bases"],
        "judged_on": memo["judged_on"],
        "verdicts": {row["key"]: row["verdict"] for row in memo["hypotheses"]},
        "scenario": main.resolved(),
        "versions": versions(),
        "commit": commit(),
        "command": command,
        "platform": machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "digests": {"code": _code()},
    }
    text = json.dumps(memo, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return derived.write(folder, manifest, {JSON: text, TABLE: table(memo), PAGE: page(memo)})


def _code() -> str:
    return code_digest("experiments", "analysis", "memo")
