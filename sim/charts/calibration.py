"""Charts of a calibration: prior and posterior of each name, what made-up worlds say of it, directions learnt."""

from typing import TYPE_CHECKING

import numpy as np

from sim.calibration.page import FOUND
from sim.charts.calibration_data import (
    LEARNT,
    LITTLE,
    SILENT,
    VERDICT_HUE,
    CalibrationRecord,
    Row,
    in_words,
    number,
    short,
)
from sim.charts.sheet import POINTS_PER_INCH, Drawn, Sheet, open_sheet, panel_heading
from sim.charts.style import BLOC_HUE, FAINT, INK, PAPER, SOFT, lighter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Z90 = 1.645
PRIOR_HUE = lighter(SOFT, 0.7)
WORDS, NAME = 7.6, 6.2
"""Sizes of a phrase and of the name below it, in points."""
LEFT, ROW = 4.35, 0.3
NAMED = 9
"""Names that are written beside their points."""


def learnt(record: CalibrationRecord) -> Drawn:
    """Prior and posterior 90% of each fitted name, in prior standard deviations, the most learnt first."""
    rows = record.names
    flat = record.chain.reshape(-1, len(rows))
    low, middle, high = np.quantile(flat, [0.05, 0.5, 0.95], axis=0)
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICT_HUE}
    first = float(rows[0]["contraction"])
    title = (
        f"The data learn {counts[LEARNT]} of {len(rows)} fitted names and say nothing of {counts[SILENT]}; most of "
        f"{short(rows[0]['name'])}, whose spread falls by {first:.0%}"
    )
    reading = (
        "Grey bar: 90% of the prior. Line: 90% of the posterior, with its median. In prior standard deviations from "
        "the prior median (0). Number: contraction, 1 less the posterior over the prior standard deviation."
    )
    notes = [
        f"Learnt: contraction of 30% or more. Grey: the data say nothing (below 10%). {counts[LITTLE]} lie between."
    ]
    sheet = open_sheet(9.4, ROW * len(rows), 1, 1, record.heading(title, reading, notes), left=LEFT, right=0.75)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    for place, row in enumerate(rows):
        colour = VERDICT_HUE[row["verdict"]]
        ax.barh(place, 2 * Z90, left=-Z90, height=0.62, color=lighter(SOFT, 0.86), lw=0, zorder=1)
        ax.plot([low[place], high[place]], [place, place], color=colour, lw=2.6, zorder=3)
        ax.plot(middle[place], place, ls="none", marker="o", ms=5.2, mfc=PAPER, mec=colour, mew=1.5, zorder=4)
        _at_right(ax, place, f"{number(row, 'contraction'):.0%}", colour)
    _named_rows(ax, rows)
    ax.axvline(0.0, color=SOFT, lw=0.7, zorder=2)
    ax.set_xlim(-2.9, 2.9)
    panel_heading(ax, "Score of the name", "prior standard deviations")
    alt = f"Bars of prior and posterior for {len(rows)} names. {title}."
    return Drawn(sheet.figure, title, alt)


def _named_rows(ax: "Axes", rows: list[Row]) -> None:
    """Write phrase and name of each row left of the axis."""
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks([])
    ax.grid(axis="y", visible=False)
    room = (LEFT - 0.3) * POINTS_PER_INCH
    for place, row in enumerate(rows):
        ink = SOFT if row["verdict"] == SILENT else INK
        for text, points, shift, colour in (
            (in_words(row["name"], room, WORDS), WORDS, 4.4, ink),
            (row["name"], NAME, -4.6, SOFT),
        ):
            ax.annotate(
                text, (0, place), (-9, shift), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", va="center", fontsize=points, color=colour, annotation_clip=False,
            )  # fmt: skip


def _at_right(ax: "Axes", place: int, text: str, colour: str) -> None:
    ax.annotate(
        text, (1, place), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
        fontsize=8.0, color=colour, annotation_clip=False,
    )  # fmt: skip


