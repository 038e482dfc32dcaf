"""What other studies say, in few numbers: taken from their folders, for a report or to be kept as reference."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.plan import code_digest
from sim.plan import versions as own_versions
from sim.results import OutputError, read_manifest

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "memo": ("experiments", "analysis", "memo"),
    "sensitivity": ("experiments", "analysis"),
    "discovery": ("experiments", "analysis"),
    "regret": ("experiments", "analysis"),
    "backcast": ("backcast",),
    "calibration": (),
}
"""Folders of code that count in the hash of each kind, besides the model's own (see `sim.plan.code_digest`)."""
MOST_DRIVERS = 4
MOST_OUTCOMES = 4
DRIVEN = ("frontier_capability.CN", "token_share_abroad.CN", "revenue_share_abroad.CN", "compute_owned.CN")
"""Outcomes whose drivers a report shows, where a study has them."""


@dataclass(frozen=True)
class Evidence:
    """A study in few numbers. `commands` make it again; `code` is the hash of the model's code that it rests on,
    `data` what it says.

    `shipped`: whether it came with darkhorse instead of being given by the reader.
    """

    kind: str
    scenario: str
    title: str
    commands: tuple[str, ...]
    hash: str
    code: str
    version: str
    data: Mapping[str, Any]
    shipped: bool = False


def evidence_of(folder: Path) -> Evidence:
    """Return what a folder of a study says. Raises OutputError where it is not whole, or says nothing to a report."""
    manifest = read_manifest(folder)
    kind = str(manifest.get("kind"))
    if kind not in KINDS:
        raise OutputError(f"{folder} is of kind '{kind}', which adds nothing to a report; kinds: {', '.join(KINDS)}")
    sweep = _sweep_of(folder) if kind in ("discovery", "regret") else {}
    block = manifest.get("scenario") or sweep.get("scenario") or {}
    return Evidence(
        kind=kind,
        scenario=str(manifest.get("scenario_name") or block.get("name") or manifest.get("name")),
        title=str(manifest.get("title") or manifest.get("name")),
        commands=tuple(str(one["command"]) for one in (sweep, manifest) if one.get("command")),
        hash=str(manifest.get("hash", "")),
        code=str(manifest.get("model") or manifest["digests"]["code"]),
        version=str((manifest.get("versions") or own_versions())["darkhorse"]),
        data=KINDS[kind](folder, manifest),
    )


def is_current(evidence: Evidence) -> bool:
    """Whether a study rests on the code and data of the model that are installed."""
    return evidence.code == code_digest(*PACKAGES[evidence.kind])


def plain(evidence: Evidence) -> dict[str, Any]:
    """Return it as JSON can hold it, without `shipped`."""
    return {
        "kind": evidence.kind, "scenario": evidence.scenario, "title": evidence.title,
        "commands": list(evidence.commands), "hash": evidence.hash, "code": evidence.code,
        "version": evidence.version, "data": evidence.data,
    }  # fmt: skip


def _sweep_of(folder: Path) -> dict[str, Any]:
    """The manifest of the sweep that a folder lies in; empty where it lies elsewhere."""
    try:
        return read_manifest(folder.parent)
    except OutputError:
        return {}


def _memo(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    value = _json(folder / "memo.json")
    base = str(value["judged_on"])
    rows = []
    for row in value["hypotheses"]:
        effect = row["effects"][base]
        rows.append({
            "key": row["key"], "title": row["title"], "verdict": row["verdict"], "unit": row["unit"],
            "estimand": row["estimand"], "built_in": row["built_in"], "reasons": row["reasons"],
            "near_a_line": row["near_a_line"],
            **{name: effect[name] for name in ("runs", "median", "p05", "p95", "p_claim")},
        })  # fmt: skip
    return {"judged_on": base, "draws": value["draws"], "rule": value["rule"], "rows": rows}


def _sensitivity(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    rows = _csv(folder / "sobol.csv")
    month = str(manifest["at"][0])
    of = "effect" if "effect" in manifest["of"] else "level"
    known = [row for row in rows if row["at"] == month and row["of"] == of and not row["factor"].startswith("group:")]
    named = [name for name in DRIVEN if any(row["outcome"] == name for row in known)]
    names = named or list(dict.fromkeys(row["outcome"] for row in known))[:MOST_OUTCOMES]
    drivers = {name: _largest([row for row in known if row["outcome"] == name]) for name in names}
    parts = [
        {"outcome": row["outcome"], "part": row["part"], "share": float(row["share"])}
        for row in _csv(folder / "variance.csv")
        if row["at"] == month and row["of"] == of and row["outcome"] in names and row["share"]
    ]
    return {"month": month, "of": of, "samples": manifest["sizes"]["samples"], "runs": manifest["runs"],
            "names": manifest["names"], "drivers": drivers, "parts": parts,
            "warnings": list(manifest.get("warnings") or [])}  # fmt: skip


def _largest(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    known = [row for row in rows if row["total"]]
    ranked = sorted(known, key=lambda row: (-float(row["total"]), row["factor"]))[:MOST_DRIVERS]
    return [
        {"factor": row["factor"], **{name: float(row[name]) for name in ("total", "total_low", "total_high")}}
        for row in ranked
    ]


def _discovery(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    text = (folder / "statement.txt").read_text(encoding="utf-8")
    return {"when": manifest["when"], "what": manifest["what"], "runs": manifest["runs"],
            "base_rate": manifest["base_rate"], "statement": _paragraphs(text)}  # fmt: skip


def _regret(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    text = (folder / "statement.txt").read_text(encoding="utf-8")
    keys = ("side", "policies", "reference", "robust", "least_largest")
    return {**{key: manifest[key] for key in keys}, "statement": _paragraphs(text)}


def _backcast(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    value = _json(folder / "backcast.json")
    rules = {name: {key: value["baselines"][name][key] for key in ("what", "targets", "beaten", "ratio")}
             for name in ("last value", "trend", "mean", "not fitted") if name in value["baselines"]}  # fmt: skip
    return {
        "coverage": {key: value["coverage"]["model"][key] for key in ("targets", "inside50", "inside90")},
        "rules": rules,
        "cuts": [origin["cut"] for origin in value["origins"]],
        "facts": {key: value["facts"][key] for key in ("facts", "facts_all_inside")},
        "notes": value["notes"],
    }


def _calibration(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    return calibration_data(manifest)


def calibration_data(note: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of a fit, from its manifest or from the note of a shipped one."""
    keys = ("fitted_to", "targets_fitted", "names_drawn", "rank", "learnt", "recovered_coverage", "warnings")
    return {**{key: note[key] for key in keys}, "names_fitted": len(note["names_fitted"])}


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a statement; the lines of a list stay apart."""
    found: list[str] = []
    for block in text.strip().split("\n\n"):
        lines: list[str] = []
        for line in block.splitlines():
            if line.startswith("- ") or not lines:
                lines.append(line.strip())
            else:
                lines[-1] += f" {line.strip()}"
        found.extend(lines)
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{path} cannot be read ({error}); run the command that wrote it again with --force"
        ) from None
    return found


def _csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror}); run the command again with --force") from None


KINDS: Mapping[str, Callable[[Path, Mapping[str, Any]], dict[str, Any]]] = {
    "memo": _memo,
    "sensitivity": _sensitivity,
    "discovery": _discovery,
    "regret": _regret,
    "backcast": _backcast,
    "calibration": _calibration,
}
"""The kinds of studies that add to a report, and what is taken from each."""
