"""Charts of a sensitivity study: what drives an outcome and the effect on it, and what its variance is made of."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sim.charts.sensitivity_data import CHANCE, Panel, Row, SensitivityRecord, label, short_label
from sim.charts.sheet import Drawn, Heading, Sheet, open_sheet, panel_heading
from sim.charts.style import FAINT, HUE, INK, SOFT, lighter
from sim.charts.sweep_text import amount, capital, slug, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BARS = 12
LEAST_EFFECT, LEAST_INDEX = 0.005, 0.01
"""Effects below this share of the largest, and total indices whose interval ends below this, are not drawn."""
CLEAR = 0.5
"""Mean effect over mean absolute effect from which a direction is stated."""
NAMES, LEFT, RIGHT, AIR = 2.35, 0.16, 0.3, 0.3
"""Inches for the names of parameters, the margins, and between panels."""
BAR, POINTS = 0.235, 7.8
OVER = " An estimate above 100% rests on a few extreme runs: it says only that the index is large."
CUT = " A line that reaches the edge goes on beyond it (sobol.csv)."


def drivers(record: SensitivityRecord) -> Iterator[tuple[str, Drawn]]:
    """Tornado of each outcome: the change when a parameter moves up by half of its probability, largest first."""
    reading = (
        f"Change in {record.month} when one parameter moves up by half of its probability, all else as drawn. Length: "
        "mean of the absolute changes, with its 95% interval; side: direction of the mean; pale: no one direction."
    )
    quiet = len(record.rows("inert.csv"))
    counts = f"Morris screening of {record.manifest['names']} uncertain names; {quiet} of them move no outcome here."
    for column in record.outcomes:
        panels = record.panels("morris.csv", column)
        if not panels:
            continue
        title = _driver_title(panels[0])
        words = record.heading(title, reading, "morris", f"{counts} At most {MOST_BARS} are shown.")
        shown = [_largest(panel) for panel in panels]
        sheet, axes = bar_panels(panels, shown, words)
        for ax, panel, rows in zip(axes, panels, shown, strict=True):
            _tornado(ax, panel, rows)
        alt = f"Bar charts of the parameters with the largest effects. {title}."
        yield slug(column), Drawn(sheet.figure, title, alt)


def variance(record: SensitivityRecord) -> Iterator[tuple[str, Drawn]]:
    """Sobol' indices of each outcome: share of the variance of each factor alone, and of all it has a hand in."""
    reading = (
        f"Share of the variance in {record.month}. Dark: what a factor explains alone (first-order index); pale: with "
        "all it interacts in (total index). Lines: 95% intervals."
    )
    note = (
        f"By name: the {len(record.manifest['selected'])} parameters that matter most in the screening; in grey: all "
        "others, by group, and the luck of the months. What is pale only is interaction. Factors that surely have a "
        f"hand in less than {LEAST_INDEX:.0%} are not shown."
    )
    for column in record.outcomes:
        panels = record.panels("sobol.csv", column)
        if not panels:
            continue
        title = _variance_title(record, panels[0])
        over = any(panel.number(row, "total", scaled=False) > 1.0 for panel in panels for row in panel.rows)
        shown = [
            [row for row in _by_total(record, panel) if panel.number(row, "total_high", scaled=False) >= LEAST_INDEX]
            for panel in panels
        ]
        named = record.manifest["selected"]
        cut = any(_is_cut(panel, rows) for panel, rows in zip(panels, shown, strict=True))
        sheet, axes = bar_panels(panels, shown, record.heading(title, reading, "sobol", note + OVER * over + CUT * cut))
        for ax, panel, rows in zip(axes, panels, shown, strict=True):
            _indices(ax, panel, rows, named)
        alt = f"Bar charts of first-order and total Sobol' indices. {title}."
        yield slug(column), Drawn(sheet.figure, title, alt)