def identifiability(record: CalibrationRecord) -> Drawn:
    """Contraction in the real fit against contraction, and against recovery, in made-up worlds."""
    rows = record.names
    real = np.array([number(row, "contraction") for row in rows])
    promised = np.array([number(row, "recovered_contraction") for row in rows])
    found = np.array([number(row, "recovered_correlation") for row in rows])
    worlds, coverage = record.manifest["recovered_worlds"], record.manifest["recovered_coverage"]
    sure = [row for row in rows if row["verdict"] == LEARNT]
    again = sum(number(row, "recovered_correlation") > FOUND for row in sure)
    title = (
        f"{'All' if again == len(sure) else f'{again} of'} {len(sure)} names that the data learn are found again in "
        "worlds whose numbers are known; "
        f"90% intervals there hold the truth {coverage:.0%} of the time"
    )
    reading = (
        f"A point is a name. {worlds} runs of the model stood for the world and were fitted like data. Left: how much "
        "each fit narrows a name. Right: whether the estimates follow the truth from world to world."
    )
    notes = [
        f"Found again: correlation of truth and estimate above {FOUND:g}. Points above the line at left: data that "
        f"are sharper, or more at odds with the prior, than a made-up world's. With {worlds} worlds a correlation is "
        f"uncertain by about {1 / np.sqrt(max(worlds - 3, 1)):.1f} where the truth is near 0."
    ]
    words = record.heading(title, reading, notes)
    sheet = open_sheet(9.4, 4.0, 1, 2, words, left=0.62, right=0.35, wspace=0.22)
    left, right = (sheet.figure.add_subplot(sheet.grid[0, place]) for place in (0, 1))
    edge = 1.12 * max(float(real.max()), float(promised.max()))
    left.plot([0, edge], [0, edge], color=SOFT, lw=0.8, zorder=1)
    left.set_xlim(min(0.0, float(promised.min()) - 0.03), edge)
    right.axvspan(FOUND, 1.05, color=lighter(BLOC_HUE["EU"], 0.9), lw=0, zorder=0)
    right.axvline(0.0, color=SOFT, lw=0.8, zorder=1)
    right.set_xlim(min(-0.5, float(found.min()) - 0.05), 1.05)
    for ax, across in ((left, promised), (right, found)):
        for place, row in enumerate(rows):
            ax.plot(across[place], real[place], ls="none", marker="o", ms=6, mfc=VERDICT_HUE[row["verdict"]],
                    mec=PAPER, mew=0.6, zorder=3)  # fmt: skip
        ax.axhline(0.3, color=FAINT, lw=1.2, zorder=1)
        ax.set_ylim(min(0.0, float(real.min()) - 0.03), edge)
    _point_names(right, found, real, rows)
    left.set_xlabel("contraction in made-up worlds, mean")
    right.set_xlabel("correlation of truth and estimate in made-up worlds")
    panel_heading(left, "Beside what such data can say", "contraction in the real fit")
    panel_heading(right, "Found again", "contraction in the real fit")
    alt = f"Two scatters of {len(rows)} names: real contraction against made-up worlds. {title}."
    return Drawn(sheet.figure, title, alt)


def _point_names(ax: "Axes", across: np.ndarray, up: np.ndarray, rows: list[Row]) -> None:
    """Write the names of the highest points left of them, moved apart."""
    from sim.charts.sheet import spread

    chosen = sorted(range(min(NAMED, len(rows))), key=lambda place: float(up[place]))
    height = ax.get_ylim()[1] - ax.get_ylim()[0]
    places = spread([float(up[place]) for place in chosen], 0.042 * height)
    for place, level in zip(chosen, places, strict=True):
        ax.annotate(
            short(rows[place]["name"]), (across[place], up[place]), (0.02, level), textcoords=("axes fraction", "data"),
            fontsize=7.2, color=VERDICT_HUE[rows[place]["verdict"]], va="center",
            bbox={"facecolor": PAPER, "lw": 0, "pad": 0.6},
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": lighter(SOFT, 0.5), "relpos": (1, 0.5), "shrinkB": 3},
        )  # fmt: skip


def singular_values(record: CalibrationRecord) -> Drawn:
    """Singular values of the Jacobian at the posterior mean, largest first."""
    values = [float(value) for value in record.manifest["singular_values"]]
    rank, names = record.manifest["rank"], len(record.manifest["names_fitted"])
    title = (
        f"{record.manifest['targets_fitted']} fitted targets outweigh the prior in {rank} directions among {names} "
        f"names; in the other {names - rank} the prior decides"
    )
    reading = (
        "Singular values of the Jacobian at the posterior mean: targets in standard deviations of luck, emulator, "
        "observation and discrepancy; names in prior standard deviations. Above 1 the data say more than the prior."
    )
    notes = ["A direction is a weighted sum of names: of the names in it the data know the sum, not each."]
    sheet: Sheet = open_sheet(8.4, 3.2, 1, 1, record.heading(title, reading, notes), left=0.62, right=0.4)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    places = np.arange(1, len(values) + 1)
    colours = [VERDICT_HUE[LEARNT] if place < rank else VERDICT_HUE[SILENT] for place in range(len(values))]
    ax.vlines(places, 0, values, color=colours, lw=3.0, zorder=2)
    ax.scatter(places, values, s=26, c=colours, zorder=3, lw=0)
    ax.axhline(1.0, color=INK, lw=0.9, zorder=1)
    ax.annotate(
        "as strong as the prior", (1, 1.0), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va="bottom", fontsize=8, color=SOFT,
    )  # fmt: skip
    ax.set_xlim(0.2, len(values) + 0.8)
    ax.set_ylim(0, 1.1 * max(*values, 1.0))
    ax.set_xlabel("direction")
    panel_heading(ax, "Singular value")
    return Drawn(sheet.figure, title, f"Stems of {len(values)} singular values, {rank} above 1. {title}.")
