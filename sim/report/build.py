"""A report from folders of results: which sections it has, from where, and the file that is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim.charts.data import open_record, pairs_of
from sim.disk import disk_errors, write_whole
from sim.errors import InputError, Problem, nearest_name
from sim.report.closing import left_out_section, method_section, parameters_section, reproduce_section
from sim.report.document import Document, Section
from sim.report.evidence import KINDS, Evidence, evidence_of
from sim.report.evidence_sections import evidence_section, right_and_wrong
from sim.report.figures import runtime
from sim.report.memo_sections import memo_sections
from sim.report.page import html_of
from sim.report.reference import reference
from sim.report.run_sections import Pair, card_views, run_sections, shown_month
from sim.report.sweep_sections import sweep_section
from sim.results import RUN_KINDS, read_manifest

NAME = "report.html"
SUBJECTS = (*RUN_KINDS, "sweep", "memo")
ORDER = ("sensitivity", "discovery", "regret")
LATER = ("memo", "backcast", "calibration")


def write_report(folders: Sequence[Path], baseline: str | None = None, out: Path | None = None) -> Path:
    """Write a report and return its path: `out`, or report.html in the first folder.

    Raises InputError for folders that cannot be a report's and for an arm that is not there, OutputError where a folder
    is not whole or the file cannot be written.
    """
    path = out or folders[0] / NAME
    if path.is_dir():
        raise InputError(Problem("--out is a folder, not a file", str(path), remedy=f"Name a file, as {path / NAME}"))
    text = report(folders, baseline)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    return path


def report(folders: Sequence[Path], baseline: str | None = None) -> str:
    """Return a report as one HTML file. The first folder is its subject, the others add their sections.

    `baseline`: the arm of a run or comparison that the others are held against. Raises as `write_report`.
    """
    if not folders:
        raise InputError(Problem("a report needs a folder of results", remedy="Name one that darkhorse wrote"))
    manifests = [read_manifest(folder) for folder in folders]
    kind = str(manifests[0].get("kind", RUN_KINDS[0]))
    if kind not in SUBJECTS:
        raise InputError(Problem(f"a report cannot be about a folder of kind {kind}", str(folders[0]),
                                 remedy=f"Give first a folder of {', '.join(SUBJECTS)}, then this one"))  # fmt: skip
    if baseline is not None and kind not in RUN_KINDS:
        raise InputError(Problem(f"a {kind} has no arms to choose a baseline from", path="--baseline",
                                 remedy="Leave --baseline out"))  # fmt: skip
    extra, sections = _extra(folders[1:], manifests[1:])
    if kind in RUN_KINDS:
        document = _about_run(folders[0], manifests[0], baseline, extra, sections)
    else:
        document = _about_study(folders[0], manifests[0], extra, sections)
    return html_of(document)


def _extra(
    folders: Sequence[Path], manifests: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, list[Evidence]], list[Section]]:
    """What further folders add: studies by kind, and sections on sweeps."""
    studies: dict[str, list[Evidence]] = {}
    sweeps = []
    for place, (folder, manifest) in enumerate(zip(folders, manifests, strict=True)):
        kind = str(manifest.get("kind", RUN_KINDS[0]))
        if kind == "sweep":
            sweeps.append(sweep_section(folder, f"sweep-{place + 1}"))
        elif kind in KINDS:
            studies.setdefault(kind, []).append(evidence_of(folder))
        else:
            raise InputError(Problem(f"a folder of kind {kind} adds nothing to a report on another", str(folder),
                                     remedy="Give it first, for a report of its own"))  # fmt: skip
    return studies, sweeps


def pairs(manifest: Mapping[str, Any], baseline: str | None) -> list[tuple[str, ...]]:
    """Return (arm, baseline) for each option of a run or comparison, or one arm alone. Raises InputError."""
    arms = list(manifest["arms"])
    if baseline is None:
        return pairs_of(manifest)
    if baseline not in arms:
        raise InputError(Problem(f"there is no arm {baseline}", path="--baseline", nearest=nearest_name(baseline, arms),
                                 remedy=f"The folder has {', '.join(arms)}"))  # fmt: skip
    return [(arm, baseline) for arm in arms if arm != baseline] or [(baseline,)]


def _about_run(
    folder: Path,
    manifest: Mapping[str, Any],
    baseline: str | None,
    extra: Mapping[str, list[Evidence]],
    sweeps: Sequence[Section],
) -> Document:
    options = [Pair(arms, open_record(folder, arms)) for arms in pairs(manifest, baseline)]
    first = options[0].record
    name = str(first.scenario.get("name") or manifest.get("name"))
    studies = {kind: extra.get(kind) or reference(kind) for kind in (*ORDER, *LATER)}
    middle = [evidence_section(kind, studies[kind], name) for kind in ORDER if studies[kind]]
    later = {kind: evidence_section(kind, studies[kind], name) for kind in LATER if studies[kind]}
    memo = [later.pop("memo")] if "memo" in later else []
    told = run_sections(folder, options)
    if studies["memo"]:
        told[0] = replace(told[0], parts=[*told[0].parts, right_and_wrong(studies["memo"][0])])
    sections = [
        *told, *middle[:1], *sweeps, *middle[1:], *memo, left_out_section(), *later.values(),
        parameters_section(studies["sensitivity"]), reproduce_section(folder, manifest), method_section(),
    ]  # fmt: skip
    words, note = card_views(options[0], shown_month(options))
    return Document(
        title=_title(options, manifest),
        subtitle=options[0].subtitle,
        facts=_facts(manifest, first.runs),
        warnings=_warnings(manifest, first.runs),
        cards=words,
        cards_note=note,
        sections=sections,
        runtime=runtime(),
    )


def _about_study(
    folder: Path, manifest: Mapping[str, Any], extra: Mapping[str, list[Evidence]], sweeps: Sequence[Section]
) -> Document:
    """A report on a sweep or on the memo's claims."""
    kind = str(manifest["kind"])
    own: list[Section] = (
        [sweep_section(folder, "sweep")] if kind == "sweep" else memo_sections(folder, evidence_of(folder))
    )
    name = str((manifest.get("scenario") or {}).get("name") or manifest.get("name"))
    studies = {one: extra.get(one) or reference(one) for one in (*ORDER, *LATER) if one != kind}
    sections = [
        *own, *sweeps, *(evidence_section(one, studies[one], name) for one in ORDER if studies.get(one)),
        left_out_section(), *(evidence_section(one, studies[one], name) for one in LATER if studies.get(one)),
        parameters_section(studies.get("sensitivity", [])), reproduce_section(folder, manifest), method_section(),
    ]  # fmt: skip
    what = "A sweep over" if kind == "sweep" else "The claims of the memo, tried on"
    return Document(
        title=str(manifest["title"]),
        subtitle=f"{what} the scenario {name}.",
        facts=_facts(manifest, int(manifest["runs"])),
        warnings=_warnings(manifest, int(manifest["runs"])),
        cards=[],
        cards_note="",
        sections=sections,
        runtime="",
    )


def _title(options: Sequence[Pair], manifest: Mapping[str, Any]) -> str:
    if manifest.get("kind") == "compare" and len(options) == 1:
        return options[0].option
    if manifest.get("kind") == "compare":
        return f"{len(options)} options against {options[0].baseline}"
    return str(manifest["title"])


def _facts(manifest: Mapping[str, Any], runs: int) -> list[tuple[str, str]]:
    created = str(manifest.get("created") or "")[:10]
    return [
        ("Date", created or "not on record"),
        ("Version", str((manifest.get("versions") or {}).get("darkhorse", "not on record"))),
        ("Manifest", str(manifest.get("hash", ""))),
        ("Runs", f"{runs:,}"),
        ("Seed", str(manifest.get("seed", ""))),
    ]


def _warnings(manifest: Mapping[str, Any], runs: int) -> list[str]:
    told = [f"{str(text).rstrip('.')}." for text in manifest.get("warnings") or []]
    if manifest.get("failed"):
        failed = len(manifest["failed"])
        what = "1 part" if failed == 1 else f"{failed} parts"
        told.insert(0, f"The results are incomplete: {what} of the runs failed, and {runs} runs are left.")
    return told
