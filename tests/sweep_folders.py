"""Folders of sweeps with planted response surfaces, as `darkhorse sweep` writes them: for the tests of their charts."""

import csv
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from sim.calendar import month_label
from sim.measures import CATALOGUE
from sim.results import file_digest

Floats = NDArray[np.float64]
Value = float | bool | str
MONTHS = 72
AT = ("2025-12", "2027-12")
PLACES = {"2025-12": 47, "2027-12": 71}
KEYS = ("point", "policy", "baseline")
DESIGN = ("point", "role", "policy", "baseline")
LEVEL = {
    "frontier_capability": 140.0,
    "gap_months": 6.0,
    "compute_owned": 8e5,
    "token_price": 9.0,
    "market_spend": 900.0,
}
SPREAD = {"frontier_capability": 6.0, "gap_months": 3.0, "compute_owned": 2e5, "token_price": 3.0, "market_spend": 90.0}
STRICT, SPEED = "policies.dials.export_controls.strictness", "policies.US.enforcement"
SHARE, OPEN = "world.domestic.yield", "policies.CN.open_releases"


@dataclass(frozen=True)
class Planted:
    """What a folder is to hold.

    `axes`: values by path. `effect(outcome, values, policy)`: the planted effect of a point in units of the outcome's
    spread. `noise`: how much runs differ in their effect, in the same units; 0 gives every run the planted effect.
    """

    axes: Mapping[str, Sequence[Value]]
    effect: Callable[[str, Mapping[str, Value], str], float]
    outcomes: Sequence[str] = ("frontier_capability.CN", "token_share_abroad.CN", "gap_months.CN", "compute_owned.CN")
    baseline: Mapping[str, Value] = field(default_factory=dict)
    policies: Sequence[str] = ("as_written",)
    method: str = "grid"
    draws: int = 12
    seeds: int = 3
    noise: float = 0.2
    series: Sequence[str] = ()
    failed: Sequence[int] = ()
    undefined: Sequence[str] = ()
    against_policy: bool = False
    """Each point is held against the first policy at the same values, not against one point."""


