"""A page for each uncertain number, made from the data: what it is, what is known of it, and what would change it.

    python -m sim.parameter_pages [--check]

writes docs/parameters: a file for each group of names and an index sorted by influence. `--check` writes nothing and
fails where a file is out of date. `darkhorse explain NAME` prints the same page.
"""

import argparse
import math
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.analysis.sensitivity_inert import ACTS_ONLY
from sim.errors import InputError
from sim.explain import WIDTH, distribution_words, heading, shown
from sim.parameter_facts import (
    LEARNT,
    MOVED,
    ROOT,
    Evidence,
    Number,
    Spread,
    learning,
    load_evidence,
    numbers,
    posterior_spread,
    prior_spread,
    readers,
    scenario_settings,
    sections,
    specification,
)
from sim.posterior import Posterior

FOLDER = ROOT / "docs" / "parameters"
MOST = 5
"""Outputs that a page names."""
LEAST_SHARE = 0.01
"""Smallest share of an output's variance that a page names."""
LABEL = 12
NO_FIT = "no fit is shipped yet"
NOT_MEASURED = "not measured yet"
UNFITTED = "not among the fitted names: the prior of the fit stands"
MADE = "Made by `python -m sim.parameter_pages` from the tables in `scenarios/data`; do not edit."
BY_INFLUENCE = "Sorted by influence: the largest share of one output's variance that a number explains under the prior."
CONTRACTION = (
    "Contraction is 1 less the posterior standard deviation of a number's normal score, whose prior one is 1, as in "
    f"docs/calibration.md. Below {LEARNT:.0%} the data say nothing of a number, unless they move its median by half a "
    "prior standard deviation or more."
)
INDEX = ("number", "value", "90% prior", "90% posterior", "contraction", "grade", "moves most")
SHAPES = {
    ("fixed", False): "fixed",
    ("two_piece", False): "two-piece normal",
    ("two_piece", True): "two-piece lognormal",
    ("uniform", False): "uniform",
    ("loguniform", False): "log-uniform",
}
GRADES = {
    "measured": "measured (a published figure, at most rounded or converted)",
    "proxy": "proxy (derived from published figures for something near)",
    "judgement": "judgement (ours; no source gives the number)",
}


@dataclass(frozen=True)
class Page:
    """One number with all that is known of it, as pairs of label and text, in the order in which they are told."""

    number: Number
    entries: tuple[tuple[str, str], ...]

    @property
    def entry(self) -> Mapping[str, str]:
        """The texts by label."""
        return dict(self.entries)


def page_of(number: Number, evidence: Evidence, settings: Mapping[str, Any]) -> Page:
    """Return the page of a number; `settings`: values by the scenario that writes them."""
    inert = next((f"; only {text}" for start, text in ACTS_ONLY.items() if number.name.startswith(start)), "")
    found = (
        ("value", f"{_figure(number.value)} {number.unit}"),
        ("range", f"{SHAPES[number.prior.kind, number.prior.log]}: {distribution_words(number.prior)}"),
        ("hard bounds", f"{_figure(number.bounds[0])} to {_figure(number.bounds[1])}"),
        *_spreads(number, evidence),
        ("unit", number.unit),
        ("source", number.source),
        ("grade", GRADES[number.grade]),
        ("acts in", f"{_acts(number.name)}{inert}"),
        ("moves most", _moves(number.name, evidence)),
        ("set by", ", ".join(f"{name} ({shown(value)})" for name, value in settings.items()) or "no scenario"),
        ("changed by", number.changed_by),
    )
    return Page(number, tuple((label, text) for label, text in found if text))


def terminal_page(page: Page, catalogue: str) -> str:
    """Return a page as `darkhorse explain` prints it."""
    lines = [heading(f"{page.number.name} ({catalogue})"), textwrap.fill(f"{page.number.phrase}.", WIDTH), ""]
    for label, text in page.entries:
        first = f"{label:<{LABEL}} "
        lines.append(textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
                                   break_on_hyphens=False, break_long_words=False))  # fmt: skip
    return "\n".join(lines)


