"""One chart for each observation operator: fan of the forecast, observations before and after the cut, simple rules."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sim.calendar import month_index
from sim.charts.backcast_data import BackcastRecord, Row
from sim.charts.sheet import Drawn, EndLabel, label_ends, open_sheet, panel_heading
from sim.charts.style import BLOC_HUE, DASH, INK, PAPER, SOFT, compact, lighter, log_axis, percent_axis, time_axis
from sim.charts.text import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HUE, PAST = BLOC_HUE["US"], "#6E6E6E"
RULE_HUE = {"last value": "#8A6D00", "trend": BLOC_HUE["CN"], "mean": BLOC_HUE["EU"]}
READING = (
    "Line: median of what the source would publish; bands: 50 and 90%. Grey: up to the cut, with the observations "
    "known then; blue: forecast."
)
MARKS = (
    "Filled: known at the cut. Hollow diamonds: observed after it. Upright bar: 90% band of the observation; level "
    "bar: the months that it is a mean of. Dashed: simple rules that see the filled marks."
)
DOLLARS = "M$ per year"
ROOM = 0.08
"""Room above and below the fan and the marks, as a share of their range."""
DEEPEST = 1e-3
"""Share of the largest amount below which a fan is cut on a logarithmic axis."""
NARROW = 12.0
"""Amounts that vary by less than this factor are drawn on a linear axis."""


def operators(record: BackcastRecord) -> Iterator[tuple[str, Drawn]]:
    """Fan chart of every operator, with its observations and the simple rules."""
    for row in record.operators:
        yield row["operator"], _chart(record, row)


def _chart(record: BackcastRecord, row: Row) -> Drawn:
    name = row["operator"]
    title = _title(record, row)
    words = record.heading(title, f"{row['sentence']} {READING}", [MARKS])
    sheet = open_sheet(8.4, 3.3, 1, 1, words, right=1.35)
    ax = sheet.figure.add_subplot(sheet.grid[0, 0])
    months, seen = record.months(name), record.observed(name)
    first = min([months[0], *(month_index(point["first"]) for point in seen)])
    time_axis(ax, first, months[-1], record.cut)
    _axis(ax, record, row)
    _fan(ax, record, name)
    labels = [EndLabel(float(record.quantile(name, "p50")[-1]), "Model", HUE)]
    for rule, (at, values) in record.rules(name).items():
        ax.plot(at, values, color=RULE_HUE[rule], lw=1.0, ls=DASH, zorder=3)
        labels.append(EndLabel(values[-1], rule.capitalize(), RULE_HUE[rule]))
    _marks(ax, record, seen)
    ax.axvline(record.cut + 0.5, color=SOFT, lw=0.9, zorder=2)
    low, high = ax.get_ylim()
    label_ends(ax, [label for label in labels if low <= label.y <= high])
    panel_heading(ax, _capital(row["phrase"]), "%" if row["unit"] == "share" else row["unit"])
    alt = f"Fan chart of {row['phrase']} with {len(seen)} observations. {title}."
    return Drawn(sheet.figure, title, alt)


def _title(record: BackcastRecord, row: Row) -> str:
    """Return the forecast at the horizon in words."""
    name, until = row["operator"], record.found["until"]
    low, middle, high = (float(record.quantile(name, quantile)[-1]) for quantile in ("p05", "p50", "p95"))
    phrase = _capital(row["phrase"])
    if row["unit"] == "share":
        return f"{phrase}: {percent(middle)} in {until} (90%: {percent(low)} to {percent(high)})"
    texts = [_amount(value, row) for value in (middle, low, high)]
    unit = {"ratio": "", "factor a year": " times a year", DOLLARS: " a year"}.get(row["unit"], f" {row['unit']}")
    return f"{phrase}: {texts[0]}{unit} in {until} (90%: {texts[1]} to {texts[2]})"


def _amount(value: float, row: Row) -> str:
    if row["unit"] == DOLLARS:
        return f"${compact(1e6 * value)}"
    return compact(value) if row["scale"] == "log" else number(value)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _axis(ax: "Axes", record: BackcastRecord, row: Row) -> None:
    """Set the vertical axis to the fan and the marks; a rule that runs off is cut."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    name = row["operator"]
    ends = [float(point[end]) for point in record.observed(name) for end in ("low", "high")]
    high = max([*record.quantile(name, "p95").tolist(), *ends])
    low = min([max(float(record.quantile(name, "p05").min()), DEEPEST * high * (row["scale"] == "log")), *ends])
    if row["unit"] == "share":
        percent_axis(ax, min(1.0, high * (1.0 + ROOM)))
    elif row["scale"] == "log" and high > NARROW * low:
        log_axis(ax)
        ratio = 1.05 * (high / low) ** ROOM
        ax.set_ylim(low / ratio, high * ratio)
    else:
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value, tick=True)))
        room = ROOM * (high - low)
        ax.set_ylim(max(low - room, 0.0) if low >= 0.0 else low - room, high + room)


def _fan(ax: "Axes", record: BackcastRecord, name: str) -> None:
    months = record.months(name)
    cut = sum(month <= record.cut for month in months)
    for part, colour in ((slice(0, cut), PAST), (slice(max(cut - 1, 0), None), HUE)):
        at = months[part]
        for low, high, pale in (("p05", "p95", 0.78), ("p25", "p75", 0.55)):
            ends = [record.quantile(name, end)[part] for end in (low, high)]
            ax.fill_between(at, ends[0], ends[1], color=lighter(colour, pale), lw=0, zorder=1)
        ax.plot(at, record.quantile(name, "p50")[part], color=colour, lw=1.8, zorder=4)


def _marks(ax: "Axes", record: BackcastRecord, seen: Sequence[Row]) -> None:
    for point in seen:
        first, last = month_index(point["first"]), month_index(point["last"])
        known = last <= record.cut
        colour = INK if known else BLOC_HUE["CN"]
        ax.plot(
            [0.5 * (first + last)] * 2, [point["low"], point["high"]], color=lighter(colour, 0.35), lw=0.9, zorder=5
        )
        if first < last:
            ax.plot([first, last], [point["value"]] * 2, color=colour, lw=1.0, zorder=5)
        ax.plot(
            0.5 * (first + last), point["value"], ls="none", marker="o" if known else "D", ms=5.0 if known else 5.5,
            mfc=colour if known else PAPER, mec=colour, mew=1.1, zorder=6,
        )  # fmt: skip