def bar_panels(panels: Sequence[Panel], shown: Sequence[Sequence[Row]], words: Heading) -> "tuple[Sheet, list[Axes]]":
    """Return axes side by side, each with room for names left of it, for horizontal bars from the top down."""
    count = len(panels)
    plot = 2.15 if count > 1 else 3.6
    width = LEFT + count * (NAMES + plot) + (count - 1) * AIR + RIGHT
    most = max(len(rows) for rows in shown)
    height = BAR * most + 0.1
    sheet = open_sheet(
        width, height, 1, count, words, left=LEFT + NAMES, right=RIGHT, wspace=(NAMES + AIR) / plot
    )  # fmt: skip
    axes = []
    for place in range(count):
        ax = sheet.figure.add_subplot(sheet.grid[0, place])
        ax.set_ylim(most - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
        ax.tick_params(axis="y", length=0, pad=4)
        axes.append(ax)
    return sheet, axes


def name_bars(ax: "Axes", names: Sequence[str], soft: Sequence[str] = ()) -> None:
    """Write the names of bars left of them, `soft` ones in grey."""
    ax.set_yticks(range(len(names)), [label(name) for name in names], fontsize=POINTS)
    for text, name in zip(ax.get_yticklabels(), names, strict=True):
        text.set_color(SOFT if name in soft else INK)


def hue(panel: Panel) -> str:
    """Return the colour of an outcome: that of the bloc that it belongs to."""
    return HUE.get(panel.outcome.column.partition(".")[2], INK)


def _tornado(ax: "Axes", panel: Panel, rows: Sequence[Row]) -> None:
    for place, row in enumerate(rows):
        sign = -1.0 if panel.number(row, "mu") < 0 else 1.0
        size, low, high = (sign * panel.number(row, name) for name in ("mu_star", "mu_star_low", "mu_star_high"))
        clear = abs(panel.number(row, "monotone", scaled=False)) >= CLEAR
        ax.barh(place, size, height=0.66, color=hue(panel) if clear else lighter(hue(panel), 0.62), lw=0, zorder=3)
        ax.plot([low, high], [place, place], color=INK, lw=1.0, solid_capstyle="butt", zorder=4)
    name_bars(ax, [row["parameter"] for row in rows])
    ends = [panel.number(row, "mu_star_high") * (-1.0 if panel.number(row, "mu") < 0 else 1.0) for row in rows]
    ax.set_xlim(1.06 * min(0.0, *ends), 1.06 * max(0.0, *ends))
    ax.axvline(0.0, color=INK, lw=0.8, zorder=5)
    set_ticks(ax)
    panel_heading(ax, panel.name)
    ax.set_xlabel(panel.outcome.step, fontsize=POINTS, labelpad=2)


def _indices(ax: "Axes", panel: Panel, rows: Sequence[Row], named: Sequence[str]) -> None:
    for place, row in enumerate(rows):
        colour = hue(panel) if row["factor"] in named else SOFT
        for kind, at, pale in (("first", place - 0.17, 0.0), ("total", place + 0.17, 0.55)):
            value, low, high = (
                max(0.0, 100 * panel.number(row, f"{kind}{end}", scaled=False)) for end in ("", "_low", "_high")
            )
            ax.barh(at, value, height=0.32, color=lighter(colour, pale), lw=0, zorder=3)
            ax.plot([low, high], [at, at], color=INK, lw=0.8, solid_capstyle="butt", zorder=4)
    factors = [row["factor"] for row in rows]
    name_bars(ax, factors, [factor for factor in factors if factor not in named])
    ax.axhline(sum(factor in named for factor in factors) - 0.5, color=FAINT, lw=0.9, zorder=1)
    ax.set_xlim(0.0, _reach(panel, rows))
    set_ticks(ax)
    panel_heading(ax, panel.name)
    ax.set_xlabel("% of the variance", fontsize=POINTS, labelpad=2)


def _is_cut(panel: Panel, rows: Sequence[Row]) -> bool:
    """Whether an interval ends beyond the axis."""
    most = _reach(panel, rows)
    return any(
        100 * panel.number(row, f"{kind}_high", scaled=False) > most for row in rows for kind in ("first", "total")
    )


def _reach(panel: Panel, rows: Sequence[Row]) -> float:
    """End of the axis: beyond every index, and beyond every interval unless one is very much longer than all that."""
    ends = {
        end: max((100 * panel.number(row, f"{kind}{end}", scaled=False) for row in rows for kind in ("first", "total")),
                 default=0.0)
        for end in ("", "_high")
    }  # fmt: skip
    return max(10.0, min(1.03 * ends["_high"], max(120.0, 1.25 * ends[""])))


def set_ticks(ax: "Axes") -> None:
    """Set round ticks on a horizontal axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
    ax.tick_params(axis="x", labelsize=POINTS)


def tick_text(value: float) -> str:
    """Return a tick in few characters, with a minus that is one: 0, -0.5, 200k."""
    if abs(value) < 1e-12:  # a sum of steps that should be nothing
        return "0"
    size = f"{abs(value):.4g}" if abs(value) < 1e4 else amount(abs(value)).replace(".0", "")
    return f"\u2212{size}" if value < 0 else size


def _largest(panel: Panel) -> list[Row]:
    """The parameters with the largest effects, without those that are as nothing beside the first."""
    least = LEAST_EFFECT * panel.number(panel.rows[0], "mu_star")
    return [row for row in panel.rows[:MOST_BARS] if panel.number(row, "mu_star") > least]


def _by_total(record: SensitivityRecord, panel: Panel) -> list[Row]:
    """The named parameters by their total index, then the groups of others by theirs, then chance."""
    named = record.manifest["selected"]

    def place(row: Row) -> tuple[bool, bool, float]:
        return row["factor"] == CHANCE, row["factor"] not in named, -panel.number(row, "total", scaled=False)

    return sorted(panel.rows, key=place)


def _driver_title(panel: Panel) -> str:
    """Name the first parameter as such only where the interval of its effect lies above the next one's effect."""
    rows = _largest(panel)[:3]
    said = [f"'{short_label(row['parameter'])}', {amount(panel.number(row, 'mu_star'))}" for row in rows]
    said[0] = with_unit(said[0], panel.outcome.step)
    if rows[1:] and panel.number(rows[0], "mu_star_low") <= panel.number(rows[1], "mu_star"):
        return f"No one parameter stands out in what moves {panel.subject}: {'; '.join(said)} come first"
    start = f"{capital(panel.subject)} depends most on {said[0]}"
    return f"{start}; then on {' and '.join(said[1:])}" if said[1:] else start


def _variance_title(record: SensitivityRecord, panel: Panel) -> str:
    named = record.manifest["selected"]
    best = _by_total(record, panel)[0]
    group = max(
        (row for row in panel.rows if row["factor"] not in (*named, CHANCE)),
        key=lambda row: panel.number(row, "total", scaled=False),
        default=None,
    )
    chance = next(row for row in panel.rows if row["factor"] == CHANCE)
    low, high = (_per_cent(panel, best, end) for end in ("_low", "_high"))
    others = f"{group['factor']} in {_per_cent(panel, group)}%, " if group else ""
    return (
        f"'{capital(short_label(best['factor']))}' has a hand in {_per_cent(panel, best)}% (95%: {low} to {high}%) of "
        f"the variance of {panel.subject}; {others}chance in {_per_cent(panel, chance)}%"
    )


def _per_cent(panel: Panel, row: Row, end: str = "") -> str:
    """A total index in whole per cent; what lies outside 0 to 100 does so by the error of the estimate."""
    return f"{min(100.0, max(0.0, 100.0 * panel.number(row, f'total{end}', scaled=False))):.0f}"
