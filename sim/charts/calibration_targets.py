"""The chart of targets: every row of targets.csv to the month of the fit, observed, prior and posterior predictive."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sim.charts.calibration_data import CalibrationRecord, Row, number
from sim.charts.data import CannotDraw
from sim.charts.sheet import POINTS_PER_INCH, Drawn, open_sheet, panel_heading, text_width
from sim.charts.style import BLOC_HUE, HUE, INK, PAPER, SOFT, lighter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROLES = {
    "FITTED": ("fitted", "fitted", HUE["open"]),
    "HELD OUT": ("held_out", "held out", BLOC_HUE["US"]),
    "INPUT": ("input", "put in", BLOC_HUE["OTHER"]),
}
"""Suffix of the figure, word in sentences, and hue of each role."""
MEANING = {
    "FITTED": "the fit saw them, so a hit is no test",
    "HELD OUT": "the fit did not see them",
    "INPUT": "they rest on series or dates that are put in, so a hit proves nothing",
}
MISS = BLOC_HUE["CN"]
EDGE = 6.0
"""Errors beyond which a band is cut."""
ROW, POINTS = 0.19, 7.4


def targets(record: CalibrationRecord) -> Iterator[tuple[str, Drawn]]:
    """Yield a figure for each role. Raises CannotDraw where the tables have other targets by now."""
    errors = _errors(record)
    for role, (suffix, word, hue) in ROLES.items():
        rows = [row for row in record.targets if row["role"] == role]
        if rows:
            yield suffix, _figure(record, rows, errors, (role, word, hue))


def _errors(record: CalibrationRecord) -> Mapping[tuple[str, str], float]:
    """Standard deviation of observation and discrepancy together, by fact and part."""
    from sim.data import load_tables

    known = {
        (str(row["fact"]), str(row["part"])): float(np.hypot(float(row["error"]), float(row["discrepancy"])))
        for row in load_tables().targets.rows
        if row["formula"] != "none"
    }
    missing = [row["part"] for row in record.targets if (row["fact"], row["part"]) not in known]
    if missing:
        raise CannotDraw(f"targets.csv of the data tables has no row for {', '.join(missing[:3])}")
    return known


def _figure(
    record: CalibrationRecord,
    rows: list[Row],
    errors: Mapping[tuple[str, str], float],
    role: tuple[str, str, str],
) -> Drawn:
    name, word, hue = role
    inside, before = (sum(within(row, kind) for row in rows) for kind in ("posterior", "prior"))
    title = (
        f"{inside} of {len(rows)} targets that were {word} lie in the 90% band of the posterior, {before} in that "
        f"of the prior; the median band is {_width(rows, errors):.2g} times as wide as the prior's"
    )
    reading = (
        f"{name}: {MEANING[name]}. Distance from the observed value (0), in standard deviations of observation and "
        "model discrepancy together. Grey bar: 90% of the prior predictive. Line: 90% of the posterior predictive, "
        "with its median. Orange: the observed value lies outside."
    )
    notes = [f"Bands hold errors and discrepancy, and are cut at {EDGE:g}. A dot after the name: minimum set."]
    labels = [f"{row['fact']}  {row['part']}{'  •' if row['minimum'] == '1' else ''}" for row in rows]
    left = 0.3 + max(text_width(label, POINTS) for label in labels) / POINTS_PER_INCH
    words = record.heading(title, reading, notes)
    sheet = open_sheet(8.6, ROW * len(rows) + 0.1, 1, 1, words, left=left, right=0.3)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    for place, row in enumerate(rows):
        _row(ax, place, row, errors[row["fact"], row["part"]], hue)
    ax.axvline(0.0, color=INK, lw=0.9, zorder=2)
    ax.set_xlim(-EDGE - 0.2, EDGE + 0.2)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(range(len(rows)), labels, fontsize=POINTS)
    ax.grid(axis="y", visible=False)
    panel_heading(ax, "Model less observed", "standard deviations")
    return Drawn(sheet.figure, title, f"Bands of {len(rows)} targets that were {word}. {title}.")


def _row(ax: "Axes", place: int, row: Row, error: float, hue: str) -> None:
    prior, posterior = ([_distance(row, f"{kind}_{level}", error) for level in ("p05", "p50", "p95")]
                        for kind in ("prior", "posterior"))  # fmt: skip
    colour = hue if within(row, "posterior") else MISS
    if np.isfinite(prior).all():
        ax.barh(place, prior[2] - prior[0], left=prior[0], height=0.7, color=lighter(SOFT, 0.8), lw=0, zorder=1)
    if not np.isfinite(posterior).all():
        return
    ax.plot([posterior[0], posterior[2]], [place, place], color=colour, lw=2.0, zorder=3)
    ax.plot(posterior[1], place, ls="none", marker="o", ms=4.2, mfc=PAPER, mec=colour, mew=1.3, zorder=4)
    for end, mark in ((posterior[0], "<"), (posterior[2], ">")):
        if abs(end) >= EDGE:
            ax.plot(end, place, ls="none", marker=mark, ms=4, color=colour, zorder=4)


def _width(rows: list[Row], errors: Mapping[tuple[str, str], float]) -> float:
    """Median over targets of the width of the posterior band over that of the prior band."""
    found = []
    for row in rows:
        error = errors[row["fact"], row["part"]]
        ends = [_distance(row, f"{kind}_{level}", error, np.inf) for kind in ("prior", "posterior")
                for level in ("p05", "p95")]  # fmt: skip
        found.append((ends[3] - ends[2]) / (ends[1] - ends[0]))
    return float(np.nanmedian(found))


def within(row: Row, kind: str) -> bool:
    """Whether the observed value lies in the 90% band, `kind` prior or posterior."""
    return number(row, f"{kind}_p05") <= number(row, "observed") <= number(row, f"{kind}_p95")


def _distance(row: Row, column: str, error: float, edge: float = EDGE) -> float:
    """Distance of a level from the observed value on the row's scale, in errors, cut at `edge`."""
    from sim.calibration.fitted import scale_of
    from sim.operators import transform

    scale = scale_of(dict(row))
    level, observed = (transform(np.array([number(row, name)]), scale)[0] for name in (column, "observed"))
    return float(np.clip((level - observed) / error, -edge, edge))