def write_sweep(folder: Path, planted: Planted) -> Path:
    """Write a sweep folder and return it."""
    folder.mkdir(parents=True)
    points = _points(planted)
    columns, tables = _columns(planted, points), ["design.csv", "runs.parquet", "summary.csv", "effects.csv"]
    _csv(folder / "design.csv", [*DESIGN, *planted.axes], [_key(point, points, planted) for point in points])
    _runs(folder, planted, points, columns)
    _tables(folder, planted, points, columns)
    if planted.series:
        tables.append("series.parquet")
        _series(folder, planted, points)
    manifest = _manifest(planted, points) | {"tables": {name: file_digest(folder / name) for name in tables}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _points(planted: Planted) -> list[dict[str, Any]]:
    if planted.method == "grid":
        settings = [
            dict(zip(planted.axes, values, strict=True)) for values in itertools.product(*planted.axes.values())
        ]
    else:
        settings = [{path: values[i] for path, values in planted.axes.items()} for i in range(_size(planted))]
    points: list[dict[str, Any]] = [
        {"role": "point", "policy": policy, "values": values} for policy in planted.policies for values in settings
    ]
    if planted.method != "grid":
        points.append({"role": "baseline", "policy": planted.policies[0], "values": dict(planted.baseline)})
    return points


def _size(planted: Planted) -> int:
    return len(next(iter(planted.axes.values())))


def baseline_of(number: int, points: Sequence[Mapping[str, Any]], planted: Planted) -> int:
    """The number of a point's baseline."""
    values = points[number]["values"] if planted.against_policy else {**points[number]["values"], **planted.baseline}
    return next(
        place
        for place, point in enumerate(points)
        if point["values"] == values and point["policy"] == planted.policies[0]
    )


def _key(point: Mapping[str, Any], points: Sequence[Mapping[str, Any]], planted: Planted) -> list[Any]:
    number = next(place for place, other in enumerate(points) if other is point)
    cells = [_word(point["values"][path]) for path in planted.axes]
    return [number, point["role"], point["policy"], baseline_of(number, points, planted), *cells]


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _columns(planted: Planted, points: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
    """Outcomes by column, (points, draws, seeds); runs share what draws and seeds do, so pairs cancel it."""
    shape = (planted.draws, planted.seeds)
    draw = np.cos(2.3 * np.arange(planted.draws))[:, None] + np.zeros(shape)
    seed = np.sin(1.7 * np.arange(planted.draws * planted.seeds)).reshape(shape)
    found = {}
    for outcome, at in itertools.product(planted.outcomes, AT):
        measure = outcome.split(".")[0]
        level, spread = LEVEL.get(measure, 0.3), SPREAD.get(measure, 0.06)
        later = 1.6 if at == AT[1] else 1.0
        values = np.empty((len(points), *shape))
        for place, point in enumerate(points):
            effect = later * planted.effect(outcome, point["values"], point["policy"])
            own = planted.noise * (abs(effect) + 0.1) * (draw + seed) * np.cos(3.1 * place) * (planted.noise > 0)
            values[place] = level + spread * (0.5 * later * draw + 0.3 * seed + effect + own * (effect != 0))
        if outcome in planted.undefined:
            values[:] = np.nan
        values.reshape(-1)[list(planted.failed)] = np.nan
        found[f"{outcome}@{at}"] = values
    return found


def _runs(folder: Path, planted: Planted, points: Sequence[Mapping[str, Any]], columns: Mapping[str, Floats]) -> None:
    each = planted.draws * planted.seeds
    size = len(points) * each
    run = np.arange(size)
    index: dict[str, Any] = {
        "run": run.astype(np.int32),
        "point": (run // each).astype(np.int32),
        "draw": (run // planted.seeds % planted.draws).astype(np.int32),
        "seed": (run % planted.seeds).astype(np.int32),
        "status": ["failed" if number in set(planted.failed) else "ok" for number in range(size)],
        "policy": [point["policy"] for point in points for _ in range(each)],
    }
    for path in planted.axes:
        index[path] = [point["values"][path] for point in points for _ in range(each)]
    index["world.slack"] = np.cos(run // planted.seeds % planted.draws * 1.1)
    parquet.write_table(
        pa.table({**index, **{name: values.ravel() for name, values in columns.items()}}), folder / "runs.parquet"
    )


def _tables(folder: Path, planted: Planted, points: Sequence[Mapping[str, Any]], columns: Mapping[str, Floats]) -> None:
    summary, effects = [], []
    for (number, point), (name, values) in itertools.product(enumerate(points), columns.items()):
        outcome, at = name.split("@")
        unit, base = CATALOGUE[outcome.split(".")[0]].unit, baseline_of(number, points, planted)
        mine, settings = values[number].ravel(), [_word(value) for value in point["values"].values()]
        known = mine[np.isfinite(mine)]
        levels = _numbers(known, lambda x: [x.mean(), *np.quantile(x, (0.05, 0.25, 0.5, 0.75, 0.95))], 6)
        summary.append([number, point["policy"], *settings, outcome, at, unit, *levels, len(known)])
        change = values[number] - values[base]
        pairs = change[np.isfinite(change)]
        effects.append(
            [number, point["policy"], base, *settings, outcome, at, unit, len(pairs), *_effect(change, pairs)]
        )
    tail = ["outcome", "at", "unit"]
    _csv(
        folder / "summary.csv",
        ["point", "policy", *planted.axes, *tail, "mean", "p05", "p25", "p50", "p75", "p95", "runs"],
        summary,
    )
    numbers = ["mean", "mc_error", "ci95_low", "ci95_high", "median", "p05", "p95", "share_positive"]
    _csv(
        folder / "effects.csv",
        [*KEYS, *planted.axes, *tail, "runs", *numbers, "effective_runs", "variance_reduction"],
        effects,
    )


def _effect(change: Floats, pairs: Floats) -> list[Any]:
    if not len(pairs):
        return [""] * 10
    by_draw = [row[np.isfinite(row)].mean() for row in change if np.isfinite(row).any()]
    error = float(np.std(by_draw, ddof=1) / np.sqrt(len(by_draw))) if len(by_draw) > 1 else float("nan")
    mean = float(pairs.mean())
    spread = np.quantile(pairs, (0.5, 0.05, 0.95))
    found = [mean, error, mean - 1.96 * error, mean + 1.96 * error, *spread, float((pairs > 0).mean()), len(pairs), 1.0]
    return ["" if number != number else float(number) for number in found]


def _numbers(values: Floats, of: Callable[[Floats], Sequence[Any]], size: int) -> list[Any]:
    return [float(number) for number in of(values)] if len(values) else [""] * size


def _series(folder: Path, planted: Planted, points: Sequence[Mapping[str, Any]]) -> None:
    """The outcome of 2025-12, grown in a straight line from nothing in 2022-01 with the same noise."""
    each, columns = planted.draws * planted.seeds, _columns(planted, points)
    grow = np.arange(MONTHS) / PLACES["2025-12"]
    table: dict[str, Any] = {
        "run": np.repeat(np.arange(len(points) * each, dtype=np.int32), MONTHS),
        "month": [month_label(month) for month in range(MONTHS)] * (len(points) * each),
    }
    for name in planted.series:
        table[name] = (columns[f"{name}@2025-12"].reshape(-1, 1) * grow).astype(np.float32).ravel()
    parquet.write_table(pa.table(table), folder / "series.parquet")


def _manifest(planted: Planted, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    axes = [
        {
            "path": path,
            "label": path.removeprefix("policies.").removeprefix("dials."),
            "values": sorted(set(values)) if planted.method == "grid" and not isinstance(values[0], str) else [*values],
            "unit": "dial 0 to 1" if "dials" in path else "",
            "phrase": f"what {path} sets",
            "low": None,
            "high": None,
        }
        for path, values in planted.axes.items()
    ]
    runs = len(points) * planted.draws * planted.seeds
    return {
        "format": 1,
        "kind": "sweep",
        "status": "incomplete" if planted.failed else "done",
        "name": "invented",
        "hash": "0123456789",
        "title": "An invented sweep",
        "seed": 7,
        "runs": runs,
        "points": len(points),
        "draws": planted.draws,
        "seeds": planted.seeds,
        "months": MONTHS,
        "at": [*AT],
        "outcomes": [*planted.outcomes],
        "series": [*planted.series],
        "axes": axes,
        "method": planted.method,
        "policies": [*planted.policies],
        "against": "its policy" if planted.against_policy else "the baseline named",
        "experiment": {},
        "scenario": {"name": "deepseek_shock", "seed": 7},
        "failed": [
            {"run": run, "point": 0, "draw": 0, "seed": 0, "error": "planted", "replay": ""} for run in planted.failed
        ],
        "warnings": [],
        "figures": [],
    }


def _csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