def explained(name: str) -> Page:
    """Return the page of one number by its full name. Raises KeyError, and InputError for broken tables."""
    evidence = load_evidence()
    return page_of(numbers()[name], evidence, scenario_settings([name])[name])


def all_pages(evidence: Evidence, catalogue: Mapping[str, Number]) -> list[Page]:
    """Return the pages of all numbers, in their order."""
    settings = scenario_settings(list(catalogue))
    return [page_of(number, evidence, settings[name]) for name, number in catalogue.items()]


def documents(evidence: Evidence, pages: Sequence[Page]) -> dict[str, str]:
    """Return the Markdown files of docs/parameters by name."""
    groups: dict[str, list[Page]] = {}
    for page in pages:
        groups.setdefault(page.number.group, []).append(page)
    files = {f"{group}.md": _group_file(group, members) for group, members in groups.items()}
    return {"README.md": _index(evidence, pages)} | files


def anchor(title: str) -> str:
    """Return the anchor that Markdown readers give to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def out_of_date(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return the names of the files that are missing, differ, or should not be there."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")} if folder.is_dir() else {}
    return sorted(name for name in {*there, *files} if there.get(name) != files.get(name))


def main(words: Sequence[str] | None = None) -> int:
    """Write or check the pages; the exit code is 0, 1 where pages are out of date, 2 for bad data."""
    parser = argparse.ArgumentParser(prog="python -m sim.parameter_pages", description="Pages of docs/parameters")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is out of date")
    check = parser.parse_args(words).check
    try:
        evidence = load_evidence()
        files = documents(evidence, all_pages(evidence, numbers()))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    stale = out_of_date(FOLDER, files)
    if check:
        for name in stale:
            print(f"docs/parameters/{name} is out of date; run python -m sim.parameter_pages", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in files:
            (FOLDER / name).write_text(files[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    print(f"{len(files)} pages in docs/parameters, {len(stale)} changed")
    return 0


def _spreads(number: Number, evidence: Evidence) -> list[tuple[str, str]]:
    """Prior, posterior and what the fit has learnt; a number that is held fixed has neither."""
    fit = evidence.posterior
    fitted = fit is not None and number.name in fit.values
    if number.prior.is_fixed and not fitted:
        return [("prior", "held at its value"), ("posterior", "not fitted, because it is held at its value")]
    prior = prior_spread(number.prior, number.in_logs)
    found = [("prior", _levels(prior.levels))]
    if fit is None:
        return [*found, ("posterior", NO_FIT)]
    if not fitted:
        return [*found, ("posterior", f"not in the fit to {fit.fitted_to}: the prior stands")]
    spread = posterior_spread(fit, number.name, number.in_logs)
    found.append(("posterior", f"{_levels(spread.levels)}, fitted to {fit.fitted_to}"))
    if fit.learnt and number.name not in fit.learnt:
        found.append(("learnt", UNFITTED))
    elif prior.sd > 0.0:
        found.append(("learnt", learnt_words(*_learning(number, fit, prior, spread))))
    return found


def _learning(number: Number, fit: Posterior, prior: Spread, after: Spread) -> tuple[float, float]:
    """Contraction and shift as the fit states them, on normal scores; worked out here for a table without a note."""
    return fit.learnt[number.name] if number.name in fit.learnt else learning(prior, after, number.in_logs)


def learnt_words(contraction: float, move: float) -> str:
    """Return what a fit has learnt: from the contraction and the move of the median in prior standard deviations."""
    numbers_told = f"contraction {contraction:.0%}, median moved by {move:+.1f} prior standard deviations"
    if contraction >= LEARNT:
        return f"the data narrow it: {numbers_told}"
    if abs(move) >= MOVED:
        return f"the data move it and do not narrow it: {numbers_told}"
    return f"the data say nothing: {numbers_told}"


def _acts(name: str) -> str:
    code = "; ".join(f"{file}: {', '.join(found)}" for file, found in readers(name).items())
    told = sections(name)
    return "; ".join(part for part in (f"docs/model.md, {' and '.join(told)}" if told else "", code) if part)


def _moves(name: str, evidence: Evidence) -> str:
    if evidence.influence is None:
        return NOT_MEASURED
    rows = [row for row in evidence.influence.get(name, ()) if row[1] >= LEAST_SHARE][:MOST]
    told = ", ".join(f"{output} {share:.0%}" for output, share in rows)
    return f"{told} (share of the output's variance under the prior)" if told else "no output by 1% or more"


def _group_file(group: str, pages: Sequence[Page]) -> str:
    title, count = group.replace("_", " ").capitalize(), len(pages)
    lines = [f"# {title}", "", MADE, "", f"{count} number{'s' * (count > 1)}. [Index of all](README.md)", ""]
    for page in pages:
        lines += [f"## {page.number.name}", "", f"{page.number.phrase}.", "", "| | |", "|---|---|"]
        for label, text in page.entries:
            lines.append(f"| {label} | {_cell(_linked(text) if label == 'acts in' else text)} |")
        lines.append("")
    return "\n".join(lines)


def _index(evidence: Evidence, pages: Sequence[Page]) -> str:
    """The table of all numbers, by the largest share of any output's variance that each explains."""
    largest = {page.number.name: _largest(page.number.name, evidence) for page in pages}
    ordered = sorted(pages, key=lambda page: -largest[page.number.name][1])
    fit = evidence.posterior
    grades = {grade: sum(page.number.grade == grade for page in pages) for grade in GRADES}
    counted = ", ".join(f"{count} {grade}" for grade, count in grades.items())
    fitted = f"Fitted to data up to {fit.fitted_to}." if fit else f"Posterior: {NO_FIT}."
    order = BY_INFLUENCE if evidence.influence is not None else f"Influence: {NOT_MEASURED}; order of the tables."
    lines = ["# Every number that is not known", "", MADE, "", f"{len(pages)} numbers: {counted}. {fitted} {order}"]
    lines += ["", CONTRACTION, "", f"| {' | '.join(INDEX)} |", "|---" * len(INDEX) + "|"]
    return "\n".join([*lines, *(_index_row(page, evidence, largest[page.number.name]) for page in ordered), ""])


