"""The last sections of every report: what the model leaves out, parameters and their grades, how to reproduce it."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from sim.charts.sensitivity_data import label
from sim.data import load_tables
from sim.parameter_facts import Number, numbers, prior_spread
from sim.plan import code_digest
from sim.report.document import Group, Lines, Part, Row, Section, Table
from sim.report.evidence import PACKAGES, Evidence
from sim.report.likelihood import scale_note
from sim.report.numbers import plain

GRADES = {
    "measured": "measured, or computed from measurements",
    "proxy": "a proxy: something near it was measured",
    "judgement": "judgement: a range that somebody wrote down",
}
LEFT_OUT = "left_out.json"
CONDITIONAL = (
    "Everything here is conditional on the scenario and on this model. It is not a forecast. A share of runs is a "
    "statement about the model, not the probability that something happens or that a policy works. Intervals hold the "
    "uncertainty that was written down, in parameters and luck; the chance that the model is wrong is not in them."
)


def left_out() -> Mapping[str, Any]:
    """Return what the model leaves out, in short: rows of docs/left_out.md, word by word."""
    found: dict[str, Any] = json.loads(resources.files("sim.report").joinpath(LEFT_OUT).read_text(encoding="utf-8"))
    return found


def left_out_section() -> Section:
    """Return the section on what the model leaves out."""
    told = left_out()
    rows = [[row["left_out"], row["stands_in"], row["bias"]] for row in told["rows"]]
    head = ["Left out", "How it stands in the model", "Likely bias of the effect of controls"]
    note = "A choice from docs/left_out.md, which has all of them. The directions are judgements, not sizes."
    table = Table("left-out-table", "What somebody who works on this would miss", head, [Group(rows)], (), note)
    return Section("left-out", "What the model leaves out", [told["lead"], table])


def parameters_section(studies: Sequence[Evidence]) -> Section:
    """Return the grades of all uncertain numbers, and those that drive results by the sensitivity studies at hand."""
    rows = load_tables().parameters.rows
    counts = {grade: sum(row["grade"] == grade for row in rows) for grade in GRADES}
    known = numbers()
    drivers = [name for name in _drivers(studies) if name in known]
    counted: list[Row] = [[grade.capitalize(), str(counts[grade]), words] for grade, words in GRADES.items()]
    parts: list[Part] = [
        f"The model has {len(rows)} uncertain parameters, each with a range, a source and a grade.",
        Table("grades", "Parameters by grade", ["Grade", "Parameters", "Meaning"], [Group(counted)], (1,)),
    ]
    if drivers:
        head = ["Parameter", "What it is", "Value", "90% of prior", "Grade", "Page"]
        table = Table("drivers-graded", "The parameters that drive the results", head,
                      [Group([_parameter(known[name]) for name in drivers])], (2, 3),
                      "Value: what a world without uncertainty has. Pages are below docs/parameters/.")  # fmt: skip
        parts.append(table)
    parts.append("For any other: darkhorse explain NAME.")
    return Section("parameters", "Parameters and their grades", parts)


def _drivers(studies: Sequence[Evidence]) -> list[str]:
    found = [row["factor"] for study in studies if study.kind == "sensitivity"
             for rows in study.data["drivers"].values() for row in rows]  # fmt: skip
    return list(dict.fromkeys(found))


def _parameter(number: Number) -> Row:
    spread = prior_spread(number.prior, number.in_logs)
    low, _, high = (plain(level) for level in spread.levels)
    return [label(number.name), number.phrase, plain(number.value), f"{low} to {high}", number.grade,
            f"{number.group}.md"]  # fmt: skip


def method_section() -> Section:
    """Return how to read the report: conditional, paired, words for shares."""
    paired = (
        "Run 17 of one world and run 17 of another share every parameter and all luck, so a difference is what the "
        "policy does in that run. The median of the differences is not the difference of the medians."
    )
    return Section("reading", "How to read this", [CONDITIONAL, paired, scale_note()])


def reproduce_section(folder: Path, manifest: Mapping[str, Any]) -> Section:
    """Return the commands that make the numbers again, and what tells whether they are the same."""
    name, digests = folder.name, manifest.get("digests") or {}
    kind = str(manifest.get("kind", "run"))
    commands = [str(manifest.get("command") or "# made from Python, without a command on record")]
    if kind in ("run", "compare", "sweep"):
        commands += [f"darkhorse replay outputs/{name} --run 0", f"darkhorse digest outputs/{name}"]
    rows: list[Row] = [
        ["Manifest", str(manifest.get("hash", ""))],
        ["Version", f"darkhorse {(manifest.get('versions') or {}).get('darkhorse', 'not on record')}"],
        ["Code and data", str(digests.get("code", "not on record"))],
        *([["Values", str(digests["values"])]] if "values" in digests else []),
        ["Commit", str(manifest.get("commit") or "not on record")],
        ["Seed", str(manifest.get("seed", ""))],
        ["Runs", str(manifest.get("runs", ""))],
    ]
    same = digests.get("code") == code_digest(*PACKAGES.get(kind, ("experiments",) if kind == "sweep" else ()))
    told = "as they are installed here" if same else "another state than the one this report was written with"
    parts: list[Part] = [
        "The same command, version and scenario give the same numbers; the second line computes one run alone and "
        "compares it with the record bit for bit."
        if len(commands) > 1
        else "The same command gives the same numbers.",
        Lines(commands, code=True),
        f"Code and data of the model are {told}.",
        Table("record", "What is on record", ["What", "Value"], [Group(rows)]),
    ]
    return Section("reproduce", "How to reproduce it", parts)
