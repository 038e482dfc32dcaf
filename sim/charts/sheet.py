"""The sheet that a figure is laid out on: words above and below, panels in inches, labels at line ends kept apart."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sim.charts.style import FONT, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 0.62, 0.30, 0.20, 0.14
TITLE_POINTS, SUBTITLE_POINTS, NOTE_POINTS = 12.5, 9.0, 7.4
PANEL_POINTS, UNIT_POINTS, PANEL_RAISE = 9.3, 8.0, 14.0
EDGE = 0.16
LEADING = 1.32
SLACK = 0.98
"""Share of the width that lines of text may fill: drawn text is a little wider than measured, by its hinting."""
POINTS_PER_INCH = 72.0
SUBPIXELS, MAGNIFIED = 64.0, 20.0
"""Units of the font library in a pixel; text is measured this much larger, so that no width is rounded to pixels."""
GLUE = "\u00a0"
"""A blank at which no line is broken."""


@dataclass(frozen=True)
class Sheet:
    """A figure with its heading and notes drawn, and the grid of its body."""

    figure: "Figure"
    grid: "GridSpec"


@dataclass
class Drawn:
    """A finished figure with its title and its alternative text."""

    figure: "Figure"
    title: str
    alt: str


@dataclass(frozen=True)
class Heading:
    """The words around a figure: what is seen, what is drawn, and the notes below."""

    title: str
    subtitle: str
    notes: Sequence[str]


def open_sheet(
    width: float,
    height: float,
    rows: int,
    columns: int,
    heading: Heading,
    left: float = MARGIN_LEFT,
    right: float = MARGIN_RIGHT,
    **grid: Any,
) -> Sheet:
    """Return a figure `width` inches wide whose body is `height` inches high, with heading above and notes below.

    `left` and `right` are the margins for labels, in inches; `grid` goes to Matplotlib's GridSpec.
    """
    from matplotlib.figure import Figure

    room = SLACK * (width - 2 * EDGE) * POINTS_PER_INCH
    title = balanced(heading.title, room, TITLE_POINTS)
    subtitle = wrapped(heading.subtitle, room, SUBTITLE_POINTS)
    notes = [line for note in heading.notes for line in wrapped(note, room, NOTE_POINTS)]
    head = MARGIN_TOP + _block(title, TITLE_POINTS) + 0.05 + _block(subtitle, SUBTITLE_POINTS) + 0.52
    foot = MARGIN_BOTTOM + _block(notes, NOTE_POINTS) + 0.46
    total = head + height + foot
    figure = Figure(figsize=(width, total))
    edge = EDGE / width
    y = 1 - MARGIN_TOP / total
    figure.text(edge, y, "\n".join(title), fontsize=TITLE_POINTS, weight="bold", va="top", linespacing=LEADING)
    y -= (_block(title, TITLE_POINTS) + 0.05) / total
    figure.text(edge, y, "\n".join(subtitle), fontsize=SUBTITLE_POINTS, color=SOFT, va="top", linespacing=LEADING)
    figure.text(
        edge,
        MARGIN_BOTTOM / total,
        "\n".join(notes),
        fontsize=NOTE_POINTS,
        color=SOFT,
        va="bottom",
        linespacing=LEADING,
    )
    spec = figure.add_gridspec(
        rows, columns, left=left / width, right=1 - right / width, top=1 - head / total, bottom=foot / total, **grid
    )
    return Sheet(figure, spec)


def wrapped(text: str, width: float, points: float, bold: bool = False) -> list[str]:
    """Return text broken into lines of at most `width` points; short brackets and dates stay whole."""
    glued = re.sub(r"\S+ \([^()]{1,24}\)|(in|by) \d{4}-\d\d", lambda found: found[0].replace(" ", GLUE), text)
    words = [(word.replace(GLUE, " "), text_width(word, points, bold)) for word in glued.split(" ") if word]
    return _filled(words, width, text_width("n n", points, bold) - text_width("nn", points, bold))


def balanced(text: str, width: float, points: float) -> list[str]:
    """Return bold text broken into as few lines as fit `width` points, the lines about equally long."""
    lines = wrapped(text, width, points, bold=True)
    for share in (0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        tighter = wrapped(text, share * width, points, bold=True)
        if len(lines) > 1 and len(tighter) == len(lines):
            return tighter
    return lines


def _filled(words: Sequence[tuple[str, float]], width: float, blank: float) -> list[str]:
    lines: list[str] = []
    used = math.inf
    for word, wide in words:
        if used + blank + wide > width:
            lines.append(word)
            used = wide
        else:
            lines[-1] += f" {word}"
            used += blank + wide
    return lines


def _block(lines: Sequence[str], points: float) -> float:
    return len(lines) * points * LEADING / POINTS_PER_INCH


def panel_heading(ax: "Axes", text: str, unit: str = "", colour: str = INK) -> None:
    """Write what a panel shows above its top left corner and, behind it in grey, the unit of its vertical axis."""
    from matplotlib.transforms import ScaledTranslation

    ax.annotate(
        text,
        (0, 1),
        (0, PANEL_RAISE),
        xycoords="axes fraction",
        textcoords="offset points",
        va="baseline",
        fontsize=PANEL_POINTS,
        weight="bold",
        color=colour,
        annotation_clip=False,
    )
    if unit:
        right = text_width(text, PANEL_POINTS, bold=True) + 7
        shift = ScaledTranslation(right / POINTS_PER_INCH, PANEL_RAISE / POINTS_PER_INCH, ax.figure.dpi_scale_trans)
        ax.set_ylabel(unit, rotation=0, ha="left", va="baseline", fontsize=UNIT_POINTS, color=SOFT)
        ax.yaxis.set_label_coords(0.0, 1.0, transform=ax.transAxes + shift)


@lru_cache(maxsize=4096)
def text_width(text: str, points: float, bold: bool = False) -> float:
    """Return the width of a line of text in points."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    font.set_size(points, POINTS_PER_INCH * MAGNIFIED)
    font.set_text(text)
    return float(font.get_width_height()[0] / SUBPIXELS / MAGNIFIED)


