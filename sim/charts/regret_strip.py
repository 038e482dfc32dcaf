"""The chart of regret: each policy and objective as a cell of a strip, the best policy first. From the folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sim.analysis.regret_study import ALL, WEIGHTED
from sim.charts.regret_data import Record, listed, named, plain, record_of, row_of, slug, source
from sim.charts.sheet import POINTS_PER_INCH, Drawn, Heading, Sheet, open_sheet, text_width
from sim.charts.style import INK, PAPER, lighter
from sim.charts.sweep_text import capital

STRIP, MOST_ROWS = "#B03A48", 24
CLEARLY = 0.9
"""Share of the resamples above which the choice is called clear."""


def strip(folder: Path) -> Iterator[tuple[str, Drawn]]:
    """Draw the high regret of each policy in each objective and in the weighted score, as a strip of cells."""
    record = record_of(folder)
    for world in record.worlds:
        rows = [row for row in record.regret if row["worldview"] == world]
        ranked = sorted((row for row in rows if row["objective"] == WEIGHTED), key=lambda row: float(row["p90"]))
        shown = [row["policy"] for row in ranked[:MOST_ROWS]]
        title = _strip_title(record, world, ranked)
        reading = (
            "Cells: regret not exceeded in 90% of the draws (below it mean; maximum), in the unit of the column: "
            "darker is more of the largest in the column. Best first, by the weighted score."
        )
        hidden = len(ranked) - len(shown)
        notes = [f"{hidden} policies with more regret are not shown."] if hidden else []
        words = Heading(title, reading, [*notes, *_weights(record), source(record, world)])
        left = 0.5 + max(text_width(plain(name), 8.5) for name in shown) / POINTS_PER_INCH
        sheet = open_sheet(9.6, 0.42 * len(shown), 1, 1, words, left=left, right=0.3)
        _cells(record, sheet, rows, shown)
        alt = f"A table of regret: {len(shown)} policies by {len(record.manifest['objectives'])} objectives. {title}."
        yield slug(world) if len(record.worlds) > 1 else "", Drawn(sheet.figure, title, alt)


def _cells(record: Record, sheet: Sheet, rows: Sequence[dict[str, str]], shown: Sequence[str]) -> None:
    columns = [*((wanted["column"], named(wanted), wanted["unit"]) for wanted in record.manifest["objectives"]),
               (WEIGHTED, "Weighted score", "stakes")]  # fmt: skip
    values = np.array([[float(row_of(rows, policy, column)["p90"]) for column, _, _ in columns] for policy in shown])
    top = np.maximum(values.max(axis=0), 1e-12)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    for line, policy in enumerate(shown):
        for place, (column, _, _) in enumerate(columns):
            row = row_of(rows, policy, column)
            share = float(values[line, place] / top[place])
            ax.fill_between([place, place + 1], line, line + 1, color=lighter(STRIP, 1 - 0.85 * share), lw=0)
            ink = PAPER if share > 0.75 else INK
            ax.text(
                place + 0.5, line + 0.4, f"{values[line, place]:.3g}", ha="center", va="center", fontsize=9, color=ink
            )
            rest = f"{float(row['mean']):.3g}; {float(row['max']):.3g}"
            ax.text(place + 0.5, line + 0.76, rest, ha="center", va="center", fontsize=6.6, color=ink)
    for line in range(1, len(shown)):
        ax.axhline(line, color=PAPER, lw=2)
    for place in range(1, len(columns)):
        ax.axvline(place, color=PAPER, lw=6 if place == len(columns) - 1 else 2)
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(shown), 0)
    ax.set_yticks(np.arange(len(shown)) + 0.5, [plain(name) for name in shown])
    ax.tick_params(axis="y", colors=INK)
    ax.set_xticks(np.arange(len(columns)) + 0.5, [f"{_broken(name)}\n{unit}" for _, name, unit in columns], fontsize=8)
    ax.xaxis.tick_top()
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)
    ax.grid(False)


def _broken(name: str) -> str:
    """A name in two lines where it is long."""
    if len(name) <= 20:
        return name
    words, middle = name.split(), len(name) / 2
    place = min(range(1, len(words)), key=lambda k: abs(len(" ".join(words[:k])) - middle)) if len(words) > 1 else 1
    return f"{' '.join(words[:place])}\n{' '.join(words[place:])}"


def _strip_title(record: Record, world: str, ranked: Sequence[dict[str, str]]) -> str:
    best = [row for row in ranked if float(row["p90"]) <= float(ranked[0]["p90"]) + 1e-9]
    where = f" in worldview {world}" if len(record.worlds) > 1 else ""
    least, most = (float(ranked[place]["p90"]) for place in (0, -1))
    sure = sum(float(row["lowest_p90"]) for row in best)
    names = capital(listed([row["policy"] for row in best]))
    text = (
        f"{names} {'has' if len(best) == 1 else 'have'} the least regret{where}: {least:.2g} stakes or less in 90% of "
    )
    text += f"the draws, against {most:.2g} for {plain(ranked[-1]['policy'])}"
    if sure < CLEARLY:
        text += f"; not clearly (least in {sure:.0%} of resamples)"
    spanning = [row for row in record.regret if row["worldview"] == ALL]
    if spanning:
        text += f"; over all worldviews it is {listed(record.manifest['robust'])}"
    return text


def _weights(record: Record) -> list[str]:
    parts = [
        f"{wanted['name']} {wanted['weight']:.2g} (a stake is {wanted['stake']:.3g} {wanted['unit']})"
        for wanted in record.manifest["objectives"]
    ]
    return [f"Weights: {'; '.join(parts)}. A stake is what the policies span in a draw, on average."]
