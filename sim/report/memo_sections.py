"""A report on the memo's claims: verdicts, each claim in words, and the charts that sum them up."""

import json
from pathlib import Path

from sim.report.document import Lines, Part, Section
from sim.report.evidence import Evidence
from sim.report.evidence_sections import evidence_section
from sim.report.figures import stills

CHARTS = ("02_five_outcomes", "03_price", "04_shock")


def memo_sections(folder: Path, evidence: Evidence) -> list[Section]:
    """Return the verdicts with charts, then every claim in a paragraph of its own. Raises OutputError."""
    value = json.loads((folder / "memo.json").read_text(encoding="utf-8"))
    verdict = evidence_section("memo", [evidence], evidence.scenario)
    drawn: list[Part] = [*verdict.parts, *stills(folder, CHARTS, "memo-chart")]
    told = [f"{row['key']}. {row['title']}. {row['sentence']}" for row in value["hypotheses"]]
    errors = Section("errata", "Errors of the memo", [Lines(list(value["errata"]))])
    return [
        Section("memo", verdict.title, drawn, verdict.aside),
        Section("claims", "Claim by claim", [*told]),
        *([errors] if value["errata"] else []),
    ]