@dataclass(frozen=True)
class EndLabel:
    """A label for a line: its height in data units, the words, and their colour."""

    y: float
    text: str
    colour: str


def label_ends(ax: "Axes", labels: Sequence[EndLabel], points: float = 8.5) -> None:
    """Write `labels` right of the axes at the heights of the lines they name, moved apart where they would overlap."""
    low, high = ax.get_ylim()
    log = ax.get_yscale() == "log"

    def fraction(y: float) -> float:
        if log:
            return math.log(max(y, low) / low) / math.log(high / low)
        return (y - low) / (high - low)

    known = sorted((label for label in labels if math.isfinite(label.y)), key=lambda label: label.y)
    height = ax.get_position().height * ax.figure.get_figheight() * POINTS_PER_INCH  # type: ignore[union-attr]
    wanted = [min(max(fraction(label.y), 0.0), 1.0) for label in known]
    for label, at, place in zip(known, wanted, spread(wanted, points * 1.18 / height), strict=True):
        ax.annotate(
            label.text,
            (1.0, at),
            (9, (place - at) * height),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=points,
            color=label.colour,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "lw": 0.6,
                "color": label.colour,
                "shrinkA": 1,
                "shrinkB": 1,
                "relpos": (0, 0.5),
            }
            if abs(place - at) * height > 2
            else None,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return `places` (ascending) moved as little as possible so that neighbours are at least `gap` apart.

    Groups that touch are moved together about their mean (pool adjacent violators), so nothing drifts one way.
    """
    groups: list[tuple[float, int]] = []
    for index, place in enumerate(places):
        groups.append((place - index * gap, 1))
        while len(groups) > 1 and groups[-1][0] < groups[-2][0]:
            (right, m), (left, n) = groups.pop(), groups.pop()
            groups.append(((left * n + right * m) / (n + m), n + m))
    flat = [mean for mean, count in groups for _ in range(count)]
    return [mean + index * gap for index, mean in enumerate(flat)]
