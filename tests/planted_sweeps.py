"""Small sweep folders with outcomes, parameters and points as a test wants them."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from sim.results import file_digest

AT = ["2025-12", "2027-12"]
STRICT, RATIONING = "policies.dials.export_controls.strictness", "model.rationing"


@dataclass(frozen=True)
class Spot:
    """A point: its policy, the values of the axes, the number of its baseline, and whether it is asked about."""

    policy: str = "as_written"
    values: Mapping[str, Any] = field(default_factory=dict)
    baseline: int = 0
    role: str = "point"


@dataclass(frozen=True)
class Folder:
    """What a folder holds: `outcomes` (points, draws, seeds) by `outcome@end`, `drawn` (draws,) by parameter."""

    spots: Sequence[Spot]
    outcomes: Mapping[str, np.ndarray]
    drawn: Mapping[str, np.ndarray] = field(default_factory=dict)
    failed: Sequence[int] = ()
    name: str = "planted"


def write_folder(place: Path, held: Folder) -> Path:
    """Write a sweep's folder and return it."""
    place.mkdir(parents=True)
    shape = next(iter(held.outcomes.values())).shape
    paths = list(dict.fromkeys(path for spot in held.spots for path in spot.values))
    _runs(place, held, shape, paths)
    with (place / "design.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["point", "role", "policy", "baseline", *paths])
        for number, spot in enumerate(held.spots):
            cells = [spot.values.get(path, "") for path in paths]
            writer.writerow([number, spot.role, spot.policy, spot.baseline, *cells])
    manifest = _manifest(held, shape, paths)
    manifest["tables"] = {name: file_digest(place / name) for name in ("runs.parquet", "design.csv")}
    (place / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return place


def _runs(place: Path, held: Folder, shape: Sequence[int], paths: Sequence[str]) -> None:
    points, draws, seeds = shape
    run = np.arange(points * draws * seeds)
    failed = np.isin(run, held.failed)
    point, draw = run // (draws * seeds), run // seeds % draws
    table: dict[str, Any] = {"run": run.astype(np.int32), "point": point.astype(np.int32),
                             "draw": draw.astype(np.int32), "seed": (run % seeds).astype(np.int32),
                             "status": np.where(failed, "failed", "ok"),
                             "policy": [held.spots[int(number)].policy for number in point]}  # fmt: skip
    for path in paths:
        table[path] = [held.spots[int(number)].values.get(path) for number in point]
    table |= {f"world.{name}": values[draw] for name, values in held.drawn.items()}
    table |= {name: np.where(failed, np.nan, values.reshape(-1)) for name, values in held.outcomes.items()}
    parquet.write_table(pa.table(table), place / "runs.parquet")


def _manifest(held: Folder, shape: Sequence[int], paths: Sequence[str]) -> dict[str, Any]:
    axes = [
        {"path": path, "label": path.partition("dials.")[2] or path,
         "values": list(dict.fromkeys(spot.values[path] for spot in held.spots if path in spot.values)),
         "low": None, "high": None, "unit": "dial 0 to 1" if path == STRICT else "", "phrase": "A lever"}
        for path in paths
    ]  # fmt: skip
    return {
        "format": 1, "kind": "sweep", "status": "incomplete" if held.failed else "done", "name": held.name,
        "hash": "0123456789", "title": "A planted sweep", "seed": 7, "runs": int(np.prod(shape)), "points": shape[0],
        "draws": shape[1], "seeds": shape[2], "months": 72, "at": AT, "series": [], "axes": axes,
        "outcomes": list(dict.fromkeys(name.partition("@")[0] for name in held.outcomes)),
        "method": "grid", "policies": list(dict.fromkeys(spot.policy for spot in held.spots)),
        "digests": {"values": "a"},
    }  # fmt: skip
