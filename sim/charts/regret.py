"""The chart of trade-offs: means of the policies in pairs of objectives, with the front. Drawn from the folder."""

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.charts.regret_data import Record, listed, named, plain, record_of, row_of, slug, source
from sim.charts.sheet import (
    GLUE,
    PANEL_POINTS,
    POINTS_PER_INCH,
    UNIT_POINTS,
    Drawn,
    Heading,
    Sheet,
    open_sheet,
    panel_heading,
    text_width,
)
from sim.charts.style import INK, PAPER, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ON, OFF = "#0072B2", "#A9A9A9"
MOST_OBJECTIVES, MOST_KEYED = 4, 14
LABEL_PLACES = (
    (8, 7),
    (-8, 7),
    (8, -7),
    (-8, -7),
    (0, 12),
    (0, -12),
    (16, 0),
    (-16, 0),
    (15, 12),
    (-15, 12),
    (15, -12),
)
"""Where the number of a point may stand from it, in points, the best first; `CLEAR` of all others if it can."""
CLEAR = 8.5
Z90 = 1.645
"""Standard errors on each side of a mean that hold it nine times in ten."""


def front(folder: Path) -> Iterator[tuple[str, Drawn]]:
    """Draw the means of the policies in pairs of objectives with 90% intervals, those on the front marked.

    A figure for each worldview; up to `MOST_OBJECTIVES` objectives, the heaviest.
    """
    record = record_of(folder)
    objectives = sorted(record.manifest["objectives"], key=lambda wanted: -wanted["weight"])[:MOST_OBJECTIVES]
    pairs = list(itertools.combinations(objectives, 2))
    for world in record.worlds:
        rows = [row for row in record.front if row["worldview"] == world]
        kept = [name for name in record.policies if row_of(rows, name)["on_front"] == "1"]
        title = _front_title(record, kept, world)
        against = plain(record.manifest["reference"])
        reading = (
            f"Means over draws as differences from {against}, with 90% intervals; better is up and right. "
            "Blue: no other policy is as good in all objectives and better in one; grey: dominated."
        )
        words = Heading(title, reading, [*_key(record, rows, kept), source(record, world)])
        across = min(len(pairs), 3)
        down = -(-len(pairs) // across)
        sheet = open_sheet(9.6, 2.6 * down, down, across, words, left=0.68, wspace=0.38, hspace=0.62)
        for place, (first, second) in enumerate(pairs):
            _pair(record, sheet, (place // across, place % across), rows, (first, second))
        alt = f"{len(pairs)} scatter charts of {len(record.policies)} policies in pairs of objectives. {title}."
        yield slug(world) if len(record.worlds) > 1 else "", Drawn(sheet.figure, title, alt)


def _pair(
    record: Record,
    sheet: Sheet,
    cell: tuple[int, int],
    rows: Sequence[dict[str, str]],
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    ax = sheet.figure.add_subplot(sheet.grid[cell])
    robust = record.manifest["robust"]
    named: list[tuple[str, float, float, bool]] = []
    for number, policy in enumerate(record.policies, 1):
        large = policy in robust
        x, y = (row_of(rows, policy, wanted["column"]) for wanted in pair)
        on = x["on_front"] == "1"
        colour = ON if on else OFF
        ax.errorbar(float(x["mean"]), float(y["mean"]), xerr=Z90 * float(x["error"]), yerr=Z90 * float(y["error"]),
                    color=colour, lw=0.9, marker="o", ms=8 if large else 5.5, mec=INK if large else PAPER,
                    mew=1.2 if large else 0.6, zorder=5 if on else 4, linestyle="none")  # fmt: skip
        if len(record.policies) <= MOST_KEYED or on:
            named.append((str(number), float(x["mean"]), float(y["mean"]), on))
    _dress(ax, pair)
    _name_points(ax, named)


def _name_points(ax: "Axes", named: Sequence[tuple[str, float, float, bool]]) -> None:
    """Write (number, x, y, on the front) beside each point, where no other point or number is."""
    at = ax.transData.transform([(x, y) for _, x, y, _ in named]) * POINTS_PER_INCH / ax.figure.dpi
    taken = [tuple(place) for place in at]
    for (text, x, y, on), (across, up) in sorted(zip(named, at, strict=True), key=lambda entry: not entry[0][3]):
        room = {(dx, dy): min(math.hypot(across + dx - a, up + dy - b) for a, b in taken) for dx, dy in LABEL_PLACES}
        dx, dy = next(
            (place for place, distance in room.items() if distance >= CLEAR), max(room, key=lambda p: room[p])
        )
        taken.append((across + dx, up + dy))
        ax.annotate(text, (x, y), (dx, dy), textcoords="offset points", fontsize=7.4, ha="center", va="center",
                    color=INK if on else SOFT, zorder=7)  # fmt: skip


def _dress(ax: "Axes", pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Name the axes and turn those of which less is better, so that better is always up and right."""
    from matplotlib.ticker import MaxNLocator

    for wanted, axis in zip(pair, (ax.xaxis, ax.yaxis), strict=True):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        low, high = axis.get_view_interval()
        air = 0.06 * (high - low) or 1.0
        limits = (low - air, high + air)
        setter = ax.set_xlim if axis is ax.xaxis else ax.set_ylim
        setter(*(limits if wanted["higher"] else limits[::-1]))
    ax.axhline(0, color="#BDBDBD", lw=0.7, zorder=1)
    ax.axvline(0, color="#BDBDBD", lw=0.7, zorder=1)
    ax.grid(False)
    ax.set_xlabel(f"{named(pair[0])}, {pair[0]['unit']}", fontsize=8)
    name, unit = named(pair[1]), str(pair[1]["unit"])
    room = ax.get_position().width * ax.figure.get_figwidth() * POINTS_PER_INCH  # type: ignore[union-attr]
    fits = text_width(name, PANEL_POINTS, bold=True) + 7 + text_width(unit, UNIT_POINTS) < room
    panel_heading(ax, name, unit if fits else "")
    if not fits:
        ax.set_ylabel(unit, fontsize=8)


def _front_title(record: Record, kept: Sequence[str], world: str) -> str:
    count = len(record.policies)
    named = listed(kept) if len(kept) <= 3 else f"{len(kept)}"
    where = f" in worldview {world}" if len(record.worlds) > 1 else ""
    if len(kept) == count:
        return f"None of {count} policies is better than another in everything{where}: each is a trade-off"
    if len(kept) == 1:
        return f"{named} is better than all other policies in everything{where}"
    return f"Of {count} policies {named} are worth choosing from{where}; the others are dominated"


def _key(record: Record, rows: Sequence[dict[str, str]], kept: Sequence[str]) -> list[str]:
    shown = record.policies if len(record.policies) <= MOST_KEYED else kept
    parts = [
        f"{record.policies.index(name) + 1} {plain(name)} ({float(row_of(rows, name)['front_share']):.0%})".replace(
            " ", GLUE
        )
        for name in shown
    ]
    return [f"Policies, with the share of bootstrap resamples in which they are on the front: {'; '.join(parts)}.",
            f"Large marker: the robust choice ({listed(record.manifest['robust'])})."]  # fmt: skip
