"""Charts of where the variance of outcomes comes from, and of what each switch of the model does to them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sim.charts.data import CannotDraw
from sim.charts.sensitivity import POINTS, bar_panels, hue, name_bars, set_ticks
from sim.charts.sensitivity_data import EFFECT, LEVEL, Panel, Row, SensitivityRecord
from sim.charts.sheet import Drawn, open_sheet, panel_heading
from sim.charts.style import INK, SOFT, lighter
from sim.charts.sweep_text import amount, capital, outcome_of, slug, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEGMENTS = {
    "Parameters": ("parameters",),
    "Structure": ("structure",),
    "Chance": ("chance",),
    "Parameters with structure": ("structure x parameters",),
    "Interaction with chance": ("structure x chance", "parameters x chance", "structure x parameters x chance"),
}
"""What is drawn apart, and the parts of the table that it adds up."""
COLOURS = ("#2F4B7C", "#C98A00", "#7A7A7A", "#A9B7CF", "#D6D6D6")
DARK = 3
"""Number of colours, from the first, on which text is white."""
LEAST = 7.5
"""Per cent from which a segment has its number written in it."""
NAMES, KEY = 2.0, 0.34


def split(record: SensitivityRecord) -> Drawn:
    """Stacked bars: the variance of every outcome by parameters, structure, chance and their interaction."""
    by_of = {of: _shares(record, of) for of in (EFFECT, LEVEL)}
    kinds = [of for of, rows in by_of.items() if rows]
    if not kinds:
        raise CannotDraw("no outcome has a variance to split")
    title = _split_title(kinds[0], by_of[kinds[0]])
    reading = (
        f"Variance in {record.month} of a run with a random draw of the parameters, a random variant of the model's "
        "structure and random chance, in per cent."
    )
    words = record.heading(title, reading, "split", _split_note(record))
    columns = [column for column in record.outcomes if any(column in by_of[of] for of in kinds)]
    plot = 3.25 if len(kinds) > 1 else 5.0
    width = 0.16 + NAMES + len(kinds) * plot + (len(kinds) - 1) * 0.4 + 0.3
    body = 0.36 * len(columns)
    sheet = open_sheet(width, body + KEY, 2, len(kinds), words, left=0.16 + NAMES, right=0.3, wspace=0.4 / plot,
                       hspace=0.0, height_ratios=[body, KEY])  # fmt: skip
    for place, of in enumerate(kinds):
        ax = sheet.figure.add_subplot(sheet.grid[0, place])
        _stack(ax, columns, by_of[of], place == 0)
        panel_heading(ax, "Effect" if of == EFFECT else "Level", "% of the variance")
    _key(sheet.figure.add_subplot(sheet.grid[1, :]))
    return Drawn(sheet.figure, title, f"Stacked bars of shares of the variance for {len(columns)} outcomes. {title}.")


def variants(record: SensitivityRecord) -> Iterator[tuple[str, Drawn]]:
    """Mean of each outcome under each structural variant, with 95% intervals, against the scenario as written."""
    reading = (
        f"Mean in {record.month} over draws and chances with one switch of the model moved. Lines: 95% intervals; "
        "filled: the paired difference from the model as written is clear. Dashed: as written."
    )
    note = "Where governments decide by themselves, they undo the counterfactual: that effect answers another question."
    for column in record.outcomes:
        panels = record.panels("variants.csv", column)
        if not panels:
            continue
        title = _variant_title(panels[0])
        shown = [_by_change(panel) for panel in panels]
        words = record.heading(title, reading, "split", note if panels[0].of == EFFECT else "")
        sheet, axes = bar_panels(panels, shown, words)
        for ax, panel, rows in zip(axes, panels, shown, strict=True):
            _dots(ax, panel, rows)
        yield slug(column), Drawn(sheet.figure, title, f"Dots with intervals for each variant of the model. {title}.")


def _shares(record: SensitivityRecord, of: str) -> dict[str, list[float]]:
    """Per cent of each segment by outcome; parts below zero, which are noise, count as zero."""
    found = {}
    for column in record.outcomes:
        for panel in record.panels("variance.csv", column):
            share = {row["part"]: panel.number(row, "share", scaled=False) for row in panel.rows}
            parts = [sum(max(0.0, share[part]) for part in parts) for parts in SEGMENTS.values()]
            if panel.of == of and sum(parts) > 0.0:
                found[column] = [100.0 * part / sum(parts) for part in parts]
    return found


def _stack(ax: "Axes", columns: Sequence[str], shares: dict[str, list[float]], named: bool) -> None:
    for place, column in enumerate(columns):
        start = 0.0
        if column not in shares:
            ax.text(1.0, place, "no variance, or not defined in all runs", fontsize=POINTS, color=SOFT, va="center")
        for number, part in enumerate(shares.get(column, [])):
            ax.barh(place, part, left=start, height=0.7, color=COLOURS[number], lw=0, zorder=3)
            if part >= LEAST:
                ink = "white" if number < DARK else INK
                ax.text(start + part / 2, place, f"{part:.0f}", fontsize=POINTS, color=ink, ha="center",
                        va="center_baseline", zorder=4)  # fmt: skip
            start += part
    ax.set_ylim(len(columns) - 0.45, -0.55)
    ax.set_xlim(0.0, 100.0)
    ax.set_xticks([0, 25, 50, 75, 100])
    ax.tick_params(axis="x", labelsize=POINTS)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0, pad=4)
    ax.set_yticks(range(len(columns)), [outcome_of(column).name if named else "" for column in columns],
                  fontsize=POINTS, color=INK)  # fmt: skip


def _key(ax: "Axes") -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in zip(SEGMENTS, COLOURS, strict=True)]
    ax.axis("off")
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.005, -0.55), ncols=len(handles), frameon=False,
              fontsize=POINTS, handlelength=1.0, handletextpad=0.5, columnspacing=1.4, borderaxespad=0.0)  # fmt: skip


def _split_title(of: str, shares: dict[str, list[float]]) -> str:
    column = next(iter(shares))
    parameters, structure, chance, both, luck = shares[column]
    what = f"the effect on {outcome_of(column).subject}" if of == EFFECT else outcome_of(column).subject
    return (
        f"What is uncertain about {what}: {parameters:.0f}% parameters, {structure:.0f}% structure, {chance:.0f}% "
        f"chance, {both + luck:.0f}% their interaction"
    )


def _split_note(record: SensitivityRecord) -> str:
    rows = [row for row in record.rows("variance.csv") if row["at"] == record.month and row["share_error"]]
    worst = max(100.0 * float(row["share_error"]) for row in rows if row["part"] == "parameters")
    count = " or ".join(dict.fromkeys(row["variants"] for row in rows))
    return (
        f"{count} variants (one switch moved in each) x {rows[0]['draws']} draws x {rows[0]['chances']} chances, "
        "unbiased ANOVA; parts below zero are drawn as zero. Standard errors of the shares of parameters reach "
        f"{worst:.0f} points (variance.csv)."
    )


def _by_change(panel: Panel) -> list[Row]:
    """As written first, then the variants by how far they move the mean, upwards first."""
    first, *others = panel.rows
    return [first, *sorted(others, key=lambda row: -panel.number(row, "change"))]


def _dots(ax: "Axes", panel: Panel, rows: Sequence[Row]) -> None:
    for place, row in enumerate(rows):
        mean, error = panel.number(row, "mean"), 1.96 * panel.number(row, "error")
        clear = _is_clear(panel, row) or place == 0
        ax.plot([mean - error, mean + error], [place, place], color=lighter(hue(panel), 0.3), lw=1.2, zorder=3)
        ax.plot(mean, place, "o", ms=5, color=hue(panel), mfc=hue(panel) if clear else "white", mew=1.1, zorder=4)
    ax.axvline(panel.number(rows[0], "mean"), color=SOFT, lw=0.9, ls=(0, (4, 2)), zorder=2)
    name_bars(ax, [row["variant"] for row in rows])
    set_ticks(ax)
    panel_heading(ax, panel.name)
    unit = panel.outcome.step if panel.of == EFFECT else panel.outcome.unit
    ax.set_xlabel(unit, fontsize=POINTS, labelpad=2)


def _is_clear(panel: Panel, row: Row) -> bool:
    return abs(panel.number(row, "change")) > 1.96 * panel.number(row, "change_error") > 0.0


def _variant_title(panel: Panel) -> str:
    """The mean as written and the switch that moves it most; what is not compared with the others is named."""
    first, *others = panel.rows
    mean = with_unit(amount(panel.number(first, "mean")), panel.outcome.step)
    same = [row for row in others if panel.of != EFFECT or not row["variant"].startswith("governments ")]
    clear = [row for row in same if _is_clear(panel, row)]
    apart = f" apart from {_governments(others)}" if len(same) < len(others) else ""
    start = f"{capital(panel.subject)} is {mean} on average as written"
    if not clear:
        return f"{start}; no switch of the model{apart} moves it clearly"
    best = max(clear, key=lambda row: abs(panel.number(row, "change")))
    return (
        f"{start}; with {best['variant']} it is {amount(panel.number(best, 'mean'))}, the largest clear change{apart}"
    )


def _governments(rows: Sequence[Row]) -> str:
    """The variant with the other form of government in words."""
    reacting = any(row["variant"] == "governments endogenous" for row in rows)
    return "reacting governments" if reacting else "governments that keep to dates"