def _index_row(page: Page, evidence: Evidence, largest: tuple[str, float]) -> str:
    number, fit = page.number, evidence.posterior
    prior = None if number.prior.is_fixed else prior_spread(number.prior, number.in_logs)
    after = posterior_spread(fit, number.name, number.in_logs) if fit and number.name in fit.values else None
    known = fit is not None and (not fit.learnt or number.name in fit.learnt)
    learnt = ""
    if fit and prior and after and prior.sd > 0.0 and known:
        learnt = f"{_learning(number, fit, prior, after)[0]:.0%}"
    ends = ["" if spread is None else f"{_figure(spread.levels[0])} to {_figure(spread.levels[2])}"
            for spread in (prior, after)]  # fmt: skip
    link = f"[{number.name}]({number.group}.md#{anchor(number.name)})"
    moves = f"{largest[0]} {largest[1]:.0%}" if largest[1] >= LEAST_SHARE else ""
    told = (link, _figure(number.value), ends[0] or "fixed", ends[1], learnt, number.grade, moves)
    return f"| {' | '.join(_cell(text) for text in told)} |"


def _largest(name: str, evidence: Evidence) -> tuple[str, float]:
    rows = (evidence.influence or {}).get(name, ())
    return rows[0] if rows else ("", 0.0)


def _linked(text: str) -> str:
    """Links to the headings of docs/model.md that a text names."""
    for title in specification():
        text = text.replace(title, f"[{title}](../model.md#{anchor(title)})")
    return text.replace("docs/model.md, ", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _levels(levels: tuple[float, float, float]) -> str:
    low, middle, high = (_figure(level) for level in levels)
    return f"{low} (5%), {middle} (50%), {high} (95%)"


def _figure(number: float) -> str:
    if math.isinf(number):
        return "no limit"
    return f"{number:.4g}".replace("e+", "e")


if __name__ == "__main__":
    sys.exit(main())
