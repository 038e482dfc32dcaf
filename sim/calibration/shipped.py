"""The table of the shipped fits in docs/calibration.md, made from their manifests.

    python -m sim.calibration.shipped

writes it anew between its two marks; a test fails where the page is out of date.
"""

import json
from pathlib import Path
from typing import Any

from sim.calibration.page import markdown_table
from sim.places import data_folder
from sim.posterior import FOLDER, fitted_months

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
BEGIN, END = "<!-- shipped fits: begin -->", "<!-- shipped fits: end -->"
HEAD = (
    "data to", "targets fitted", "names fitted of drawn", "directions learnt (rank)", "names learnt", "R-hat, largest",
    "effective sample, least", "prior space left", "Pareto k", "effective draws", "coverage in made-up worlds",
)  # fmt: skip


def shipped_table() -> str:
    """Return the table of the shipped fits, and of what each learnt and could not tell apart, in Markdown."""
    notes = [_note(month) for month in fitted_months()]
    parts = [markdown_table(HEAD, [_row(note) for note in notes])]
    for note in notes:
        learnt = ", ".join(f"`{name}`" for name in note["learnt"]) or "nothing"
        ridges = "; ".join(
            f"`{pair['names'][0]}` with `{pair['names'][1]}` ({pair['correlation']:+.2f})" for pair in note["ridges"]
        )
        parts.append(f"- **{note['fitted_to']}** learnt {learnt}. Ridges: {ridges or 'none'}.")
    return "\n\n".join([parts[0], "\n".join(parts[1:])])


def page_with(text: str, table: str) -> str:
    """Return the page with the table between the marks. Raises ValueError where a mark is missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}"


def _note(month: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data_folder() / FOLDER / f"{month}.json").read_text(encoding="utf-8"))
    return found


def _row(note: dict[str, Any]) -> tuple[str, ...]:
    tail = note["pareto_k"]
    return (
        note["fitted_to"], str(note["targets_fitted"]), f"{len(note['names_fitted'])} of {note['names_drawn']}",
        str(note["rank"]), str(len(note["learnt"])), f"{note['r_hat']:.3f}", f"{note['ess']:.0f}",
        f"{note['space_left'][-1]:.0%}", "-" if tail is None else f"{tail:.2f}",
        f"{note['effective_draws']:.0f} of {note['effort']['draws']}", f"{note['recovered_coverage']:.0%}",
    )  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), shipped_table()), encoding="utf-8")
